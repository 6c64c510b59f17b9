"""Random stories of consents: the projection, the fold and the condition agree, now and at any moment before."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from consent.checks import differences
from consent.models import CommunicationType, Consent, ConsentHistory
from consent.services.consents import ask, grant, withdraw
from consent.services.folding import Folded, Gate, entries_of, fold
from consent.services.projection import state
from consent.services.undo import undo
from consent.vocabulary import Basis, ImpliedBy
from contacts.eligibility import Question, audience, verdicts
from contacts.errors import RegisterError
from contacts.models import Contact
from contacts.origin import Origin
from contacts.services.merging import merge
from contacts.vocabulary import Channel, Says
from tests.consent.saying import by_form, by_import
from tests.factories import CommunicationTypeFactory, ContactFactory, ProjectFactory
from tests.origins import ADMIN, EDITOR, ORGANIZATION_ADMIN, asked, authorized, by, by_complaint, by_link

some_contact = st.integers(0, 2)
some_topic = st.integers(0, 1)
some_channel = st.sampled_from([Channel.EMAIL, Channel.SMS])
days_back = st.sampled_from([0, 0, 1, 5, 40])


class Consents(RuleBasedStateMachine):
    """A project, three people, a type that accepts implied consent and one that does not."""

    def __init__(self) -> None:
        super().__init__()
        self.story = transaction.atomic()
        self.story.__enter__()
        self.noes: dict[tuple[int, int, str], list[tuple[int, datetime]]] = {}
        self.yeses: dict[tuple[int, int, str], list[int]] = {}

    def teardown(self) -> None:
        for topic in (0, 1) if getattr(self, "people", None) else ():
            self.ask_what_may_be_sent(topic, 3)
        self.verify()
        transaction.set_rollback(True)
        self.story.__exit__(None, None, None)

    @initialize()
    def somebody_is_there(self) -> None:
        self.project = ProjectFactory()
        self.topics = [CommunicationTypeFactory(project=self.project, accepts_implied=given) for given in (True, False)]
        self.people = [ContactFactory(project=self.project, email=f"p{number}@example.org") for number in range(3)]

    def person(self, place: int) -> Contact:
        return self.people[place]

    def topic(self, place: int) -> CommunicationType:
        return self.topics[place]

    @rule(place=some_contact, topic=some_topic, channel=some_channel, who=st.sampled_from(["form", "import", "user"]),
          days=days_back)  # fmt: skip
    def grant(self, place: int, topic: int, channel: str, who: str, days: int) -> None:
        origin = {"form": by_form(), "import": by_import(), "user": by(EDITOR)}[who]
        if who == "import" and days:
            origin = origin.saying(occurred_at=timezone.now() - timedelta(days=days))
        change = grant(self.person(place).as_set(), self.topic(topic), channel, origin=origin)
        assert change.recorded + change.skipped_count == 1
        if who == "form":
            self.lift(place, topic, channel, 2)

    @rule(place=some_contact, topic=some_topic, channel=some_channel, weight=st.sampled_from([1, 2, 3]))
    def authorize(self, place: int, topic: int, channel: str, weight: int) -> None:
        actor = {1: EDITOR, 2: ADMIN, 3: ORGANIZATION_ADMIN}[weight]
        person = self.person(place)
        change = grant(person.as_set(), self.topic(topic), channel, origin=by(actor), authorization=authorized())
        if change.recorded:
            self.lift(place, topic, channel, weight)

    @rule(place=some_contact, days=st.sampled_from([-30, 2, 10, 100]), dated=days_back)
    def imply(self, place: int, days: int, dated: int) -> None:
        now = timezone.now()
        origin = by_import(occurred_at=now - timedelta(days=dated)) if dated else by_import()
        grant(
            self.person(place).as_set(), self.topic(0), Channel.EMAIL, origin=origin, basis=Basis.IMPLIED,
            implied_by=ImpliedBy.PURCHASE, implied_until=now + timedelta(days=days),
        )  # fmt: skip

    @rule(place=some_contact, topic=some_topic, channel=some_channel, days=days_back,
          who=st.sampled_from(["asked", "link", "import", "complaint"]))  # fmt: skip
    def withdraw(self, place: int, topic: int, channel: str, who: str, days: int) -> None:
        origin: Origin = {"asked": asked(), "link": by_link(), "import": by_import(), "complaint": by_complaint()}[who]
        at = timezone.now() - timedelta(days=days)
        if days:
            origin = origin.saying(occurred_at=at)
        withdraw(self.person(place).as_set(), self.topic(topic), channel, origin=origin)
        gate = (self.person(place).pk, self.topic(topic).pk, channel)
        weight = max(1, origin.weight_of_no)
        if days and any(yes >= weight for yes in self.yeses.get(gate, [])):
            return  # it came too late: they said yes after it
        self.noes.setdefault(gate, []).append((weight, at))

    @rule(place=some_contact, topic=some_topic, channel=some_channel)
    def ask(self, place: int, topic: int, channel: str) -> None:
        ask(self.person(place).as_set(), self.topic(topic), channel, origin=by_form())

    @rule(place=st.integers(0, 30))
    def take_back(self, place: int) -> None:
        entries = ConsentHistory.objects.filter(says__in=[Says.NO, Says.YES]).order_by("pk")
        entry = entries[place : place + 1].first()
        if entry is None:
            return
        change = undo(ConsentHistory.objects.filter(pk=entry.pk), origin=by(ADMIN))
        if change.recorded and entry.says == Says.YES:
            return  # what it lifted stands again, and the memory holds it for lifted: it asks for less, never for more
        if change.recorded:
            gate = (entry.contact_id or 0, entry.communication_type_id, entry.channel)
            self.noes[gate] = [no for no in self.noes.get(gate, []) if no[0] != entry.weight]

    @rule(going=some_contact, staying=some_contact)
    def merge(self, going: int, staying: int) -> None:
        one, other = self.person(going), self.person(staying)
        if one.pk == other.pk:
            return
        with contextlib.suppress(RegisterError):
            merge(other, one, origin=by(ADMIN))
            now = timezone.now()
            for (person, topic, channel), noes in list(self.noes.items()):
                if person == one.pk and noes:
                    heaviest = max(weight for weight, _at in noes)
                    self.noes.setdefault((other.pk, topic, channel), []).append((heaviest, now))
            self.people = [other if person.pk == one.pk else person for person in self.people]

    def lift(self, place: int, topic: int, channel: str, weight: int) -> None:
        gate = (self.person(place).pk, self.topic(topic).pk, channel)
        self.noes[gate] = [no for no in self.noes.get(gate, []) if no[0] > weight]
        self.yeses.setdefault(gate, []).append(weight)

    @rule()
    def verify(self) -> None:
        assert not list(differences())

    @invariant()
    def nobody_who_said_no_agrees(self) -> None:
        for (person, topic, channel), noes in self.noes.items():
            consent = Consent.objects.filter(contact=person, communication_type=topic, channel=channel).first()
            if noes and consent:
                assert consent.is_withdrawn

    @rule(topic=some_topic, days=st.sampled_from([0, 0, 1, 3, 20, 60]))
    def ask_what_may_be_sent(self, topic: int, days: int) -> None:
        """The condition is the fold, now and at any moment before."""
        at = timezone.now() - timedelta(days=days)
        self.compare({person.pk for person in self.people}, self.topic(topic), at if days else None, at)

    def compare(self, people: set[int], topic: CommunicationType, asked_at: datetime | None, at: datetime) -> None:
        Contact.objects.filter(pk__in=people).update(created_at=at - timedelta(days=100))
        question = Question(Channel.EMAIL, topic, at=asked_at)
        found = verdicts(people, question)
        folded = {gate: fold(entries) for gate, entries in entries_of(people, at=asked_at).items()}
        for person in people:
            amounts = folded.get(Gate(person, topic.pk, Channel.EMAIL), Folded())
            assert found[person].fails("consent") is not amounts.agrees(at, accepts_implied=topic.accepts_implied)
        of_all = audience(Contact.objects.filter(pk__in=people), question)
        assert of_all.each["consent"] == sum(verdict.fails("consent") for verdict in found.values())

    @invariant()
    def each_entry_says_what_it_changed(self) -> None:
        """The newest entry of a gate ends where the gate is now."""
        now = timezone.now()
        for consent in Consent.objects.annotate(word=state(now)):
            entries = ConsentHistory.objects.filter(
                contact=consent.contact_id, communication_type=consent.communication_type_id, channel=consent.channel
            )
            newest = entries.order_by("-recorded_at", "-id").first()
            assert newest is not None
            assert newest.to_state == consent.word  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_stories_of_consents() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Consents,
        settings=settings(
            max_examples=6, stateful_step_count=18, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
