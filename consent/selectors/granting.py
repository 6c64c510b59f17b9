"""What must be known before a consent is granted, withdrawn or an entry taken back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.utils import timezone
from django.utils.translation import gettext as _

from consent.conditions import KEY
from consent.models import CommunicationType, Consent, ConsentHistory
from consent.selectors.entries import described, read
from consent.selectors.matrix import with_entries
from consent.services.consents import noes_on
from consent.services.folding import Folded, Gate, entries_of, fold
from consent.services.projection import state, words
from consent.vocabulary import ConsentState, Word
from contacts.access import Access
from contacts.eligibility import Question, explain
from contacts.gates import standing_noes
from contacts.models import Contact
from contacts.selectors.entries import EntryInWords
from contacts.selectors.who_may import ask_an_admin, ask_an_organization_admin
from contacts.services.set_sql import database_clock
from contacts.services.undo import UNDO_PERIOD, WRITTEN_DOWN, may_take_back
from contacts.vocabulary import Method, Reason, Says, Weight

MOST = 20


@dataclass(frozen=True, slots=True)
class Granting:
    """``state`` is what holds now. ``noes`` are the withdrawals that stand, strongest first, ``refusal`` says why this
    user may not lift them and ``ask`` whom to ask (empty: they may). ``others`` are the other conditions that the
    contact fails on the channel, in words. ``shown`` stands for the noes that this shows.
    """

    state: ConsentState
    state_entry: int | None
    noes: list[EntryInWords]
    weight: int
    refusal: str
    ask: str
    others: list[str]
    shown: str

    @property
    def is_withdrawn(self) -> bool:
        return self.state == ConsentState.WITHDRAWN


def granting_of(contact: Contact, communication_type: CommunicationType, channel: str, access: Access) -> Granting:
    """Everything that the confirmations of a grant and a withdrawal show, in a fixed number of queries."""
    shown = noes_on([contact.pk], communication_type, channel)  # read first: what comes meanwhile is not taken for it
    rows = Consent.objects.filter(contact=contact, communication_type=communication_type, channel=channel)
    held = with_entries(rows.annotate(state=state(timezone.now()))).first()
    now = ConsentState(held.state) if held else ConsentState.NONE  # type: ignore[attr-defined]
    noes = _standing(contact, communication_type, channel) if now == ConsentState.WITHDRAWN else []
    weight = max((no.weight for no in noes), default=int(Weight.OURS))
    refused = weight > access.authority
    verdict = explain(contact, Question(channel, communication_type=communication_type))
    failing = [outcome for outcome in verdict.outcomes if not outcome.met] if verdict else []
    numbers = {
        ConsentState.EXPRESS: "express_entry", ConsentState.IMPLIED: "implied_entry",
        ConsentState.ENDED: "implied_entry", ConsentState.PENDING: "pending_entry",
        ConsentState.WITHDRAWN: "withdrawal_entry",
    }  # fmt: skip
    return Granting(
        state=now,
        state_entry=getattr(held, numbers[now], None) if now in numbers else None,
        noes=described(noes, access),
        weight=weight,
        refusal=_who_may(weight) if refused else "",
        ask=_whom_to_ask(weight, access) if refused else "",
        others=[str(outcome.label) for outcome in failing if outcome.key != KEY],
        shown=shown,
    )


def _standing(contact: Contact, communication_type: CommunicationType, channel: str) -> list[ConsentHistory]:
    entries = ConsentHistory.objects.filter(
        contact=contact, communication_type=communication_type, channel=channel, says=Says.NO
    ).not_voided()
    return list(read(standing_noes(entries, words=words())).order_by("-weight", "-occurred_at", "-id")[:MOST])


def _who_may(weight: int) -> str:
    if weight == Weight.COMPLAINT:
        return _("Only an admin of the organization may lift this withdrawal: the contact complained about spam.")
    return _("Only an admin may lift this withdrawal: the contact withdrew themselves.")


def _whom_to_ask(weight: int, access: Access) -> str:
    if weight == Weight.COMPLAINT:
        return ask_an_organization_admin(access.project)
    return ask_an_admin(access.project)


@dataclass(frozen=True, slots=True)
class TakingBack:
    """The entry that would be taken back, what would hold then; ``refusal`` says why not (empty: it may be)."""

    entry: EntryInWords
    after: str
    is_no: bool
    refusal: str


def taking_back(entry: ConsentHistory, access: Access) -> TakingBack:
    """All that the confirmation of an undo shows; the entry comes from ``read``."""
    [described_entry] = described([entry], access)
    told = replace(described_entry, may_undo=False, undo_url="")
    refusal = refusal_of(entry, access)
    if refusal:
        return TakingBack(told, "", False, refusal)
    left = entries_of([entry.contact_id or 0], without=[entry.pk])
    gate = Gate(entry.contact_id or 0, entry.communication_type_id, entry.channel)
    then = (fold(left[gate]) if gate in left else Folded()).state(timezone.now())
    return TakingBack(told, str(then.label), then not in (ConsentState.EXPRESS, ConsentState.IMPLIED), "")


def refusal_of(entry: ConsentHistory, access: Access) -> str:
    """Why this user can't take an entry back, in words; empty when they can."""
    if may_take_back(ConsentHistory.objects.filter(pk=entry.pk), access.actor).exists():
        return ""
    void = ConsentHistory.objects.filter(voids=entry.pk).values_list("pk", flat=True).first()
    if void is not None:
        return _("This was taken back already, by entry %(number)s.") % {"number": void}
    if entry.word == Word.VOID:
        return _("An entry that takes another one back cannot be taken back itself.")
    if entry.reason == Reason.MERGED:
        return _("This was carried over from a merged contact. Take back entry %(number)s, and it goes with it.") % {
            "number": entry.repeats
        }
    is_own = entry.says == Says.NO and entry.weight >= Weight.OWN and entry.method != Method.IMPORT
    if entry.method not in WRITTEN_DOWN or is_own or entry.word == Word.PENDING:
        return _("The contact said this through a door of their own; it was not written down by a user.")
    if entry.recorded_at <= database_clock() - UNDO_PERIOD:
        return _("This is more than 24 hours old. What is recorded can be taken back for 24 hours.")
    return _("Only who did this or an admin may take it back.")
