"""Who may receive what: how many and why not the others, the lists behind the numbers, and their export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from consent.models import CommunicationType
from consent.tokens import Token, write
from contacts.csv_columns import OF_OUR_EXPORTS
from contacts.eligibility import (
    Audience,
    Question,
    Verdict,
    addresses_reached,
    conditions_for,
    eligible,
    failing,
    first_failing,
    project_audience,
    same_address,
    verdicts,
    with_states,
)
from contacts.models import Contact, Project
from contacts.models.contact import ContactQuerySet
from contacts.selectors.exports import moment_of

ELIGIBLE, EXCLUDED, SAME_ADDRESS = "eligible", "excluded", "same_address"
AT_ONCE = 2_000
_PERSON = ("key", "first name", "last name", "language")
_NAMES = ("key", "first_name", "last_name", "language")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row of the table: how many there are, those counted under other reasons too, and where their lists are."""

    key: str
    label: str
    css_class: str
    number: int
    overlaps: int | None
    url: str
    overlaps_url: str


@dataclass(frozen=True, slots=True)
class WhoMay:
    """``same_address`` are those of the eligible who are not written to: somebody older has their address. Of a day
    that is over it is 0: nobody is written to then."""

    audience: Audience
    outcomes: list[Outcome]
    same_address: int
    same_address_url: str

    @property
    def parts(self) -> list[int]:
        return [outcome.number for outcome in self.outcomes]

    @property
    def excluded(self) -> int:
        return self.audience.total - self.audience.eligible


def who_may(project: Project, question: Question, asked: dict[str, str]) -> WhoMay:
    """Count everybody once; ``asked`` is the question as it stands in an address."""
    found = project_audience(project, question)
    here = reverse("consent:audience_contacts", args=[project.slug])

    def url(**more: str) -> str:
        return f"{here}?{urlencode({**asked, **more})}"

    outcomes = [Outcome(ELIGIBLE, _("May be sent to"), "c0", found.eligible, None, url(reason=ELIGIBLE), "")]
    for place, condition in enumerate(found.conditions, start=1):
        outcomes.append(
            Outcome(
                key=condition.key,
                label=_in_words(condition, question.channel),
                css_class=f"c{min(place, 7)}",
                number=found.first[condition.key],
                overlaps=found.each[condition.key],
                url=url(reason=condition.key),
                overlaps_url=url(reason=condition.key, overlaps="1"),
            )
        )
    is_now = not question.is_past
    twice = found.eligible - addresses_reached(project, question) if found.eligible and is_now else 0
    return WhoMay(found, outcomes, twice, url(reason=SAME_ADDRESS))


def _in_words(condition: Any, channel: str) -> str:
    text = condition.failing
    return str(text(channel) if callable(text) else text)


@dataclass(frozen=True, slots=True)
class Chosen:
    """One of the lists behind the numbers: the contacts, its name for people."""

    contacts: ContactQuerySet
    label: str
    is_eligible: bool


def chosen(project: Project, question: Question, reason: str, *, overlaps: bool = False) -> Chosen:
    """The list that a reason names. Raises LookupError for a reason that there is not."""
    everybody = Contact.objects.ever_in_project(project)
    if reason == ELIGIBLE:
        return Chosen(eligible(everybody, question), _("May be sent to"), True)
    if reason == SAME_ADDRESS:
        return Chosen(same_address(everybody, question), _("Reached at the same address by somebody else"), True)
    if reason == EXCLUDED:
        met = Q()
        for condition in conditions_for(question):
            met &= condition.expression
        out = with_states(everybody, question).exclude(met)
        return Chosen(out, _("May not be sent to"), False)
    found = next((item for item in conditions_for(question) if item.key == reason), None)
    if found is None:
        raise LookupError(reason)
    listed = failing if overlaps else first_failing
    return Chosen(listed(everybody, question, reason), _in_words(found, question.channel), False)


@dataclass(frozen=True, slots=True)
class Listed:
    """A contact of such a list: who they are, their address then, and every condition that they fail."""

    name: str
    key: str
    url: str
    address: str
    reasons: list[str]


def listed(rows: list[Contact], question: Question, project: Project) -> list[Listed]:
    """A page of a list in words, in one query."""
    answers = verdicts([contact.pk for contact in rows], question)
    found = []
    for contact in rows:
        contact.project = project
        verdict = answers.get(contact.pk)
        address = verdict.address if verdict else ""
        found.append(Listed(contact.name, contact.key, contact.get_absolute_url(), address, _reasons(verdict)))
    return found


def _reasons(verdict: Verdict | None) -> list[str]:
    return [str(outcome.label) for outcome in verdict.outcomes if not outcome.met] if verdict else []


def export_header(question: Question, *, is_eligible: bool) -> list[str]:
    """The names of the columns; the same in every language, since programs read them."""
    ours = ["verdict", "reason", "other reasons", "communication type", "read at", "as of"]
    if is_eligible and not question.is_past:
        ours += ["opt-out link", "consent centre"]
    return [*_PERSON, question.channel, *(f"{OF_OUR_EXPORTS} {name}" for name in ours)]


@dataclass(frozen=True, slots=True)
class Exported:
    """A list to be written to a file: its columns, how many rows it has at most, and the rows."""

    header: list[str]
    number: int
    rows: Iterator[list[Any]]


def exported(project: Project, question: Question, reason: str, *, overlaps: bool = False) -> Exported:
    """The contacts of a list as they are at one moment, however long the writing takes.

    The eligible come without those whose address an older one of them has, so that each address stands in the file
    once, and with an opt-out link each; but not in a list of a day that is over, which nobody should write to.
    Raises LookupError for a reason that there is not.
    """
    held = _held(project, question, reason, overlaps=overlaps)
    header = export_header(question, is_eligible=held.chosen.is_eligible)
    return Exported(header, held.number, (_cells(one, held.question) for one in _each(held, project)))


@dataclass(frozen=True, slots=True)
class Recipients:
    """The same list for programs: how many it has at most, and each as plain data for JSON."""

    number: int
    rows: Iterator[dict[str, Any]]


def recipients(project: Project, question: Question, reason: str) -> Recipients:
    """``exported`` with ids and the keys of conditions. Raises LookupError for a reason that there is not."""
    held = _held(project, question, reason)
    return Recipients(held.number, (_plain(one) for one in _each(held, project)))


@dataclass(frozen=True, slots=True)
class _Held:
    """A list at one moment, which its question names."""

    chosen: Chosen
    question: Question
    twice: set[int]
    number: int
    links: bool


@dataclass(frozen=True, slots=True)
class _One:
    contact: Contact
    verdict: Verdict
    links: tuple[str, ...]


def _held(project: Project, question: Question, reason: str, *, overlaps: bool = False) -> _Held:
    moment = moment_of(project)
    exact = replace(question, at=question.at or moment, known_at=moment)
    asked = chosen(project, exact, reason, overlaps=overlaps)
    twice: set[int] = set()
    if reason == ELIGIBLE and not question.is_past:
        everybody = Contact.objects.ever_in_project(project)
        twice = set(same_address(everybody, exact).order_by().values_list("pk", flat=True))
    number = asked.contacts.order_by().count() - len(twice)
    return _Held(asked, exact, twice, number, links=asked.is_eligible and not question.is_past)


def _each(held: _Held, project: Project) -> Iterator[_One]:
    numbers = held.chosen.contacts.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=AT_ONCE)
    wanted = (number for number in numbers if number not in held.twice)
    while batch := list(islice(wanted, AT_ONCE)):
        yield from _batch(batch, held, project)


def _batch(ids: list[int], held: _Held, project: Project) -> Iterator[_One]:
    answers = verdicts(ids, held.question)
    marks: dict[int, str] = {}
    if held.links:
        with_marks: QuerySet[Any] = with_states(Contact.objects.filter(pk__in=ids), held.question)
        marks = dict(with_marks.values_list("pk", "state_fingerprint"))
    for contact in Contact.objects.filter(pk__in=ids).order_by("pk"):
        verdict = answers.get(contact.pk)
        if verdict is not None:
            links = _links(contact, marks.get(contact.pk, ""), held.question, project) if held.links else ()
            yield _One(contact, verdict, links)


def _cells(one: _One, question: Question) -> list[Any]:
    first, *others = _reasons(one.verdict) or [""]
    topic = question.communication_type
    assert question.known_at is not None
    assert question.at is not None
    return [
        *(getattr(one.contact, name) for name in _NAMES),
        one.verdict.address,
        "no" if first else "yes",
        first,
        "; ".join(others),
        topic.slug if isinstance(topic, CommunicationType) else "",
        _exactly(question.known_at),
        _exactly(question.at),
        *one.links,
    ]


def _plain(one: _One) -> dict[str, Any]:
    opt_out, consent_centre = one.links or ("", "")
    return {
        "contact": one.contact.pk,
        **{name: getattr(one.contact, name) for name in _NAMES},
        "address": one.verdict.address,
        "sendable": one.verdict.sendable,
        "reasons": [outcome.key for outcome in one.verdict.outcomes if not outcome.met],
        "opt_out": opt_out,
        "consent_centre": consent_centre,
    }


def _links(contact: Contact, fingerprint: str, question: Question, project: Project) -> tuple[str, str]:
    """The contact's opt-out link and consent centre, for the address that the row names."""
    topic = question.communication_type
    number = topic.pk if isinstance(topic, CommunicationType) else None
    token = write(Token(project.pk, contact.pk, question.channel, fingerprint, number))
    places = (reverse("consent:opt_out", args=[token]), reverse("consent:choices", args=[token]))
    opt_out, centre = (f"{settings.PUBLIC_URL.rstrip('/')}{place}" for place in places)
    return opt_out, centre


def _exactly(moment: datetime) -> str:
    return timezone.localtime(moment).isoformat(timespec="seconds")
