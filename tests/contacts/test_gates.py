"""The law of gates, as a function and as an expression for sets: one law, whatever was said and in what order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.conditions import counted
from contacts.eligibility import Question
from contacts.gates import (
    Word,
    last_heavy_yeses,
    last_yes,
    lifted_by,
    lifts,
    not_lifted_by,
    shut,
    standing,
    strongest,
    strongest_no,
    strongest_no_of,
)
from contacts.models import Contact, Project, StatusHistory
from contacts.services.projection import switch_words
from contacts.vocabulary import Says, Weight
from tests.factories import StatusHistoryFactory

START = datetime(2026, 1, 5, tzinfo=UTC)


def moment(number: int) -> datetime:
    return START + timedelta(hours=number)


few_moments = st.integers(0, 6).map(moment)


@st.composite
def words(draw: st.DrawFn) -> Word:
    says = draw(st.sampled_from([Says.NO, Says.YES, Says.VALUE]))
    weight = draw(st.sampled_from(Weight.values))
    word_at = draw(st.none() | few_moments) if says == Says.YES else None
    return Word(says, weight, draw(few_moments), word_at)


histories = st.lists(words(), max_size=8)


# The function


@settings(max_examples=60, deadline=None)
@given(histories)
def test_a_no_stands_until_a_later_yes_of_at_least_its_weight(said: list[Word]) -> None:
    stands = [
        no
        for no in said
        if no.says == Says.NO
        and not any(
            yes.says == Says.YES
            and yes.weight >= no.weight
            and (at := yes.word_at if no.weight else yes.occurred_at) is not None
            and at > no.occurred_at
            for yes in said
        )
    ]
    assert standing(said) == stands
    assert shut(said) == bool(stands)
    assert strongest(said) == max((no.weight for no in stands), default=None)


@given(st.data(), histories)
def test_any_order_of_arrival_ends_in_the_same_state(data: st.DataObject, said: list[Word]) -> None:
    assert strongest(data.draw(st.permutations(said))) == strongest(said)


@given(histories, words())
def test_a_yes_never_shuts_and_a_no_never_opens(said: list[Word], one_more: Word) -> None:
    if one_more.says == Says.NO:
        assert shut([*said, one_more]) >= shut(said)
    else:
        assert shut([*said, one_more]) <= shut(said)


@given(histories, few_moments)
def test_a_yes_of_less_weight_never_opens(said: list[Word], at: datetime) -> None:
    before = strongest(said)
    if before:
        light = Word(Says.YES, before - 1, at + timedelta(days=1), at + timedelta(days=1))
        assert strongest([*said, light]) == before


@given(words(), words())
def test_a_tie_falls_to_the_no(yes: Word, no: Word) -> None:
    tied = Word(Says.YES, Weight.COMPLAINT, no.occurred_at, no.occurred_at)
    assert not lifts(tied, no)


@settings(max_examples=60, deadline=None)
@given(histories)
def test_saying_the_same_twice_changes_nothing(said: list[Word]) -> None:
    assert strongest([*said, *said]) == strongest(said)


def test_an_empty_history_is_open() -> None:
    assert not shut([])
    assert strongest([]) is None


# The expression, held to the function


@st.composite
def recorded(draw: st.DrawFn) -> list[dict[str, object]]:
    """Entries as rows, with when each was recorded, and (sometimes) which earlier one it voids."""
    rows: list[dict[str, object]] = []
    voided: set[int] = set()
    for place, word in enumerate(draw(histories)):
        late = draw(st.integers(0, 4))
        rows.append(
            {
                "says": word.says, "weight": word.weight, "occurred_at": word.occurred_at,
                "recorded_at": word.occurred_at + timedelta(hours=late), "word_at": word.word_at, "voids": None,
            }
        )  # fmt: skip
        if draw(st.integers(0, 3)) == 0 and place not in voided:
            voided.add(place)
            at = moment(draw(st.integers(0, 10)))
            rows.append(
                {"says": Says.VOID, "weight": 0, "occurred_at": at, "recorded_at": at, "word_at": None, "voids": place}
            )
    return rows


def a_contact(project: Project) -> Contact:
    """A bare row, of whom the history says nothing yet."""
    return Contact.objects.create(
        organization=project.organization, project=project, key=f"{Contact.objects.count()}", created_at=START
    )


def store(contact: Contact, rows: list[dict[str, object]]) -> None:
    """Write the rows as bare entries of the contact's switch; a void names a place among the other entries."""
    made: list[StatusHistory] = []
    for row in rows:
        voids = row["voids"]
        entry = StatusHistoryFactory(
            contact=contact,
            **{**row, "voids": None if voids is None else made[int(str(voids))].pk},
        )
        if voids is None:
            made.append(entry)


def by_the_function(rows: list[dict[str, object]], at: datetime | None, known_at: datetime | None) -> int | None:
    void_at = {row["voids"]: row["recorded_at"] for row in rows if row["says"] == Says.VOID}
    said = []
    for place, row in enumerate(row for row in rows if row["says"] != Says.VOID):
        voided = void_at.get(place)
        if voided is not None and (known_at is None or voided <= known_at):
            continue
        if at is not None and row["occurred_at"] > at or known_at is not None and row["recorded_at"] > known_at:
            continue
        said.append(Word(str(row["says"]), int(str(row["weight"])), row["occurred_at"], row["word_at"]))  # type: ignore[arg-type]
    return strongest(said)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(recorded(), st.none() | st.integers(-1, 11).map(moment), st.none() | st.integers(-1, 11).map(moment))
def test_the_expression_is_the_function(
    project: Project, rows: list[dict[str, object]], at: datetime | None, known_at: datetime | None
) -> None:
    contact = a_contact(project)
    store(contact, rows)
    entries = StatusHistory.objects.filter(contact=contact)
    asked = counted(entries, Question("email", at=at, known_at=known_at))
    expected = by_the_function(rows, at, known_at)

    grouped = list(strongest_no(asked, gate="contact").values_list("contact", "strongest"))
    assert dict(grouped).get(contact.pk) == expected

    alone = Contact.objects.filter(pk=contact.pk).annotate(found=strongest_no_of(asked, gate="contact"))
    assert alone.values_list("found", flat=True).get() == expected

    last = {**next(iter(last_heavy_yeses(asked, "contact")), {}), "yes_0": last_yes(asked).first()}
    heaviest = max(asked.filter(not_lifted_by(last)).values_list("weight", flat=True), default=None)
    assert heaviest == expected


@pytest.mark.django_db
def test_gates_of_a_set_do_not_mix(project: Project) -> None:
    first, second, third = (a_contact(project) for _number in range(3))
    store(first, [{"says": Says.NO, "weight": 2, "occurred_at": moment(1), "recorded_at": moment(1), "word_at": None,
                   "voids": None}])  # fmt: skip
    store(second, [{"says": Says.NO, "weight": 1, "occurred_at": moment(1), "recorded_at": moment(1), "word_at": None,
                    "voids": None}])  # fmt: skip
    found = Contact.objects.annotate(found=strongest_no_of(switch_words(), gate="contact"))
    assert dict(found.values_list("pk", "found")) == {first.pk: 2, second.pk: 1, third.pk: None}


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, st.sampled_from(Weight.values), few_moments)
def test_what_lifts_a_no_is_the_same_in_sets(
    project: Project, said: list[Word], weight: int, occurred_at: datetime
) -> None:
    contact = a_contact(project)
    for word in said:
        StatusHistoryFactory(
            contact=contact, says=word.says, weight=word.weight, occurred_at=word.occurred_at, word_at=word.word_at
        )
    entries = StatusHistory.objects.filter(contact=contact)
    no = Word(Says.NO, weight, occurred_at)
    expected = any(word.says == Says.YES and lifts(word, no) for word in said)
    assert lifted_by(entries, weight=weight, occurred_at=occurred_at).exists() == expected
