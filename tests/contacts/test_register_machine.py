"""Random stories of a register, checked after each step against a simple memory of who said no."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from contacts.addresses import normalise
from contacts.eligibility import Question, verdicts
from contacts.errors import RegisterError
from contacts.models import Block, ChannelStatus, Contact, StatusHistory
from contacts.origin import Actor, Origin
from contacts.services.blocks import lift, quarantine, suppress
from contacts.services.change import Change
from contacts.services.erasure import erase
from contacts.services.merging import merge
from contacts.services.opt_outs import lift_opt_out, opt_out
from contacts.services.register import change_address, change_key, create_contact
from contacts.services.status import activate, deactivate
from contacts.services.undo import undo
from contacts.services.verify import differences
from contacts.vocabulary import Says, Weight
from tests.factories import OrganizationFactory, ProjectFactory, by_the_system, today
from tests.origins import ADMIN, EDITOR, ORGANIZATION_ADMIN, TOKEN, asked, authorized, by, by_complaint, by_link

EMAILS = ["ann@example.org", "Ann@Example.org", "bob@example.org", "cleo@example.net"]
NUMBERS = ["+1 418 555 0137", "+14185550138"]
STAFF = [EDITOR, ADMIN, ORGANIZATION_ADMIN, TOKEN]

some_contact = st.integers(0, 3)
some_staff = st.sampled_from(STAFF)
some_channel = st.sampled_from(["email", "sms"])
some_no = st.sampled_from(["ours", "asked", "link", "complaint"])
some_days_back = st.sampled_from([0, 0, 0, 1, 3])

Subject = tuple[Any, ...]


@dataclass
class Said:
    """What the machine remembers of one word: about what, how heavy, when, in which request."""

    subject: Subject
    weight: int
    at: datetime
    request: Any


def origin_of(who: str, days_back: int) -> Origin:
    made = {"ours": by(EDITOR), "asked": asked(), "link": by_link(), "complaint": by_complaint()}[who]
    return made.saying(occurred_at=timezone.now() - timedelta(days=days_back) if days_back else None)


class Register(RuleBasedStateMachine):
    """Two projects of one organization and one of another, some people, and everything that may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.story = transaction.atomic()
        self.story.__enter__()
        house = OrganizationFactory()
        self.projects = [ProjectFactory(organization=house), ProjectFactory(organization=house), ProjectFactory()]
        self.contacts: list[Contact] = []
        self.noes: list[Said] = []
        self.yeses: list[Said] = []
        self.done: list[Callable[[], Any]] = []
        self.merged: dict[int, int] = {}
        self.number = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.story.__exit__(None, None, None)

    # What the memory keeps

    def heard_no(self, origin: Origin, *subjects: Subject) -> None:
        if origin.weight_of_no >= Weight.REPORTED:
            at = origin.occurred_at or timezone.now()
            self.noes += [Said(subject, origin.weight_of_no, at, origin.request_id) for subject in subjects]

    def heard_yes(self, origin: Origin, *subjects: Subject) -> None:
        at = timezone.now()
        self.yeses += [Said(subject, origin.actor.authority, at, origin.request_id) for subject in subjects]

    def is_lifted(self, no: Said) -> bool:
        return any(yes.subject == no.subject and yes.weight >= no.weight and yes.at > no.at for yes in self.yeses)

    def has(self, contact: Contact, channel: str) -> str:
        """The contact's address now, by its fingerprint."""
        row = ChannelStatus.objects.filter(contact=contact, channel=channel).first()
        return row.fingerprint if row else ""

    def of_address(self, contact: Contact, channel: str) -> list[Subject]:
        mark = self.has(contact, channel)
        return [("opt_out", contact.organization_id, contact.project_id, channel, mark)] if mark else []

    def of_block(self, block: Block) -> Subject:
        return (block.kind, block.organization_id, block.project_id, block.channel, block.fingerprint)

    def of_channel(self, contact: Contact, channel: str) -> list[Subject]:
        return [
            ("own", contact.pk, channel),
            *self.of_address(contact, channel),
        ]

    # Doing, and checking what was done

    def do(self, service: Callable[..., Change], *arguments: Any, **named: Any) -> Change | None:
        """Call a service: what it acknowledges is in the history once, and nobody elsewhere is touched (I1, I7)."""
        before = set(StatusHistory.objects.values_list("pk", flat=True))
        try:
            change = service(*arguments, **named)
        except RegisterError:
            change = None
        new = StatusHistory.objects.exclude(pk__in=before)
        assert new.count() == (change.recorded if change else 0)
        if change:
            assert not new.exclude(request_id=change.request_id).exists()
            assert before <= set(StatusHistory.objects.values_list("pk", flat=True))
            if change.recorded:
                self.done.append(lambda: service(*arguments, **named))
        return change

    def one(self, place: int) -> Contact | None:
        return self.contacts[place % len(self.contacts)] if self.contacts else None

    # What may happen

    @initialize()
    def somebody_is_there(self) -> None:
        self.create(0, EMAILS[0], NUMBERS[0])
        self.create(1, EMAILS[0], "")

    @rule(project=st.integers(0, 2), email=st.sampled_from(["", *EMAILS]), number=st.sampled_from(["", *NUMBERS]))
    def create(self, project: int, email: str, number: str) -> None:
        if len(self.contacts) >= 4:
            return
        self.number += 1
        made = create_contact(
            self.projects[project],
            key=f"K{self.number}",
            addresses={"email": email, "sms": number},
            origin=by_the_system(),
        )
        assert StatusHistory.objects.filter(contact=made).count() == 1 + bool(email) + bool(number)
        self.contacts.append(made)

    @rule(place=some_contact, who=some_no, days_back=some_days_back)
    def deactivate(self, place: int, who: str, days_back: int) -> None:
        if contact := self.one(place):
            origin = origin_of(who, days_back)
            if self.do(deactivate, contact.as_set(), origin=origin):
                self.heard_no(origin, ("switch", contact.pk))

    @rule(place=some_contact, channel=some_channel, who=some_no, days_back=some_days_back)
    def opt_out(self, place: int, channel: str, who: str, days_back: int) -> None:
        if contact := self.one(place):
            origin = origin_of(who, days_back)
            if self.do(opt_out, contact.as_set(), channel, origin=origin):
                self.heard_no(origin, *self.of_channel(contact, channel))

    @rule(place=some_contact, actor=some_staff, covers=st.sets(some_channel), days_back=some_days_back)
    def activate(self, place: int, actor: Actor, covers: set[str], days_back: int) -> None:
        if contact := self.one(place):
            origin = by(actor, "authorized")
            day = today() - timedelta(days=days_back)
            if self.do(activate, contact.as_set(), origin=origin, authorization=authorized(day, *covers)):
                self.take_yeses(contact, origin)

    @rule(place=some_contact, channel=some_channel, actor=some_staff)
    def lift_opt_out(self, place: int, channel: str, actor: Actor) -> None:
        if contact := self.one(place):
            origin = by(actor, "authorized")
            if self.do(lift_opt_out, contact.as_set(), channel, origin=origin, authorization=authorized()):
                self.take_yeses(contact, origin)

    def take_yeses(self, contact: Contact, origin: Origin) -> None:
        said = StatusHistory.objects.filter(request_id=origin.request_id, says=Says.YES)
        for aspect, channel in said.values_list("aspect", "channel"):
            subjects = [("switch", contact.pk)] if aspect == "active" else self.of_channel(contact, channel)
            self.heard_yes(origin, *subjects)

    @rule(place=some_contact, channel=some_channel)
    def quarantine(self, place: int, channel: str) -> None:
        if contact := self.one(place):
            self.do(quarantine, contact.as_set(), channel, origin=by_the_system(reason="no_such_address"))

    @rule(email=st.sampled_from(EMAILS), project=st.integers(0, 2), everywhere=st.booleans(), who=some_no)
    def suppress(self, email: str, project: int, everywhere: bool, who: str) -> None:
        here = self.projects[project]
        address = normalise("email", email)
        origin = origin_of(who, 0)
        scope = None if everywhere else here
        if self.do(suppress, [address], organization=here.organization, project=scope, recorded_in=here, origin=origin):
            self.heard_no(
                origin, ("suppression", here.organization_id, scope and here.pk, "email", address.fingerprint)
            )

    @rule(place=st.integers(0, 5), project=st.integers(0, 2), actor=some_staff, with_word=st.booleans())
    def lift(self, place: int, project: int, actor: Actor, with_word: bool) -> None:
        blocks = list(Block.objects.on().order_by("pk"))
        if not blocks:
            return
        block = blocks[place % len(blocks)]
        origin = by(actor, "reachable")
        change = self.do(
            lift,
            Block.objects.filter(pk=block.pk),
            origin=origin,
            authorization=authorized() if with_word else None,
            recorded_in=self.projects[project],
        )
        if change and change.recorded:
            assert block.organization_id == self.projects[project].organization_id
            assert block.project_id in (None, self.projects[project].pk)
            if with_word:
                self.heard_yes(origin, self.of_block(block))

    @rule(place=some_contact, channel=some_channel, which=st.integers(0, 4))
    def change_address(self, place: int, channel: str, which: int) -> None:
        if contact := self.one(place):
            texts = ["", *(EMAILS if channel == "email" else NUMBERS)]
            self.do(change_address, contact, channel, texts[which % len(texts)], origin=by(EDITOR))

    @rule(place=some_contact)
    def change_key(self, place: int) -> None:
        if contact := self.one(place):
            self.number += 1
            self.do(change_key, contact, f"K{self.number}", origin=by(EDITOR))

    @rule(actor=some_staff, back=st.integers(0, 3))
    def undo(self, actor: Actor, back: int) -> None:
        entries = StatusHistory.objects.exclude(says__in=[Says.VALUE, Says.VOID]).order_by("-pk")
        if not (entry := entries[back : back + 1].first()):
            return
        change = self.do(undo, StatusHistory.objects.filter(pk=entry.pk), origin=by(actor, "slip"))
        if change and change.recorded:
            assert entry.weight < Weight.OWN or entry.says == Says.YES, "what the person did cannot be voided"
            # A request says one thing of each subject here, so its words fall with their entry.
            whole = {entry.contact_id, self.merged.get(entry.contact_id or 0)}
            about = {("switch", number) for number in whole} if entry.aspect == "active" else set()
            if entry.aspect == "opt_out":
                about |= {("own", number, entry.channel) for number in whole}
            if entry.block:
                about |= {self.of_block(entry.block)}
            self.noes = [no for no in self.noes if (no.request, no.subject in about) != (entry.request_id, True)]
            self.yeses = [yes for yes in self.yeses if (yes.request, yes.subject in about) != (entry.request_id, True)]
            self.carry_over()

    @rule(stays=some_contact, goes=some_contact, take=st.sets(some_channel))
    def merge(self, stays: int, goes: int, take: set[str]) -> None:
        """Who goes is nobody of their own any more."""
        staying, going = self.one(stays), self.one(goes)
        if staying is None or going is None:
            return
        if not self.do(merge, staying, going, origin=by(EDITOR), take=frozenset(take)):
            return
        self.contacts.remove(going)
        self.merged[going.pk] = staying.pk
        self.merged.update({number: staying.pk for number, whole in self.merged.items() if whole == going.pk})
        self.carry_over()
        assert not verdicts([going.pk], Question("email"))

    def carry_over(self) -> None:
        """Noes of merged people that stand hold for whom they were merged into, from now on."""
        known = {(no.request, no.subject) for no in self.noes}
        for no in [no for no in self.noes if not self.is_lifted(no)]:
            kind, number, *rest = no.subject
            if kind in ("switch", "own") and number in self.merged:
                subject = (kind, self.merged[number], *rest)
                if (no.request, subject) not in known:
                    known.add((no.request, subject))
                    self.noes.append(Said(subject, no.weight, timezone.now(), no.request))

    @rule(place=some_contact, requested=st.booleans())
    def erase(self, place: int, requested: bool) -> None:
        if not (contact := self.one(place)):
            return
        origin = by(ADMIN)
        at = timezone.now()
        for channel in ("email", "sms"):
            whole = [contact.pk, *(number for number, stays in self.merged.items() if stays == contact.pk)]
            said = {subject for number in whole for subject in (("switch", number), ("own", number, channel))}
            if requested or any(no.subject in said for no in self.noes):
                for subject in self.of_address(contact, channel):
                    self.noes.append(Said(subject, Weight.REPORTED, at, origin.request_id))
        erase(contact.as_set(), origin=origin, requested_by_contact=requested)
        assert not Contact.objects.filter(pk=contact.pk).exists()
        self.contacts.remove(contact)
        self.done.append(lambda: erase(contact.as_set(), origin=origin, requested_by_contact=requested))

    @precondition(lambda self: self.done)
    @rule(back=st.integers(0, 20))
    def an_earlier_request_again(self, back: int) -> None:
        """A retry adds no entry, and takes none away (I1), whatever happened since."""
        before = set(StatusHistory.objects.values_list("pk", flat=True))
        with contextlib.suppress(RegisterError):
            self.done[-1 - back % len(self.done)]()
        assert set(StatusHistory.objects.values_list("pk", flat=True)) == before

    # What always holds

    @invariant()
    def the_state_is_the_fold_of_the_history(self) -> None:
        assert [str(difference) for difference in differences()] == []

    @invariant()
    def nobody_who_said_no_is_sent_to(self) -> None:
        """Each no that no yes of enough weight came after keeps its gate shut, so nobody is sent to through it."""
        active = dict(Contact.objects.not_merged().values_list("pk", "is_active"))
        rows = {(row.contact_id, row.channel): row for row in ChannelStatus.objects.all()}
        on = set(Block.objects.on().values_list("kind", "organization", "project", "channel", "fingerprint"))
        sendable = {
            (number, channel): verdict.sendable
            for channel in ("email", "sms")
            for number, verdict in verdicts(active, Question(channel)).items()
        }
        for no in self.noes:
            if self.is_lifted(no):
                continue
            kind, *about = no.subject
            if kind == "switch" and about[0] in active:
                assert not active[about[0]]
                assert not any(sendable[about[0], channel] for channel in ("email", "sms"))
            elif kind == "own" and about[0] in active:
                row = rows[about[0], about[1]]
                assert row.own_opt_out and row.opted_out and not sendable[about[0], about[1]]
            elif kind in ("opt_out", "suppression"):
                organization, project, channel, mark = about
                assert (kind, organization, project, channel, mark) in on
                for row in rows.values():
                    if (row.fingerprint, row.organization_id) == (mark, organization) and project in (
                        None,
                        row.project_id,
                    ):
                        assert not sendable[row.contact_id, channel]


@pytest.mark.django_db
def test_no_story_makes_the_register_wrong() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Register,
        settings=settings(
            max_examples=6,
            stateful_step_count=22,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
