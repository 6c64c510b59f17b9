"""A verdict on one contact with the entry behind each condition, that of consent in the opt-in history."""

from __future__ import annotations

from django.db.models import OuterRef

from consent.conditions import KEY, counted
from consent.models import CommunicationType, ConsentHistory
from consent.vocabulary import Basis, Word
from contacts.eligibility import Question, Verdict, explain
from contacts.gates import standing_noes
from contacts.models import Contact
from contacts.selectors.condition_entries import entries_behind
from contacts.vocabulary import Says


def explained(contact: Contact, question: Question) -> tuple[Verdict, dict[str, int]] | None:
    """May the contact be sent to, and the numbers of entries by the keys of conditions; None when they were not in the
    register at that moment. A fixed number of queries."""
    verdict = explain(contact, question)
    if verdict is None:
        return None
    entries = entries_behind(contact, verdict)
    consent = next((outcome for outcome in verdict.outcomes if outcome.key == KEY), None)
    number = _of_consent(contact, question, met=consent.met) if consent else None
    return verdict, entries if number is None else {**entries, KEY: number}


def _of_consent(contact: Contact, question: Question, *, met: bool) -> int | None:
    """The express consent, or the implied one that runs longest; of what fails the heaviest withdrawal that stands
    (of these the oldest), or what was given and is not enough."""
    topic = question.communication_type
    assert isinstance(topic, CommunicationType)
    place = {"contact": contact, "communication_type": topic, "channel": question.channel}
    said = counted(ConsentHistory.objects.filter(**place), question)
    if not met:
        same_gate = ConsentHistory.objects.filter(
            contact=OuterRef("contact_id"), communication_type=topic, channel=question.channel
        )
        noes = standing_noes(said.filter(says=Says.NO), words=counted(same_gate, question))
        no = noes.order_by("-weight", "occurred_at", "id").values_list("pk", flat=True).first()
        if no is not None:
            return no
    granted = said.filter(word=Word.GRANTED)
    if met:
        express = granted.filter(basis=Basis.EXPRESS).order_by("-occurred_at", "-id")
        number = express.values_list("pk", flat=True).first()
        if number is not None:
            return number
    implied = granted.filter(basis=Basis.IMPLIED).order_by("-implied_until", "-id")
    number = implied.values_list("pk", flat=True).first()
    if number is not None or met:
        return number
    asked = said.filter(word=Word.PENDING).order_by("-occurred_at", "-id")
    return asked.values_list("pk", flat=True).first()
