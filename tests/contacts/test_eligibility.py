"""May this contact be sent to, and why not: each condition on its own, and all of them written over named states."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.db.models import F, Q
from django.test.utils import CaptureQueriesContext

from contacts.addresses import normalise
from contacts.conditions import CONDITIONS
from contacts.eligibility import (
    Question,
    Verdict,
    conditions_for,
    eligible,
    explain,
    failing,
    first_failing,
    verdicts,
    with_states,
)
from contacts.extension_points import Condition, conditions
from contacts.models import Contact, Project
from contacts.services.blocks import quarantine, suppress
from contacts.services.opt_outs import opt_out
from contacts.services.register import change_address, set_validity
from contacts.services.status import deactivate
from contacts.vocabulary import Channel
from tests.factories import ContactFactory
from tests.origins import EDITOR, by, by_bounce, by_complaint, by_link

pytestmark = pytest.mark.django_db

EMAIL = "ann@example.org"
QUESTION = Question("email")


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, email=EMAIL, sms="+14185550137")


def verdict_on(contact: Contact, channel: str = "email") -> Verdict:
    verdict = explain(contact, Question(channel))
    assert verdict is not None
    return verdict


def suppressed(contact: Contact, **scope: Project) -> None:
    suppress([normalise("email", EMAIL)], organization=contact.organization, origin=by_complaint(), **scope)


WAYS: list[tuple[str, Callable[[Contact], object]]] = [
    ("active", lambda c: deactivate(c.as_set(), origin=by(EDITOR))),
    ("has_address", lambda c: change_address(c, "email", "", origin=by(EDITOR))),
    ("valid_address", lambda c: set_validity(c, "email", False, origin=by(EDITOR))),
    ("not_quarantined", lambda c: quarantine(c.as_set(), "email", origin=by_bounce())),
    ("not_suppressed", lambda c: suppressed(c)),
    ("not_suppressed", lambda c: suppressed(c, project=c.project)),
    ("not_opted_out", lambda c: opt_out(c.as_set(), "email", origin=by_link())),
]


def test_somebody_new_may_be_sent_to(contact: Contact) -> None:
    verdict = verdict_on(contact)
    assert verdict.sendable
    assert [outcome.key for outcome in verdict.outcomes] == [item.key for item in conditions_for(QUESTION)]
    assert verdict.first_failing is None
    assert verdict.address == EMAIL


@pytest.mark.parametrize(("key", "change"), WAYS)
def test_each_condition_fails_on_its_own(contact: Contact, key: str, change: Callable[[Contact], object]) -> None:
    change(contact)
    verdict = verdict_on(contact)
    assert [outcome.key for outcome in verdict.outcomes if not outcome.met] == [key]
    assert not verdict.sendable and verdict.fails(key)
    assert verdict.first_failing and verdict.first_failing.key == key


@pytest.mark.parametrize(("key", "change"), [way for way in WAYS if way[0] != "active"])
def test_one_channel_does_not_stop_another(contact: Contact, key: str, change: Callable[[Contact], object]) -> None:
    change(contact)
    assert verdict_on(contact, "sms").sendable


def test_the_first_failing_condition_is_the_first_in_order(contact: Contact) -> None:
    for _key, change in reversed(WAYS):
        if _key != "has_address":
            change(contact)
    verdict = verdict_on(contact)
    assert verdict.first_failing and verdict.first_failing.key == "active"
    assert sum(not outcome.met for outcome in verdict.outcomes) == 5


def test_labels_say_what_is_so(contact: Contact) -> None:
    opt_out(contact.as_set(), "sms", origin=by_link())
    [outcome] = [outcome for outcome in verdict_on(contact, "sms").outcomes if not outcome.met]
    assert (str(outcome.label), str(outcome.word)) == ("Opted out of SMS", "Opted out")
    met = {outcome.key: str(outcome.label) for outcome in verdict_on(contact).outcomes}
    assert met["has_address"] == "Has an address"


@pytest.mark.parametrize("channel", Channel.values)
def test_every_condition_has_words_for_every_channel(channel: str) -> None:
    for item in conditions:
        for text in (item.met, item.failing, item.word):
            assert str(text(channel) if callable(text) else text).strip()
        assert str(item.help).endswith(".")


# Sets


@pytest.fixture
def people(project: Project) -> list[Contact]:
    """One for each way of failing, one who fails twice, one who may be sent to."""
    found = []
    for number, (_key, change) in enumerate([*WAYS[:4], WAYS[6], ("", lambda c: None)]):
        somebody = ContactFactory(project=project, email=f"{number}@example.org")
        change(somebody)
        found.append(somebody)
    both = ContactFactory(project=project, email="both@example.org")
    WAYS[3][1](both)
    WAYS[6][1](both)
    return [*found, both]


def test_sets_say_what_each_verdict_says(people: list[Contact], project: Project) -> None:
    everybody = Contact.objects.in_project(project)
    found = verdicts([contact.pk for contact in people], QUESTION)

    def those(test: Callable[[Verdict], bool]) -> set[int]:
        return {number for number, verdict in found.items() if test(verdict)}

    assert set(eligible(everybody, QUESTION).values_list("pk", flat=True)) == those(lambda v: v.sendable)
    for item in conditions_for(QUESTION):
        assert set(failing(everybody, QUESTION, item.key).values_list("pk", flat=True)) == those(
            lambda v, key=item.key: v.fails(key)
        )
        assert set(first_failing(everybody, QUESTION, item.key).values_list("pk", flat=True)) == those(
            lambda v, key=item.key: v.first_failing is not None and v.first_failing.key == key
        )


def test_an_unknown_condition_is_an_error(project: Project) -> None:
    with pytest.raises(LookupError):
        first_failing(Contact.objects.all(), QUESTION, "nonsense")
    with pytest.raises(LookupError):
        failing(Contact.objects.all(), QUESTION, "nonsense")


def test_verdicts_take_one_query(people: list[Contact]) -> None:
    with CaptureQueriesContext(connection) as queries:
        verdicts([contact.pk for contact in people], QUESTION)
    assert len(queries) == 1


def test_a_contact_is_there_once_whatever_channels_they_have(contact: Contact) -> None:
    assert with_states(Contact.objects.all(), Question("push")).count() == 1


# One place for each rule


def names_in(expression: object) -> Iterator[str]:
    """The columns or annotations that an expression reads."""
    if isinstance(expression, Q):
        for child in expression.children:
            if isinstance(child, tuple):
                yield str(child[0])
                yield from names_in(child[1])
            else:
                yield from names_in(child)
    elif isinstance(expression, F):
        yield expression.name
    elif hasattr(expression, "get_source_expressions"):
        for part in expression.get_source_expressions():
            yield from names_in(part)


def test_conditions_are_written_over_named_states_and_never_over_columns() -> None:
    for item in conditions:
        names = list(names_in(item.expression))
        assert names and all(name.startswith("state_") for name in names), item.key


def test_the_present_and_the_past_name_the_same_states(contact: Contact) -> None:
    def states(question: Question) -> set[str]:
        rows = with_states(Contact.objects.all(), question)
        return {name for name in rows.query.annotations if name.startswith("state_")}

    now = contact.created_at
    assert states(QUESTION) == states(Question("email", at=now)) == states(Question("email", known_at=now))


def test_a_condition_that_another_app_adds_is_asked_everywhere(contact: Contact) -> None:
    added = Condition(
        key="not_ann", order=99, met="Not Ann", failing="Ann", word="Ann", help="No Ann.",
        expression=~Q(state_address=EMAIL), applies=lambda question: question.channel == "email",
    )  # fmt: skip
    conditions.add(added)
    try:
        assert verdict_on(contact).fails("not_ann")
        assert not eligible(Contact.objects.all(), QUESTION).exists()
        assert verdict_on(contact, "sms").sendable
        with pytest.raises(ValueError, match="not_ann"):
            conditions.add(added)
    finally:
        conditions.remove("not_ann")
    assert verdict_on(contact).sendable


def test_the_order_of_conditions_is_the_register_s() -> None:
    assert [item.key for item in CONDITIONS] == [
        "active", "has_address", "valid_address", "not_quarantined", "not_suppressed", "not_stopped", "not_opted_out",
    ]  # fmt: skip
    assert "applies" in inspect.signature(Condition).parameters
