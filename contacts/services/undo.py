"""Taking back a slip: an entry that voids another. Both stay in the history, and the law leaves both out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import BooleanField, Case, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.lookups import IsNull
from django.utils.translation import gettext as _

from contacts.errors import CannotUndo
from contacts.gates import strongest_no_of
from contacts.models import Contact, StatusHistory
from contacts.models.ledger import StatusHistoryQuerySet
from contacts.origin import Actor, Origin
from contacts.services.carrying import carry_over, repeating
from contacts.services.change import Change, skipping
from contacts.services.ledger import moment_after, outcome, record
from contacts.services.locks import holders, lock_addresses, lock_ids, person_of
from contacts.services.projection import fold_blocks, fold_own_opt_outs, fold_switch, touch
from contacts.services.set_sql import database_clock
from contacts.vocabulary import GATES, OPEN, SHUT, Aspect, Channel, Method, Reason, Says, Weight

UNDO_PERIOD = timedelta(hours=24)
Entries = TypeVar("Entries", bound=Any)
WRITTEN_DOWN = (Method.MANUAL, Method.IMPORT, Method.API)


def undoable(
    entries: StatusHistoryQuerySet, actor: Actor, *, now: datetime | None = None, period: timedelta = UNDO_PERIOD
) -> StatusHistoryQuerySet:
    """The entries that this actor may still take back (for a block of the whole organization: one of its admins)."""
    everything = not actor.may_undo_others or actor.authority >= Weight.COMPLAINT
    reach = Q() if everything else by(actor) | Q(block__isnull=True) | Q(block__project__isnull=False)
    return may_take_back(entries.filter(reach, aspect__in=GATES), actor, now=now, period=period)


def by(actor: Actor) -> Q:
    return Q(actor_kind=actor.kind, actor_number=actor.number)


def may_take_back(
    entries: Entries, actor: Actor, *, now: datetime | None = None, period: timedelta = UNDO_PERIOD
) -> Entries:
    """Of the entries of any ledger those that an actor may take back.

    What a user or an import wrote down within the last 24 hours (or a ``period``: a whole import may be undone for
    longer), by whoever did it or an admin; never what the person did through a door of their own, and nothing twice.
    """
    theirs = Q() if actor.may_undo_others else by(actor)
    found: Entries = (
        entries.filter(
            theirs,
            says__in=[Says.NO, Says.YES],
            method__in=WRITTEN_DOWN,
            recorded_at__gt=(now or database_clock()) - period,
        )
        .exclude(~Q(method=Method.IMPORT), says=Says.NO, weight__gte=Weight.OWN)
        .exclude(reason__in=[Reason.CREATED, Reason.ERASURE, Reason.MERGED])
        .not_voided()
    )
    return found


def lasts(
    method: str, reason: str, weight: int, recorded_at: datetime, *, now: datetime, period: timedelta = UNDO_PERIOD
) -> bool:
    """Whether a no like this can no longer be taken back by anybody: the same rule, of one entry."""
    if method not in WRITTEN_DOWN or reason == Reason.ERASURE:
        return True
    if weight >= Weight.OWN and method != Method.IMPORT and reason != Reason.MERGED:
        return True
    return recorded_at <= now - period


def undo(entries: StatusHistoryQuerySet, *, origin: Origin, period: timedelta = UNDO_PERIOD) -> Change:
    """Void entries, and fold what they were about anew. Skipped: what can no longer be taken back.

    What repeats an entry of a merged contact is voided with it; and where the one taken back had lifted a no of
    theirs, that stands again, for the contact they were merged into as well.
    """
    return _void(entries, origin, lambda rows: undoable(rows, origin.actor, period=period))


def take_back_bounces(entries: StatusHistoryQuerySet, *, origin: Origin) -> Change:
    """Void quarantines that bounces brought, once it shows that a user has to look at them. Skipped: everything else.

    Nobody said these noes, so no period ends this.
    """
    bounces = {"aspect": Aspect.QUARANTINE, "says": Says.NO, "method": Method.BOUNCE}
    return _void(entries, origin, lambda rows: rows.filter(**bounces).not_voided())


@transaction.atomic
def _void(
    entries: StatusHistoryQuerySet, origin: Origin, may_go: Callable[[StatusHistoryQuerySet], StatusHistoryQuerySet]
) -> Change:
    wanted = list(entries.order_by("pk").values_list("pk", flat=True))
    rows = StatusHistory.objects.filter(pk__in_set=wanted)
    contacts = set(rows.filter(contact__isnull=False).values_list("contact_id", flat=True))
    fingerprints = set(rows.filter(block__isnull=False).values_list("block__fingerprint", flat=True))
    lock_addresses(fingerprints, exclusive=True)
    contacts |= {person_of(number) for number in contacts}
    lock_ids({*contacts, *holders(fingerprints)})
    repeated = set(
        StatusHistory.objects.filter(request_id=origin.request_id, voids__in=wanted).values_list("voids", flat=True)
    )
    may = sorted(may_go(rows).values_list("pk", flat=True))
    voided = with_repetitions(may)
    blocks = set(voided.filter(block__isnull=False).values_list("block_id", flat=True))
    moment = moment_after(contacts=contacts, blocks=blocks)
    gates = before_and_after(voided)
    for aspect in sorted(set(voided.values_list("aspect", flat=True))):
        shut, opened = Value(SHUT[Aspect(aspect)]), Value(OPEN[Aspect(aspect)])
        record(
            gates.filter(aspect=aspect),
            aspect=aspect,
            says=Says.VOID,
            origin=origin.saying(reason=origin.reason or Reason.SLIP),
            moment=moment,
            weight=Weight.OURS,
            voids=F("pk"),
            from_value=Case(When(was_shut=True, then=shut), default=opened),
            to_value=Case(When(stays_shut=True, then=shut), default=opened),
        )
    _fold(voided, blocks, moment)
    for merged in Contact.objects.filter(pk__in_set=sorted(contacts), merged_into__isnull=False).order_by("pk"):
        into = person_of(merged.pk)
        carry_over(merged, into, origin=origin, moment=moment_after(contacts=[merged.pk, into]))
    refused = sorted(set(wanted) - set(may) - repeated)
    about = Q(voids__in_set=[*voided.values_list("pk", flat=True), *repeated])
    return outcome(origin, repeated=len(repeated), skipped=skipping([(refused, CannotUndo())]), about=about)


def with_repetitions(entries: Iterable[int]) -> StatusHistoryQuerySet:
    """Entries, and those that say them anew of a contact into whom theirs was merged."""
    entries = list(entries)
    return StatusHistory.objects.filter(pk__in_set=[*entries, *repeating(entries).values_list("pk", flat=True)])


def before_and_after(entries: QuerySet[StatusHistory]) -> QuerySet[StatusHistory]:
    """Annotate entries with ``was_shut`` (their gate now) and ``stays_shut`` (the gate without the entry)."""
    of_contact = StatusHistory.objects.filter(
        contact=OuterRef("contact_id"), aspect=OuterRef("aspect"), channel=OuterRef("channel")
    ).not_voided()
    of_block = StatusHistory.objects.filter(block=OuterRef("block_id")).not_voided()
    folded_by_contact = Q(aspect__in=[Aspect.ACTIVE, Aspect.OPT_OUT], contact__isnull=False)

    def is_shut(*, without_itself: bool) -> Case:
        def words(all_words: StatusHistoryQuerySet) -> QuerySet[StatusHistory]:
            return all_words.exclude(pk=OuterRef("pk")) if without_itself else all_words

        return Case(
            When(folded_by_contact, then=IsNull(strongest_no_of(words(of_contact), gate="contact"), False)),
            default=IsNull(strongest_no_of(words(of_block), gate="block"), False),
            output_field=BooleanField(),
        )

    return entries.annotate(was_shut=is_shut(without_itself=False), stays_shut=is_shut(without_itself=True))


def refusal_of(entry: StatusHistory, actor: Actor) -> CannotUndo | None:
    """Why this actor can't take an entry back, in words; None when they can."""
    if undoable(StatusHistory.objects.filter(pk=entry.pk), actor).exists():
        return None
    void = StatusHistory.objects.filter(voids=entry.pk).first()
    if void is not None:
        return CannotUndo(_("This was taken back already, by entry %(number)s.") % {"number": void.pk})
    if entry.says == Says.VOID:
        return CannotUndo(_("An entry that takes another one back cannot be taken back itself."))
    if entry.reason == Reason.MERGED:
        words = _("This was carried over from a merged contact. Take back entry %(number)s, and it goes with it.")
        return CannotUndo(words % {"number": entry.repeats} if entry.repeats else _("A merge cannot be taken back."))
    if entry.aspect not in GATES or entry.says == Says.VALUE or entry.reason == Reason.CREATED:
        return CannotUndo(_("Only a change of status can be taken back. Change the value again instead."))
    is_own = entry.says == Says.NO and entry.weight >= Weight.OWN and entry.method != Method.IMPORT
    if entry.method not in WRITTEN_DOWN or is_own:
        return CannotUndo(_("The contact, or a server that answered, said this; it was not written down by a user."))
    if entry.reason == Reason.ERASURE:
        return CannotUndo(_("This protects somebody who was erased, and stays."))
    if entry.recorded_at <= database_clock() - UNDO_PERIOD:
        return CannotUndo(_("This is more than 24 hours old. What is recorded can be taken back for 24 hours."))
    return CannotUndo(_("Only who did this or an admin may take it back."))


def _fold(voided: QuerySet[StatusHistory], blocks: set[int], moment: datetime) -> None:
    concerned = voided.filter(contact__isnull=False)
    touch(set(concerned.values_list("contact_id", flat=True)), moment)
    fold_switch(set(concerned.filter(aspect=Aspect.ACTIVE).values_list("contact_id", flat=True)), moment)
    fold_blocks(blocks, moment)
    for channel in Channel.values:
        opted = concerned.filter(aspect=Aspect.OPT_OUT, channel=channel)
        fold_own_opt_outs(set(opted.values_list("contact_id", flat=True)), channel, moment)
