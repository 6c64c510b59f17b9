"""Delivery errors as a project's page shows them: which addresses cannot be written to, and what receivers said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.models import DeliveryEvent
from consent.services.feedback.delivery import FAILURES
from consent.vocabulary import DeliveryKind, DeliveryOutcome, Door
from contacts.access import Access
from contacts.dates import clock, long_day
from contacts.extension_points import EvidenceLink, evidence_links
from contacts.gates import standing_noes
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory
from contacts.models.block import BlockQuerySet
from contacts.models.contact import ChannelStatusQuerySet
from contacts.models.ledger import StatusHistoryQuerySet
from contacts.selectors.blocks import BlockInWords, in_words
from contacts.selectors.entries import EntryInWords, entries_by_id
from contacts.selectors.entry import Fact
from contacts.vocabulary import Aspect, BlockKind, Cause, Channel, Method, Says

AT_ONCE = 2_000
MOST_GROUPS = 200
_GLYPHS = {
    DeliveryOutcome.QUARANTINED: "no",
    DeliveryOutcome.WAITING: "late",
    DeliveryOutcome.DISMISSED: "ok",
}


class Show(models.TextChoices):
    """The tabs of the page."""

    QUARANTINED = "quarantined", gettext_lazy("Quarantined")
    INVALID = "invalid", gettext_lazy("Not valid")
    BOUNCES = "bounces", gettext_lazy("Recent bounces")
    WAITING = "waiting", gettext_lazy("Wait for review")


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the delivery errors is asked for: a tab, a domain (empty: any), and a time from ``since`` to ``before``
    (None: whenever)."""

    show: Show = Show.QUARANTINED
    domain: str = ""
    since: datetime | None = None
    before: datetime | None = None

    @property
    def is_narrowed(self) -> bool:
        return bool(self.domain or self.since or self.before)


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A quarantined address, and the last that a receiver said of it (None: nothing is kept)."""

    block: BlockInWords
    said: DeliveryEvent | None


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """An address that is marked as not valid, and the entry by which it was (None: it came so)."""

    status: ChannelStatus
    channel_label: str
    entry: EntryInWords | None


@dataclass(frozen=True, slots=True)
class BounceRow:
    """A bounce. ``contact`` is None where nobody had the address, or who had it was erased."""

    event: DeliveryEvent
    contact: Contact | None
    outcome: str
    glyph: str

    @property
    def name(self) -> str:
        return self.event.address or _("address erased")


@dataclass(frozen=True, slots=True)
class WaitingGroup:
    """The bounces of one domain that wait for a user: of a burst, or such as anybody could have sent.

    ``newest`` is the number of the last one: a decision is about those up to it. ``said`` is what the receiver said
    of it.
    """

    domain: str
    is_burst: bool
    events: int
    addresses: int
    first_at: datetime
    last_at: datetime
    newest: int
    said: str

    @property
    def name(self) -> str:
        return self.domain or _("addresses that were erased")


def quarantined(project: Project, asked: Asked) -> BlockQuerySet:
    """The quarantines that stand in a project. With a time, those of which every no that stands is of that time: what
    bounced before an outage as well is not there because of it."""
    found = Block.objects.on().filter(organization=project.organization_id, project=project, kind=BlockKind.QUARANTINE)
    if asked.domain:
        found = found.filter(channel=Channel.EMAIL, address__endswith=f"@{asked.domain}")
    if asked.since or asked.before:
        of_gate = StatusHistory.objects.filter(block=OuterRef("block")).not_voided()
        noes = StatusHistory.objects.filter(block=OuterRef("pk"), says=Says.NO).not_voided()
        standing = standing_noes(noes, words=of_gate)
        within = _within(asked)
        found = found.filter(Exists(standing.filter(within)), ~Exists(standing.exclude(within)))
    return found


def invalid(project: Project, asked: Asked) -> ChannelStatusQuerySet:
    """The addresses of a project's contacts that are not valid."""
    found = ChannelStatus.objects.filter(project=project, is_valid=False).with_address()
    if asked.domain:
        found = found.filter(channel=Channel.EMAIL, address__endswith=f"@{asked.domain}")
    if asked.since or asked.before:
        found = found.filter(Exists(_marks().filter(_within(asked))))
    return found


def bounces(project: Project, asked: Asked) -> QuerySet[DeliveryEvent]:
    """What receivers refused in a project."""
    found = DeliveryEvent.objects.filter(_within(asked), project=project, kind__in=FAILURES)
    return found.filter(domain=asked.domain) if asked.domain else found


def waiting(project: Project) -> QuerySet[DeliveryEvent]:
    return DeliveryEvent.objects.filter(project=project, outcome=DeliveryOutcome.WAITING)


def waiting_groups(project: Project) -> list[WaitingGroup]:
    """What waits, by domain, the newest first; at most MOST_GROUPS."""
    grouped = (
        waiting(project)
        .order_by()
        .values("domain", "believed")
        .annotate(
            events=Count("pk"),
            addresses=Count("fingerprint", distinct=True),
            first=Min("occurred_at"),
            last=Max("occurred_at"),
            newest=Max("pk"),
        )
        .order_by("-newest")[:MOST_GROUPS]
    )
    rows = list(grouped)
    said = dict(DeliveryEvent.objects.filter(pk__in=[row["newest"] for row in rows]).values_list("pk", "reply"))
    return [
        WaitingGroup(
            row["domain"], row["believed"], row["events"], row["addresses"], row["first"], row["last"], row["newest"],
            said.get(row["newest"], ""),
        )
        for row in rows
    ]  # fmt: skip


def quarantined_rows(blocks: Sequence[Block], access: Access) -> list[QuarantinedRow]:
    """A page of quarantines in a fixed number of queries."""
    words = in_words(blocks, organization=access.project.organization, access=access)
    said = _last_said(blocks)
    return [QuarantinedRow(block, said.get(block.id)) for block in words]


def invalid_rows(statuses: Sequence[ChannelStatus], access: Access) -> list[InvalidRow]:
    """A page of addresses that are not valid, in a fixed number of queries. ``contact`` was read with them."""
    marked = ChannelStatus.objects.filter(pk__in=[status.pk for status in statuses]).annotate(
        entry=Subquery(_marks().order_by("-recorded_at", "-pk").values("pk")[:1])
    )
    numbers = {pk: entry for pk, entry in marked.values_list("pk", "entry") if entry}
    entries = entries_by_id(numbers.values(), access)
    for status in statuses:
        status.contact.project = access.project
    return [
        InvalidRow(status, str(Channel(status.channel).label), entries.get(numbers.get(status.pk, 0)))
        for status in statuses
    ]


def bounce_rows(events: Sequence[DeliveryEvent], project: Project) -> list[BounceRow]:
    """A page of bounces with their contacts, in one query."""
    numbers = {event.contact_id for event in events if event.contact_id}
    contacts = Contact.objects.filter(project=project).in_bulk(numbers)
    found = []
    for event in events:
        contact = contacts.get(event.contact_id or 0)
        if contact is not None:
            contact.project = project
        outcome = DeliveryOutcome(event.outcome)
        found.append(BounceRow(event, contact, str(outcome.label), _GLYPHS.get(outcome, "na")))
    return found


HEADERS = {
    Show.QUARANTINED: ("address", "channel", "cause", "quarantined at", "code", "answer of the server", "told at"),
    Show.INVALID: ("address", "channel", "contact key", "not valid since"),
    Show.BOUNCES: (
        "address", "kind", "outcome", "code", "answer of the server", "occurred at", "provider", "contact key",
    ),
}  # fmt: skip
HEADERS[Show.WAITING] = HEADERS[Show.BOUNCES]


def rows_of(project: Project, asked: Asked) -> QuerySet[Any]:
    """The rows of a tab."""
    if asked.show == Show.QUARANTINED:
        return quarantined(project, asked)
    if asked.show == Show.INVALID:
        return invalid(project, asked)
    found = bounces(project, asked)
    return found.filter(outcome=DeliveryOutcome.WAITING) if asked.show == Show.WAITING else found


def exported(project: Project, asked: Asked) -> Iterator[list[Any]]:
    """The rows of a tab as a table, so many at once that memory stays flat."""
    for some in _batches(rows_of(project, asked).order_by("-pk")):
        if asked.show == Show.QUARANTINED:
            yield from _exported_blocks(some)
        elif asked.show == Show.INVALID:
            yield from _exported_invalid(some)
        else:
            yield from _exported_bounces(some)


def _batches(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    some: list[Any] = []
    for row in rows.iterator(chunk_size=AT_ONCE):
        some.append(row)
        if len(some) == AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _exported_blocks(blocks: Sequence[Block]) -> Iterator[list[Any]]:
    said = _last_said(blocks)
    noes = StatusHistory.objects.filter(block=OuterRef("pk"), says=Says.NO).not_voided().order_by("-occurred_at", "-pk")
    since = dict(
        Block.objects.filter(pk__in_set=[block.pk for block in blocks])
        .annotate(since=Subquery(noes.values("occurred_at")[:1]))
        .values_list("pk", "since")
    )
    for block in blocks:
        event, at = said.get(block.pk), since[block.pk]
        yield [
            block.address or "", block.channel, str(Cause(block.cause).value), _exactly(at) if at else "",
            event.status if event else "", event.reply if event else "", _exactly(event.occurred_at) if event else "",
        ]  # fmt: skip


def _exported_invalid(statuses: Sequence[ChannelStatus]) -> Iterator[list[Any]]:
    marked = ChannelStatus.objects.filter(pk__in_set=[status.pk for status in statuses]).annotate(
        since=Subquery(_marks().order_by("-recorded_at", "-pk").values("occurred_at")[:1])
    )
    told = {pk: (key, since) for pk, key, since in marked.values_list("pk", "contact__key", "since")}
    for status in statuses:
        key, since = told.get(status.pk, ("", None))
        yield [status.address, status.channel, key, _exactly(since) if since else ""]


def _exported_bounces(events: Sequence[DeliveryEvent]) -> Iterator[list[Any]]:
    numbers = {event.contact_id for event in events if event.contact_id}
    keys = dict(Contact.objects.filter(pk__in_set=list(numbers)).values_list("pk", "key"))
    for event in events:
        yield [
            event.address or "", event.kind, event.outcome, event.status, event.reply, _exactly(event.occurred_at),
            event.provider, keys.get(event.contact_id or 0, ""),
        ]  # fmt: skip


def _last_said(blocks: Sequence[Block]) -> dict[int, DeliveryEvent]:
    """By block, the last failure that was told of its address."""
    told = DeliveryEvent.objects.filter(
        project=OuterRef("project_id"), fingerprint=OuterRef("fingerprint"), kind__in=FAILURES
    )
    here = Block.objects.filter(pk__in_set=[block.pk for block in blocks]).annotate(
        said=Subquery(told.order_by("-occurred_at", "-pk").values("pk")[:1])
    )
    numbers = {pk: said for pk, said in here.values_list("pk", "said") if said}
    events = {event.pk: event for event in DeliveryEvent.objects.filter(pk__in_set=list(numbers.values()))}
    return {pk: events[said] for pk, said in numbers.items() if said in events}


def _marks() -> Any:
    """The entries that marked the address of the outer channel as not valid."""
    return StatusHistory.objects.filter(
        contact=OuterRef("contact_id"), aspect=Aspect.VALIDITY, channel=OuterRef("channel"), to_value="invalid"
    )


def _within(asked: Asked) -> Q:
    found = Q()
    if asked.since:
        found &= Q(occurred_at__gte=asked.since)
    if asked.before:
        found &= Q(occurred_at__lt=asked.before)
    return found


def _exactly(moment: datetime) -> str:
    return timezone.localtime(moment).isoformat(timespec="seconds")


def register() -> None:
    """Let entries of the history lead to the bounces of their day; called once at start-up."""
    methods = (Method.BOUNCE,)
    evidence_links.add(EvidenceLink("event", gettext_lazy("Bounce"), 30, _url, methods, _behind))


def _behind(entry: StatusHistory) -> int | None:
    told = DeliveryEvent.objects.filter(contact=entry.contact_id, request_id=entry.request_id)
    return told.values_list("pk", flat=True).first()


def _url(access: Access, value: object) -> str:
    if not isinstance(value, int):
        return ""
    event = DeliveryEvent.objects.filter(project=access.project, pk=value).first()
    if event is None or event.kind not in (*FAILURES, DeliveryKind.UNSUBSCRIBED):
        return ""
    return reverse("consent:delivery_event", args=[access.project.slug, event.pk])


def event_in(project: Project, number: int) -> DeliveryEvent | None:
    """An event of a project by its number."""
    return DeliveryEvent.objects.filter(project=project, pk=number).first() if number < 2**63 else None


def facts_of(row: BounceRow) -> list[Fact]:
    """What was told, as facts."""
    event = row.event
    facts = [
        Fact(_("Address"), row.name),
        Fact(_("Contact"), row.contact.name, row.contact.get_absolute_url()) if row.contact else None,
        Fact(_("What was told"), str(DeliveryKind(event.kind).label)),
        Fact(_("Code"), event.status),
        Fact(_("Answer of the server"), event.reply),
        Fact(_("Happened"), _moment(event.occurred_at)),
        Fact(_("Came"), _moment(event.recorded_at)),
        Fact(_("Through"), event.provider or str(Door(event.door).label)),
        Fact(_("Proof"), _("Authenticated") if event.believed else _("None: anybody can have sent it")),
    ]
    return [fact for fact in facts if fact is not None and fact.value]


def _moment(moment: datetime) -> str:
    return f"{long_day(moment)}, {clock(moment)}"


def entries_of(event: DeliveryEvent) -> StatusHistoryQuerySet:
    """What the history holds because of an event."""
    return StatusHistory.objects.filter(project=event.project_id, request_id=event.request_id).order_by("-pk")
