"""Forms that contacts fill in, here or on another site: in a frame, or as a form of that site that is sent to us."""

from __future__ import annotations

import uuid
from typing import Any

from allauth.core import ratelimit
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import translation

from consent.forms.public import PublicForm
from consent.models import Centre, Form, FormVersion
from consent.services import links, submitting
from consent.services.links import Link, Scope
from consent.tokens import BadToken, read
from consent.views.evidence import evidence_of
from consent.views.public import centre_of, choose_language, public_page, public_view, sent
from consent.vocabulary import FormKind
from contacts.errors import RegisterError

LONGEST_PAGE = 300


@public_view("GET", "HEAD", "POST")
def public_form(request: HttpRequest, slug: str) -> HttpResponse:
    """The form as its last version asks; a submission is taken as the version says that it was filled in under."""
    form_row = Form.objects.select_related("project__organization").filter(slug=slug).first()
    last = form_row.versions.first() if form_row else None
    if form_row is None or last is None:
        raise Http404
    last.form = form_row
    centre = centre_of(form_row.project)
    link = _link(request, form_row)
    _choose_language(request, centre, last, link)
    page = _Page(request, centre, last, link)
    if not form_row.is_open:
        return page.shown("form_closed", status=410)
    if form_row.kind == FormKind.UPDATE and link is None:
        return page.shown("form_without_link", status=200 if request.method != "POST" else 400)
    if request.method != "POST":
        return page.shown("form", {"form": PublicForm(last)})
    if not ratelimit.consume(request, action="public_form"):
        return page.shown("too_many", status=429)
    return _submitted(page)


class _Page:
    """One answer of a form: the request, the last version, and the link by which the person came."""

    def __init__(self, request: HttpRequest, centre: Centre, version: FormVersion, link: Link | None) -> None:
        self.request, self.centre, self.version, self.link = request, centre, version, link
        self.project = version.form.project

    def shown(self, name: str, context: dict[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
        """A page in the reader's language, which the sites that the version names may show in a frame."""
        token = _token(self.request) if self.link else ""
        told = {
            "told": _texts(self.version), "is_update": self.version.form.kind == FormKind.UPDATE, "token": token,
            "languages": _others(self.version), "kept_query": f"t={token}" if token else "",
        }  # fmt: skip
        response = public_page(
            self.request, self.project, f"consent/public/{name}.html", {**told, **(context or {})},
            centre=self.centre, status=status,
        )  # fmt: skip
        response._csp_replace = {"frame-ancestors": self.version.embedded_by or ["'none'"]}  # type: ignore[attr-defined]
        response.xframe_options_exempt = True
        return response


def _submitted(page: _Page) -> HttpResponse:
    data = sent(page.request)
    version = _version_of(page.version, data.get("version", ""))
    form = PublicForm(version or page.version, data)
    if form.took_bait:
        return page.shown("form_thanks")
    if page.link is not None and "stop" in data:
        form.is_valid()
        _stop(page, page.link, form)
        return page.shown("form_thanks", {"is_stopped": True})
    if version is None:
        form.is_valid()
        form.add_error(None, translation.gettext("This form has changed meanwhile. Look it over, and send it again."))
        return page.shown("form", {"form": form}, status=400)
    if not form.is_valid():
        return page.shown("form", {"form": form}, status=400)
    try:
        _take(page, version, form)
    except RegisterError as error:
        form.refuse(error)
        return page.shown("form", {"form": form}, status=400)
    return page.shown("form_thanks")


def _stop(page: _Page, link: Link, form: PublicForm) -> None:
    evidence = evidence_of(page.request, form=form.of.form_id, version=form.of.number, page=_page(page.request))
    # Not under the number of the page: who came back since, and stops everything on it once more, sends no retry.
    links.stop(link, Scope.PROJECT, origin=submitting.own_act(evidence, uuid.uuid4()))


def _take(page: _Page, version: FormVersion, form: PublicForm) -> None:
    language = translation.get_language() or ""
    told = _texts(version)
    evidence = evidence_of(
        page.request, form=version.form_id, version=version.number, wording=told["wording"],
        language=told["language"], page=_page(page.request),
    )  # fmt: skip
    shared: dict[str, Any] = {"evidence": evidence, "language": language, "request_id": form.content_number}
    if page.link is None:
        details = {"language": language, **form.details}
        submitting.subscribe(version, address=form.address, offers=form.offers, details=details, **shared)
    elif page.link.contact and page.link.row:
        submitting.update(
            version, contact=page.link.contact, address=submitting.address_of(page.link.row), offers=form.offers,
            details=form.details, **shared,
        )  # fmt: skip


def _token(request: HttpRequest) -> str:
    return str(sent(request).get("t") or request.GET.get("t", ""))


def _link(request: HttpRequest, form: Form) -> Link | None:
    """What the signed link leads to, by which a contact came to an update form; None unless they have its address."""
    if form.kind != FormKind.UPDATE:
        return None
    try:
        link = links.what_stops(read(_token(request)))
    except BadToken:
        return None
    return link if link.row is not None and link.project.pk == form.project_id else None


def _version_of(last: FormVersion, number: str) -> FormVersion | None:
    """The version that was filled in; a form on another site that names none means the last one."""
    if not number:
        return last
    if not (number.isascii() and number.isdigit() and len(number) < 9):
        return None
    found = FormVersion.objects.filter(form=last.form_id, number=int(number)).first()
    if found is not None:
        found.form = last.form
    return found


def _choose_language(request: HttpRequest, centre: Centre, version: FormVersion, link: Link | None) -> None:
    """The reader's language where the version has its texts in it, else the first that it has."""
    language = choose_language(request, centre, link.contact if link else None)
    if language not in version.texts:
        language = centre.default_language if centre.default_language in version.texts else next(iter(version.texts))
        translation.activate(language)
        request.LANGUAGE_CODE = language


def _texts(version: FormVersion) -> dict[str, str]:
    """What a version says in the language in force, or in the first that it has, and which language that is."""
    wanted = translation.get_language() or ""
    language = wanted if wanted in version.texts else next(iter(version.texts), "")
    empty = {"title": version.form.name, "introduction": "", "wording": "", "thanks": ""}
    return {**empty, **version.texts.get(language, {}), "language": language}


def _others(version: FormVersion) -> list[tuple[str, str]]:
    now = translation.get_language()
    return [(code, name) for code, name in settings.LANGUAGES if code in version.texts and code != now]


def _page(request: HttpRequest) -> str:
    """The page on which the form was filled in: another site's, as the browser tells it, without what it asked."""
    told = request.headers.get("Referer", "").partition("?")[0].partition("#")[0]
    return (told if told.isprintable() else "")[:LONGEST_PAGE] or request.build_absolute_uri(request.path)
