"""What receivers and providers tell of messages, and what follows from it."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from consent.incoming.dsn import DELAYED, DELIVERED, FAILED, DeliveryReport, status_in
from consent.models import DeliveryEvent
from consent.services import links
from consent.services.feedback import reports
from consent.services.feedback.naming import is_forgotten
from consent.services.feedback.quarantining import MoreToLock, evidence_of, failed, not_existing
from consent.services.links import Link, Scope, what_stops
from consent.tokens import Token
from consent.vocabulary import DeliveryKind, DeliveryOutcome, Door
from contacts.addresses import Address, Mark, normalise
from contacts.errors import InvalidAddress
from contacts.models import ChannelStatus, Project
from contacts.origin import THE_CONTACT, Actor, Origin
from contacts.services import blocks
from contacts.services.locks import lock_addresses
from contacts.services.set_sql import database_clock
from contacts.vocabulary import Channel, Method, Reason

FINAL = frozenset({"5.1.1", "5.1.3", "5.1.6", "5.1.10"})
FAILURES = (DeliveryKind.BOUNCED, DeliveryKind.REJECTED)
_CHANGING = (*FAILURES, DeliveryKind.COMPLAINED, DeliveryKind.UNSUBSCRIBED)
LONGEST_REPLY = 2_000
DELIVERIES_KEPT = timedelta(days=90)

_SENDERS_FAULT = re.compile(r"5\.1\.[78]|[45]\.7\.\d+")
_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})")
_SAYS_NOTHING = re.compile(r"[245]\.0\.0")
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_KINDS = {FAILED: DeliveryKind.BOUNCED, DELAYED: DeliveryKind.DEFERRED, DELIVERED: DeliveryKind.DELIVERED}


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody tells of one message to one address.

    ``key`` is the same each time that they tell it. ``link`` is what our own token in the message leads to; it is
    trusted over ``address``. ``is_final`` says whether the address does not exist, None: as the status has it;
    ``is_senders_fault`` that the receiver refused us or the message, so that nothing is known of the address.
    ``message`` tells the message from others (its Message-ID), empty where nobody knows.
    """

    kind: DeliveryKind
    key: str
    address: str | None = None
    link: Link | None = None
    status: str = ""
    reply: str = ""
    is_final: bool | None = None
    occurred_at: datetime | None = None
    provider: str = ""
    message: str = ""
    is_senders_fault: bool = False


def told_of(report: DeliveryReport, *, link: Link | None, key: str) -> list[Told]:
    """What a delivery report tells, one thing of each recipient; ``key`` is the same each time that it comes.

    Our token speaks of the one it was given to: where a report names several, of whoever has its address.
    """
    told = []
    for place, one in enumerate(report.recipients):
        theirs = link if len(report.recipients) == 1 or (link and _is_of(link, one.address)) else None
        told.append(
            Told(
                _KINDS[one.action], f"{key}/{place}", one.address or None, theirs, one.status, one.diagnostic, None,
                one.attempted_at or report.reported_at, "", report.message,
            )
        )  # fmt: skip
    if not told and link is not None:
        told.append(Told(DeliveryKind.BOUNCED, key, link=link, occurred_at=report.reported_at, message=report.message))
    return told


def take(project: Project, told: Sequence[Told], *, door: Door, believed: bool, actor: Actor) -> list[DeliveryEvent]:
    """Write down what was told, each in a transaction of its own, and do what follows from it.

    ``believed`` says that it came through an authenticated door; what has a link of ours is believed anyway. What is
    not waits for review where it would quarantine an address, and changes nothing else.
    """
    return [_take_one(project, one, door, believed, actor) for one in told]


@transaction.atomic
def accept(events: QuerySet[DeliveryEvent], *, origin: Origin) -> int:
    """Quarantine the addresses of events that wait, on a user's word, and return how many events that were."""
    prints = set(events.filter(outcome=DeliveryOutcome.WAITING).values_list("fingerprint", flat=True))
    lock_addresses(prints, exclusive=True)
    waiting = list(events.filter(outcome=DeliveryOutcome.WAITING, fingerprint__in_texts=prints).order_by("pk"))
    for project in Project.objects.filter(pk__in={event.project_id for event in waiting}):
        here = [event for event in waiting if event.project_id == project.pk]
        latest = {event.fingerprint: event for event in sorted(here, key=lambda event: event.occurred_at)}
        evidence = evidence_of(here[0]) if len(here) == 1 else {}
        said = {address.fingerprint: blocks.Said(latest[mark].occurred_at) for mark, address in _addresses(here)}
        blocks.quarantine_addresses(
            [address for _mark, address in _addresses(here)],
            project=project,
            origin=origin.saying(method=Method.BOUNCE, reason=Reason.NO_SUCH_ADDRESS, evidence=evidence),
            said=said,
        )
    _decide([event.pk for event in waiting], DeliveryOutcome.QUARANTINED, origin.actor)
    return len(waiting)


@transaction.atomic
def dismiss(events: QuerySet[DeliveryEvent], *, actor: Actor) -> int:
    """Leave the addresses of events that wait as they are, and return how many events that were."""
    waiting = events.filter(outcome=DeliveryOutcome.WAITING).order_by("pk").select_for_update(no_key=True)
    return _decide(list(waiting.values_list("pk", flat=True)), DeliveryOutcome.DISMISSED, actor)


def purge(now: datetime) -> None:
    """Forget after some time what merely arrived; what failed is kept."""
    arrived = DeliveryEvent.objects.filter(
        kind__in=(DeliveryKind.DELIVERED, DeliveryKind.DEFERRED, DeliveryKind.AUTORESPONDED),
        outcome=DeliveryOutcome.RECORDED,
        recorded_at__lt=now - DELIVERIES_KEPT,
    )
    arrived._raw_delete("default")


def _decide(numbers: list[int], outcome: DeliveryOutcome, actor: Actor) -> int:
    events = DeliveryEvent.objects.filter(pk__in_set=numbers)
    return events.update(outcome=outcome, decided_at=database_clock(), decided_by=actor.label)


def _addresses(events: Iterable[DeliveryEvent]) -> list[tuple[str, Address | Mark]]:
    """The address of each event by the fingerprint that it names, each once."""
    found: dict[str, Address | Mark] = {}
    for event in events:
        shown = _readable(event.address or "")
        is_same = shown is not None and event.fingerprint in shown.fingerprints
        found[event.fingerprint] = shown if shown and is_same else Mark(event.channel, event.fingerprint)
    return list(found.items())


class _Concerned(NamedTuple):
    """Whom an event is about: an address, and the contact who has it, as far as either is known."""

    address: Address | Mark | None
    contact: int | None


def _take_one(project: Project, told: Told, door: Door, believed: bool, actor: Actor) -> DeliveryEvent:
    digest = hashlib.sha256(f"{project.pk}\n{told.key}".encode("utf-8", "replace")).hexdigest()
    known = DeliveryEvent.objects.filter(project=project, digest=digest)
    further: set[str] = set()
    for _attempt in range(20):
        if (before := known.first()) is not None:
            return before
        try:
            with transaction.atomic():
                return _write(project, told, door, believed, actor, digest, further)
        except MoreToLock as more:
            further |= more.fingerprints
        except IntegrityError:  # somebody else wrote it down in this moment
            if not known.exists():
                raise
    raise RuntimeError("The events of this domain keep changing.")


def _write(
    project: Project, told: Told, door: Door, believed: bool, actor: Actor, digest: str, further: set[str]
) -> DeliveryEvent:
    link = told.link if told.link and told.link.project.pk == project.pk else None
    address = link.address if link else _readable(told.address or "")
    reply = _words(told.reply)
    status = _status(told.status, reply)
    is_failure = told.kind in FAILURES
    is_ours = told.is_senders_fault or _SENDERS_FAULT.fullmatch(status) is not None
    is_final = is_failure and not is_ours and (status in FINAL if told.is_final is None else told.is_final)
    locked = {*(address.fingerprints if address else ()), *further}
    domains = {f"domain {project.pk} {_domain(address.shown)}"} if address and is_final else set()
    # Under the lock nobody who has the address is erased between the look and the writing.
    lock_addresses(locked | domains, exclusive=told.kind in _CHANGING)
    if link is not None:
        link = what_stops(link.token)
    address, contact = _concerned(project, address, link)
    shown = address.shown if address else None
    now = database_clock()
    event = DeliveryEvent.objects.create(
        project=project,
        door=door,
        provider=told.provider[:40],
        kind=told.kind,
        digest=digest,
        message=hashlib.sha256(told.message.encode("utf-8", "replace")).hexdigest() if told.message else "",
        contact_id=contact,
        channel=Channel.EMAIL,
        fingerprint=address.fingerprint if address else "",
        address=shown,
        domain=_domain(shown),
        status=status,
        reply=reply if shown else "",
        is_final=is_final,
        believed=believed or link is not None,
        outcome=DeliveryOutcome.RECORDED if address else DeliveryOutcome.NO_MATCH,
        occurred_at=_moment(told.occurred_at, now),
        recorded_at=now,
    )
    if address is not None:
        event.outcome = _act(event, address, link, actor, locked, counts=is_failure and not is_ours)
        event.save(update_fields=["outcome"])
    return event


def _act(
    event: DeliveryEvent, address: Address | Mark, link: Link | None, actor: Actor, locked: set[str], *, counts: bool
) -> DeliveryOutcome:
    """Do what follows from an event, and return what became of it."""
    if event.is_final:
        return not_existing(event, address, locked)
    if not event.believed:
        return DeliveryOutcome.RECORDED
    if counts:
        return failed(event, address)
    if event.kind == DeliveryKind.COMPLAINED:
        return _complain(event, address, link, actor)
    if event.kind == DeliveryKind.UNSUBSCRIBED:
        return _stop(event, address, link)
    return DeliveryOutcome.RECORDED


# Words of the person


def _complain(event: DeliveryEvent, address: Address | Mark, link: Link | None, actor: Actor) -> DeliveryOutcome:
    reports.complain(
        address, project=event.project, door=Door(event.door), actor=actor, occurred_at=event.occurred_at, link=link,
        key=event.digest,
    )  # fmt: skip
    return DeliveryOutcome.SUPPRESSED


def _stop(event: DeliveryEvent, address: Address | Mark, link: Link | None) -> DeliveryOutcome:
    """What somebody said to their provider is their own act. Without our token an address that several contacts share
    names none of them, and is blocked by itself."""
    evidence = {"event": event.pk, **({"provider": event.provider} if event.provider else {})}
    origin = Origin(
        Method.OPT_OUT_LINK, THE_CONTACT, Reason.OWN_REQUEST, evidence=evidence, occurred_at=event.occurred_at,
        request_id=event.request_id,
    )  # fmt: skip
    if link is None:
        has_it = ChannelStatus.objects.filter(
            project=event.project, channel=address.channel, fingerprint=address.fingerprint
        )
        theirs = list(has_it.values_list("contact_id", flat=True)[:2])
        if len(theirs) == 1:
            link = what_stops(Token(event.project_id, theirs[0], address.channel, address.fingerprint))
    if link is None:
        blocks.opt_out_addresses([address], project=event.project, origin=origin)
    else:
        links.stop(link, Scope.PROJECT, origin=origin)
    return DeliveryOutcome.STOPPED


# Reading


def _concerned(project: Project, address: Address | Mark | None, link: Link | None) -> _Concerned:
    if link is not None:
        return _Concerned(link.address, link.contact.pk if link.contact else None)
    if not isinstance(address, Address):
        return _Concerned(address, None)
    held = ChannelStatus.objects.filter(
        project=project, channel=address.channel, fingerprint__in=address.fingerprints
    ).order_by("contact_id")
    contact = held.values_list("contact_id", flat=True).first()
    if contact is None and is_forgotten(project, address):
        return _Concerned(Mark(address.channel, address.fingerprint), None)
    return _Concerned(address, contact)


def _readable(text: str) -> Address | None:
    try:
        return normalise(Channel.EMAIL, text)
    except InvalidAddress:
        return None


def _is_of(link: Link, text: str) -> bool:
    address = _readable(text)
    return address is not None and bool(set(address.fingerprints) & set(link.address.fingerprints))


def _domain(shown: str | None) -> str:
    return shown.rpartition("@")[2].lower()[:255] if shown else ""


def _status(text: str, reply: str) -> str:
    """The enhanced code, from the receiver's words where the status itself says nothing."""
    found = _STATUS.search(text)
    told = found.group(1) if found else ""
    return status_in(reply) or told if not told or _SAYS_NOTHING.fullmatch(told) else told


def _words(text: str) -> str:
    """The receiver's words as a line that can be stored and shown."""
    kept = "".join(" " if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in text[: LONGEST_REPLY * 2])
    return re.sub(r"\s+", " ", kept).strip()[:LONGEST_REPLY]


def _moment(told: datetime | None, now: datetime) -> datetime:
    """When it happened: never in the future, whatever the clock of the receiver says, nor before there was mail."""
    if told is None:
        return now
    moment = told if told.tzinfo else told.replace(tzinfo=UTC)
    return max(min(moment, now), _FIRST)
