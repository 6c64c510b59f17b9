"""Bounces: which quarantine an address, which count, which wait, and that their order means nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.models import DeliveryEvent
from consent.services.feedback.delivery import Told, accept, dismiss, purge, take
from consent.services.links import Link, what_stops
from consent.tokens import read, token_for
from consent.vocabulary import DeliveryKind, DeliveryOutcome, Door
from contacts.errors import AuthorizationTooOld
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory, User
from contacts.origin import THE_SYSTEM, Origin
from contacts.services.blocks import lift
from contacts.services.erasure import erase
from contacts.services.register import change_address
from contacts.services.status import activate
from contacts.services.verify import differences
from contacts.vocabulary import BlockKind, Cause, Channel, Method, Reason, Says
from tests.clock import at
from tests.factories import ContactFactory, by_the_system, today
from tests.origins import ADMIN, authorized, by

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BOUNCED = DeliveryKind.BOUNCED


def bounce(address: str = "ada@example.org", status: str = "5.1.1", *, key: str = "", **fields: Any) -> Told:
    return Told(BOUNCED, key or f"{address} {status} {fields}", address, status=status, **fields)


def happen(project: Project, *told: Told, believed: bool = True) -> list[DeliveryEvent]:
    return take(project, told, door=Door.WEBHOOK, believed=believed, actor=THE_SYSTEM)


def outcomes(project: Project) -> list[str]:
    return list(DeliveryEvent.objects.filter(project=project).order_by("pk").values_list("outcome", flat=True))


def is_quarantined(contact: Contact) -> bool:
    return ChannelStatus.objects.get(contact=contact, channel=Channel.EMAIL).quarantined


def lift_all(project: Project) -> None:
    blocks = Block.objects.filter(project=project, kind=BlockKind.QUARANTINE)
    lift(blocks, origin=by_the_system(reason=Reason.REACHABLE, note="The server answers again."), recorded_in=project)


def link_to(contact: Contact) -> Link:
    return what_stops(read(token_for(ChannelStatus.objects.get(contact=contact, channel=Channel.EMAIL))))


@pytest.fixture
def ada(project: Project) -> Contact:
    return ContactFactory(project=project, email="ada@example.org")


@pytest.mark.parametrize("status", ["5.1.1", "5.1.3", "5.1.6", "5.1.10", " 5.1.1 (bad mailbox)"])
def test_an_address_that_does_not_exist_is_quarantined_at_once(project: Project, ada: Contact, status: str) -> None:
    [event] = happen(project, bounce(status=status, reply="550 No such user"))
    assert event.outcome == DeliveryOutcome.QUARANTINED
    assert (event.contact_id, event.address, event.domain) == (ada.pk, "ada@example.org", "example.org")
    assert is_quarantined(ada)
    entry = StatusHistory.objects.get(aspect="quarantine")
    assert (entry.method, entry.actor_kind, entry.reason) == (Method.BOUNCE, "system", Reason.NO_SUCH_ADDRESS)
    assert entry.contact_id == ada.pk
    assert entry.detail.evidence == {"event": event.pk, "code": event.status}
    assert not list(differences())


@pytest.mark.parametrize("status", ["5.1.7", "5.1.8", "5.7.1", "5.7.26", "4.7.0"])
def test_what_is_the_senders_fault_never_counts(project: Project, ada: Contact, status: str) -> None:
    happen(project, *(bounce(status=status, key=f"{number}") for number in range(9)))
    assert not is_quarantined(ada)
    assert set(outcomes(project)) == {"recorded"}


def test_a_providers_word_on_the_sender_counts_for_nothing(project: Project, ada: Contact) -> None:
    happen(project, *(bounce(status="", key=f"{number}", is_senders_fault=True, is_final=True) for number in range(9)))
    assert not is_quarantined(ada)


def test_words_without_a_code_count_and_are_not_final(project: Project, ada: Contact) -> None:
    happen(project, bounce(status="", reply="550 user unknown"))
    assert outcomes(project) == ["counted"]
    assert not is_quarantined(ada)


@pytest.mark.parametrize("status", ["", "5.0.0"])
def test_a_code_in_the_words_tells_what_the_status_does_not(project: Project, ada: Contact, status: str) -> None:
    happen(project, bounce(status=status, reply="550-5.1.1 The email account does not exist. Exim 4.94.2"))
    assert is_quarantined(ada)


def test_a_provider_may_say_that_it_is_final_or_not(project: Project, ada: Contact) -> None:
    happen(project, bounce(status="5.1.1", is_final=False))
    assert not is_quarantined(ada)
    happen(project, bounce(status="", is_final=True))
    assert is_quarantined(ada)


def test_the_same_event_twice_is_one(project: Project, ada: Contact) -> None:
    [first], [again] = happen(project, bounce()), happen(project, bounce())
    assert first == again
    assert StatusHistory.objects.filter(aspect="quarantine").count() == 1


def test_two_projects_do_not_share_events(project: Project, other_project: Project, ada: Contact) -> None:
    there = ContactFactory(project=other_project, email="ada@example.org")
    happen(project, bounce())
    assert is_quarantined(ada) and not is_quarantined(there)
    happen(other_project, bounce())
    assert is_quarantined(there)


def test_an_address_that_nobody_has_is_quarantined_for_whoever_comes_to_it(project: Project) -> None:
    [event] = happen(project, bounce("later@example.org"))
    assert event.outcome == DeliveryOutcome.QUARANTINED and event.contact_id is None
    assert is_quarantined(ContactFactory(project=project, email="later@example.org"))


def test_what_is_no_address_is_nobodys(project: Project) -> None:
    [event] = happen(project, bounce("a\0b", reply="\ud800 \x00 550"))
    assert (event.outcome, event.address, event.reply) == (DeliveryOutcome.NO_MATCH, None, "")


def test_the_link_is_trusted_over_the_address(project: Project, ada: Contact) -> None:
    bob = ContactFactory(project=project, email="bob@example.org")
    [event] = happen(project, bounce("bob@example.org", link=link_to(ada)), believed=False)
    assert event.believed and is_quarantined(ada) and not is_quarantined(bob)


def test_a_link_of_another_project_is_none(project: Project, other_project: Project) -> None:
    there = ContactFactory(project=other_project, email="there@example.org")
    [event] = happen(project, bounce("there@example.org", link=link_to(there)), believed=False)
    assert event.outcome == DeliveryOutcome.WAITING and not event.believed
    assert not is_quarantined(there)


def test_who_changed_address_keeps_the_new_one_free(project: Project, ada: Contact) -> None:
    link = link_to(ada)
    change_address(ada, Channel.EMAIL, "ada@example.net", origin=by_the_system())
    [event] = happen(project, bounce(link=link))
    assert event.outcome == DeliveryOutcome.QUARANTINED
    assert not is_quarantined(ada)
    assert is_quarantined(ContactFactory(project=project, email="ada@example.org"))


def test_of_who_was_erased_nothing_is_written_down_again(project: Project, ada: Contact) -> None:
    link = link_to(ada)
    happen(project, bounce(key="before", reply="550 <ada@example.org> unknown"))
    erase(ada.as_set(), origin=by_the_system(), requested_by_contact=True)
    happen(project, bounce(key="by link", link=link, reply="550 <ada@example.org> unknown"))
    happen(project, bounce(key="by name", reply="550 <ada@example.org> unknown"))
    kept = DeliveryEvent.objects.values_list("address", "reply", "domain")
    assert set(kept) == {(None, "", "")}
    assert not Block.objects.filter(address__isnull=False).exists()


def test_so_many_failures_in_so_many_days(project: Project, ada: Contact) -> None:
    soft = [bounce(status="4.2.2", key=f"{day}", occurred_at=NOON - timedelta(days=day)) for day in (25, 16, 10, 5, 0)]
    happen(project, *soft[:4])
    assert not is_quarantined(ada)
    happen(project, soft[4])
    assert is_quarantined(ada)
    block = Block.objects.get(kind=BlockKind.QUARANTINE, is_on=True)
    assert block.cause == Cause.DELIVERY_ERRORS
    assert outcomes(project) == ["counted"] * 4 + ["quarantined"]


def test_several_failures_of_one_message_are_one(project: Project, ada: Contact) -> None:
    happen(project, *(bounce(status="4.4.7", key=f"{number}", message="<m@here>") for number in range(9)))
    assert not is_quarantined(ada)


def test_a_late_failure_completes_a_series(project: Project, ada: Contact) -> None:
    days = (0, 9, 5)
    happen(
        project,
        *(bounce(status="4.2.2", key=f"{day}", occurred_at=NOON - timedelta(days=day)) for day in days),
    )
    assert is_quarantined(ada)
    assert outcomes(project) == ["quarantined", "counted", "counted"]


def test_delivered_and_delayed_are_recorded(project: Project, ada: Contact) -> None:
    kinds = (DeliveryKind.DELIVERED, DeliveryKind.DEFERRED, DeliveryKind.AUTORESPONDED, DeliveryKind.SUBSCRIBED)
    happen(project, *(Told(kind, kind, "ada@example.org", status="5.1.1") for kind in kinds))
    assert outcomes(project) == ["recorded"] * 4
    assert not is_quarantined(ada)


def test_a_lifted_address_that_bounces_again_is_quarantined_again(project: Project, ada: Contact) -> None:
    happen(project, bounce(key="1"))
    lift_all(project)
    assert not is_quarantined(ada)
    happen(project, bounce(key="2"))
    assert is_quarantined(ada)


def test_a_late_event_from_before_a_lifting_changes_nothing(project: Project, ada: Contact) -> None:
    before = datetime.now(UTC) - timedelta(hours=1)
    happen(project, bounce(key="1", occurred_at=before))
    lift_all(project)
    happen(project, bounce(key="2", occurred_at=before))
    soft = [bounce(status="4.2.2", key=f"soft {number}", occurred_at=before) for number in range(3)]
    happen(project, *soft, *(bounce(status="4.2.2", key=f"new {number}") for number in range(2)))
    assert not is_quarantined(ada)
    happen(project, bounce(status="4.2.2", key="new 3"))
    assert is_quarantined(ada)


def test_what_nobody_proves_waits_and_counts_for_nothing(project: Project, ada: Contact) -> None:
    happen(project, bounce(), *(bounce(status="4.2.2", key=f"{number}") for number in range(9)), believed=False)
    assert outcomes(project) == ["waiting"] + ["recorded"] * 9
    assert not is_quarantined(ada)


def test_a_time_to_come_is_now(project: Project, ada: Contact) -> None:
    [event] = happen(project, bounce(occurred_at=datetime(2999, 1, 1, tzinfo=UTC)))
    assert event.occurred_at <= event.recorded_at
    assert is_quarantined(ada)


def test_unsubscribing_at_the_provider_is_the_persons_own_act(project: Project, ada: Contact) -> None:
    happen(project, Told(DeliveryKind.UNSUBSCRIBED, "1", "ada@example.org", provider="sparkpost"))
    ada.refresh_from_db()
    assert not ada.is_active and ChannelStatus.objects.get(contact=ada, channel="email").opted_out
    entry = StatusHistory.objects.filter(aspect="active", says=Says.NO).get()
    assert (entry.weight, entry.actor_kind) == (2, "contact")
    assert outcomes(project) == ["stopped"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_word_from_between_two_unsubscribings_lifts_nothing(
    project: Project, ada: Contact, order: tuple[int, int]
) -> None:
    """Both are kept in whichever order they come: the later one is after the contact's word."""
    now = timezone.now()
    said = [Told(DeliveryKind.UNSUBSCRIBED, f"{days}", "ada@example.org", occurred_at=now - timedelta(days=days))
            for days in (5, 1)]  # fmt: skip
    happen(project, *(said[place] for place in order))
    change = activate(ada.as_set(), origin=by(ADMIN), authorization=authorized(today() - timedelta(days=3), "email"))
    assert not change.recorded
    assert {group.error.code for group in change.skipped} == {AuthorizationTooOld.code}


def test_unsubscribing_a_shared_address_blocks_it_and_names_nobody(project: Project, ada: Contact) -> None:
    other = ContactFactory(project=project, email="ada@example.org")
    happen(project, Told(DeliveryKind.UNSUBSCRIBED, "1", "ada@example.org"))
    for contact in (ada, other):
        contact.refresh_from_db()
        assert contact.is_active and ChannelStatus.objects.get(contact=contact, channel="email").opted_out


def test_unsubscribing_an_address_that_nobody_has_waits_for_them(project: Project) -> None:
    happen(project, Told(DeliveryKind.UNSUBSCRIBED, "1", "later@example.org"))
    later = ContactFactory(project=project, email="later@example.org")
    assert ChannelStatus.objects.get(contact=later, channel="email").opted_out


# A burst


@pytest.fixture
def of_three(project: Project) -> Project:
    project.burst_addresses = 3
    project.save()
    return project


def burst(minutes: tuple[int, ...] = (0, 20, 40), domain: str = "example.org") -> list[Told]:
    return [
        bounce(f"{name}@{domain}", occurred_at=NOON + timedelta(minutes=minute), key=f"{name} {domain} {minute}")
        for name, minute in zip("abcdefgh", minutes, strict=False)
    ]


def test_a_burst_waits_and_frees_who_was_quarantined_before_it_showed(of_three: Project) -> None:
    people = [ContactFactory(project=of_three, email=f"{name}@example.org") for name in "abc"]
    told = burst()
    happen(of_three, *told[:2])
    assert [is_quarantined(person) for person in people] == [True, True, False]
    happen(of_three, told[2])
    assert not any(map(is_quarantined, people))
    assert outcomes(of_three) == ["waiting"] * 3
    assert StatusHistory.objects.filter(says=Says.VOID, method=Method.SYSTEM).count() == 2
    assert not list(differences())


def test_more_than_an_hour_is_no_burst(of_three: Project) -> None:
    happen(of_three, *burst((0, 40, 61)))
    assert outcomes(of_three) == ["quarantined"] * 3


def test_one_address_three_times_is_no_burst(of_three: Project) -> None:
    happen(of_three, *(bounce(key=f"{number}") for number in range(3)))
    assert outcomes(of_three) == ["quarantined"] * 3


def test_domains_do_not_add_up(of_three: Project) -> None:
    happen(of_three, *burst()[:2], *burst(domain="example.net")[:2])
    assert outcomes(of_three) == ["quarantined"] * 4


def test_a_burst_that_is_accepted_is_quarantined(of_three: Project, editor: User) -> None:
    people = [ContactFactory(project=of_three, email=f"{name}@example.org") for name in "abc"]
    happen(of_three, *burst())
    waiting = DeliveryEvent.objects.filter(project=of_three)
    assert accept(waiting, origin=Origin.manual(editor)) == 3
    assert all(map(is_quarantined, people))
    assert set(waiting.values_list("outcome", "decided_by")) == {("quarantined", editor.name)}
    assert accept(waiting, origin=Origin.manual(editor)) == 0
    entries = StatusHistory.objects.filter(aspect="quarantine", says=Says.NO, actor_kind="user")
    assert {entry.contact_id for entry in entries} == {person.pk for person in people}
    assert not list(differences())


def test_a_burst_that_is_dismissed_stays_free(of_three: Project, editor: User) -> None:
    person = ContactFactory(project=of_three, email="a@example.org")
    happen(of_three, *burst())
    waiting = DeliveryEvent.objects.filter(project=of_three)
    assert dismiss(waiting, actor=Origin.manual(editor).actor) == 3
    assert not is_quarantined(person)
    happen(of_three, *burst())
    assert outcomes(of_three) == ["dismissed"] * 3
    happen(of_three, bounce("a@example.org", key="a day later", occurred_at=NOON + timedelta(days=1)))
    assert is_quarantined(person)


def test_who_joins_a_burst_later_waits_and_changes_no_decision(of_three: Project, editor: User) -> None:
    happen(of_three, *burst())
    accept(DeliveryEvent.objects.filter(project=of_three), origin=Origin.manual(editor))
    happen(of_three, bounce("z@example.org", occurred_at=NOON + timedelta(minutes=50)))
    assert outcomes(of_three) == ["quarantined"] * 3 + ["waiting"]


# Any order

EVENTS = st.lists(
    st.builds(
        lambda who, status, minutes, message: bounce(
            f"{who}@example.org",
            status,
            key=f"{who} {status} {minutes} {message}",
            occurred_at=NOON - timedelta(minutes=minutes),
            message=message,
        ),
        who=st.sampled_from("abcd"),
        status=st.sampled_from(["5.1.1", "5.1.1", "4.2.2", "4.2.2", "5.7.1", "5.2.2"]),
        minutes=st.integers(0, 200) | st.integers(0, 30 * 24 * 60),
        message=st.sampled_from(["", "<1@here>", "<2@here>"]),
    ),
    min_size=2,
    max_size=7,
)
slow = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def _end(project: Project, told: list[Told], *, lifted_after: int | None = None) -> dict[str, Any]:
    """What holds after events came in this order, with everything lifted in between."""
    DeliveryEvent.objects.filter(project=project).delete()
    for place, one in enumerate(told):
        if place == lifted_after:
            lift_all(project)
        happen(project, one)
    blocked = Block.objects.on().filter(project=project, kind=BlockKind.QUARANTINE)
    rows = ChannelStatus.objects.filter(project=project, channel=Channel.EMAIL)
    events = DeliveryEvent.objects.filter(project=project)
    assert not list(differences())
    return {
        "blocks": set(blocked.values_list("address", "cause")),
        "contacts": set(rows.values_list("address", "quarantined")),
        "events": set(events.values_list("digest", "outcome")) if lifted_after is None else set(),
    }


def _people(project: Project) -> Project:
    """A project of its own for each order: what one wrote down stays."""
    from tests.factories import ProjectFactory

    fresh: Project = ProjectFactory(
        organization=project.organization, burst_addresses=3, delivery_errors=3, delivery_error_days=10
    )
    for name in "abc":
        ContactFactory(project=fresh, email=f"{name}@example.org")
    return fresh


def _without_project(end: dict[str, Any], project: Project) -> dict[str, Any]:
    outcome_of = dict(end["events"])
    keyed = {
        one.message + str(one.occurred_at) + one.fingerprint + one.status: outcome_of.get(one.digest)
        for one in DeliveryEvent.objects.filter(project=project)
    }
    return {"blocks": end["blocks"], "contacts": end["contacts"], "events": keyed}


@slow
@given(told=EVENTS, data=st.data())
def test_order_and_repetition_mean_nothing(project: Project, told: list[Told], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(told))
    repeated = [one for one in shuffled for _again in range(data.draw(st.integers(1, 2)))]
    here, there = _people(project), _people(project)
    with at(NOON + timedelta(days=1)):
        first = _without_project(_end(here, told), here)
        second = _without_project(_end(there, [*repeated, *told]), there)
    assert first == second


@slow
@given(told=EVENTS, data=st.data())
def test_what_happened_before_a_lifting_may_come_after_it(
    project: Project, told: list[Told], data: st.DataObject
) -> None:
    """All of it happened before users lifted what stood then: whenever it comes, nothing of it stands."""
    shuffled = data.draw(st.permutations(told))
    place = data.draw(st.integers(0, len(shuffled)))
    here = _people(project)
    with at(NOON + timedelta(days=1)) as clock:
        for days, name in enumerate("abcd", start=60):
            long_ago = NOON - timedelta(days=days)
            happen(here, bounce(f"{name}@example.org", key=f"first {name}", occurred_at=long_ago))
        happen(here, *shuffled[:place])
        clock.shift(timedelta(seconds=1))
        lift_all(here)
        clock.shift(timedelta(seconds=1))
        happen(here, *shuffled[place:])
    assert not Block.objects.on().filter(project=here, kind=BlockKind.QUARANTINE).exists()


def test_what_merely_arrived_is_forgotten_after_90_days(project: Project, ada: Contact) -> None:
    kinds = (DeliveryKind.DELIVERED, DeliveryKind.BOUNCED)
    happen(project, *(Told(kind, kind, "ada@example.org") for kind in kinds))
    purge(datetime.now(UTC) + timedelta(days=89))
    assert DeliveryEvent.objects.count() == 2
    purge(datetime.now(UTC) + timedelta(days=91))
    assert [event.kind for event in DeliveryEvent.objects.all()] == ["bounced"]
