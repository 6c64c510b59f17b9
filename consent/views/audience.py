"""Who may receive what: the numbers, the lists behind them, and their export."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from consent.forms.audience import AudienceForm
from consent.selectors.audience import (
    ELIGIBLE,
    EXCLUDED,
    Chosen,
    chosen,
    exported,
    listed,
    who_may,
)
from contacts.access import EXPORT, access_for
from contacts.downloads import asked_format, download
from contacts.errors import RegisterError
from contacts.selectors.entries import in_sentence
from contacts.selectors.keyset import page_of
from contacts.services.exports import log_export
from contacts.views.rendering import project_page
from contacts.xlsx_writing import check_size

ORDER = ("last_name", "first_name", "id")


@require_safe
def audience(request: HttpRequest, project_slug: str) -> HttpResponse:
    """How many contacts may receive a communication type on a channel, and the others by reason."""
    access = access_for(request.user, project_slug)
    form = AudienceForm(request.GET, project=access.project)
    context: dict[str, Any] = {"form": form, "counted_at": timezone.now()}
    if form.is_valid():
        asked = form.in_address
        context |= {
            **_about(form),
            "who_may": who_may(access.project, form.question, asked),
            "eligible_query": urlencode({**asked, "reason": ELIGIBLE}),
            "excluded_query": urlencode({**asked, "reason": EXCLUDED}),
        }
    return project_page(request, access, "consent/audience.html", context, section="audience")


@require_safe
def audience_contacts(request: HttpRequest, project_slug: str) -> HttpResponseBase:
    """The contacts behind one of the numbers, by name."""
    access = access_for(request.user, project_slug)
    form = AudienceForm(request.GET, project=access.project)
    here = reverse("consent:audience", args=[project_slug])
    if not form.is_valid():
        return redirect(f"{here}?{request.GET.urlencode()}")
    reason = request.GET.get("reason", ELIGIBLE)
    overlaps = bool(request.GET.get("overlaps"))
    try:
        found: Chosen = chosen(access.project, form.question, reason, overlaps=overlaps)
    except LookupError as error:
        raise Http404 from error
    asked = {**form.in_address, "reason": reason, **({"overlaps": "1"} if overlaps else {})}
    page = page_of(found.contacts, order=ORDER, cursor=request.GET.get("cursor", ""))
    context = {
        **_about(form),
        "chosen": found,
        "overlaps": overlaps,
        "rows": listed(page.rows, form.question, access.project),
        "query": urlencode(asked),
        "audience_url": f"{here}?{urlencode(form.in_address)}",
        "previous_url": _place(asked, page.previous),
        "next_url": _place(asked, page.next),
    }
    return project_page(request, access, "consent/audience_contacts.html", context, section="audience")


@require_POST
def audience_export(request: HttpRequest, project_slug: str) -> HttpResponseBase:
    """The list that ``filters`` (a query string of its page) means, as a file. Raises RegisterError."""
    access = access_for(request.user, project_slug, needs=EXPORT)
    query = QueryDict(request.POST.get("filters", ""))
    form = AudienceForm(query, project=access.project)
    if not form.is_valid():
        raise RegisterError(next(str(error) for errors in form.errors.values() for error in errors))
    reason, overlaps = query.get("reason", ELIGIBLE), bool(query.get("overlaps"))
    file_format = asked_format(request)
    try:
        found = exported(access.project, form.question, reason, overlaps=overlaps)
    except LookupError as error:
        raise Http404 from error
    if file_format == "xlsx":
        check_size(found.number, len(found.header))
    names = [*form.in_address, "reason", *(["overlaps"] if overlaps else [])]
    log_export(access.project, subject="audience", filters=names, rows=found.number, actor=access.actor)
    topic = form.topic.slug if form.topic else "any"
    day = form.day.isoformat() if form.day else f"{timezone.localtime():%Y-%m-%d-%H%M}"
    name = f"{access.project.slug}-{topic}-{form.question.channel}-{reason.replace('_', '-')}-{day}"
    return download(file_format, name, found.header, found.rows)


def _about(form: AudienceForm) -> dict[str, Any]:
    return {
        "type_name": form.topic.name_in() if form.topic else "",
        "channel": in_sentence(form.question.channel),
        "day": form.day,
    }


def _place(asked: dict[str, str], cursor: str) -> str:
    return f"?{urlencode({**asked, 'cursor': cursor})}" if cursor else ""
