"""The contact's own switch: deactivate, and activate with an authorization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from contacts.errors import NothingToDo
from contacts.gates import lifted_by, standing_noes
from contacts.models import ChannelStatus, Contact, Project, StatusHistory
from contacts.models.contact import ContactQuerySet
from contacts.origin import Authorization, Origin, Said
from contacts.services import opt_outs
from contacts.services.authority import judge, refuse_unseen, said_so_far, with_last_words
from contacts.services.change import Change, Skipped, skipping
from contacts.services.ledger import moment_after, occurrence, outcome, record, spoken, without_repeats
from contacts.services.locks import lock_contacts, with_addresses_locked
from contacts.services.projection import copy_switch, fold_switch, switch_words
from contacts.vocabulary import OPEN, SHUT, Aspect, Method, Reason, Says, Weight

ACTIVE, INACTIVE = OPEN[Aspect.ACTIVE], SHUT[Aspect.ACTIVE]


@transaction.atomic
def deactivate(contacts: ContactQuerySet, *, origin: Origin) -> Change:
    """Stop everything on every channel; data, blocks and consents keep their values.

    Every request is recorded, also for a contact who is inactive already: who may activate again depends
    on it. A no dated back changes the present only if no later yes outweighs it (the law of gates).
    Returns what changed and what was confirmed. Raises InTheFuture.
    """
    locked = lock_contacts(contacts)
    ids = without_repeats(locked, origin, aspect=Aspect.ACTIVE)
    moment = moment_after(contacts=ids)
    occurred_at = occurrence(origin, moment)
    is_now = occurred_at == moment
    is_inactive = Q(is_active=False)
    lifted = lifted_by(switch_words(), weight=origin.weight_of_no, occurred_at=occurred_at)
    stays_open = Case(When(~is_inactive & Exists(lifted), then=Value(ACTIVE)), default=Value(INACTIVE))
    record(
        Contact.objects.filter(pk__in_set=ids),
        aspect=Aspect.ACTIVE,
        says=Says.NO,
        origin=origin,
        moment=moment,
        occurred_at=occurred_at,
        from_value=Case(When(is_inactive, then=Value(INACTIVE)), default=Value(ACTIVE)),
        to_value=INACTIVE if is_now else stays_open,
    )
    if is_now:  # nothing can be later than a no that is said now
        Contact.objects.filter(pk__in_set=ids).update(is_active=False, last_entry_at=moment)
        copy_switch(ids)
    else:
        fold_switch(ids, moment)
    return outcome(origin, repeated=len(locked) - len(ids), about=Q(contact_id__in_set=locked))


def only_replaced(contacts: ContactQuerySet) -> ContactQuerySet:
    """The inactive contacts of a set whom nothing keeps so but that an earlier list had them no more."""
    same_gate = StatusHistory.objects.filter(contact=OuterRef("contact_id"), aspect=Aspect.ACTIVE).not_voided()
    noes = switch_words().filter(says=Says.NO)
    missing = Q(reason=Reason.REPLACED, method=Method.IMPORT)
    others = standing_noes(noes.exclude(missing), words=same_gate)
    return contacts.inactive().filter(Exists(noes.filter(missing)), ~Exists(others))


@transaction.atomic
def return_replaced(contacts: ContactQuerySet, *, origin: Origin, said: Mapping[int, Said] | None = None) -> Change:
    """Let those come back whom an earlier list had left out, and nothing else keeps inactive: a newer one has them.

    A yes of our own, without an authorization: it lifts what lists decided, and no person's no. Everybody else is left
    as they are. ``said`` tells, by contact, on which line they stand.
    """
    locked = lock_contacts(contacts)
    ids = without_repeats(locked, origin, aspect=Aspect.ACTIVE, says=Says.YES)
    coming = list(only_replaced(Contact.objects.filter(pk__in_set=ids)).values_list("pk", flat=True))
    moment = moment_after(contacts=coming)
    _occurred_at, line = spoken(said, "pk", origin, moment)
    record(
        Contact.objects.filter(pk__in_set=coming),
        aspect=Aspect.ACTIVE,
        says=Says.YES,
        origin=origin.saying(reason=Reason.RETURNED),
        moment=moment,
        weight=Weight.OURS,
        from_value=INACTIVE,
        to_value=ACTIVE,
        line=line,
    )
    Contact.objects.filter(pk__in_set=coming).update(is_active=True, last_entry_at=moment)
    copy_switch(coming)
    return outcome(origin, repeated=len(locked) - len(ids), about=Q(contact_id__in_set=locked, says=Says.YES))


def activate(
    contacts: ContactQuerySet,
    *,
    origin: Origin,
    authorization: Authorization,
    whole: bool = False,
    shown: str | None = None,
) -> Change:
    """Open the switch again on the contact's word, and the opt-outs that the authorization covers.

    Opts nobody in. Left alone, and returned as skipped: who is active already and has nothing covered,
    whose no weighs more than the actor's authority (AuthorizationRequired), who said no after the date of
    the authorization (AuthorizationTooOld). With ``whole`` the first of these refusals is raised and nothing
    changes, so that an authorization is never followed by half. ``shown`` is ``noes_of`` as they were when the
    user was shown them: raises StaleConfirmation when one came since. Raises InTheFuture.
    """
    channels = sorted(authorization.covers)

    def change(locked: list[int]) -> Change:
        ids = without_repeats(locked, origin, says=Says.YES)
        if not ids:
            return outcome(origin, repeated=len(locked))
        refuse_unseen(shown, *_all_gates(ids))
        zone = Project.objects.get(contacts=ids[0]).zone
        moment = opt_outs.moment_for(ids)
        skipped = _open_switch(ids, origin, authorization, zone, moment)
        refused = {number for group in skipped for number in group.ids}
        willing = [number for number in ids if number not in refused]
        for channel in channels:
            skipped += opt_outs.open_channel(willing, channel, origin, authorization, zone, moment)
        if whole and skipped:
            raise skipped[0].error
        return outcome(origin, repeated=len(locked) - len(ids), skipped=skipped)

    return with_addresses_locked(contacts, channels, change)


def return_themselves(contacts: ContactQuerySet, channels: Iterable[str], *, origin: Origin) -> Change:
    """Let contacts back who said so through a door of their own: the switch opens, and these channels.

    Their word lifts noes of their own and ours, never a complaint: who complained is left alone, and skipped. The
    origin is the person's own act (``Origin.is_own_act``); what is open already is not recorded.
    """
    channels = sorted(channels)

    def change(locked: list[int]) -> Change:
        ids = without_repeats(locked, origin, says=Says.YES)
        if not ids:
            return outcome(origin, repeated=len(locked))
        zone = Project.objects.get(contacts=ids[0]).zone
        moment = opt_outs.moment_for(ids)
        skipped = _open_switch(ids, origin, None, zone, moment)
        refused = {number for group in skipped for number in group.ids}
        for channel in channels:
            willing = [number for number in ids if number not in refused]
            skipped += opt_outs.open_channel(willing, channel, origin, None, zone, moment)
        return outcome(origin, repeated=len(locked) - len(ids), skipped=skipped, says=Says.YES)

    return with_addresses_locked(contacts, channels, change)


def _open_switch(
    ids: list[int], origin: Origin, authorization: Authorization | None, zone: ZoneInfo, moment: datetime
) -> tuple[Skipped, ...]:
    inactive = Contact.objects.filter(pk__in_set=ids, is_active=False)
    idle = set(ids) - set(inactive.values_list("pk", flat=True))
    if authorization is None or authorization.covers:
        idle = set()
    gates = switch_gates(inactive)
    judgement = judge(gates, origin=origin, authorization=authorization, zone=zone, moment=moment)
    record(
        gates.filter(pk__in_set=judgement.may_open),
        aspect=Aspect.ACTIVE,
        says=Says.YES,
        origin=origin,
        moment=moment,
        weight=judgement.weight,
        word_at=judgement.word_at,
        authorization=authorization,
        from_value=INACTIVE,
        to_value=ACTIVE,
    )
    Contact.objects.filter(pk__in_set=judgement.may_open).update(is_active=True, last_entry_at=moment)
    copy_switch(judgement.may_open)
    return judgement.skipped + skipping([(sorted(idle), NothingToDo(_("The contact is active already.")))])


def noes_of(ids: Iterable[int]) -> str:
    """What stands against activating contacts, as a digest for ``activate``."""
    return said_so_far(*_all_gates(ids))


def _all_gates(ids: Iterable[int]) -> tuple[QuerySet[Contact], QuerySet[ChannelStatus]]:
    ids = list(ids)
    opted_out = ChannelStatus.objects.filter(contact_id__in_set=ids, opted_out=True)
    return switch_gates(Contact.objects.filter(pk__in_set=ids).inactive()), opt_outs.opt_out_gates(opted_out)


def switch_gates(contacts: ContactQuerySet) -> QuerySet[Contact]:
    """The switches of inactive contacts as gates to judge."""
    return with_last_words(contacts, (switch_words, "contact"))
