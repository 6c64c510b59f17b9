"""How the public pages are shown: the sender's face, the reader's language, nothing kept, nothing told elsewhere."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from consent.models import Centre
from contacts.models import Contact, Project

LANGUAGES = [code for code, _name in settings.LANGUAGES]


def centre_of(project: Project) -> Centre:
    """The project's consent centre; a closed one, unsaved, where it has none."""
    return Centre.objects.filter(project=project).first() or Centre(project=project, is_open=False)


def choose_language(request: HttpRequest, centre: Centre, contact: Contact | None = None) -> str:
    """The language of a public page, from here on the one in force: what the reader chose (``?lang=``), the contact's,
    the browser's, the project's."""
    asked = request.POST.get("lang") or request.GET.get("lang", "")
    known = contact.language[:2].lower() if contact else ""
    wanted = (asked, known, translation.get_language_from_request(request), centre.default_language)
    language = next((code for code in wanted if code in LANGUAGES), LANGUAGES[0])
    translation.activate(language)
    request.LANGUAGE_CODE = language
    return language


def public_page(
    request: HttpRequest,
    project: Project,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    centre: Centre | None = None,
    status: int = 200,
) -> HttpResponse:
    """The template (of ``base_sender.html``) with what every public page has: ``project``, ``centre``, ``sender`` (the
    name), ``languages`` (the others, by code and name) and ``language``. No cookie is set, no cache keeps it, and no
    other site learns its address."""
    centre = centre or centre_of(project)
    language = translation.get_language() or LANGUAGES[0]
    shared = {
        "project": project,
        "centre": centre,
        "sender": centre.sender_name or project.organization.name,
        "language": language,
        "languages": [(code, name) for code, name in settings.LANGUAGES if code != language],
    }
    response = render(request, template, {**shared, **(context or {})}, status=status)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
