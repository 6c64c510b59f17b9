"""What taking an entry back would do, and why it may be too late for it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from contacts.access import Access
from contacts.models import StatusHistory
from contacts.models.ledger import StatusHistoryQuerySet
from contacts.selectors.entries import EntryInWords, in_sentence, in_words
from contacts.services.undo import before_and_after, refusal_of, undoable, with_repetitions
from contacts.vocabulary import GATES, Aspect, Method, Says


@dataclass(frozen=True, slots=True)
class After:
    """One sentence on what holds once the entries are taken back; ``shut`` where something stays blocked."""

    sentence: str
    shut: bool


@dataclass(frozen=True, slots=True)
class Undoing:
    """``entries`` would be taken back together; ``refusal`` says why not (empty: they may be)."""

    entries: list[EntryInWords]
    after: list[After]
    refusal: str


def taken_back_with(entry: StatusHistory) -> StatusHistoryQuerySet:
    """The entry, and what a user's same click, or a program's same request, wrote about the same contact: they stand
    and fall together."""
    alone = Q(pk=entry.pk)
    if entry.contact_id is None or entry.method not in (Method.MANUAL, Method.API):
        return StatusHistory.objects.filter(alone)
    same_click = Q(
        request_id=entry.request_id,
        contact=entry.contact_id,
        method=entry.method,
        aspect__in=GATES,
        says__in=[Says.NO, Says.YES],
    )
    return StatusHistory.objects.filter(alone | same_click)


def undoing_of(entry: StatusHistory, access: Access) -> Undoing:
    """All that the confirmation of an undo shows."""
    refusal = refusal_of(entry, access.actor)
    if refusal is not None:
        return Undoing(in_words(StatusHistory.objects.filter(pk=entry.pk), access), [], str(refusal))
    entries = undoable(taken_back_with(entry), access.actor).order_by("pk")
    falling = with_repetitions(entries.values_list("pk", flat=True)).order_by("pk")
    after = [_after(row) for row in before_and_after(falling.exclude(contact__merged_into__isnull=False))]
    return Undoing(in_words(falling, access), after, "")


def undoable_entry(request_id: UUID, contact_id: int, aspect: str) -> int | None:
    """The number of the entry that a request wrote about a contact, for the link in the message after it."""
    entries = StatusHistory.objects.filter(request_id=request_id, contact=contact_id, aspect=aspect)
    return entries.exclude(says=Says.VOID).values_list("pk", flat=True).first()


def _after(row: StatusHistory) -> After:
    shut = bool(row.stays_shut)  # type: ignore[attr-defined]
    channel = in_sentence(row.channel)
    words = {
        (Aspect.ACTIVE, True): _("The contact is inactive: an earlier no stands."),
        (Aspect.ACTIVE, False): _("The contact is active."),
        (Aspect.OPT_OUT, True): _("The contact is opted out of %(channel)s."),
        (Aspect.OPT_OUT, False): _("The contact is not opted out of %(channel)s."),
        (Aspect.QUARANTINE, True): _("The address on %(channel)s is in quarantine."),
        (Aspect.QUARANTINE, False): _("The address on %(channel)s is not in quarantine."),
        (Aspect.SUPPRESSION, True): _("The address on %(channel)s is on the suppression list."),
        (Aspect.SUPPRESSION, False): _("This does not suppress the address on %(channel)s any more."),
    }
    return After(words[Aspect(row.aspect), shut] % {"channel": channel}, shut)
