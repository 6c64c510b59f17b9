"""How many may be sent to, and the others by reason: the numbers are those of counting one by one."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.addresses import normalise
from contacts.eligibility import (
    Question,
    audience,
    eligible,
    project_audience,
    project_audiences,
    same_address,
    verdicts,
)
from contacts.models import Contact, Project
from contacts.services.blocks import quarantine, suppress
from contacts.services.opt_outs import opt_out
from contacts.services.register import set_validity
from contacts.services.status import deactivate
from contacts.vocabulary import Channel
from tests.factories import ContactFactory, ProjectFactory
from tests.origins import EDITOR, by, by_bounce, by_complaint, by_link

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(project: Project) -> list[Contact]:
    """Every subset of a few ways of failing, with and without an address, some at one address."""
    found = []
    for number in range(16):
        email = "" if number % 5 == 4 else f"{number}@example.org"
        somebody = ContactFactory(project=project, email=email, sms="" if number % 3 else f"+141855501{number:02}")
        if number & 1:
            deactivate(somebody.as_set(), origin=by(EDITOR))
        if number & 2:
            opt_out(somebody.as_set(), "email", origin=by_link())
        if number & 4:
            quarantine(somebody.as_set(), "email", origin=by_bounce())
        if number & 8 and email:
            set_validity(somebody, "email", False, origin=by(EDITOR))
        found.append(somebody)
    found += [ContactFactory(project=project, email=f"{number // 2}@example.net") for number in range(4)]
    suppress(
        [normalise("email", f"{number}@example.org") for number in (0, 1, 2)],
        organization=project.organization,
        origin=by_complaint(),
    )
    ContactFactory(project=ProjectFactory(organization=project.organization), email="0@example.org")
    return found


@pytest.mark.parametrize("channel", Channel.values)
def test_the_numbers_are_those_of_counting_one_by_one(people: list[Contact], project: Project, channel: str) -> None:
    question = Question(channel)
    found = verdicts([contact.pk for contact in people], question).values()
    first = Counter(verdict.first_failing.key for verdict in found if verdict.first_failing)
    each = Counter(outcome.key for verdict in found for outcome in verdict.outcomes if not outcome.met)

    counted = project_audience(project, question)
    assert counted == audience(Contact.objects.in_project(project), question)
    assert counted.total == len(people)
    assert counted.eligible == sum(verdict.sendable for verdict in found)
    assert {key: number for key, number in counted.first.items() if number} == first
    assert {key: number for key, number in counted.each.items() if number} == each
    assert counted.eligible + sum(counted.first.values()) == counted.total
    reason = counted.largest_reason
    assert reason and reason[1] == max(first.values())


def test_several_questions_at_once(people: list[Contact], project: Project) -> None:
    questions = [Question(channel) for channel in Channel.values]
    assert project_audiences(project, questions) == [project_audience(project, question) for question in questions]


def test_nobody_is_there(project: Project) -> None:
    counted = project_audience(project, Question("email"))
    assert (counted.total, counted.eligible, counted.largest_reason) == (0, 0, None)
    assert counted == audience(Contact.objects.in_project(project), Question("email"))


def test_an_address_is_written_to_once_for_the_oldest_who_may_be(people: list[Contact], project: Project) -> None:
    everybody = Contact.objects.in_project(project)
    question = Question("email")
    by_address: dict[str, list[int]] = {}
    for number, verdict in sorted(verdicts([contact.pk for contact in people], question).items()):
        if verdict.sendable:
            by_address.setdefault(verdict.address, []).append(number)
    doubles = {number for numbers in by_address.values() for number in numbers[1:]}
    assert doubles
    assert set(same_address(everybody, question).values_list("pk", flat=True)) == doubles
    assert eligible(everybody, question).count() == len(by_address) + len(doubles)


def test_who_may_not_be_sent_to_takes_nobodys_place(project: Project) -> None:
    older, younger = (ContactFactory(project=project, email="ann@example.org") for _number in range(2))
    deactivate(older.as_set(), origin=by(EDITOR))
    assert not same_address(Contact.objects.all(), Question("email")).exists()
    assert list(eligible(Contact.objects.all(), Question("email"))) == [younger]


def test_the_address_of_another_project_is_no_double(project: Project) -> None:
    for somewhere in (ProjectFactory(organization=project.organization), project):
        ContactFactory(project=somewhere, email="ann@example.org")
    assert not same_address(Contact.objects.in_project(project), Question("email")).exists()


def test_queries_do_not_grow(people: list[Contact], project: Project) -> None:
    with CaptureQueriesContext(connection) as before:
        project_audience(project, Question("email"))
    ContactFactory.create_batch(5, project=project)
    with CaptureQueriesContext(connection) as after:
        project_audience(project, Question("email"))
    assert len(before) == len(after) <= 3
