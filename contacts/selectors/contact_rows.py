"""What the list of contacts shows of each: the verdict on every channel, and the latest change in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.access import Access
from contacts.eligibility import Question, Verdict, verdicts
from contacts.models import Contact, StatusHistory
from contacts.selectors.contacts import newest_entry
from contacts.selectors.entries import METHOD_ICONS, title
from contacts.vocabulary import Channel, Method


@dataclass(frozen=True, slots=True)
class VerdictInWords:
    """May the contact be sent to on a channel: a glyph (ok, no, you or na) and a word."""

    channel_label: str
    glyph: str
    word: str


@dataclass(frozen=True, slots=True)
class LatestChange:
    """The last entry about a contact, as far as a list shows it."""

    title: str
    method_label: str
    method_icon: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ContactRow:
    id: int
    name: str
    key: str
    address: str
    url: str
    verdicts: tuple[VerdictInWords, ...]
    latest: LatestChange | None


def contact_rows(contacts: Sequence[Contact], access: Access) -> list[ContactRow]:
    """A page of contacts as the list shows them, in one query a channel and one for the latest changes."""
    ids = [contact.pk for contact in contacts]
    answers = {channel: verdicts(ids, Question(channel)) for channel in Channel}
    latest = latest_changes(ids)
    slug = access.project.slug
    return [
        ContactRow(
            id=contact.pk,
            name=contact.name,
            key=contact.key,
            address=next((text for found in answers.values() if (text := found[contact.pk].address)), ""),
            url=reverse("contacts:contact", args=[slug, contact.pk]),
            verdicts=tuple(in_a_word(found[contact.pk], access) for found in answers.values()),
            latest=latest.get(contact.pk),
        )
        for contact in contacts
        if all(contact.pk in found for found in answers.values())
    ]


def in_a_word(verdict: Verdict, access: Access) -> VerdictInWords:
    """“Yes”, “Yes, not by you”, or the first condition that the contact fails. Without an address nothing applies."""
    channel = Channel(verdict.question.channel)
    missing = next((outcome for outcome in verdict.outcomes if outcome.key == "has_address" and not outcome.met), None)
    if missing:
        return VerdictInWords(str(channel.label), "na", str(missing.word))
    if failing := verdict.first_failing:
        return VerdictInWords(str(channel.label), "no", str(failing.word))
    if not access.may_send(channel):
        return VerdictInWords(str(channel.label), "you", _("Yes, not by you"))
    return VerdictInWords(str(channel.label), "ok", _("Yes"))


def latest_changes(ids: Iterable[int]) -> dict[int, LatestChange]:
    """The last entry about each of some contacts, by the contact's id."""
    newest = Contact.objects.filter(pk__in=list(ids)).values_list(newest_entry("pk"))
    return {
        entry.contact_id: LatestChange(
            title(entry), str(Method(entry.method).label), METHOD_ICONS[Method(entry.method)], entry.recorded_at
        )
        for entry in StatusHistory.objects.filter(pk__in=newest)
        if entry.contact_id is not None
    }
