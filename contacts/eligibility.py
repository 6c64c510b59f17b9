"""May this contact be sent to, and why: one definition, asked of one contact or of a million.

Conditions (``extension_points.conditions``) are written over named states; states come from columns now, and
from the ledger for a moment in the past. Every reading here puts the same annotations on ``Contact``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from django.db.models import BooleanField, Count, FilteredRelation, Q, QuerySet, Value, Window
from django.db.models.expressions import ExpressionWrapper
from django.db.models.functions import RowNumber

from contacts.extension_points import Condition, Text, conditions, states
from contacts.models import ChannelStatus, Contact, Project
from contacts.models.contact import ContactQuerySet


class Topic(Protocol):
    """What a sending is about: ``ignores_opt_outs`` for what is sent in spite of opt-outs and suppressions."""

    @property
    def ignores_opt_outs(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Question:
    """On which channel (and, once asked, for what); ``at`` and ``known_at`` ask about the past.

    ``at`` is the moment asked about, ``known_at`` the moment whose knowledge counts; both None: now.
    """

    channel: str
    communication_type: Topic | None = None
    at: datetime | None = None
    known_at: datetime | None = None

    @property
    def heeds_opt_outs(self) -> bool:
        return self.communication_type is None or not self.communication_type.ignores_opt_outs

    @property
    def is_past(self) -> bool:
        return self.at is not None or self.known_at is not None


class Source(Enum):
    """What states are read from: a contact joined with its channel, the channel's row, no such row, a block.

    Of a block alone only what it says is known: it breaks the conditions that blocks of its kind break, and no other.
    """

    JOINED = "joined"
    CHANNEL = "channel"
    ABSENT = "absent"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A condition and whether one contact meets it."""

    condition: Condition
    met: bool
    channel: str

    @property
    def key(self) -> str:
        return self.condition.key

    @property
    def label(self) -> Text:
        text = self.condition.met if self.met else self.condition.failing
        return text(self.channel) if callable(text) else text

    @property
    def word(self) -> Text:
        word = self.condition.word
        return word(self.channel) if callable(word) else word


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one contact: every condition in the order in which they are tested."""

    question: Question
    outcomes: tuple[Outcome, ...]
    address: str

    @property
    def sendable(self) -> bool:
        return all(outcome.met for outcome in self.outcomes)

    @property
    def first_failing(self) -> Outcome | None:
        return next((outcome for outcome in self.outcomes if not outcome.met), None)

    def fails(self, key: str) -> bool:
        return any(outcome.key == key and not outcome.met for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class Audience:
    """How many contacts may be sent to, and the others by reason.

    ``first`` counts each excluded contact once, by the first condition that they fail; ``each`` counts
    them under every condition that they fail. Both in the order of the conditions.
    """

    total: int
    eligible: int
    first: dict[str, int]
    each: dict[str, int]
    conditions: tuple[Condition, ...]

    @property
    def largest_reason(self) -> tuple[Condition, int] | None:
        excluded = [(item, self.first[item.key]) for item in self.conditions if self.first[item.key]]
        return max(excluded, key=lambda pair: pair[1], default=None)


def conditions_for(question: Question) -> tuple[Condition, ...]:
    return tuple(condition for condition in conditions if condition.applies(question))


def with_states(contacts: ContactQuerySet, question: Question) -> ContactQuerySet:
    """The contacts with every named state of the question; those who came after ``at`` are left out, and those
    who were merged into another one by then."""
    asked = contacts.annotate(
        on_channel=FilteredRelation("channel_statuses", condition=Q(channel_statuses__channel=question.channel))
    )
    moments = [moment for moment in (question.at, question.known_at) if moment is not None]
    for moment in moments:
        asked = asked.filter(created_at__lte=moment)
    of_their_own = Q(merged_into__isnull=True)
    asked = asked.filter(of_their_own | Q(merged_at__gt=min(moments)) if moments else of_their_own)
    return _annotated(asked, question, Source.JOINED)


def _annotated(rows: Any, question: Question, source: Source) -> Any:
    for group in states:
        rows = rows.annotate(**group.annotations(question, source))
    return rows


def eligible(contacts: ContactQuerySet, question: Question) -> ContactQuerySet:
    """The contacts who meet every condition."""
    asked = with_states(contacts, question)
    for condition in conditions_for(question):
        asked = asked.filter(condition.expression)
    return asked


def failing(contacts: ContactQuerySet, question: Question, key: str) -> ContactQuerySet:
    """The contacts who do not meet the condition ``key``, whatever else they fail."""
    for condition in conditions_for(question):
        if condition.key == key:
            return with_states(contacts, question).exclude(condition.expression)
    raise LookupError(key)


def first_failing(contacts: ContactQuerySet, question: Question, key: str) -> ContactQuerySet:
    """The contacts for whom ``key`` is the first condition that they do not meet."""
    asked = with_states(contacts, question)
    for condition in conditions_for(question):
        if condition.key == key:
            return asked.exclude(condition.expression)
        asked = asked.filter(condition.expression)
    raise LookupError(key)


def explain(contact: Contact, question: Question) -> Verdict | None:
    """The answer for one contact, or None when they were not in the register at that moment."""
    return verdicts([contact.pk], question).get(contact.pk)


def verdicts(ids: Iterable[int], question: Question) -> dict[int, Verdict]:
    """The answers for some contacts by id, in one query."""
    asked = conditions_for(question)
    rows = with_states(Contact.objects.filter(pk__in=list(ids)), question)
    rows = rows.annotate(**{f"met_{item.key}": _boolean(item.expression) for item in asked})
    found = {}
    for row in rows.values("pk", "state_address", *(f"met_{item.key}" for item in asked)):
        outcomes = tuple(Outcome(item, bool(row[f"met_{item.key}"]), question.channel) for item in asked)
        found[row["pk"]] = Verdict(question, outcomes, row["state_address"] or "")
    return found


AT_ONCE = 60


def explain_each(contact: Contact, questions: Sequence[Question]) -> list[Verdict | None]:
    """The answers for one contact to many questions, AT_ONCE of them in a query; None as in ``explain``."""
    found: dict[int, Verdict] = {}
    for start in range(0, len(questions), AT_ONCE):
        some = questions[start : start + AT_ONCE]
        keys = list(dict.fromkeys(item.key for question in some for item in conditions_for(question)))
        answers = [_answers(contact, question, number, keys) for number, question in enumerate(some, start=start)]
        for row in answers[0].union(*answers[1:], all=True):
            question = questions[row["number"]]
            outcomes = tuple(
                Outcome(item, bool(row[f"met_{item.key}"]), question.channel) for item in conditions_for(question)
            )
            found[row["number"]] = Verdict(question, outcomes, row["state_address"] or "")
    return [found.get(number) for number in range(len(questions))]


def _answers(contact: Contact, question: Question, number: int, keys: Sequence[str]) -> QuerySet[Any, dict[str, Any]]:
    """One row with the same columns for every question: what is not asked holds."""
    asked = {item.key: _boolean(item.expression) for item in conditions_for(question)}
    held = {f"met_{key}": asked.get(key, _boolean(Q(Value(True)))) for key in keys}
    rows = with_states(contact.as_set(), question).annotate(number=Value(number), **held)
    return rows.values("number", "state_address", *held)


def audience(contacts: ContactQuerySet, question: Question) -> Audience:
    """Count everybody once, in one pass: rows are grouped by which conditions they meet."""
    return _sum_up(_groups(with_states(contacts, question), question), question)


def project_audience(project: Project, question: Question) -> Audience:
    """``audience`` of a whole project, without the join where the present is asked about."""
    if question.is_past:
        return audience(Contact.objects.ever_in_project(project), question)
    return project_audiences(project, [question])[0]


def project_audiences(project: Project, questions: Sequence[Question]) -> list[Audience]:
    """``project_audience`` of several questions about the present, which counts the contacts once for all.

    A channel's row carries a copy of every state, so the rows are counted alone; contacts without one are
    all others, and differ among themselves only in their switch.
    """
    everybody = Contact.objects.in_project(project).order_by()
    counts = everybody.aggregate(all=Count("*"), inactive=Count("pk", filter=Q(is_active=False)))
    switches = {True: counts["all"] - counts["inactive"], False: counts["inactive"]}
    # One of each switch stands for all without a row on the channel: nothing else tells these apart.
    some = [either.values("pk")[:1] for either in (everybody.active(), everybody.inactive())]
    ones = Contact.objects.filter(Q(pk__in=some[0]) | Q(pk__in=some[1]))
    found = []
    for question in questions:
        without_row = dict(switches)
        rows = ChannelStatus.objects.filter(project=project, channel=question.channel)
        groups = list(_groups(_annotated(rows, question, Source.CHANNEL), question, by=("state_active",)))
        for (active,), _failed, number in groups:
            without_row[active] -= number
        of_each = _groups(_annotated(ones, question, Source.ABSENT), question, by=("state_active",))
        groups += [((active,), failed, without_row[active]) for (active,), failed, _one in of_each]
        found.append(_sum_up(groups, question))
    return found


_Group = tuple[tuple[bool, ...], frozenset[str], int]


def _groups(rows: QuerySet[Any], question: Question, *, by: Sequence[str] = ()) -> Iterator[_Group]:
    """The states named ``by``, conditions failed, and how many rows have just these. Booleans, not one number:
    PostgreSQL then knows that there are few groups, and counts in parallel."""
    asked = conditions_for(question)
    names = [f"met_{item.key}" for item in asked]
    grouped = (
        rows.order_by()
        .annotate(**{f"met_{item.key}": _boolean(item.expression) for item in asked})
        .values(*by, *names)
        .annotate(number=Count("*"))
    )
    for row in grouped:
        failed = frozenset(item.key for item, name in zip(asked, names, strict=True) if not row[name])
        yield tuple(bool(row[name]) for name in by), failed, row["number"]


def _sum_up(groups: Iterable[_Group], question: Question) -> Audience:
    asked = conditions_for(question)
    first = {item.key: 0 for item in asked}
    each = dict(first)
    total = eligible_count = 0
    for _by, failed, number in groups:
        total += number
        if not failed:
            eligible_count += number
            continue
        first[next(item.key for item in asked if item.key in failed)] += number
        for key in failed:
            each[key] += number
    return Audience(total, eligible_count, first, each, asked)


def addresses_reached(project: Project, question: Question) -> int:
    """How many addresses the eligible contacts of a project have now: each is written to once."""
    rows: QuerySet[Any] = ChannelStatus.objects.filter(project=project, channel=question.channel).order_by()
    rows = _annotated(rows, question, Source.CHANNEL)
    for condition in conditions_for(question):
        rows = rows.filter(condition.expression)
    reached: int = rows.aggregate(reached=Count("state_fingerprint", distinct=True))["reached"]
    return reached


def same_address(contacts: ContactQuerySet, question: Question) -> ContactQuerySet:
    """Eligible contacts who are not written to, because an older eligible one has the same address."""
    asked = eligible(contacts, question)
    if not question.is_past:
        asked = asked.filter(state_fingerprint__in=_shared_addresses(contacts, question))  # type: ignore[misc]
    place = Window(RowNumber(), partition_by=["state_fingerprint"], order_by="pk")
    later = asked.annotate(place=place).filter(place__gt=1)
    # A set of its own: what is filtered afterwards must not change who is the oldest.
    return eligible(contacts, question).filter(pk__in=later.values("pk"))


def _shared_addresses(contacts: ContactQuerySet, question: Question) -> QuerySet[Any, Any]:
    """The addresses that several have: few, so that nobody else's is looked up one by one."""
    rows = ChannelStatus.objects.filter(contact__in=contacts.order_by(), channel=question.channel).exclude(
        fingerprint=""
    )
    return (
        rows.order_by().values("fingerprint").annotate(holders=Count("*")).filter(holders__gt=1).values("fingerprint")
    )


def rows_with_verdicts(rows: QuerySet[Any], question: Question, source: Source) -> QuerySet[Any]:
    """Rows of channels, or of blocks, annotated with each condition of a question about the present: ``met_…``."""
    asked = _annotated(rows, question, source)
    return asked.annotate(**{f"met_{item.key}": _boolean(item.expression) for item in conditions_for(question)})


def _boolean(expression: Q) -> ExpressionWrapper:
    return ExpressionWrapper(expression, output_field=BooleanField())
