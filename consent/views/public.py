"""How the public pages are shown: the sender's face, the reader's language, nothing kept, nothing told elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from consent.models import Centre
from contacts.models import Contact, Project

LANGUAGES = [code for code, _name in settings.LANGUAGES]
RETRY_AFTER = "120"

View = Callable[..., HttpResponse]
log = structlog.get_logger("sendable.public")


def public_view(*methods: str) -> Callable[[View], View]:
    """A view for anybody who has its address. No log-in, and no cookie whose misuse a CSRF token would have to keep
    off: what the address holds is the only credential. While the database is away the answer says so, with 503."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **captured: Any) -> HttpResponse:
            try:
                return view(request, *args, **captured)
            except (OperationalError, InterfaceError):
                log.error("database_unavailable", exc_info=True)
                response = senderless_page(request, "consent/public/try_again.html", status=503)
                response["Retry-After"] = RETRY_AFTER
                return response

        return login_not_required(csrf_exempt(require_http_methods(list(methods))(guarded)))

    return decorate


def sent(request: HttpRequest) -> QueryDict:
    """The fields that were sent; none where the body cannot be read as a form, or is too large. Files are passed over:
    no public page asks for one, and nobody without a log-in fills the disk."""
    if not hasattr(request, "_sent"):
        if not hasattr(request, "_files"):
            request.upload_handlers = [_NoFiles(request)]
        try:
            fields = request.POST
        except (BadRequest, MultiPartParserError, OSError, SuspiciousOperation, UnreadablePostError, ValueError):
            fields = QueryDict()
        request._sent = fields  # type: ignore[attr-defined]
    found: QueryDict = request._sent  # type: ignore[attr-defined]
    return found


class _NoFiles(FileUploadHandler):
    """Reads over a file without keeping any of it."""

    def new_file(self, *args: Any, **particulars: Any) -> None:
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        return None

    def file_complete(self, file_size: int) -> None:
        return None


def centre_of(project: Project) -> Centre:
    """The project's consent centre; a closed one, unsaved, where it has none."""
    return Centre.objects.filter(project=project).first() or Centre(project=project, is_open=False)


def choose_language(request: HttpRequest, centre: Centre | None, contact: Contact | None = None) -> str:
    """The language of a public page, from here on the one in force: what the reader chose (``?lang=``), the contact's,
    the browser's, the project's."""
    asked = sent(request).get("lang") or request.GET.get("lang", "")
    known = contact.language[:2].lower() if contact else ""
    default = centre.default_language if centre else LANGUAGES[0]
    wanted = (asked, known, _of_the_browser(request), default)
    language = next((code for code in wanted if code in LANGUAGES), LANGUAGES[0])
    translation.activate(language)
    request.LANGUAGE_CODE = language
    return language


def _of_the_browser(request: HttpRequest) -> str:
    """The first language that the browser asks for and we have; nothing where it asks for none of ours."""
    for name, _weight in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        if (code := name.partition("-")[0].lower()) in LANGUAGES:
            return code
    return ""


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
    timezone.activate(project.zone)
    shared = {
        "project": project,
        "centre": centre,
        "sender": centre.sender_name or project.organization.name,
        **_languages(),
    }
    return sealed(render(request, template, {**shared, **(context or {})}, status=status))


def senderless_page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, status: int
) -> HttpResponse:
    """The same where it is not known whose page it is. Asks nothing of the database."""
    choose_language(request, None)
    return sealed(render(request, template, {**_languages(), **(context or {})}, status=status))


def _languages() -> dict[str, Any]:
    language = translation.get_language() or LANGUAGES[0]
    others = [(code, name) for code, name in settings.LANGUAGES if code != language]
    return {"language": language, "languages": others}


def sealed(response: HttpResponse) -> HttpResponse:
    """Kept by no cache, told to no other site, in no search engine."""
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
