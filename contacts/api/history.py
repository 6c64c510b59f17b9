"""The status history: of a contact, of a project, and taking entries back."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from django.http import Http404
from ninja import Field, Query, Router, Schema

from contacts.api.door import ApiRequest, Scoped
from contacts.api.paging import Paged, listed
from contacts.api.reading import LARGEST_NUMBER, Day, text
from contacts.api.shapes import ChannelName, EntryOut, Listed, MethodName, entries_out
from contacts.models import Project, StatusHistory
from contacts.selectors.history import ORDER, HistoryFilter, entries_about, entries_of
from contacts.selectors.undoing import taken_back_with
from contacts.services import undo as undoing
from contacts.vocabulary import ApiScope

router = Router(tags=["History"])


class HistoryFilters(Paged):
    """All days are those of the project, and of when it was recorded."""

    since: Day | None = None
    until: Day | None = None
    contact: int | None = Field(None, ge=1, le=LARGEST_NUMBER, description="The number of a contact.")
    q: text(320) | None = Field(  # type: ignore[valid-type]
        None, min_length=1, description="The key, name or address of contacts, or the beginning of one."
    )
    method: MethodName | None = None
    actor: Literal["user", "contact", "token", "import", "system"] | None = Field(None, description="Who did it.")
    actor_id: int | None = Field(
        None, ge=1, le=LARGEST_NUMBER, description="Which user, token or import; with `actor`."
    )
    channel: ChannelName | None = None
    aspect: Literal["active", "opt_out", "quarantine", "suppression", "address", "validity", "key", "merge"] | None = (
        None
    )
    weight: int | None = Field(None, ge=0, le=3, description="Whose word it is: 0 ours … 3 a complaint.")
    only_late: bool = Field(False, description="Only what arrived too late to change anything.")
    request: UUID | None = Field(None, description="Of one request, such as an import.")

    def wanted(self) -> HistoryFilter:
        return HistoryFilter(
            since=self.since, until=self.until, contact=self.q or "", contact_number=self.contact,
            method=self.method or "", actor=(self.actor, self.actor_id) if self.actor else None,
            channel=self.channel or "", aspect=self.aspect or "", weight=self.weight, only_late=self.only_late,
            request=self.request,
        )  # fmt: skip


class UndoIn(Schema, extra="forbid"):
    note: text(2_000, several_lines=True) = Field("", examples=["The wrong contact"])  # type: ignore[valid-type]


@router.get(
    "contacts/{int:contact_id}/history", response=Listed[EntryOut], by_alias=True, auth=Scoped(ApiScope.READ),
    operation_id="get_contact_history",
)  # fmt: skip
def of_contact(request: ApiRequest, contact_id: int, paged: Query[Paged]) -> object:
    """All that was said of a contact and of the addresses that they have, the newest first."""
    entries = entries_about(request.api.contact(contact_id)).select_related("detail")
    return listed(entries, paged, entries_out, order=ORDER)


@router.get(
    "history", response=Listed[EntryOut], by_alias=True, auth=Scoped(ApiScope.READ), operation_id="list_history"
)
def of_project(request: ApiRequest, filters: Query[HistoryFilters]) -> object:
    """The status history of the project, the newest first."""
    entries = entries_of(request.api.project, filters.wanted()).select_related("detail")
    return listed(entries, filters, entries_out, order=ORDER)


@router.get(
    "history/{int:entry_id}", response=EntryOut, by_alias=True, auth=Scoped(ApiScope.READ), operation_id="get_entry"
)
def entry(request: ApiRequest, entry_id: int) -> object:
    """One entry."""
    return entries_out([_entry(request.api.project, entry_id)])[0]


@router.post(
    "history/{int:entry_id}/undo", response=Listed[EntryOut], by_alias=True, auth=Scoped(ApiScope.WRITE),
    operation_id="undo_entry",
)  # fmt: skip
def undo(request: ApiRequest, entry_id: int, sent: UndoIn) -> object:
    """Take back a slip of the last 24 hours that this token wrote, and what the same request wrote with it.

    Both stay in the history: this answers with the entries that take them back. What the contact did themselves
    cannot be taken back.
    """
    found = _entry(request.api.project, entry_id)
    refusal = undoing.refusal_of(found, request.api.actor)
    if refusal is not None:
        raise refusal
    origin = request.api.origin(note=sent.note)
    undoing.undo(taken_back_with(found), origin=origin).or_raise()
    voids = StatusHistory.objects.in_project(request.api.project).filter(request_id=origin.request_id)
    return {"items": entries_out(voids.select_related("detail").order_by("pk")), "next": None}


def _entry(project: Project, entry_id: int) -> StatusHistory:
    entries = StatusHistory.objects.in_project(project).select_related("detail")
    found = entries.filter(pk=entry_id).first() if entry_id <= LARGEST_NUMBER else None
    if found is None:
        raise Http404
    return found
