"""A person's no on one channel. It follows them to a new address, and stays with the address it came by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils.translation import gettext_lazy as _

from contacts.errors import NothingToDo
from contacts.gates import lifted_by
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory
from contacts.models.contact import ChannelStatusQuerySet, ContactQuerySet
from contacts.origin import Authorization, Origin, Said
from contacts.services.authority import judge, refuse_unseen, said_so_far, with_last_words
from contacts.services.change import Change, Skipped, skipping
from contacts.services.ledger import moment_after, outcome, record, spoken, without_repeats
from contacts.services.locks import with_addresses_locked
from contacts.services.projection import fold_blocks, fold_own_opt_outs, own_opt_out_words, touch
from contacts.services.set_sql import insert_from
from contacts.vocabulary import OPEN, SHUT, Aspect, BlockKind, Cause, Says

OPTED_OUT, NOT_OPTED_OUT = SHUT[Aspect.OPT_OUT], OPEN[Aspect.OPT_OUT]


def opt_out(
    contacts: ContactQuerySet, channel: str, *, origin: Origin, said: Mapping[int, Said] | None = None
) -> Change:
    """Stop one channel for these contacts, and block the address they have on it, in their project.

    Works without an address too: the contact's own no waits for one. ``said`` tells, by contact, when each no
    happened and on which line of a file it stands. Raises InTheFuture.
    """

    def change(locked: list[int]) -> Change:
        words = _of_persons(said)
        ids = without_repeats(locked, origin, said=words, aspect=Aspect.OPT_OUT, channel=channel)
        put_blocks(ids, channel)
        moment = moment_for(ids)
        occurred_at, line = spoken(words, "contact_id", origin, moment)
        is_now = occurred_at == moment
        rows = _rows(ids, channel)
        if words:
            rows, occurred_at = rows.annotate(said_at=occurred_at), F("said_at")
        said_at = OuterRef("said_at") if words else occurred_at
        lifted = lifted_by(own_opt_out_words(), weight=origin.weight_of_no, occurred_at=said_at)
        is_out = Q(own_opt_out=True)
        stays_open = Case(When(~is_out & Exists(lifted), then=Value(NOT_OPTED_OUT)), default=Value(OPTED_OUT))
        record(
            rows,
            aspect=Aspect.OPT_OUT,
            says=Says.NO,
            origin=origin,
            moment=moment,
            occurred_at=occurred_at,
            block=_opt_out_block(),
            from_value=Case(When(is_out, then=Value(OPTED_OUT)), default=Value(NOT_OPTED_OUT)),
            to_value=OPTED_OUT if is_now else stays_open,
            line=line,
        )
        _fold(ids, channel, moment)
        return outcome(origin, repeated=len(locked) - len(ids), about=Q(contact_id__in_set=locked) if words else None)

    return with_addresses_locked(contacts, [channel], change)


def _of_persons(said: Mapping[int, Said] | None) -> dict[int, Said] | None:
    """What contacts said, by who they are now; of two who are one the later."""
    if said is None:
        return None
    found: dict[int, Said] = {}
    persons = Contact.objects.filter(pk__in_set=list(said)).values_list("pk", "merged_into_id")
    for number, person in persons:
        word, other = said[number], found.get(person or number)
        is_later = other is None or word.occurred_at is None
        if is_later or (other and other.occurred_at and word.occurred_at and word.occurred_at > other.occurred_at):
            found[person or number] = word
    return found


def lift_opt_out(
    contacts: ContactQuerySet,
    channel: str,
    *,
    origin: Origin,
    authorization: Authorization,
    shown: str | None = None,
) -> Change:
    """Open a channel again on the contact's word: their own no, and the one on the address they have now.

    Skipped: who is not opted out, whose no weighs more than the actor's authority, who said no later.
    ``shown`` is ``noes_on`` as they were when the user was shown them: raises StaleConfirmation when one came since.
    """

    def change(locked: list[int]) -> Change:
        ids = without_repeats(locked, origin, aspect=Aspect.OPT_OUT, channel=channel)
        if not ids:
            return outcome(origin, repeated=len(locked))
        refuse_unseen(shown, opt_out_gates(_rows(ids, channel)))
        zone = Project.objects.get(contacts=ids[0]).zone
        skipped = open_channel(ids, channel, origin, authorization, zone, moment_for(ids))
        out = outcome(origin, repeated=len(locked) - len(ids), skipped=skipped)
        idle = NothingToDo(_("The contact is not opted out of this channel."))
        return out if out.recorded or skipped else out + Change(out.request_id, skipped=skipping([(ids, idle)]))

    return with_addresses_locked(contacts, [channel], change)


def open_channel(
    ids: Iterable[int],
    channel: str,
    origin: Origin,
    authorization: Authorization | None,
    zone: ZoneInfo,
    moment: datetime,
) -> tuple[Skipped, ...]:
    """Write the yes for contacts that are locked with their addresses, and return who was left alone."""
    shut = _rows(list(ids), channel).filter(opted_out=True)
    gates = opt_out_gates(shut)
    judgement = judge(gates, origin=origin, authorization=authorization, zone=zone, moment=moment)
    record(
        gates.filter(pk__in_set=judgement.may_open),
        aspect=Aspect.OPT_OUT,
        says=Says.YES,
        origin=origin,
        moment=moment,
        weight=judgement.weight,
        word_at=judgement.word_at,
        authorization=authorization,
        block=_opt_out_block(),
        from_value=OPTED_OUT,
        to_value=NOT_OPTED_OUT,
    )
    opened = list(ChannelStatus.objects.filter(pk__in_set=judgement.may_open).values_list("contact_id", flat=True))
    _fold(opened, channel, moment)
    contact_of = dict(shut.values_list("pk", "contact_id"))
    return tuple(Skipped(tuple(contact_of[pk] for pk in group.ids), group.error) for group in judgement.skipped)


def noes_on(ids: Iterable[int], channel: str) -> str:
    """The opt-outs of a channel of contacts and of the addresses they have, as a digest for ``lift_opt_out``."""
    return said_so_far(opt_out_gates(_rows(ids, channel)))


def opt_out_gates(channels: ChannelStatusQuerySet) -> QuerySet[ChannelStatus]:
    """Opted out channels as gates to judge: the contact's own no and the one on their address, the heavier."""
    return with_last_words(channels, (own_opt_out_words, "contact"), (_words_of_address, "block"))


def put_blocks(ids: Iterable[int], channel: str, *, kind: str = BlockKind.OPT_OUT, cause: str = Cause.OPT_OUT) -> None:
    """Make sure that a row of ``Block`` exists, shut or not, for the addresses of these contacts."""
    ids = list(ids)
    put_rows(ids, channel)
    insert_from(
        _rows(ids, channel).with_address().order_by("pk"),
        Block,
        {
            "organization": F("organization_id"), "project": F("project_id"), "channel": channel,
            "fingerprint": F("fingerprint"), "kind": kind, "cause": cause, "address": F("address"),
            "is_on": False, "created_at": moment_for(ids),
        },
        ignore_conflicts=True,
    )  # fmt: skip


def put_rows(ids: Iterable[int], channel: str) -> None:
    """Make sure that these contacts have a row on a channel, with or without an address."""
    ids = list(ids)
    without_row = Contact.objects.filter(pk__in_set=ids).exclude(channel_statuses__channel=channel)
    insert_from(
        without_row.order_by("pk"),
        ChannelStatus,
        {
            "organization": F("organization_id"), "project": F("project_id"), "contact": F("pk"),
            "channel": channel, "address": "", "address_key": "", "fingerprint": "", "is_valid": True,
            "contact_active": F("is_active"), "own_opt_out": False, "opted_out": False,
            "quarantined": False, "suppressed": False, "address_at": None, "last_entry_at": F("last_entry_at"),
        },
    )  # fmt: skip


def moment_for(ids: Iterable[int]) -> datetime:
    """``recorded_at`` for entries about contacts and the blocks on any address they have."""
    ids = list(ids)
    fingerprints = ChannelStatus.objects.filter(contact_id__in_set=ids).with_address().values("fingerprint")
    blocks = Block.objects.filter(fingerprint__in=fingerprints)
    return moment_after(contacts=ids, blocks=blocks.values_list("pk", flat=True))


def _rows(ids: Iterable[int], channel: str) -> ChannelStatusQuerySet:
    return ChannelStatus.objects.filter(contact_id__in_set=list(ids), channel=channel)


def _opt_out_block() -> Subquery:
    return Subquery(_blocks_of_address().values("pk")[:1])


def _blocks_of_address() -> QuerySet[Block]:
    """The project's opt-out block on the address of the outer channel status."""
    return Block.objects.filter(
        project=OuterRef("project_id"),
        channel=OuterRef("channel"),
        fingerprint=OuterRef("fingerprint"),
        kind=BlockKind.OPT_OUT,
        cause=Cause.OPT_OUT,
    )


def _words_of_address() -> QuerySet[StatusHistory]:
    return StatusHistory.objects.filter(
        block__project=OuterRef("project_id"),
        block__channel=OuterRef("channel"),
        block__fingerprint=OuterRef("fingerprint"),
        block__kind=BlockKind.OPT_OUT,
    ).not_voided()


def _fold(ids: Iterable[int], channel: str, moment: datetime) -> None:
    ids = list(ids)
    touch(ids, moment)
    blocks = Block.objects.filter(
        fingerprint__in=_rows(ids, channel).with_address().values("fingerprint"),
        kind=BlockKind.OPT_OUT,
        project__in=Contact.objects.filter(pk__in_set=ids).values("project"),
    )
    fold_blocks(list(blocks.values_list("pk", flat=True)), moment)
    fold_own_opt_outs(ids, channel, moment)
