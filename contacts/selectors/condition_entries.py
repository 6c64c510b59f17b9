"""The entry behind each condition of a verdict: why it fails, or what made it hold; now, or at a moment in the past."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import QuerySet

from contacts.conditions import counted
from contacts.eligibility import Question, Verdict, with_states
from contacts.models import Block, Contact, StatusHistory
from contacts.selectors.standing import No, noes_of_blocks, noes_of_contact
from contacts.vocabulary import Aspect, BlockKind, Cause, Says

SWITCH = (Aspect.ACTIVE, "")
_IS_BROKEN_BY: dict[str, Callable[[Block], bool]] = {
    "not_quarantined": lambda block: block.kind == BlockKind.QUARANTINE,
    "not_suppressed": lambda block: block.kind == BlockKind.SUPPRESSION,
    "not_opted_out": lambda block: block.kind == BlockKind.OPT_OUT,
    "not_stopped": lambda block: block.cause == Cause.STOP,
}


def entries_behind(contact: Contact, verdict: Verdict) -> dict[str, int]:
    """The number of an entry by the key of each condition of the register's own; one without an entry is left out.

    Of what fails the heaviest no that stands (of these the oldest), of what holds the last entry that said so. An
    entry in another project's history is not told. Takes a fixed number of queries.
    """
    question = verdict.question
    entries = counted(StatusHistory.objects.filter(contact=contact), question)
    on_channel = entries.filter(channel=question.channel)
    failing = {outcome.key for outcome in verdict.outcomes if not outcome.met}
    own = noes_of_contact(contact, [SWITCH, (Aspect.OPT_OUT, question.channel)], question)
    found: dict[str, int | None] = {
        "active": _first(no for no in own if no.gate == SWITCH)
        if "active" in failing
        else _last(entries.filter(aspect=Aspect.ACTIVE, says=Says.YES)),
        "has_address": _last(on_channel.filter(aspect=Aspect.ADDRESS)),
    }
    if verdict.address:
        found["valid_address"] = _last(on_channel.filter(aspect__in=[Aspect.ADDRESS, Aspect.VALIDITY]))
    found |= _of_blocks(contact, question, failing, own, on_channel)
    asked = {outcome.key for outcome in verdict.outcomes}
    return {key: number for key, number in found.items() if number is not None and key in asked}


def _of_blocks(
    contact: Contact, question: Question, failing: set[str], own: list[No], on_channel: QuerySet[StatusHistory]
) -> dict[str, int | None]:
    then: QuerySet[Any] = with_states(contact.as_set(), question)
    held = then.values_list("state_fingerprint", flat=True).first()
    blocks = Block.objects.reaching(contact.project).filter(channel=question.channel, fingerprint=held or "")
    laid = {block.pk: block for block in blocks}
    words = counted(StatusHistory.objects.filter(project=contact.project_id), question)
    noes = [no for no in noes_of_blocks(laid, question) if no.project == contact.project_id]
    yeses = _newest(words.filter(block__in=list(laid), says=Says.YES))
    own_yes = _newest(on_channel.filter(aspect=Aspect.OPT_OUT, says=Says.YES))
    found = {}
    for key, breaks in _IS_BROKEN_BY.items():
        of_kind = {number for number, block in laid.items() if breaks(block)}
        follows = key == "not_opted_out"
        if key in failing:
            stand = [no for no in noes if no.gate[0] in of_kind]
            stand += [no for no in own if follows and no.gate[0] == Aspect.OPT_OUT]
            found[key] = _first(stand)
        else:
            said = [row for row in yeses if row[2] in of_kind] + [row for row in own_yes if follows]
            found[key] = max(said)[1] if said else None
    return found


def _newest(entries: QuerySet[StatusHistory]) -> list[tuple[object, int, int | None]]:
    return list(entries.order_by("-occurred_at", "-id").values_list("occurred_at", "pk", "block_id")[:50])


def _last(entries: QuerySet[StatusHistory]) -> int | None:
    return entries.order_by("-occurred_at", "-id").values_list("pk", flat=True).first()


def _first(noes: Iterable[No]) -> int | None:
    """The entry of the heaviest no; of several the oldest."""
    found = min(noes, key=lambda no: (-no.weight, no.occurred_at, no.entry), default=None)
    return found.entry if found else None
