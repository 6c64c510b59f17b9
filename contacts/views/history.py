"""The status history of a project, its export, and the page of one entry."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from contacts.access import ADMINISTER, EXPORT, Access, access_for
from contacts.downloads import asked_format, download
from contacts.errors import RegisterError
from contacts.forms.history import HistoryFilterForm, MomentForm
from contacts.models import StatusHistory
from contacts.models.ledger import StatusHistoryQuerySet
from contacts.selectors.entries import described
from contacts.selectors.entry import facts_of, states_at
from contacts.selectors.history import EXPORTED, actors, entries_of, exported, history_page
from contacts.selectors.imports import label_of_request
from contacts.services.exports import log_export
from contacts.views.rendering import project_page


@dataclass(frozen=True, slots=True)
class _Asked:
    """The filters of a request and the entries that they mean: none while a filter means nothing."""

    form: HistoryFilterForm
    entries: StatusHistoryQuerySet

    @property
    def names(self) -> list[str]:
        return [] if self.form.errors else self.form.in_force


def _asked(query: QueryDict, access: Access) -> _Asked:
    form = HistoryFilterForm(query, people=actors(access.project))
    if form.is_valid():
        if request_id := form.cleaned_data.get("request"):
            form.request_label = label_of_request(access.project, request_id)
        try:
            return _Asked(form, entries_of(access.project, form.wanted))
        except RegisterError as error:
            form.refuse(error)
    return _Asked(form, StatusHistory.objects.none())


@require_safe
def history(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Every entry of the project, newest first."""
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    asked = _asked(request.GET, access)
    days, page = history_page(asked.entries, access, cursor=request.GET.get("cursor", ""))
    context = {
        "form": asked.form,
        "days": days,
        "chips": [
            {"label": asked.form.in_words(name), "remove_url": _url(request, without=(name,))} for name in asked.names
        ],
        "late_url": "" if "late" in asked.names or asked.form.errors else _url(request, late="1"),
        "newer_url": _url(request, cursor=page.previous) if page.previous else "",
        "older_url": _url(request, cursor=page.next) if page.next else "",
        "query": _query(request),
        "may_export": access.may(EXPORT) and not asked.form.errors,
    }
    return project_page(request, access, "contacts/history.html", context, section="history")


@require_POST
def history_export(request: HttpRequest, project_slug: str) -> HttpResponseBase:
    """The entries that ``filters`` (a query string of the page) means, as a file. Raises RegisterError."""
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    access.require(EXPORT)
    asked = _asked(QueryDict(request.POST.get("filters", "")), access)
    if asked.form.errors:
        raise RegisterError(asked.form.complaint)
    rows = asked.entries.count()
    file_format = asked_format(request, rows=rows, columns=len(EXPORTED))
    log_export(access.project, subject="history", filters=asked.names, rows=rows, actor=access.actor)
    name = f"{access.project.slug}-history-{timezone.localdate():%Y-%m-%d}"
    return download(file_format, name, EXPORTED, exported(asked.entries, access))


@require_safe
def entry(request: HttpRequest, project_slug: str, entry_id: int) -> HttpResponse:
    """All that one entry says, and what was true at a moment that is asked for."""
    access = access_for(request.user, project_slug)
    found = StatusHistory.objects.in_project(access.project).filter(pk=entry_id) if entry_id < 2**63 else None
    row = found.select_related("detail", "block", "contact").first() if found is not None else None
    if row is None:
        raise Http404
    [words] = described([row], access)
    asks = "at" in request.GET or "known_at" in request.GET
    form = MomentForm(request.GET if asks else None, zone=access.project.zone, now=timezone.now())
    states = None
    if asks and words.contact_url and row.contact and form.is_valid():
        states = states_at(row.contact, at=form.cleaned_data["at"], known_at=form.cleaned_data["known_at"])
    minute = f"{timezone.localtime(row.occurred_at):%Y-%m-%dT%H:%M}"
    context = {"entry": words, "facts": facts_of(row, words, access), "form": form, "states": states, "minute": minute}
    return project_page(request, access, "contacts/entry.html", context, section="history")


def _query(request: HttpRequest, *, without: tuple[str, ...] = (), **more: str) -> str:
    """The query string of the filters, with and without some; a place in the list does not outlive a change."""
    query = QueryDict(mutable=True)
    for name in request.GET:
        value = request.GET[name]
        if value and name in HistoryFilterForm.base_fields and name not in without:
            query[name] = value
    for name, value in more.items():
        query[name] = value
    return query.urlencode()


def _url(request: HttpRequest, *, without: tuple[str, ...] = (), **more: str) -> str:
    return f"?{_query(request, without=without, **more)}"
