"""What was true on a day, and what was known of it: the readings of sets are a replay of the entries up to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.addresses import normalise
from contacts.eligibility import Question, audience, explain, project_audience, verdicts, with_states
from contacts.errors import RegisterError
from contacts.gates import Word, shut
from contacts.models import Block, Contact, Project, StatusHistory
from contacts.services.blocks import lift, quarantine, suppress
from contacts.services.opt_outs import lift_opt_out, opt_out
from contacts.services.register import change_address, set_validity
from contacts.services.status import activate, deactivate
from contacts.services.undo import undo
from contacts.services.verify import differences
from contacts.vocabulary import Aspect, Says
from tests.clock import at
from tests.factories import ContactFactory, ProjectFactory, today
from tests.origins import ADMIN, ORGANIZATION_ADMIN, asked, authorized, by, by_bounce, by_complaint, by_link

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
EMAILS = ["ann@example.org", "bob@example.org"]

Step = tuple[str, int, int]

steps = st.lists(
    st.tuples(
        st.sampled_from(["deactivate", "opt_out", "quarantine", "suppress", "activate", "lift_opt_out", "lift", "undo",
                         "move", "leave", "invalid"]),
        st.integers(0, 2),
        st.sampled_from([0, 0, 1, 4]),
    ),
    min_size=2,
    max_size=8,
)  # fmt: skip


def tell(contacts: list[Contact], story: list[Step]) -> list[datetime]:
    """Let the steps happen, a day apart, and return the moments to ask about."""
    moments = [START - timedelta(days=1), START]
    with at(START) as clock:
        for step, place, days_late in story:
            clock.shift(timedelta(days=1))
            now = datetime.now(UTC)
            late = now - timedelta(days=days_late) if days_late else None
            contact = contacts[place]
            try:
                with transaction.atomic():
                    _happen(step, contact, late, place)
            except RegisterError:
                pass
            moments += [now, now + timedelta(hours=1)]
    return moments


def _happen(step: str, contact: Contact, late: datetime | None, place: int) -> None:
    word = authorized(today(), "email")
    everybody = StatusHistory.objects.exclude(says__in=[Says.VALUE, Says.VOID])
    match step:
        case "deactivate":
            deactivate(contact.as_set(), origin=(asked, by_link)[place % 2](occurred_at=late))
        case "opt_out":
            opt_out(contact.as_set(), "email", origin=(by_link, asked)[place % 2](occurred_at=late))
        case "quarantine":
            quarantine(contact.as_set(), "email", origin=by_bounce().saying(occurred_at=late))
        case "suppress":
            suppress(
                [normalise("email", EMAILS[place % 2])],
                organization=contact.organization,
                project=contact.project if late else None,
                origin=by_complaint(occurred_at=late),
            )
        case "activate":
            activate(contact.as_set(), origin=by(ADMIN), authorization=word)
        case "lift_opt_out":
            lift_opt_out(contact.as_set(), "email", origin=by(ADMIN), authorization=word)
        case "lift":
            lift(Block.objects.on(), origin=by(ORGANIZATION_ADMIN), authorization=word)
        case "undo":
            undo(everybody.filter(contact=contact), origin=by(ORGANIZATION_ADMIN))
        case "move":
            change_address(contact, "email", EMAILS[len(EMAILS) - 1 - place % 2], origin=by(ADMIN))
        case "leave":
            change_address(contact, "email", "", origin=by(ADMIN))
        case "invalid":
            set_validity(contact, "email", False, origin=by(ADMIN))


def replay(contact: Contact, at: datetime | None, known_at: datetime | None) -> dict[str, object] | None:
    """The states of a contact's email, by reading the entries one by one."""
    if any(moment is not None and contact.created_at > moment for moment in (at, known_at)):
        return None
    entries = list(StatusHistory.objects.select_related("block").order_by("pk"))
    void = {
        entry.voids
        for entry in entries
        if entry.says == Says.VOID and (known_at is None or entry.recorded_at <= known_at)
    }
    counting = [
        entry
        for entry in entries
        if entry.pk not in void
        and (at is None or entry.occurred_at <= at)
        and (known_at is None or entry.recorded_at <= known_at)
    ]

    def is_shut(said: list[StatusHistory]) -> bool:
        return shut(Word(e.says, e.weight, e.occurred_at, e.word_at) for e in said)

    own = [entry for entry in counting if entry.contact_id == contact.pk]
    on_email = [entry for entry in own if entry.channel == "email"]
    address, mark, valid = "", "", True
    for entry in on_email:
        if entry.aspect == Aspect.ADDRESS:
            address, mark, valid = entry.to_value, entry.address_fingerprint, True
        elif entry.aspect == Aspect.VALIDITY:
            valid = entry.to_value == "valid"
    blocked = {
        block.kind
        for block in Block.objects.filter(channel="email", organization=contact.organization_id)
        if block.fingerprint == mark
        and block.project_id in (None, contact.project_id)
        and is_shut([entry for entry in counting if entry.block_id == block.pk])
    }
    return {
        "state_active": not is_shut([entry for entry in own if entry.aspect == Aspect.ACTIVE]),
        "state_address": address,
        "state_fingerprint": mark,
        "state_valid": valid,
        "state_quarantined": "quarantine" in blocked,
        "state_suppressed": "suppression" in blocked,
        "state_opted_out": "opt_out" in blocked
        or is_shut([entry for entry in on_email if entry.aspect == Aspect.OPT_OUT]),
    }


@pytest.mark.django_db
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=steps, data=st.data())
def test_the_past_is_a_replay_of_the_entries_up_to_it(project: Project, story: list[Step], data: st.DataObject) -> None:
    with transaction.atomic():
        with at(START):
            sibling = ProjectFactory(organization=project.organization)
            contacts = [
                ContactFactory(project=project, email=EMAILS[0]),
                ContactFactory(project=project, email=EMAILS[0]),
                ContactFactory(project=sibling, email=EMAILS[1]),
            ]
        moments = tell(contacts, story)
        assert list(differences()) == []
        some = st.none() | st.sampled_from(moments)
        for _question in range(3):
            question = Question("email", at=data.draw(some), known_at=data.draw(some))
            for contact in contacts:
                contact.refresh_from_db()
                expected = replay(contact, question.at, question.known_at)
                rows = with_states(contact.as_set(), question).values(*(expected or ["pk"]))
                assert list(rows) == ([expected] if expected else []), question
            _sets_agree(project, contacts[:2], question)
        transaction.set_rollback(True)


def _sets_agree(project: Project, contacts: list[Contact], question: Question) -> None:
    """Of many at once, of one alone, and as numbers."""
    together = verdicts([contact.pk for contact in contacts], question)
    alone = {contact.pk: verdict for contact in contacts if (verdict := explain(contact, question))}
    assert together == alone
    counted = audience(Contact.objects.in_project(project), question)
    assert counted == project_audience(project, question)
    assert counted.total == len(alone)
    assert counted.eligible == sum(verdict.sendable for verdict in alone.values())
    for item in counted.conditions:
        assert counted.each[item.key] == sum(verdict.fails(item.key) for verdict in alone.values())
        assert counted.first[item.key] == sum(
            bool(verdict.first_failing and verdict.first_failing.key == item.key) for verdict in alone.values()
        )


# The two clocks, told by hand


@pytest.mark.django_db
def test_a_late_no_was_true_before_it_was_known(project: Project) -> None:
    with at(START) as clock:
        contact = ContactFactory(project=project, email=EMAILS[0])
        clock.shift(timedelta(days=10))
        deactivate(contact.as_set(), origin=by_link(occurred_at=START + timedelta(days=4)))
    day_5 = START + timedelta(days=5)

    def sendable(**moments: datetime) -> bool:
        verdict = explain(contact, Question("email", **moments))
        assert verdict is not None
        return verdict.sendable

    assert sendable(at=START + timedelta(days=3))
    assert not sendable(at=day_5)
    assert sendable(at=day_5, known_at=day_5)
    assert not sendable(at=day_5, known_at=START + timedelta(days=10))
    assert sendable(known_at=day_5)


@pytest.mark.django_db
def test_a_void_counts_from_when_it_was_recorded_whatever_the_day_asked_about(project: Project) -> None:
    with at(START) as clock:
        contact = ContactFactory(project=project, email=EMAILS[0])
        clock.shift(timedelta(hours=1))
        deactivate(contact.as_set(), origin=asked())
        clock.shift(timedelta(hours=2))
        undo(StatusHistory.objects.filter(says=Says.NO), origin=by(ADMIN)).or_raise()
    between = START + timedelta(hours=2)
    for question, expected in (
        (Question("email", at=between), True),
        (Question("email", at=between, known_at=between), False),
        (Question("email", at=between, known_at=START + timedelta(hours=3)), True),
    ):
        verdict = explain(contact, question)
        assert verdict is not None and verdict.sendable is expected


@pytest.mark.django_db
def test_who_came_later_was_not_there(project: Project) -> None:
    contact = ContactFactory(project=project, email=EMAILS[0])
    assert explain(contact, Question("email", at=START)) is None
    assert audience(Contact.objects.all(), Question("email", at=START)).total == 0


@pytest.mark.django_db
def test_the_past_holds_when_the_clock_steps_back(project: Project) -> None:
    """Rows tell when something was last said of them; moments of several gates must not overtake each other."""
    with at(START) as clock:
        first = ContactFactory(project=project, email=EMAILS[0])
        second = ContactFactory(project=project, email=EMAILS[0])
        clock.shift(timedelta(hours=5))
        opt_out(first.as_set(), "email", origin=by_link())
        clock.shift(timedelta(hours=-2))
        deactivate(second.as_set(), origin=asked())
        third = ContactFactory(project=project, email=EMAILS[0])
    assert list(differences()) == []
    question = Question("email", at=START + timedelta(hours=4), known_at=START + timedelta(hours=4))
    for contact in (first, second, third):
        contact.refresh_from_db()
        rows = with_states(contact.as_set(), question).values("state_opted_out")
        expected = replay(contact, question.at, question.known_at)
        assert list(rows) == ([{"state_opted_out": expected["state_opted_out"]}] if expected else [])
