"""Granting and withdrawing consent, for sets of contacts, by the law of gates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from consent.models import CommunicationType, Consent, ConsentHistory
from consent.services.ledger import record
from consent.services.projection import fold, put_consents, state, words
from consent.services.shared import refused_by_others
from consent.vocabulary import Basis, ConsentState, Word
from contacts.errors import AuthorizationRequired, RegisterError
from contacts.gates import lifted_by, standing_noes
from contacts.models import Project
from contacts.models.contact import ContactQuerySet
from contacts.moments import end_of_day
from contacts.origin import Authorization, Origin, Said
from contacts.services.authority import judge, needs_more, refuse_unseen, said_so_far, with_last_words
from contacts.services.change import Change, Skipped, skipping
from contacts.services.ledger import moment_after, spoken, without_repeats
from contacts.services.locks import lock_contacts
from contacts.services.projection import touch
from contacts.vocabulary import Method, Says, Weight

_BY_HAND = (Method.MANUAL, Method.API)


class NoConsentNeeded(RegisterError):
    """Consent to an administrative type means nothing."""

    code = "no_consent_needed"
    message = _("This communication type is administrative and needs no consent.")


class NotOnChannel(RegisterError):
    code = "not_on_channel"
    message = _("This communication type is not sent on this channel.")
    field = "channel"


class ImpliedNotAccepted(RegisterError):
    code = "implied_not_accepted"
    message = _("This communication type needs express consent.")
    remedy = _("An admin can let implied consent be enough for it.")
    field = "basis"


class RefusedAtAddress(AuthorizationRequired):
    """Somebody else who has the same address took this back: one of them may not be written to there."""

    message = _("Somebody who has the same address took this back.")
    remedy = _("It needs the contact's own act, or their authorization.")


def check_topic(communication_type: CommunicationType, channel: str) -> None:
    """Raise NoConsentNeeded or NotOnChannel when there can be no consent to this."""
    if communication_type.administrative:
        raise NoConsentNeeded
    if channel not in communication_type.channels:
        raise NotOnChannel


def implied_end(
    communication_type: CommunicationType, implied_by: str, day: date, zone: ZoneInfo, *, until: date | None = None
) -> datetime:
    """When consent ends that is implied by something of this day (of a membership: the day on which it ends).

    CASL, section 10(10) to (13): six months after an inquiry, two years after a purchase or the end of a membership;
    or the type's own periods. ``until`` is the end of what has one of its own. The end is that of its day.
    """
    months = communication_type.months_after(implied_by)
    if months is None:
        if until is None:
            raise RegisterError(_("Say until when the consent is implied."), field="until")
        return end_of_day(until, zone)
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > 9_000:
        raise RegisterError(_("This date is too far away."), field="day")
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - date.resolution).day
    return end_of_day(date(year, month + 1, min(day.day, last)), zone)


@transaction.atomic
def grant(
    contacts: ContactQuerySet,
    communication_type: CommunicationType,
    channel: str,
    *,
    origin: Origin,
    basis: Basis = Basis.EXPRESS,
    implied_by: str = "",
    implied_until: datetime | None = None,
    authorization: Authorization | None = None,
    shown: str | None = None,
    said: Mapping[int, Said] | None = None,
    proofs: Mapping[int, str] | None = None,
) -> Change:
    """Record that these contacts agreed to a type on a channel.

    An own act or an authorization weighs what lifts a withdrawal (of at most its weight); what users without one,
    imports and implied consent say weighs nothing and lifts none: it is kept, and changes nothing while a withdrawal
    stands. Skipped, with the refusal: express consent that a user or a token records over a withdrawal that their word
    does not lift, and what weighs nothing where somebody else took the type back who has the same address.
    ``said`` gives each contact's moment and line in a file, ``proofs`` their notes; ``shown`` is ``noes_on`` as the
    user was shown them. Raises NoConsentNeeded, NotOnChannel, ImpliedNotAccepted, InTheFuture, StaleConfirmation.
    """
    check_topic(communication_type, channel)
    if basis == Basis.IMPLIED and not communication_type.accepts_implied:
        raise ImpliedNotAccepted
    locked = lock_contacts(contacts)
    ids = _without_repeats(locked, origin, communication_type, channel, Word.GRANTED, said)
    if not ids:
        return Change(origin.request_id, repeated=len(locked))
    put_consents(ids, communication_type.pk, channel)
    rows = _rows(ids, communication_type, channel)
    refuse_unseen(shown, _gates(rows.filter(is_withdrawn=True)))
    moment = moment_after(contacts=ids)
    if basis == Basis.IMPLIED:
        authorization = None
    is_heavy = basis == Basis.EXPRESS and (origin.is_own_act or authorization is not None)
    occurred_at, line = spoken(said, "contact_id", origin, moment)
    skipped: tuple[Skipped, ...] = ()
    weight, word_at, opens = int(Weight.OURS), None, Q(pk__in=[])
    gates = _gates(rows)
    if is_heavy:
        zone = Project.objects.get(pk=communication_type.project_id).zone
        shut = gates.filter(is_withdrawn=True)
        judged = judge(shut, origin=origin, authorization=authorization, zone=zone, moment=moment)
        weight, word_at, skipped = judged.weight, judged.word_at, _of_contacts(judged.skipped, rows)
        opens = Q(pk__in=judged.may_open)
        gates = gates.filter(Q(is_withdrawn=False) | opens)
    else:
        if basis == Basis.EXPRESS and origin.method in _BY_HAND:
            refused = list(gates.filter(is_withdrawn=True).values_list("contact_id", "strongest"))
            skipped = skipping(
                [([number for number, held in refused if held == grade], needs_more(grade)) for grade in Weight.values]
            )
            gates = gates.filter(is_withdrawn=False)
        at_others = rows.filter(refused_by_others(), is_withdrawn=False)
        skipped += skipping([(sorted(at_others.values_list("contact_id", flat=True)), RefusedAtAddress())])
        gates = gates.filter(Q(is_withdrawn=True) | ~refused_by_others())
    at = F("said_at") if said else occurred_at
    if said:
        gates = gates.annotate(said_at=occurred_at)
    record(
        gates,
        word=Word.GRANTED,
        origin=origin,
        moment=moment,
        weight=weight,
        word_at=word_at,
        occurred_at=Case(When(opens, then=Value(moment)), default=at) if is_heavy else at,
        from_state=state(moment),
        to_state=_after_grant(basis, implied_until, opens, moment),
        authorization=authorization,
        proofs=proofs,
        basis=basis,
        implied_by=implied_by,
        implied_until=implied_until,
        line=line,
    )
    fold(rows, moment)
    touch(ids, moment)
    return _outcome(origin, locked, ids, skipped, communication_type, channel, moment)


def _after_grant(basis: Basis, implied_until: datetime | None, opens: Q, moment: datetime) -> Case:
    """What consents amount to after a grant, by what they were before."""
    agreed: Any = Value(ConsentState.EXPRESS)
    if basis == Basis.IMPLIED:
        agreed = Case(
            When(is_express=True, then=Value(ConsentState.EXPRESS)),
            When(implied_until__gt=moment, then=Value(ConsentState.IMPLIED)),
            default=_after_implied(implied_until, moment),
        )
    return Case(When(Q(is_withdrawn=True) & ~opens, then=Value(ConsentState.WITHDRAWN)), default=agreed)


def _after_implied(until: datetime | None, moment: datetime) -> Any:
    """What an implied grant alone amounts to: one whose time is over leaves a pending question what it is."""
    if until is not None and until > moment:
        return Value(ConsentState.IMPLIED)
    return Case(When(pending_at__isnull=False, then=Value(ConsentState.PENDING)), default=Value(ConsentState.ENDED))


@transaction.atomic
def withdraw(
    contacts: ContactQuerySet,
    communication_type: CommunicationType,
    channel: str,
    *,
    origin: Origin,
    said: Mapping[int, Said] | None = None,
    proofs: Mapping[int, str] | None = None,
    unless_standing: bool = False,
) -> Change:
    """Record that these contacts take back their consent to a type on a channel, or never want it.

    A withdrawal is the person's word, whoever writes it down: it weighs at least 1. ``unless_standing`` leaves out
    those whose earlier withdrawal by the same method, of the same weight, still stands (an opt-out link used twice).
    Raises NoConsentNeeded, NotOnChannel, InTheFuture.
    """
    check_topic(communication_type, channel)
    locked = lock_contacts(contacts)
    ids = _without_repeats(locked, origin, communication_type, channel, Word.WITHDRAWN, said)
    if not ids:
        return Change(origin.request_id, repeated=len(locked))
    put_consents(ids, communication_type.pk, channel)
    weight = max(int(Weight.REPORTED), int(origin.weight_of_no))
    if unless_standing:
        noes = words().filter(says=Says.NO, weight=weight, method=origin.method)
        same_gate = ConsentHistory.objects.filter(
            contact=OuterRef("contact_id"), communication_type=OuterRef("communication_type_id"),
            channel=OuterRef("channel"),
        ).not_voided()  # fmt: skip
        told = Exists(standing_noes(noes, words=same_gate))
        ids = list(_rows(ids, communication_type, channel).filter(~told).values_list("contact_id", flat=True))
    rows = _rows(ids, communication_type, channel)
    moment = moment_after(contacts=ids)
    occurred_at, line = spoken(said, "contact_id", origin, moment)
    gates = rows
    if said:
        gates, occurred_at = rows.annotate(said_at=occurred_at), F("said_at")
    lifted = lifted_by(words(), weight=weight, occurred_at=OuterRef("said_at") if said else occurred_at)
    record(
        gates,
        word=Word.WITHDRAWN,
        origin=origin,
        moment=moment,
        weight=weight,
        occurred_at=occurred_at,
        from_state=state(moment),
        to_state=Case(
            When(Q(is_withdrawn=False) & Exists(lifted), then=state(moment)), default=Value(ConsentState.WITHDRAWN)
        ),
        proofs=proofs,
        line=line,
    )
    fold(rows, moment)
    touch(ids, moment)
    return _outcome(origin, locked, ids, (), communication_type, channel, moment)


@transaction.atomic
def ask(contacts: ContactQuerySet, communication_type: CommunicationType, channel: str, *, origin: Origin) -> Change:
    """Note that contacts were asked to confirm an opt-in (double opt-in). It changes nothing until they do."""
    check_topic(communication_type, channel)
    locked = lock_contacts(contacts)
    ids = _without_repeats(locked, origin, communication_type, channel, Word.PENDING, None)
    if not ids:
        return Change(origin.request_id, repeated=len(locked))
    put_consents(ids, communication_type.pk, channel)
    rows = _rows(ids, communication_type, channel)
    moment = moment_after(contacts=ids)
    after = Case(
        When(is_withdrawn=True, then=Value(ConsentState.WITHDRAWN)),
        When(is_express=True, then=Value(ConsentState.EXPRESS)),
        When(implied_until__gt=moment, then=Value(ConsentState.IMPLIED)),
        default=Value(ConsentState.PENDING),
    )
    record(
        rows, word=Word.PENDING, origin=origin, moment=moment, weight=Weight.OURS,
        from_state=state(moment), to_state=after,
    )  # fmt: skip
    fold(rows, moment)
    touch(ids, moment)
    return _outcome(origin, locked, ids, (), communication_type, channel, moment)


def noes_on(ids: Iterable[int], communication_type: CommunicationType, channel: str) -> str:
    """The withdrawals that stand against a type on a channel, as a digest for ``grant``."""
    return said_so_far(_gates(_rows(ids, communication_type, channel).filter(is_withdrawn=True)))


def _gates(consents: QuerySet[Consent]) -> QuerySet[Any]:
    return with_last_words(consents, (words, "contact"))


def _rows(ids: Iterable[int], communication_type: CommunicationType, channel: str) -> QuerySet[Consent]:
    return Consent.objects.filter(contact_id__in_set=list(ids), communication_type=communication_type, channel=channel)


def _without_repeats(
    locked: list[int],
    origin: Origin,
    communication_type: CommunicationType,
    channel: str,
    word: Word,
    said: Mapping[int, Said] | None,
) -> list[int]:
    return without_repeats(
        locked, origin, said=said, history=ConsentHistory.objects.get_queryset(),
        communication_type=communication_type, channel=channel, word=word,
    )  # fmt: skip


def _of_contacts(skipped: Iterable[Skipped], rows: QuerySet[Consent]) -> tuple[Skipped, ...]:
    contact_of = dict(rows.values_list("pk", "contact_id"))
    return tuple(Skipped(tuple(contact_of[pk] for pk in group.ids), group.error) for group in skipped)


def _outcome(
    origin: Origin,
    locked: list[int],
    ids: list[int],
    skipped: tuple[Skipped, ...],
    communication_type: CommunicationType,
    channel: str,
    moment: datetime,
) -> Change:
    written = ConsentHistory.objects.filter(
        request_id=origin.request_id, recorded_at=moment, communication_type=communication_type, channel=channel,
        contact_id__in_set=ids,
    )  # fmt: skip
    confirmed = written.filter(from_state=F("to_state")).count()
    return Change(origin.request_id, written.count() - confirmed, confirmed, len(locked) - len(ids), skipped)
