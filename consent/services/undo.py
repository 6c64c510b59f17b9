"""Taking back a slip in the opt-in history: an entry that voids another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from consent.models import Consent, ConsentHistory
from consent.models.ledger import ConsentHistoryQuerySet
from consent.services.carrying import carry_over, repeating
from consent.services.folding import Folded, Gate, entries_of
from consent.services.folding import fold as folded
from consent.services.ledger import record
from consent.services.projection import fold
from consent.vocabulary import Word
from contacts.errors import CannotUndo
from contacts.models import Contact
from contacts.origin import Origin
from contacts.services.change import Change, skipping
from contacts.services.ledger import moment_after
from contacts.services.locks import lock_ids, person_of
from contacts.services.projection import touch
from contacts.services.undo import UNDO_PERIOD, may_take_back
from contacts.vocabulary import Method, Reason, Says, Weight


@transaction.atomic
def undo(entries: ConsentHistoryQuerySet, *, origin: Origin, period: timedelta = UNDO_PERIOD) -> Change:
    """Void entries, and fold their consents anew. Skipped: what can no longer be taken back, or not by this actor.

    What repeats an entry of a merged contact is voided with it; a withdrawal of theirs that stands again once its yes
    is taken back stands for the contact they were merged into as well.
    """
    wanted = list(entries.order_by("pk").values_list("pk", flat=True))
    rows = ConsentHistory.objects.filter(pk__in_set=wanted)
    contacts = {number for number in rows.values_list("contact_id", flat=True) if number}
    contacts |= {person_of(number) for number in contacts}
    lock_ids(contacts)
    before = ConsentHistory.objects.filter(request_id=origin.request_id, voids__in_set=wanted)
    repeated = set(before.values_list("voids", flat=True))
    may = sorted(may_take_back(rows, origin.actor, period=period).values_list("pk", flat=True))
    may += [pk for pk in repeating(may).values_list("pk", flat=True) if pk not in may]
    moment = moment_after(contacts=contacts)
    voided = ConsentHistory.objects.filter(pk__in_set=may).order_by("pk")
    changed = _void(voided, origin, moment)
    fold(consents_of(voided), moment)
    touch(contacts, moment)
    for merged in Contact.objects.filter(pk__in_set=sorted(contacts), merged_into__isnull=False).order_by("pk"):
        carry_over(merged.pk, person_of(merged.pk), origin=origin)
    refused = sorted(set(wanted) - set(may) - repeated)
    return Change(
        origin.request_id, changed, len(may) - changed, len(repeated), skipping([(refused, CannotUndo())])
    )  # fmt: skip


def consents_of(entries: QuerySet[ConsentHistory]) -> QuerySet[Consent]:
    """The consents that some entries are about."""
    about = entries.order_by().filter(
        contact=OuterRef("contact_id"), communication_type=OuterRef("communication_type_id"),
        channel=OuterRef("channel"),
    )  # fmt: skip
    contacts = list(entries.order_by().values_list("contact_id", flat=True).distinct())
    return Consent.objects.filter(Exists(about), contact_id__in_set=contacts)


def _void(entries: QuerySet[ConsentHistory], origin: Origin, moment: datetime) -> int:
    """Write the voids, each group of entries with the same change of state at once; returns how many changed one."""
    contacts = {number for number in entries.values_list("contact_id", flat=True) if number}
    now = entries_of(contacts)
    after = entries_of(contacts, without=entries.values_list("pk", flat=True))
    groups: dict[tuple[str, str], list[int]] = {}
    told: set[Gate] = set()
    for pk, contact, topic, channel in entries.values_list("pk", "contact_id", "communication_type_id", "channel"):
        gate = Gate(contact or 0, topic, channel)
        becomes: str = (folded(after[gate]) if gate in after else Folded()).state(moment)
        was: str = becomes if gate in told else folded(now[gate]).state(moment)
        told.add(gate)
        groups.setdefault((was, becomes), []).append(pk)
    for (was, becomes), numbers in groups.items():
        record(
            ConsentHistory.objects.filter(pk__in_set=numbers),
            word=Word.VOID,
            origin=origin.saying(reason=origin.reason or Reason.SLIP),
            moment=moment,
            weight=Weight.OURS,
            from_state=was,
            to_state=becomes,
            voids=F("pk"),
        )
    return sum(len(numbers) for (was, becomes), numbers in groups.items() if was != becomes)


def entries_of_import(request_id: UUID) -> list[int]:
    """The entries of an import that are not voided yet."""
    entries = ConsentHistory.objects.filter(
        request_id=request_id, method=Method.IMPORT, says__in=[Says.NO, Says.YES, Says.VALUE]
    )
    return list(entries.exclude(word=Word.VOID).not_voided().order_by("pk").values_list("pk", flat=True))


def undo_numbers(numbers: Sequence[int], origin: Origin, period: timedelta) -> Change:
    return undo(ConsentHistory.objects.filter(pk__in_set=list(numbers)), origin=origin, period=period)
