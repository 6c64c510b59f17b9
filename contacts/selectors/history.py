"""The status history of a project: which entries a set of filters means, page by page or as a file."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby, islice
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.access import Access
from contacts.errors import RegisterError
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory, User
from contacts.models.ledger import StatusHistoryQuerySet
from contacts.moments import end_of_day, start_of_day
from contacts.selectors.entries import OPEN_WORDS, EntryInWords, described
from contacts.selectors.keyset import Page, page_of
from contacts.selectors.search import search
from contacts.vocabulary import ActorKind, Says

ORDER = ("-recorded_at", "-id")
MOST_CONTACTS = 200
RECENT_ENTRIES = 2_000
ROWS_AT_ONCE = 500

Actor = tuple[str, int | None]


class TooManyContacts(RegisterError):
    code = "too_many_contacts"
    field = "contact"


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """What of the history is asked for. Days are those of the project, and of when it was recorded."""

    since: date | None = None
    until: date | None = None
    contact: str = ""
    method: str = ""
    actor: Actor | None = None
    channel: str = ""
    aspect: str = ""
    weight: int | None = None
    only_late: bool = False
    request: uuid.UUID | None = None
    contact_number: int | None = None


def entries_of(project: Project, wanted: HistoryFilter) -> StatusHistoryQuerySet:
    """The entries of the project that the filter means, without an order.

    Raises TooManyContacts when the text for a contact means more than MOST_CONTACTS of them.
    """
    entries = StatusHistory.objects.in_project(project)
    exact = {"method": wanted.method, "channel": wanted.channel, "aspect": wanted.aspect}
    entries = entries.filter(**{name: value for name, value in exact.items() if value})
    if wanted.since:
        entries = entries.filter(recorded_at__gte=start_of_day(wanted.since, project.zone))
    if wanted.until:
        entries = entries.filter(recorded_at__lte=end_of_day(wanted.until, project.zone))
    if wanted.contact:
        entries = entries.filter(contact_id__in_set=_contacts_meant(project, wanted.contact))
    if wanted.contact_number:
        merged = Contact.objects.filter(merged_into=wanted.contact_number).values_list("pk", flat=True)
        entries = entries.filter(contact__in=[wanted.contact_number, *merged])
    if wanted.actor:
        kind, number = wanted.actor
        entries = entries.filter(actor_kind=kind, **({"actor_number": number} if number is not None else {}))
    if wanted.weight is not None:
        entries = entries.filter(weight=wanted.weight)
    if wanted.only_late:
        entries = entries.filter(says=Says.NO, to_value__in=OPEN_WORDS)
    if wanted.request:
        entries = entries.filter(request_id=wanted.request)
    return entries


def _contacts_meant(project: Project, text: str) -> list[int]:
    """The ids of those whom the text finds, and of who was merged into them."""
    found = list(search(project, text).order_by().values_list("pk", flat=True)[: MOST_CONTACTS + 1])
    if len(found) > MOST_CONTACTS:
        raise TooManyContacts(
            _("More than %(count)d contacts match.") % {"count": MOST_CONTACTS},
            remedy=_("Type more of the key, the name or the address."),
        )
    merged = Contact.objects.filter(merged_into_id__in_set=found)
    return [*found, *merged.values_list("pk", flat=True)]


def entries_about(contact: Contact) -> StatusHistoryQuerySet:
    """What was said of a contact and of who was merged into them, and what was said in their project of the addresses
    that they have, as their profile shows it. Without an order."""
    merged = Contact.objects.filter(merged_into=contact).values_list("pk", flat=True)
    marks = ChannelStatus.objects.filter(contact=contact).with_address().values_list("channel", "fingerprint")
    on_address = Q()
    for channel, fingerprint in marks:
        on_address |= Q(channel=channel, fingerprint=fingerprint)
    about = Q(contact__in=[contact.pk, *merged])
    if on_address:
        blocks = Block.objects.reaching(contact.project).filter(on_address)
        about |= Q(block__in=list(blocks.values_list("pk", flat=True)))
    return StatusHistory.objects.in_project(contact.project).filter(about)


@dataclass(frozen=True, slots=True)
class Day:
    """The entries of one day of the project, newest first."""

    day: date
    entries: list[EntryInWords]


def history_page(entries: StatusHistoryQuerySet, access: Access, *, cursor: str = "") -> tuple[list[Day], Page]:
    """One page of entries by day, in a number of queries that does not grow. Raises BadCursor."""
    page = page_of(_whole(entries), order=ORDER, cursor=cursor)
    days = groupby(described(page.rows, access), key=lambda entry: timezone.localdate(entry.recorded_at))
    return [Day(day, list(of_day)) for day, of_day in days], page


def _whole(entries: QuerySet[StatusHistory]) -> QuerySet[StatusHistory]:
    return entries.select_related("detail", "block")


def actors(project: Project) -> list[tuple[Actor, str]]:
    """Users and API tokens by whom the history may be filtered: the members of the project and the admins of its
    organization, and whoever else acted in its last RECENT_ENTRIES entries, such as a user who has left."""
    members = User.objects.filter(memberships__project=project)
    administers = User.objects.filter(administers__organization=project.organization_id)
    users = (members | administers).distinct()
    found: dict[Actor, str] = {(ActorKind.USER, user.pk): user.get_full_name() for user in users}
    newest = StatusHistory.objects.in_project(project).newest_first()[:RECENT_ENTRIES]
    recent = (
        StatusHistory.objects.filter(pk__in=newest.values("pk"), actor_number__isnull=False)
        .order_by("actor_kind", "actor_number", "actor_label")
        .values_list("actor_kind", "actor_number", "actor_label")
        .distinct()
    )
    for kind, number, label in recent:
        found.setdefault((kind, number), label or f"{ActorKind(kind).label} {number}")
    return sorted(found.items(), key=lambda pair: pair[1].casefold())


EXPORTED = (
    "entry", "recorded_at", "occurred_at", "requested_on", "contact", "contact_key", "contact_name", "channel",
    "what_changed", "aspect", "says", "from", "to", "weight", "method", "actor_kind", "actor_number", "actor",
    "reason", "authorization_source", "authorization_on", "authorization_reference", "note", "evidence",
    "remark", "voids", "request_id",
)  # fmt: skip


def exported(entries: StatusHistoryQuerySet, access: Access) -> Iterator[list[Any]]:
    """The entries as rows of EXPORTED, newest first; times in the project's zone, as ISO 8601."""
    rows = _whole(entries).order_by(*ORDER).iterator(chunk_size=ROWS_AT_ONCE)
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        yield from _as_rows(batch, access)


def _as_rows(batch: list[StatusHistory], access: Access) -> Iterable[list[Any]]:
    zone = access.project.zone

    def written(moment: datetime) -> str:
        return moment.astimezone(zone).isoformat(sep=" ", timespec="seconds")

    for row, words in zip(batch, described(batch, access), strict=True):
        detail = getattr(row, "detail", None)
        yield [
            row.pk, written(row.recorded_at), written(row.occurred_at), row.requested_on, row.contact_id,
            words.contact_key, _("erased contact") if words.contact_erased else words.contact_name, row.channel,
            words.title, row.aspect, row.says, row.from_value, row.to_value, row.weight, row.method, row.actor_kind,
            row.actor_number, words.actor_label, row.reason, row.authorization_source, row.authorization_on,
            detail.authorization_reference if detail else "", detail.note if detail else "",
            json.dumps(detail.evidence, ensure_ascii=False, sort_keys=True) if detail and detail.evidence else "",
            " ".join(part for part in (words.late, words.confirmed, words.voided) if part), row.voids, row.request_id,
        ]  # fmt: skip
