"""Blocks on addresses: quarantine, the suppression list, and lifting either."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils.translation import gettext_lazy as _

from contacts.addresses import Address, Mark
from contacts.errors import InvalidAddress, NotAllowed, NothingToDo
from contacts.gates import lifted_by
from contacts.models import Block, ChannelStatus, Contact, Organization, Project, StatusHistory
from contacts.models.block import BlockQuerySet
from contacts.models.contact import ContactQuerySet
from contacts.origin import Authorization, Origin, Said
from contacts.services.authority import judge, refuse_unseen, said_so_far, with_last_words
from contacts.services.bulk_rows import load_objects
from contacts.services.change import Change, skipping
from contacts.services.fingerprints import adopt_older_fingerprints_of
from contacts.services.ledger import moment_after, occurrence, outcome, record, spoken, without_repeats
from contacts.services.locks import holders, lock_addresses, lock_ids, person_of, with_addresses_locked
from contacts.services.opt_outs import moment_for, put_blocks
from contacts.services.projection import block_words, fold_blocks, not_before, touch
from contacts.services.set_sql import database_clock
from contacts.vocabulary import OPEN, SHUT, ActorKind, Aspect, BlockKind, Cause, Says, Weight

UTC = ZoneInfo("UTC")
_HELD_BY = ChannelStatus.objects.filter(
    project=OuterRef("project_id"), channel=OuterRef("channel"), fingerprint=OuterRef("fingerprint")
)
_HELD = Exists(_HELD_BY)
_HOLDER = Subquery(_HELD_BY.order_by("contact_id").values("contact_id")[:1])
_OF_A_PROJECT = (ActorKind.USER, ActorKind.TOKEN, ActorKind.IMPORT)


def quarantine(
    contacts: ContactQuerySet, channel: str, *, cause: Cause = Cause.NO_SUCH_ADDRESS, origin: Origin
) -> Change:
    """Block the address that these contacts have on a channel after the receiving server refused it.

    Skipped: who has no address there. Raises InTheFuture.
    """

    def change(locked: list[int]) -> Change:
        ids = without_repeats(locked, origin, aspect=Aspect.QUARANTINE, channel=channel)
        put_blocks(ids, channel, kind=BlockKind.QUARANTINE, cause=cause)
        rows = ChannelStatus.objects.filter(contact_id__in_set=ids, channel=channel).with_address()
        block = Block.objects.filter(
            project=OuterRef("project_id"), channel=channel, fingerprint=OuterRef("fingerprint"),
            kind=BlockKind.QUARANTINE, cause=cause,
        )  # fmt: skip
        moment = moment_for(ids)
        occurred_at = occurrence(origin, moment)
        gates = rows.annotate(gate=Subquery(block.values("pk")[:1]), shut=Subquery(block.values("is_on")[:1]))
        words = StatusHistory.objects.filter(block=OuterRef("gate")).not_voided()
        lifted = lifted_by(words, weight=origin.weight_of_no, occurred_at=occurred_at)
        record(
            gates,
            aspect=Aspect.QUARANTINE,
            says=Says.NO,
            origin=origin,
            moment=moment,
            occurred_at=occurred_at,
            block=Subquery(block.values("pk")[:1]),
            **_becomes(Aspect.QUARANTINE, Q(shut=True), lifted),
        )
        blocks = list(gates.values_list("gate", flat=True))
        found = set(rows.values_list("contact_id", flat=True))
        touch(found, moment)
        fold_blocks(blocks, moment)
        homeless = skipping(
            [(sorted(set(ids) - found), InvalidAddress(_("The contact has no address on this channel.")))]
        )
        return outcome(origin, repeated=len(locked) - len(ids), skipped=homeless)

    return with_addresses_locked(contacts, [channel], change)


def suppress(
    addresses: Sequence[Address | Mark],
    *,
    organization: Organization,
    project: Project | None = None,
    cause: Cause = Cause.LISTED,
    recorded_in: Project | None = None,
    contact: Contact | None = None,
    origin: Origin,
    said: Mapping[str, Said] | None = None,
) -> Change:
    """Put addresses on the suppression list of an organization, or of one of its projects only.

    ``recorded_in`` is the project in whose history the entry stands (empty: that of the block, or an act on
    the organization), ``contact`` the contact through whom it came. It holds for whoever has the address,
    now or later; a ``Mark`` is blocked by its fingerprint alone. ``said`` tells, by fingerprint, when each no happened
    and on which line of a file it stands. Raises InTheFuture.
    """
    return _shut(
        addresses,
        Block(organization=organization, project=project, kind=BlockKind.SUPPRESSION, cause=cause),
        recorded_in=recorded_in or project,
        contact=contact,
        origin=origin,
        said=said,
    )


def opt_out_addresses(
    addresses: Sequence[Address | Mark], *, project: Project, origin: Origin, said: Mapping[str, Said] | None = None
) -> Change:
    """Let a no lie on addresses in a project, for whoever has one or comes to it. Marks and ``said`` as above.

    Of contacts, use ``opt_outs.opt_out``: their no follows them. Raises InTheFuture.
    """
    opt_out = Block(
        organization_id=project.organization_id, project=project, kind=BlockKind.OPT_OUT, cause=Cause.OPT_OUT
    )
    return _shut(addresses, opt_out, recorded_in=project, origin=origin, said=said)


def quarantine_addresses(
    addresses: Sequence[Address | Mark],
    *,
    project: Project,
    cause: Cause = Cause.NO_SUCH_ADDRESS,
    origin: Origin,
    said: Mapping[str, Said] | None = None,
) -> Change:
    """Quarantine addresses in a project, for whoever has one or comes to it. Marks and ``said`` as above.

    The entry names the oldest contact who has the address. Raises InTheFuture.
    """
    like = Block(organization_id=project.organization_id, project=project, kind=BlockKind.QUARANTINE, cause=cause)
    return _shut(addresses, like, recorded_in=project, origin=origin, said=said, names_holder=True)


@transaction.atomic
def _shut(
    addresses: Sequence[Address | Mark],
    like: Block,
    *,
    recorded_in: Project | None,
    origin: Origin,
    contact: Contact | None = None,
    said: Mapping[str, Said] | None = None,
    names_holder: bool = False,
) -> Change:
    """Say no to addresses, to the block of each in the scope, and of the kind and cause, of one that is ``like`` it.

    An entry names ``contact``; with ``names_holder`` the oldest contact of the project who has the address.
    """
    aspect = Aspect(like.kind)
    lock_addresses([text for address in addresses for text in address.fingerprints], exclusive=True)
    known = [address for address in addresses if isinstance(address, Address)]
    adopt_older_fingerprints_of((address.channel, address.key) for address in known)
    shown = {(address.channel, address.fingerprint): address.shown for address in addresses}
    concerned = holders(fingerprint for _channel, fingerprint in shown)
    person = None
    if contact:
        concerned += [contact.pk, person_of(contact.pk)]
    lock_ids(concerned)
    if contact:
        person = person_of(contact.pk)
    scope = {
        "organization_id": like.organization_id, "project_id": like.project_id, "kind": like.kind, "cause": like.cause
    }  # fmt: skip
    blocks = Block.objects.filter(**scope, fingerprint__in_texts=[fingerprint for _channel, fingerprint in shown])
    there, now = set(blocks.values_list("channel", "fingerprint")), database_clock()
    load_objects(  # nobody else adds one meanwhile: the addresses are locked
        [
            Block(**scope, channel=channel, fingerprint=fingerprint, address=text, created_at=now)
            for (channel, fingerprint), text in shown.items()
            if (channel, fingerprint) not in there
        ]
    )
    everything = dict(blocks.values_list("pk", "fingerprint"))
    entries = StatusHistory.objects.filter(request_id=origin.request_id, block_id__in_set=everything)
    done = set(entries.values_list("block_id", "line"))
    words = {number: said[mark] for number, mark in everything.items() if mark in said} if said is not None else None
    if words is None:
        before = {number for number, _line in done}
        ids = [number for number in everything if number not in before]
    else:
        ids = [number for number, word in words.items() if (number, word.line) not in done]
    rows: QuerySet[Block] = Block.objects.filter(pk__in_set=ids)
    persons = [person] if person else []
    if names_holder:
        persons = list(rows.filter(_HELD).order_by().values_list(_HOLDER, flat=True).distinct())
    moment = moment_after(contacts=persons, blocks=ids)
    occurred_at, line = spoken(words, "pk", origin, moment)
    if words:
        rows, occurred_at = rows.annotate(said_at=occurred_at), F("said_at")
    said_at = OuterRef("said_at") if words else occurred_at
    lifted = lifted_by(block_words(), weight=origin.weight_of_no, occurred_at=said_at)
    record(
        rows,
        aspect=aspect,
        says=Says.NO,
        origin=origin,
        moment=moment,
        occurred_at=occurred_at,
        project=recorded_in.pk if recorded_in else None,
        contact=_HOLDER if names_holder else person,
        line=line,
        **_becomes(aspect, Q(is_on=True), lifted),
    )
    if persons:
        touch(persons, moment)
        channels = {channel for channel, _fingerprint in shown}  # they may have another address there by now
        theirs = ChannelStatus.objects.filter(contact_id__in_set=persons, channel__in=channels)
        theirs.update(last_entry_at=not_before(moment))
    fold_blocks(ids, moment)
    about = Q(block_id__in_set=list(everything)) if words else None
    return outcome(origin, repeated=len(everything) - len(ids), about=about)


@transaction.atomic
def lift(
    blocks: BlockQuerySet,
    *,
    origin: Origin,
    authorization: Authorization | None = None,
    recorded_in: Project | None = None,
    shown: str | None = None,
) -> Change:
    """Open addresses again: a quarantine with a reason, what a person said with their authorization.

    Skipped: blocks that are not on, whose no weighs more than the actor's authority, those of the whole
    organization unless the actor is one of its admins, and those that do not reach ``recorded_in``.
    ``shown`` is ``noes_of_blocks`` as they were when the user was shown them: raises StaleConfirmation when one
    came since.
    """
    wanted = list(blocks.order_by("pk").values_list("pk", "fingerprint"))
    fingerprints = {fingerprint for _pk, fingerprint in wanted}
    lock_addresses(fingerprints, exclusive=True)
    lock_ids(holders(fingerprints))
    all_ids = [pk for pk, _fingerprint in wanted]
    done = set(
        StatusHistory.objects.filter(request_id=origin.request_id, block__in=all_ids).values_list("block_id", flat=True)
    )
    if not done:
        refuse_unseen(shown, _gates(all_ids))
    rows = Block.objects.filter(pk__in_set=[pk for pk in all_ids if pk not in done])
    idle = list(rows.filter(is_on=False).values_list("pk", flat=True))
    shut = rows.filter(is_on=True)
    foreign: list[int] = []
    if origin.actor.kind in _OF_A_PROJECT and origin.actor.authority < Weight.COMPLAINT:
        foreign = list(shut.filter(project__isnull=True).values_list("pk", flat=True))
    elsewhere: list[int] = []
    if recorded_in:
        here = Block.objects.reaching(recorded_in).values("pk")
        elsewhere = list(shut.exclude(pk__in=here).values_list("pk", flat=True))
    moment = moment_after(blocks=all_ids)
    gates = with_last_words(shut.exclude(pk__in=[*foreign, *elsewhere]), (block_words, "block"))
    zone = recorded_in.zone if recorded_in else UTC
    judgement = judge(gates, origin=origin, authorization=authorization, zone=zone, moment=moment)
    opened = Block.objects.filter(pk__in_set=judgement.may_open)
    for kind in opened.order_by().values_list("kind", flat=True).distinct():
        record(
            gates.filter(pk__in_set=judgement.may_open, kind=kind),
            aspect=kind,
            says=Says.YES,
            origin=origin,
            moment=moment,
            weight=judgement.weight,
            word_at=judgement.word_at,
            authorization=authorization,
            project=recorded_in.pk if recorded_in else F("project_id"),
            from_value=SHUT[Aspect(kind)],
            to_value=OPEN[Aspect(kind)],
        )
    fold_blocks(judgement.may_open, moment)
    refusals = skipping(
        [
            (foreign, NotAllowed(_("This holds in the whole organization. Only one of its admins may lift it."))),
            (elsewhere, NotAllowed()),
            (idle, NothingToDo(_("This address is not blocked any more."))),
        ]
    )
    return outcome(origin, repeated=len(done), skipped=refusals + judgement.skipped)


def noes_of_blocks(blocks: BlockQuerySet) -> str:
    """What was said to blocks, as a digest for ``lift``."""
    return said_so_far(_gates(blocks.order_by().values_list("pk", flat=True)))


def _gates(ids: Iterable[int]) -> QuerySet[Block]:
    return with_last_words(Block.objects.filter(pk__in_set=list(ids)), (block_words, "block"))


def _becomes(aspect: Aspect, is_shut: Q, lifted: QuerySet[StatusHistory]) -> dict[str, Any]:
    return {
        "from_value": Case(When(is_shut, then=Value(SHUT[aspect])), default=Value(OPEN[aspect])),
        "to_value": Case(When(~is_shut & Exists(lifted), then=Value(OPEN[aspect])), default=Value(SHUT[aspect])),
    }
