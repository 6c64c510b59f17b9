"""Random stories through all doors by which something comes back, beside what users and programs do meanwhile.

After each step the state is the fold of the history, and everybody may be sent to or not as a memory has it that knows
the law alone, whoever is asked and in whichever way. What comes again adds nothing, and bystanders stay as they were.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from consent.models import (
    CommunicationType,
    Consent,
    ConsentHistory,
    DeliveryEvent,
    InboundReply,
    SpamReport,
    UnreadMail,
)
from consent.services.consents import grant, withdraw
from consent.services.feedback import delivery, replies, reports
from consent.services.feedback.mail import receive
from consent.services.mail_headers import links_for
from consent.tokens import token_for
from consent.vocabulary import ReplyOutcome
from contacts.addresses import normalise
from contacts.eligibility import Question, explain_each, project_audience, verdicts
from contacts.errors import RegisterError
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory
from contacts.origin import Actor, Origin
from contacts.selectors.may_send import may_send
from contacts.services import blocks, opt_outs, status
from contacts.services.erasure import erase
from contacts.services.merging import merge
from contacts.services.register import change_address, create_contact
from contacts.services.verify import differences
from contacts.vocabulary import ApiScope, BlockKind
from tests.api.program import Program
from tests.consent.feedback_reports import DATE, rfc_5965
from tests.consent.links import ONE_CLICK, newsletter, open_centre, row_of, visitor
from tests.consent.links import post as post_form
from tests.consent.memory import COMPLAINT, EMAIL, OWN, REPORTED, SMS, Gate, Memory, Somebody
from tests.consent.provider_posts import SAYING, endpoint_of, post
from tests.consent.saying import by_form
from tests.consent.test_receive_mail import STOP_MAILBOX, bounce, written
from tests.consent.texts import text_from
from tests.factories import ContactFactory, OrganizationFactory, ProjectFactory, by_the_system, today
from tests.origins import ADMIN, EDITOR, ORGANIZATION_ADMIN, asked, authorized, by, by_link

EMAILS = ["ann@one.example", "bob@two.example", "family@three.example"]
NUMBERS = ["+14185550137", "+14185550138"]
BY_PROVIDER = {"complained": "spamreport", "unsubscribed": "group_unsubscribe", "subscribed": "group_resubscribe",
               "bounced": "bounce", "full": "bounce", "delivered": "delivered", "deferred": "deferred"}  # fmt: skip
WEIGHTS = {"ours": 0, "asked": REPORTED, "link": OWN}

somebody = st.integers(0, 5)
some_email = st.sampled_from(EMAILS)
some_project = st.sampled_from([0, 0, 0, 1, 2])
some_channel = st.sampled_from([EMAIL, EMAIL, SMS])
hours_back = st.sampled_from([0, 0, 1, 30, 80, 500])
days_back = st.sampled_from([0, 0, 1, 4])
some_staff = st.sampled_from([EDITOR, ADMIN, ORGANIZATION_ADMIN])


@dataclass(frozen=True)
class Message:
    """One that went to somebody: where it went, what it was about, and what it carried."""

    number: int
    project: int
    channel: str
    address: str
    topic: int | None
    token: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Waiting:
    """What waits for a decision, and whom it named when it came."""

    row: Any
    project: int
    address: str
    at: datetime | None
    named: tuple[int, ...] = ()
    raw: bytes = b""


class Feedback(RuleBasedStateMachine):
    """Two projects of one organization, the first with a consent centre, and one of another."""

    def __init__(self) -> None:
        super().__init__()
        self.story = transaction.atomic()
        self.story.__enter__()
        self.memory = Memory()
        self.start = timezone.now().replace(microsecond=0)
        self.count = 0
        self.messages: list[Message] = []
        self.done: list[Callable[[], Any]] = []
        self.reports: list[Waiting] = []
        self.bounces: list[Waiting] = []
        self.replies: list[Waiting] = []
        self.failures: dict[Gate, list[tuple[datetime, int]]] = {}
        self.counted: set[int] = set()
        self.lifted: dict[Gate, list[tuple[datetime, str]]] = {}

    @initialize()
    def everybody_is_there(self) -> None:
        house = OrganizationFactory()
        here = {"delivery_errors": 2, "delivery_error_days": 10}
        self.projects: list[Project] = [
            ProjectFactory(organization=house, **here), ProjectFactory(organization=house, **here),
            ProjectFactory(**here),
        ]  # fmt: skip
        open_centre(self.projects[0])
        self.topics: list[CommunicationType] = [newsletter(project) for project in self.projects]
        self.endpoints = [endpoint_of(project, "sendgrid") for project in self.projects]
        self.programs: dict[bool, list[Program]] = {
            may: [
                Program(project, [scope for scope in ApiScope.values if may or scope != ApiScope.AUTHORIZE])
                for project in self.projects
            ]
            for may in (False, True)
        }
        self.bystanders = [
            ContactFactory(project=project, key="bystander", email="by@stander.example", sms="+14185550199")
            for project in self.projects
        ]
        for contact, topic in zip(self.bystanders, self.topics, strict=True):
            grant(contact.as_set(), topic, EMAIL, origin=by_form())
        self.before = self.of_bystanders()
        for project in (0, 0, 1, 2):
            self.create(project, EMAILS[self.count % 2], NUMBERS[0])

    def teardown(self) -> None:
        for place in range(3) if hasattr(self, "before") else ():
            self.ask(place, in_every_way=True)
        if hasattr(self, "before"):
            assert self.of_bystanders() == self.before
            assert not UnreadMail.objects.exists()
        transaction.set_rollback(True)
        self.story.__exit__(None, None, None)

    def of_bystanders(self) -> list[Any]:
        theirs = {"contact__in": self.bystanders}
        return [
            list(Contact.objects.filter(pk__in=[one.pk for one in self.bystanders]).order_by("pk").values()),
            *(list(model.objects.filter(**theirs).order_by("pk").values()) for model in
              (ChannelStatus, Consent, StatusHistory, ConsentHistory)),
        ]  # fmt: skip

    # Finding and doing

    def one(self, place: int) -> tuple[Somebody, Contact] | tuple[None, None]:
        if not self.memory.people:
            return None, None
        numbers = sorted(self.memory.people)
        found = self.memory.people[numbers[place % len(numbers)]]
        return found, Contact.objects.select_related("project").get(pk=found.number)

    def past(self, hours: int) -> datetime | None:
        return self.start - timedelta(hours=hours) if hours else None

    def next(self) -> int:
        self.count += 1
        return self.count

    def do(self, act: Callable[[], Any]) -> Any:
        """Do what can be done again later without adding anything."""
        self.done.append(act)
        return act()

    def reads(self, message: Message) -> Somebody | None:
        """Who reads what comes to where a message went: who it was for, as long as they have that address."""
        one = self.memory.person(message.number)
        return one if one and one.has.get(message.channel) == message.address else None

    def message(self, place: int) -> Message:
        return self.messages[-1 - place % len(self.messages)]

    def send(self, one: Somebody, channel: str) -> None:
        """A message about nothing, and one about the topic."""
        row = row_of(Contact.objects.get(pk=one.number), channel)
        for topic in (None, self.topics[one.project]):
            self.messages.append(
                Message(
                    one.number, one.project, channel, one.has[channel], topic.pk if topic else None,
                    token_for(row, topic), links_for(row, topic).headers,
                )
            )  # fmt: skip

    # Contacts come, change and go

    @rule(project=some_project, email=st.sampled_from(["", *EMAILS]), number=st.sampled_from(["", *NUMBERS]))
    def create(self, project: int, email: str, number: str) -> None:
        if len(self.memory.people) >= 5:
            return
        made = create_contact(
            self.projects[project], key=f"K{self.next()}", addresses={EMAIL: email, SMS: number},
            origin=by_the_system(),
        )  # fmt: skip
        one = Somebody(made.pk, project, made.organization_id)
        self.memory.comes(one)
        for channel, address in ((EMAIL, email), (SMS, number)):
            if address:
                self.memory.put(one, channel, address)
                self.send(one, channel)

    @rule(place=somebody, email=st.sampled_from(["", *EMAILS]))
    def change_address(self, place: int, email: str) -> None:
        one, contact = self.one(place)
        if one and contact and one.has.get(EMAIL, "") != email:
            change_address(contact, EMAIL, email, origin=by(EDITOR))
            self.memory.put(one, EMAIL, email)
            if email:
                self.send(one, EMAIL)

    @rule(place=somebody, requested=st.booleans())
    def erase(self, place: int, requested: bool) -> None:
        one, contact = self.one(place)
        if one and contact:
            erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=requested)
            self.memory.erase(one, requested=requested)

    @rule(stays=somebody, goes=somebody)
    def merge(self, stays: int, goes: int) -> None:
        (staying, survivor), (going, other) = self.one(stays), self.one(goes)
        if staying and survivor and going and other and staying is not going and staying.project == going.project:
            merge(survivor, other, origin=by(EDITOR))
            self.memory.merge(staying, going)

    # Spam reports

    @rule(place=st.integers(0, 9), hours=hours_back)
    def a_report_with_our_token(self, place: int, hours: int) -> None:
        message = self.message(place)
        if message.channel != EMAIL:
            return
        raw = self.report(message.address, message.headers, hours)
        self.do(lambda: receive(raw))
        reader = self.reads(message)
        organization = self.projects[message.project].organization_id
        self.memory.complain(organization, message.address, [reader] if reader else [], self.past(hours))

    @rule(project=some_project, email=some_email, hours=hours_back, trusted=st.booleans())
    def a_report_that_names_the_recipient(self, project: int, email: str, hours: int, trusted: bool) -> None:
        raw, here = self.report(email, {}, hours), self.projects[project]
        received_at = timezone.now()
        self.do(lambda: receive(raw, project=here, trusted=trusted))
        people = self.memory.who_has(project, EMAIL, email)
        if trusted:
            self.memory.complain(here.organization_id, email, people, self.past(hours))
        elif people:
            report = SpamReport.objects.latest("pk")
            at = self.past(hours) or received_at
            self.reports.append(Waiting(report, project, email, at, tuple(one.number for one in people), raw))

    def report(self, address: str, headers: dict[str, str], hours: int) -> bytes:
        told = (self.past(hours) or timezone.now() + timedelta(minutes=1)).strftime("%a, %d %b %Y %H:%M:%S +0000")
        raw = rfc_5965(address, headers).replace(f"Date: {DATE}".encode(), f"Date: {told}".encode())
        return raw.replace(b"<report.4711@", f"<report.{self.next()}@".encode())

    @rule(place=somebody, what=st.sampled_from(["accept", "accept", "dismiss", "again"]))
    def a_report_is_decided(self, place: int, what: str) -> None:
        if not self.reports:
            return
        waiting = self.reports.pop(place % len(self.reports))
        organization = self.projects[waiting.project].organization_id
        held = self.memory.who_has(waiting.project, EMAIL, waiting.address)
        if what == "dismiss":
            reports.dismiss(waiting.row, actor=ADMIN)
            return
        if what == "again":  # through a door that is believed
            self.do(lambda: receive(waiting.raw, project=self.projects[waiting.project], trusted=True))
        else:
            reports.accept(waiting.row, origin=by(ADMIN))
            named = {self.memory.merged.get(number, number) for number in waiting.named}
            held = [one for one in held if one.number in named]
        self.memory.complain(organization, waiting.address, held, waiting.at)

    @rule(project=some_project, email=some_email, hours=hours_back)
    def a_program_tells_of_a_complaint(self, project: int, email: str, hours: int) -> None:
        at, here = self.past(hours), self.projects[project]
        said = {"channel": EMAIL, "address": email, **({"occurred_at": at.isoformat()} if at else {})}
        key = f"complaint-{self.next()}"
        answer = self.do(lambda: self.programs[False][project].send("spam-reports", said, Idempotency_Key=key))
        assert answer.status_code == 202
        self.memory.complain(here.organization_id, email, self.memory.who_has(project, EMAIL, email), at)

    # Providers

    @rule(project=some_project, email=some_email, kind=st.sampled_from(sorted(BY_PROVIDER)), hours=hours_back)
    def a_provider_tells(self, project: int, email: str, kind: str, hours: int) -> None:
        self.provided(project, email, kind, hours, None)

    @rule(place=st.integers(0, 9), kind=st.sampled_from(sorted(BY_PROVIDER)), hours=hours_back)
    def a_provider_tells_with_our_token(self, place: int, kind: str, hours: int) -> None:
        message = self.message(place)
        if message.channel == EMAIL:
            self.provided(message.project, message.address, kind, hours, message)

    def provided(self, project: int, email: str, kind: str, hours: int, message: Message | None) -> None:
        number, at = self.next(), self.past(hours)
        [event] = SAYING["sendgrid"]("bounced" if BY_PROVIDER[kind] == "bounce" else "delivered", email)
        moment = at or timezone.now() + timedelta(minutes=5)  # their clock is ahead, so it is taken for now
        event |= {"event": BY_PROVIDER[kind], "sg_event_id": f"e{number}", "smtp-id": f"<m{number}@sendgrid>",
                  "timestamp": int(moment.timestamp())}  # fmt: skip
        if kind == "full":
            event |= {"status": "5.2.2", "reason": "552 5.2.2 mailbox full"}
        if message:
            event["token"] = message.token
        assert self.do(lambda: post(self.endpoints[project], [event])).status_code == 200
        holders = self.memory.who_has(project, EMAIL, email)
        organization = self.projects[project].organization_id
        if kind == "complained":
            reader = self.reads(message) if message else None
            self.memory.complain(organization, email, ([reader] if reader else []) if message else holders, at)
        elif kind == "unsubscribed":
            reader = self.reads(message) if message else holders[0] if len(holders) == 1 else None
            if message or len(holders) == 1:
                self.memory.stop_all(reader, project, EMAIL, email, at, "opt_out_link")
            else:
                self.memory.say_no(("opt_out", project, EMAIL, email), OWN, at, "opt_out_link")
        elif kind == "bounced":
            self.refused(project, email, "no_such_address", at or timezone.now())
        elif kind == "full":
            self.failed(project, email, at or timezone.now(), number)

    def refused(self, project: int, email: str, cause: str, at: datetime) -> None:
        """The address does not work, unless somebody decided later that it does."""
        later = {lifted for moment, lifted in self.lifted.get((project, email), []) if moment > at}
        if not later or cause in later:
            self.memory.say_no(("quarantine", project, EMAIL, email, cause), 0, at)

    def failed(self, project: int, email: str, at: datetime, number: int) -> None:
        """Two failures within ten days, with no lifting between, quarantine the address."""
        here = self.failures.setdefault((project, email), [])
        here.append((at, number))
        liftings = [moment for moment, _cause in self.lifted.get((project, email), [])]
        for moment, one in here:
            begins = max([moment - timedelta(days=10), *(lifting for lifting in liftings if lifting <= moment)])
            if one not in self.counted and sum(begins <= other <= moment for other, _number in here) >= 2:
                self.counted.add(one)
                self.refused(project, email, "delivery_errors", moment)

    # Mail

    @rule(place=st.integers(0, 9), hours=hours_back)
    def a_bounce_with_our_token(self, place: int, hours: int) -> None:
        message = self.message(place)
        if message.channel == EMAIL:
            self.bounced(message.project, message.address, hours, message.headers, trusted=False)

    @rule(project=some_project, email=some_email, hours=hours_back, trusted=st.booleans())
    def a_bounce_that_names_the_recipient(self, project: int, email: str, hours: int, trusted: bool) -> None:
        self.bounced(project, email, hours, None, trusted=trusted)

    def bounced(self, project: int, email: str, hours: int, headers: dict[str, str] | None, *, trusted: bool) -> None:
        moment = self.past(hours) or timezone.now() + timedelta(minutes=1)
        raw = bounce(recipient=email, returned=headers).replace(
            b"Date: Thu, 20 Nov 2025 12:00:00", f"Date: {moment.strftime('%a, %d %b %Y %H:%M:%S')}".encode()
        )
        raw = raw.replace(b"<dsn-1@", f"<dsn-{self.next()}@".encode())
        here = None if headers else self.projects[project]
        self.do(lambda: receive(raw, project=here, trusted=trusted))
        at = self.past(hours) or timezone.now()
        if headers or trusted:
            self.refused(project, email, "no_such_address", at)
        else:
            self.bounces.append(Waiting(DeliveryEvent.objects.latest("pk"), project, email, at))

    @rule(place=somebody, accepted=st.booleans())
    def a_bounce_is_decided(self, place: int, accepted: bool) -> None:
        if self.bounces:
            waiting = self.bounces.pop(place % len(self.bounces))
            chosen = DeliveryEvent.objects.filter(pk=waiting.row.pk)
            if accepted:
                assert delivery.accept(chosen, origin=by(EDITOR)) == 1
                gate = ("quarantine", waiting.project, EMAIL, waiting.address, "no_such_address")
                self.memory.say_no(gate, 0, waiting.at)
            else:
                assert delivery.dismiss(chosen, actor=EDITOR) == 1

    @rule(place=st.integers(0, 9))
    def a_mail_with_our_token_stops(self, place: int) -> None:
        message = self.message(place)
        raw = written(Subject=message.token, To=STOP_MAILBOX, Message_ID=f"<{self.next()}@example.org>")
        self.do(lambda: receive(raw))
        self.stopped(message, "mail")

    @rule(place=st.integers(0, 9))
    def the_link_is_used(self, place: int) -> None:
        message = self.message(place)
        assert post_form(visitor(), f"/u/{message.token}", ONE_CLICK).status_code == 200
        self.stopped(message, "opt_out_link")

    def stopped(self, message: Message, method: str) -> None:
        """The centre of the first project lets people stop one type."""
        reader = self.reads(message)
        if reader and message.topic and message.project == 0:
            self.memory.stop_type(reader, message.topic, message.channel, method)
        else:
            self.memory.stop_all(reader, message.project, message.channel, message.address, None, method)

    @rule(project=some_project, email=some_email, trusted=st.booleans())
    def a_mail_says_stop(self, project: int, email: str, trusted: bool) -> None:
        raw = written(From=email, Subject="unsubscribe", Message_ID=f"<{self.next()}@example.org>")
        here, holders = self.projects[project], self.memory.who_has(project, EMAIL, email)
        if not trusted and not holders:
            return  # nobody knows the sender: it is kept aside
        self.do(lambda: receive(raw, project=here, trusted=trusted))
        if trusted:
            self.stop_each(project, email, None, "mail")
        else:
            self.replies.append(Waiting(InboundReply.objects.latest("pk"), project, email, timezone.now()))

    def stop_each(self, project: int, email: str, at: datetime | None, method: str) -> None:
        holders = self.memory.who_has(project, EMAIL, email)
        for one in holders:
            self.memory.stop_all(one, project, EMAIL, email, at, method)
        if not holders:
            self.memory.say_no(("opt_out", project, EMAIL, email), OWN, at, method)

    @rule(place=somebody, accepted=st.booleans())
    def a_reply_is_decided(self, place: int, accepted: bool) -> None:
        if self.replies:
            waiting = self.replies.pop(place % len(self.replies))
            if not accepted:
                replies.dismiss(waiting.row, actor=EDITOR)
                return
            origin = by(EDITOR)
            self.do(lambda: replies.accept(waiting.row, origin=origin))
            if waiting.row.channel == EMAIL:
                self.stop_each(waiting.project, waiting.address, waiting.at, "mail")
            else:
                organization = self.projects[waiting.project].organization_id
                self.memory.say_no(("suppression", organization, SMS, waiting.address, "stop"), OWN, waiting.at)

    # Text messages

    @rule(project=some_project, number=st.sampled_from(NUMBERS), hours=hours_back,
          words=st.sampled_from(["STOP", "START", "stop it pls"]))  # fmt: skip
    def a_text(self, project: int, number: str, words: str, hours: int) -> None:
        key, at, here = f"sms-{self.next()}", self.past(hours), self.projects[project]
        reply = self.do(lambda: text_from(here, words, number, key=key, occurred_at=at))
        gate = ("suppression", here.organization_id, SMS, number, "stop")
        if words == "STOP":
            self.memory.say_no(gate, OWN, at)
        elif words == "START":
            lifted = self.memory.say_yes([gate], OWN, act=at or timezone.now())
            assert (reply.outcome == ReplyOutcome.STARTED) == bool(lifted)
        elif reply.outcome == ReplyOutcome.WAITING:
            self.replies.append(Waiting(reply, project, number, at or timezone.now()))

    # Users and programs

    @rule(place=somebody, who=st.sampled_from(sorted(WEIGHTS)), hours=hours_back)
    def deactivate(self, place: int, who: str, hours: int) -> None:
        one, contact = self.one(place)
        if one and contact:
            origin = self.origin(who, hours)
            self.do(lambda: status.deactivate(contact.as_set(), origin=origin))
            self.memory.say_no(("active", one.number), WEIGHTS[who], self.past(hours), origin.method)

    @rule(place=somebody, channel=some_channel, who=st.sampled_from(sorted(WEIGHTS)), hours=hours_back)
    def opt_out(self, place: int, channel: str, who: str, hours: int) -> None:
        one, contact = self.one(place)
        if one and contact:
            origin = self.origin(who, hours)
            self.do(lambda: opt_outs.opt_out(contact.as_set(), channel, origin=origin))
            for gate in self.memory.opt_outs(one, channel):
                self.memory.say_no(gate, WEIGHTS[who], self.past(hours), origin.method, one.has.get(channel, "none"))

    def origin(self, who: str, hours: int) -> Origin:
        made = {"ours": by(EDITOR), "asked": asked(), "link": by_link()}[who]
        return made.saying(occurred_at=self.past(hours))

    @rule(place=somebody, actor=some_staff, covers=st.sets(some_channel), days=days_back)
    def activate(self, place: int, actor: Actor, covers: set[str], days: int) -> None:
        one, contact = self.one(place)
        if one and contact:
            day, origin = today() - timedelta(days=days), by(actor, "authorized")
            self.do(
                lambda: status.activate(contact.as_set(), origin=origin, authorization=authorized(day, *covers))
            )  # fmt: skip
            self.activated(
                one, actor.authority, covers, day, StatusHistory.objects.filter(request_id=origin.request_id)
            )

    def activated(self, one: Somebody, weight: int, covers: set[str], day: date, entries: Any) -> None:
        """What the authorization opens: nothing where the switch may not be opened, else each on its own."""
        expected = set()
        switch = self.memory.say_yes([("active", one.number)], weight, day=day)
        if switch:
            expected.add(("active", ""))
        for channel in sorted(covers) if switch is not False else []:
            if self.memory.say_yes(self.memory.opt_outs(one, channel), weight, day=day):
                expected.add(("opt_out", channel))
        assert set(entries.values_list("aspect", "channel")) == expected

    @rule(place=somebody, actor=some_staff, channel=some_channel, days=days_back)
    def lift_opt_out(self, place: int, actor: Actor, channel: str, days: int) -> None:
        one, contact = self.one(place)
        if one and contact:
            day, origin = today() - timedelta(days=days), by(actor, "authorized")
            change = self.do(
                lambda: opt_outs.lift_opt_out(
                    contact.as_set(), channel, origin=origin, authorization=authorized(day)
                )
            )  # fmt: skip
            may = self.memory.say_yes(self.memory.opt_outs(one, channel), actor.authority, day=day)
            assert change.recorded == bool(may)

    @rule(place=somebody, actor=some_staff, project=some_project, days=days_back)
    def lift_suppression(self, place: int, actor: Actor, project: int, days: int) -> None:
        here, day = self.projects[project], today() - timedelta(days=days)
        on = Block.objects.on().filter(organization=here.organization_id, kind=BlockKind.SUPPRESSION).order_by("pk")
        if not on:
            return
        block, origin = on[place % len(on)], by(actor, "reachable")
        change = blocks.lift(
            Block.objects.filter(pk=block.pk), origin=origin, authorization=authorized(day), recorded_in=here
        )
        gate = ("suppression", here.organization_id, block.channel, block.address or self.forgotten(block), block.cause)
        may = actor.authority >= COMPLAINT and self.memory.say_yes([gate], actor.authority, day=day)
        assert change.recorded == bool(may)

    def forgotten(self, block: Block) -> str:
        """The address of a block that keeps its fingerprint alone."""
        texts = EMAILS if block.channel == EMAIL else NUMBERS
        return next(text for text in texts if normalise(block.channel, text).fingerprint == block.fingerprint)

    @rule(project=some_project, email=some_email)
    def lift_quarantine(self, project: int, email: str) -> None:
        mark = normalise(EMAIL, email).fingerprint
        here = Block.objects.filter(project=self.projects[project], fingerprint=mark, kind=BlockKind.QUARANTINE)
        causes = set(here.on().values_list("cause", flat=True))
        change = blocks.lift(here.on(), origin=by(EDITOR, "reachable"), recorded_in=self.projects[project])
        assert change.recorded == len(causes)
        for gate in self.memory.quarantines(project, email):
            if self.memory.say_yes([gate], 0):
                self.lifted.setdefault((project, email), []).append((timezone.now(), gate[4]))
                causes.remove(gate[4])
        assert not causes

    @rule(place=somebody, may=st.booleans(), reason=st.sampled_from(["other", "verbal_request", "own_request"]),
          hours=hours_back)  # fmt: skip
    def a_program_deactivates(self, place: int, may: bool, reason: str, hours: int) -> None:
        one, contact = self.one(place)
        if one and contact:
            at, key = self.past(hours), f"key-{self.next()}"
            said = {"reason": reason, **({"occurred_at": at.isoformat()} if at else {})}
            path, program = f"contacts/{one.number}/deactivate", self.programs[may][one.project]
            assert self.do(lambda: program.send(path, said, Idempotency_Key=key)).status_code == 200
            weight = {"other": 0, "verbal_request": REPORTED, "own_request": OWN}[reason]
            self.memory.say_no(("active", one.number), weight, at, "api")

    @rule(place=somebody, may=st.booleans(), covers=st.sets(some_channel), days=days_back)
    def a_program_activates(self, place: int, may: bool, covers: set[str], days: int) -> None:
        one, contact = self.one(place)
        if one and contact:
            day, key = today() - timedelta(days=days), f"key-{self.next()}"
            word = {"source": "written", "reference": "7", "obtained_on": day.isoformat(), "covers": sorted(covers)}
            before = set(StatusHistory.objects.values_list("pk", flat=True))
            path, program = f"contacts/{one.number}/activate", self.programs[may][one.project]
            answer = self.do(lambda: program.send(path, {"authorization": word}, Idempotency_Key=key))
            entries = StatusHistory.objects.exclude(pk__in=before)
            if answer.status_code == 200:
                self.activated(one, OWN if may else 0, covers, day, entries)
            else:  # all of it or nothing
                assert not entries.exists()

    # Consent

    @rule(place=somebody, channel=some_channel, who=st.sampled_from(["form", "user", "authorized"]), days=days_back)
    def grant(self, place: int, channel: str, who: str, days: int) -> None:
        one, contact = self.one(place)
        if one and contact:
            topic, day = self.topics[one.project], today() - timedelta(days=days)
            origin = by_form() if who == "form" else by(ADMIN)
            word = authorized(day) if who == "authorized" else None
            change = self.do(
                lambda: grant(contact.as_set(), topic, channel, origin=origin, authorization=word)
            )  # fmt: skip
            gate = ("consent", one.number, topic.pk, channel)
            if who == "user":
                others = self.memory.who_has(one.project, channel, one.has.get(channel, ""))
                refused = any(self.memory.is_withdrawn(other.number, topic.pk, channel) for other in others if one.has)
                refused = self.memory.is_withdrawn(one.number, topic.pk, channel) or (refused and channel in one.has)
            else:
                act = timezone.now() if who == "form" else None
                refused = self.memory.say_yes([gate], OWN, day=day if word else None, act=act) is False
            assert change.recorded == (not refused)
            if not refused:
                self.memory.agreed.add((one.number, topic.pk, channel))

    @rule(place=somebody, channel=some_channel, who=st.sampled_from(["asked", "link"]), hours=hours_back)
    def withdraw(self, place: int, channel: str, who: str, hours: int) -> None:
        one, contact = self.one(place)
        if one and contact:
            topic, origin = self.topics[one.project], self.origin(who, hours)
            self.do(lambda: withdraw(contact.as_set(), topic, channel, origin=origin))
            gate = ("consent", one.number, topic.pk, channel)
            self.memory.say_no(gate, max(REPORTED, WEIGHTS[who]), self.past(hours), origin.method)

    # What always holds

    @rule(place=st.integers(0, 2))
    def everybody_is_asked(self, place: int) -> None:
        self.ask(place, in_every_way=True)

    @rule(back=st.integers(0, 30))
    def something_comes_again(self, back: int) -> None:
        if not self.done:
            return
        before = self.rows()
        with contextlib.suppress(RegisterError):
            self.done[-1 - back % len(self.done)]()
        assert self.rows() == before

    def rows(self) -> list[int]:
        kept = (StatusHistory, ConsentHistory, DeliveryEvent, SpamReport, InboundReply, UnreadMail)
        return [model._default_manager.count() for model in kept]

    @invariant()
    def the_state_is_the_fold_of_the_history(self) -> None:
        assert [str(difference) for difference in differences()] == []

    @invariant()
    def everybody_gets_what_they_may(self) -> None:
        for place in range(3) if hasattr(self, "before") else ():
            self.ask(place, in_every_way=False)

    def ask(self, place: int, *, in_every_way: bool) -> None:
        """May they be sent to: many at once; and one by one, as an audience, and by their addresses."""
        project, topic = self.projects[place], self.topics[place]
        people = [one for one in self.memory.people.values() if one.project == place]
        questions = [Question(EMAIL), Question(EMAIL, topic), Question(SMS)]
        told = []
        for question in questions:
            about = topic.pk if question.communication_type else None
            expected = {one.number: self.memory.fails(one, question.channel, about) for one in people}
            found = verdicts(expected, question)
            assert {number: failing(verdict) for number, verdict in found.items()} == expected
            told.append(expected)
            if in_every_way:
                self.compare_audience(project, question, list(expected.values()))
                self.compare_addresses(project, question, people, expected)
        for one in people if in_every_way else ():
            answers = explain_each(Contact.objects.get(pk=one.number), questions)
            assert [failing(verdict) for verdict in answers] == [expected[one.number] for expected in told]

    def compare_audience(self, project: Project, question: Question, expected: list[set[str]]) -> None:
        found, bystanders = project_audience(project, question), 1
        assert found.total == len(expected) + bystanders
        assert found.eligible == expected.count(set()) + bystanders
        assert found.each == {key: sum(key in keys for keys in expected) for key in found.each}

    def compare_addresses(
        self, project: Project, question: Question, people: list[Somebody], expected: dict[int, set[str]]
    ) -> None:
        texts = EMAILS if question.channel == EMAIL else NUMBERS
        answers = may_send(project, question, texts)
        for text in texts:
            holders = [one.number for one in people if one.has.get(question.channel) == text]
            if holders:
                assert answers[text].sendable == any(not expected[number] for number in holders)


def failing(verdict: Any) -> set[str]:
    return {outcome.key for outcome in verdict.outcomes if not outcome.met}


@pytest.mark.django_db
def test_no_story_of_feedback_makes_the_register_wrong(settings: Any) -> None:
    settings.REPLY_DOMAIN = "reply.example.org"
    run_state_machine_as_test(Feedback, settings=BOUNDS)  # type: ignore[no-untyped-call]


BOUNDS = settings(max_examples=4, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
