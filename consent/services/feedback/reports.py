"""Spam reports and what they change (DESIGN, rule 8). The one place for it.

A report finds somebody by our own token in the reported message, else by the recipients that it names, if it is
believed. The address goes on the organization's suppression list; the contact is deactivated, on every channel, unless
the communication type says that a complaint only suppresses. A report that comes twice changes nothing the second time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from consent.incoming.arf import ABUSE, FeedbackReport
from consent.incoming.marks import return_paths_in, tokens_of
from consent.models import CommunicationType, ReportedAddress, SpamReport
from consent.services.feedback.naming import is_forgotten, link_in, link_of_paths
from consent.services.links import Link, known_again
from consent.vocabulary import Door, FoundBy, ReportOutcome
from contacts.addresses import Address, Mark, normalise
from contacts.errors import InvalidAddress, RegisterError
from contacts.models import ChannelStatus, Contact, Project
from contacts.origin import Actor, Origin
from contacts.services.blocks import suppress as put_on_the_list
from contacts.services.locks import holders, lock_addresses, lock_ids, person_of
from contacts.services.set_sql import database_clock
from contacts.services.status import deactivate
from contacts.vocabulary import Cause, Channel, Method, Reason

LONGEST_RAW = 1024 * 1024
KEPT_FOR = timedelta(days=30)
TOPIC = "communication-type"
# In the first versions of the format; a person who asks for it, but not by complaining.
_ASKS = ("opt-out", "opt-out-list")


class ReportDecided(RegisterError):
    """Somebody decided the report between the look and the click, or it never waited."""

    code = "report_decided"
    message = _("This report does not wait for a decision any more.")
    remedy = _("The list shows what was done.")


@dataclass(frozen=True, slots=True)
class _Named:
    """An address that a report names, how, and the contacts whom it concerns through it."""

    address: Address | Mark
    found_by: FoundBy
    contacts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Said:
    """What came in, whatever its shape was."""

    form: str
    feedback_type: str
    details: dict[str, str]
    raw: bytes | None
    reported_at: datetime | None
    recipients: tuple[Address | Mark, ...]
    link: Link | None
    is_of_others: bool = False


def take(
    report: FeedbackReport, *, project: Project, door: Door, believed: bool, raw: bytes | None, actor: Actor
) -> SpamReport:
    """Keep a report, and do what it asks for where it is believed and names somebody.

    ``believed`` says that it came through an authenticated door; one that carries our own token is believed anyhow.
    Only ``abuse`` is acted on. What is not believed, or does not say of which type it is, waits for an admin.
    """
    link = _link_of(report, project)
    if link is not None and link.row is None:
        link = replace(link, address=known_again(project, link.address))
    said = _Said(
        form=report.form,
        feedback_type=report.feedback_type,
        details=report.details,
        raw=raw[:LONGEST_RAW] if raw else None,
        reported_at=report.reported_at,
        recipients=() if link else _addresses_of(report.recipients),
        link=link,
        is_of_others=link is None and report.original is not None and bool(tokens_of(report.original)),
    )
    return _keep(said, report.identity, project=project, door=door, believed=believed, actor=actor)


def complain(
    address: Address | Mark,
    *,
    project: Project,
    door: Door,
    actor: Actor,
    occurred_at: datetime | None = None,
    link: Link | None = None,
    key: str,
    believed: bool = True,
) -> SpamReport:
    """Keep a complaint that somebody tells us of an address: an integrator, or a provider whose event has this key.

    With a ``link`` (our own token came with it) it is about whom that names, else about who has the address. The same
    ``key`` makes it the same complaint.
    """
    said = _Said(
        form="provider" if door == Door.WEBHOOK else "json",
        feedback_type=ABUSE,
        details={},
        raw=None,
        reported_at=occurred_at,
        recipients=(address,),
        link=link if link and link.project.pk == project.pk else None,
    )
    identity = hashlib.sha256(f"complaint\0{key}".encode()).hexdigest()
    return _keep(said, identity, project=project, door=door, believed=believed, actor=actor)


@transaction.atomic
def accept(report: SpamReport, *, origin: Origin) -> SpamReport:
    """Do what a waiting report asks for, on an admin's word that it is true. Raises ReportDecided.

    Who has got another address since is left alone: then only the address that was reported is blocked.
    """
    rows = list(report.addresses.order_by("pk"))
    marks = {mark for row in rows for mark in _address_of(row).fingerprints}
    _lock(marks, [row.contact_id for row in rows if row.contact_id])
    held = _waiting(report)
    named = []
    for row in rows:
        address = _address_of(row)
        still = ChannelStatus.objects.filter(
            contact=person_of(row.contact_id) if row.contact_id else None, project=held.project_id,
            channel=row.channel, fingerprint__in=address.fingerprints,
        )  # fmt: skip
        named.append(_Named(address, FoundBy(row.found_by), tuple(still.values_list("contact_id", flat=True))))
    _act(held, named, actor=origin.actor, occurred_at=held.occurred_at)
    return _decided(held, ReportOutcome.SUPPRESSED, origin.actor)


@transaction.atomic
def dismiss(report: SpamReport, *, actor: Actor) -> SpamReport:
    """Let a waiting report change nothing: nobody believes it. Raises ReportDecided."""
    return _decided(_waiting(report), ReportOutcome.DISMISSED, actor)


def purge(now: datetime) -> None:
    """Forget after some time what a report that changed nothing looked like: nobody needs it as evidence."""
    idle = (ReportOutcome.IGNORED, ReportOutcome.NO_MATCH, ReportOutcome.DISMISSED)
    SpamReport.objects.filter(outcome__in=idle, received_at__lt=now - KEPT_FOR, raw__isnull=False).update(raw=None)


def _waiting(report: SpamReport) -> SpamReport:
    held = SpamReport.objects.select_for_update(of=("self",)).select_related("project__organization")
    found = held.filter(pk=report.pk, outcome=ReportOutcome.WAITING).first()
    if found is None:
        raise ReportDecided
    return found


def _decided(report: SpamReport, outcome: ReportOutcome, actor: Actor) -> SpamReport:
    report.outcome, report.decided_at, report.decided_by = outcome, database_clock(), actor.label
    report.save(update_fields=["outcome", "decided_at", "decided_by"])
    return report


def _link_of(report: FeedbackReport, project: Project) -> Link | None:
    """Whom our own token names: in the reported message, or in its envelope sender."""
    link = link_in(report.original, project) if report.original is not None else None
    if link is not None or (report.original is not None and tokens_of(report.original)):
        return link
    link = link_of_paths(return_paths_in(report.envelope))
    return link if link and link.project.pk == project.pk else None


def _addresses_of(texts: Iterable[str]) -> tuple[Address, ...]:
    found = []
    for text in texts:
        with suppress(InvalidAddress):
            found.append(normalise(Channel.EMAIL, text))
    return tuple(found)


def _keep(said: _Said, identity: str, *, project: Project, door: Door, believed: bool, actor: Actor) -> SpamReport:
    for _attempt in range(3):
        try:
            with transaction.atomic():
                return _keep_once(said, identity, project=project, door=door, believed=believed, actor=actor)
        except IntegrityError:  # it came twice at the same time
            if not SpamReport.objects.filter(project=project, digest=identity).exists():
                raise
    raise RuntimeError("This report keeps coming and going.")


def _keep_once(said: _Said, identity: str, *, project: Project, door: Door, believed: bool, actor: Actor) -> SpamReport:
    is_believed = believed or said.link is not None
    concerned = [said.link.address] if said.link else list(said.recipients)
    _lock(
        {mark for address in concerned for mark in address.fingerprints}, [said.link.token.contact] if said.link else []
    )
    now = database_clock()
    occurred_at = said.reported_at if said.reported_at and said.reported_at <= now else now
    known = SpamReport.objects.select_for_update().filter(project=project, digest=identity).first()
    if known is not None and (known.believed or not is_believed or known.decided_at):
        return known
    named = _named(said, project)
    outcome = _outcome(said, named, is_believed=is_believed)
    report = known or SpamReport(project=project, digest=identity, received_at=now)
    report.door, report.form, report.feedback_type = door, said.form, said.feedback_type
    report.believed, report.outcome = is_believed, outcome
    report.details, report.occurred_at = said.details | _topic(said.link), occurred_at
    report.raw = said.raw if said.raw is not None else report.raw
    if any(isinstance(one.address, Mark) for one in named):
        report.raw = None
    report.save()
    report.addresses.all().delete()
    ReportedAddress.objects.bulk_create(_rows(report, named))
    is_open = is_believed and said.feedback_type == ABUSE and not said.is_of_others
    if is_open:
        _act(report, named, actor=actor, occurred_at=occurred_at)
    return report


def _topic(link: Link | None) -> dict[str, str]:
    """The communication type of the reported message, as far as our token names it."""
    number = link.token.communication_type if link else None
    return {TOPIC: str(number)} if number else {}


def _only_suppresses(report: SpamReport) -> bool:
    """Whether the reported message was of a type of which a complaint leaves the contact active."""
    number = report.details.get(TOPIC)
    types = CommunicationType.objects.filter(project=report.project, complaint_only_suppresses=True)
    return number is not None and types.filter(pk=int(number)).exists()


def _lock(marks: Iterable[str], contacts: Sequence[int]) -> None:
    """Everything that a report may change, in the order of all locks."""
    marks = set(marks)
    lock_addresses(marks, exclusive=True)
    lock_ids({*holders(marks), *contacts, *(person_of(number) for number in contacts)})


def _named(said: _Said, project: Project) -> list[_Named]:
    """Whom it concerns, read once the addresses are locked."""
    if said.link is not None:
        return [_by_token(said.link, project)]
    return [_by_address(address, project) for address in said.recipients]


def _by_address(address: Address | Mark, project: Project) -> _Named:
    """Who has the address. One whose owner was erased is not written down again."""
    has_it = tuple(_who_has(address, project).values_list("contact_id", flat=True))
    if not has_it and isinstance(address, Address) and is_forgotten(project, address):
        return _Named(Mark(address.channel, address.fingerprint), FoundBy.RECIPIENT)
    return _Named(address, FoundBy.RECIPIENT, has_it)


def _by_token(link: Link, project: Project) -> _Named:
    """The contact whom the token names, as long as they have the address that the message went to."""
    has_it = _who_has(link.address, project).filter(contact=person_of(link.token.contact))
    return _Named(link.address, FoundBy.TOKEN, tuple(has_it.values_list("contact_id", flat=True)))


def _who_has(address: Address | Mark, project: Project) -> QuerySet[ChannelStatus]:
    rows = ChannelStatus.objects.filter(project=project, channel=address.channel)
    return rows.filter(fingerprint__in=address.fingerprints).order_by("contact_id")


def _outcome(said: _Said, named: Sequence[_Named], *, is_believed: bool) -> ReportOutcome:
    is_somebody = any(one.contacts for one in named)
    if said.feedback_type not in (ABUSE, "", *_ASKS):
        return ReportOutcome.IGNORED
    if not named or not (is_somebody or is_believed):
        return ReportOutcome.NO_MATCH
    if said.feedback_type != ABUSE or not is_believed or said.is_of_others:
        return ReportOutcome.WAITING if is_somebody else ReportOutcome.NO_MATCH
    return ReportOutcome.SUPPRESSED if is_somebody else ReportOutcome.NO_MATCH


def _rows(report: SpamReport, named: Sequence[_Named]) -> list[ReportedAddress]:
    return [
        ReportedAddress(
            report=report, contact_id=contact, channel=one.address.channel, fingerprint=one.address.fingerprint,
            address=one.address.shown, found_by=one.found_by,
        )
        for one in named
        for contact in (one.contacts or (None,))
    ]  # fmt: skip


def _address_of(row: ReportedAddress) -> Address | Mark:
    return normalise(row.channel, row.address) if row.address else Mark(row.channel, row.fingerprint)


def _act(report: SpamReport, named: Sequence[_Named], *, actor: Actor, occurred_at: datetime) -> None:
    """Put the addresses on the organization's list, and deactivate the contacts."""
    origin = Origin(
        Method.SPAM_REPORT,
        actor,
        Reason.COMPLAINT,
        evidence={"report": report.pk},
        occurred_at=min(occurred_at, database_clock()),
        request_id=report.request_id,
    )
    for one in named:
        contact = Contact.objects.filter(pk=one.contacts[0]).first() if len(one.contacts) == 1 else None
        put_on_the_list(
            [one.address], organization=report.project.organization, cause=Cause.COMPLAINT,
            recorded_in=report.project, contact=contact, origin=origin,
        )  # fmt: skip
    going = {number for one in named for number in one.contacts}
    if going and not _only_suppresses(report):
        deactivate(Contact.objects.filter(pk__in_set=sorted(going)), origin=origin)
