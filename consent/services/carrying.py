"""Consents of a merged contact, said anew of the contact who stayed.

Each withdrawal that stands is repeated with its weight at the moment of the merge, so that only a later yes of the
person's lifts it. An agreement that holds is repeated too, but weighs nothing: it lifts no withdrawal of either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import BigIntegerField, Case, CharField, F, QuerySet, Value, When
from django.db.models.functions import Coalesce

from consent.models import Consent, ConsentHistory
from consent.models.ledger import ConsentHistoryQuerySet
from consent.services.folding import Entry, Gate, entries_of
from consent.services.folding import fold as fold_entries
from consent.services.ledger import record
from consent.services.projection import fold, put_consents, state
from consent.vocabulary import ConsentState, Word
from contacts import gates
from contacts.origin import Origin
from contacts.services.ledger import moment_after
from contacts.services.projection import touch
from contacts.services.set_sql import ByNumber
from contacts.vocabulary import Reason, Weight

_NUMBER: BigIntegerField[int, int] = BigIntegerField()


def merge(going: int, staying: int, origin: Origin) -> None:
    """Carry over what one contact agreed to and took back. The caller holds the locks of both."""
    carry_over(going, staying, origin=origin)
    Consent.objects.filter(contact=going).delete()


def carry_over(merged: int, into: int, *, origin: Origin) -> None:
    """Say anew what stands of a merged contact and is not said yet of the contact ``into`` whom they were merged."""
    origin = origin.saying(reason=Reason.MERGED, note="", evidence={}, occurred_at=None, requested_on=None)
    moment = moment_after(contacts=[merged, into])
    for (topic, channel), (noes, yeses) in _standing(merged).items():
        put_consents([into], topic, channel)
        consent = Consent.objects.filter(contact=into, communication_type=topic, channel=channel)
        before = consent.values_list(state(moment), flat=True).get()
        entries = ConsentHistory.objects.filter(pk__in_set=noes)
        repeat: dict[str, Any] = {
            "origin": origin, "moment": moment, "contact": into,
            "repeats": Coalesce(F("repeats"), F("pk"), output_field=_NUMBER),
        }  # fmt: skip
        withdrawn = Value(ConsentState.WITHDRAWN)
        first = min(noes, default=0)
        record(
            entries, word=Word.WITHDRAWN, weight=F("weight"), to_state=withdrawn,
            from_state=Case(When(pk=first, then=Value(before)), default=withdrawn), **repeat,
        )  # fmt: skip
        if not noes and yeses:
            agreed = ConsentHistory.objects.filter(pk__in_set=yeses)
            _repeat_agreements(agreed, Gate(into, topic, channel), repeat)
        fold(consent, moment)
    touch([into], moment)


def _repeat_agreements(entries: QuerySet[ConsentHistory], gate: Gate, repeat: dict[str, Any]) -> None:
    """Write these agreements for whoever stays, each with what the gate amounts to before and after it."""
    moment = repeat["moment"]
    held = entries_of([gate.contact]).get(gate, [])
    steps = [fold_entries(held).state(moment)]
    numbers = []
    for number, *told in entries.order_by("pk").values_list("pk", *Entry._fields):
        held.append(Entry(*told)._replace(weight=int(Weight.OURS), recorded_at=moment))
        steps.append(fold_entries(held).state(moment))
        numbers.append(number)
    before, after = (
        ByNumber("pk", dict(zip(numbers, states, strict=True)), output_field=CharField())
        for states in (steps[:-1], steps[1:])
    )
    record(
        entries, word=Word.GRANTED, weight=Weight.OURS, from_state=before, to_state=after, basis=F("basis"),
        implied_by=F("implied_by"), implied_until=F("implied_until"), occurred_at=F("occurred_at"), **repeat,
    )  # fmt: skip


def _standing(merged: int) -> dict[tuple[int, str], tuple[list[int], list[int]]]:
    """By type and channel: the withdrawals that stand, and the agreements that count, not repeated yet."""
    rows = ConsentHistory.objects.filter(contact=merged).exclude(word__in=[Word.VOID, Word.PENDING]).not_voided()
    columns = ("pk", "repeats", "communication_type_id", "channel", "says", "weight", "occurred_at", "word_at", "word")
    entries = list(rows.order_by("pk").values_list(*columns))
    roots = {repeats or pk for pk, repeats, *_rest in entries}
    again: dict[int, int] = {}
    for root, pk in ConsentHistory.objects.filter(repeats__in_set=roots).not_voided().values_list("repeats", "pk"):
        again[root or 0] = max(pk, again.get(root or 0, 0))
    found: dict[tuple[int, str], tuple[list[int], list[int]]] = {}
    for gate in sorted({(entry[2], entry[3]) for entry in entries}):
        here = [entry for entry in entries if (entry[2], entry[3]) == gate]
        words = {entry[0]: gates.Word(*entry[4:8]) for entry in here}
        stand = {id(word) for word in gates.standing(words.values())}
        left = {entry[0] for entry in here if again.get(entry[1] or entry[0], 0) <= entry[0]}
        noes = [pk for pk, word in words.items() if id(word) in stand and pk in left]
        is_shut = bool(stand)
        yeses = [] if is_shut else [entry[0] for entry in here if entry[8] == Word.GRANTED and entry[0] in left]
        if noes or yeses:
            found[gate] = (noes, yeses)
    return found


def repeating(entries: Iterable[int]) -> ConsentHistoryQuerySet:
    """The entries that repeat these, and were not voided: they fall with them."""
    return ConsentHistory.objects.filter(repeats__in_set=list(entries)).not_voided()
