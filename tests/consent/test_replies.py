"""Text messages that people send back: what STOP, START and HELP do, and what waits for a user."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from consent.models import Centre, InboundReply
from consent.services.feedback.replies import (
    NotANumber,
    ReplyDecided,
    accept,
    answer_to,
    dismiss,
    holders_of,
    take_text,
    wait_for_decision,
)
from contacts.addresses import normalise
from contacts.errors import InTheFuture
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory
from contacts.origin import Actor, Origin
from contacts.services.blocks import suppress
from contacts.services.erasure import erase
from contacts.services.opt_outs import opt_out
from contacts.services.register import change_address
from contacts.vocabulary import ActorKind, Cause, Method, Reason, Weight
from tests.consent.links import row_of
from tests.factories import BlockFactory, ContactFactory, ProjectFactory
from tests.origins import asked

pytestmark = pytest.mark.django_db
NUMBER = "+14185550137"
GATEWAY = Actor(ActorKind.TOKEN, 3, "SMS gateway")


def text(project: Project, words: str, sender: str = NUMBER, **fields: Any) -> InboundReply:
    return take_text(project, sender=sender, recipient="36111", text=words, actor=GATEWAY, **fields)


def by_editor(**fields: Any) -> Origin:
    return Origin(Method.MANUAL, Actor(ActorKind.USER, 5, "Edgar Editor", Weight.REPORTED), **fields)


def is_stopped(contact: Contact) -> bool:
    return row_of(contact, "sms").suppressed


@pytest.fixture
def ann(project: Project) -> Contact:
    Project.objects.filter(pk=project.pk).update(default_country="CA")
    project.refresh_from_db()
    return ContactFactory(project=project, key="ann", sms="418 555-0137", email="ann@example.org")


def test_stop_suppresses_the_number_in_the_whole_organization(project: Project, ann: Contact) -> None:
    elsewhere = ContactFactory(project=ProjectFactory(organization=project.organization), sms=NUMBER)

    reply = text(project, "Arrêt !")

    assert (reply.outcome, reply.keyword, reply.contact) == ("stopped", "ARRÊT", ann)
    assert is_stopped(ann)
    assert is_stopped(elsewhere)
    assert ContactFactory(project=project).is_active
    ann.refresh_from_db()
    assert ann.is_active
    entry = StatusHistory.objects.select_related("block", "detail").get(contact=ann, aspect="suppression")
    assert (entry.method, entry.actor_kind, entry.reason, entry.weight) == ("sms", "contact", "stop", 2)
    assert (entry.block and (entry.block.project_id, entry.block.cause)) == (None, "stop")
    assert entry.detail.evidence == {"reply": reply.pk, "provider": "SMS gateway"}


def test_another_organization_is_left_alone(project: Project, ann: Contact, other_project: Project) -> None:
    foreign = ContactFactory(project=other_project, sms=NUMBER)

    text(project, "STOP")

    assert not is_stopped(foreign)


@pytest.mark.parametrize(
    "sender",
    ["+14185550137", "+1 (418) 555-0137", "418-555-0137", "4185550137", "14185550137", "tel:+1-418-555-0137",
     "0014185550137", " +1 418 555 0137 "],
)  # fmt: skip
def test_the_number_counts_however_it_is_written(project: Project, ann: Contact, sender: str) -> None:
    text(project, "STOP", sender)

    assert is_stopped(ann)


@pytest.mark.parametrize(
    ("country", "sender", "number"),
    [
        ("DE", "4915112345678", "+49 1511 2345678"),
        ("DE", "33612345678", "+33 6 12 34 56 78"),
        ("DE", "14185550137", NUMBER),
        ("IT", "14185550137", NUMBER),
        ("AT", "436641234567", "+43 664 1234567"),
        ("DE", "015112345678", "+49 1511 2345678"),
        ("IT", "3123456789", "+39 312 345 6789"),
        ("MX", "+5215512345678", "+52 55 1234 5678"),
        ("", "5215512345678", "+52 55 1234 5678"),
    ],
)
@pytest.mark.parametrize("is_known", [True, False])
def test_digits_that_can_be_read_in_two_ways_stop_the_right_number(
    project: Project, country: str, sender: str, number: str, is_known: bool
) -> None:
    Project.objects.filter(pk=project.pk).update(default_country=country)
    project.refresh_from_db()
    contact = ContactFactory(project=project, sms=number if is_known else "")

    text(project, "STOP", sender)

    if not is_known:
        change_address(contact, "sms", number, origin=asked())
    assert is_stopped(contact)
    assert Block.objects.count() == 1


def test_of_two_readings_the_one_that_somebody_has_is_stopped(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(default_country="DE")
    project.refresh_from_db()
    contact = ContactFactory(project=project, sms="+49 4915112345678")

    text(project, "STOP", "4915112345678")

    assert is_stopped(contact)


def test_a_number_that_nobody_has_is_stopped_for_who_comes_to_it(project: Project) -> None:
    reply = text(project, "STOP")

    assert (reply.outcome, reply.contact, holders_of(reply)) == ("stopped", None, [])
    assert is_stopped(ContactFactory(project=project, sms=NUMBER))
    other = ContactFactory(project=project, sms="+14185550138")
    change_address(other, "sms", NUMBER, origin=asked())
    assert is_stopped(other)


def test_two_contacts_who_share_the_number_are_both_stopped(project: Project, ann: Contact) -> None:
    bob = ContactFactory(project=project, sms=NUMBER)

    reply = text(project, "STOP")

    assert is_stopped(ann)
    assert is_stopped(bob)
    assert holders_of(reply) == [ann.pk, bob.pk]
    assert StatusHistory.objects.get(aspect="suppression").contact_id is None


@pytest.mark.parametrize("sender", ["", "ACME", "MUSEUM12", "1800FLOWERS", "36111", "+", "\x00", "☎", "9" * 400])
def test_a_sender_that_is_no_number_is_refused(project: Project, sender: str) -> None:
    with pytest.raises(NotANumber) as refusal:
        text(project, "STOP", sender)

    assert refusal.value.field == "from"
    assert not InboundReply.objects.exists()


def test_start_lifts_what_stop_set(project: Project, ann: Contact) -> None:
    text(project, "STOP")

    assert text(project, "Start").outcome == "started"

    assert not is_stopped(ann)
    entry = StatusHistory.objects.filter(aspect="suppression").latest("pk")
    assert (entry.says, entry.method, entry.actor_kind, entry.weight) == ("yes", "sms", "contact", 2)


def test_start_lifts_nothing_else(project: Project, ann: Contact) -> None:
    BlockFactory(organization=project.organization, channel="sms", address=NUMBER, cause=Cause.COMPLAINT)
    BlockFactory(organization=project.organization, channel="sms", address=NUMBER, cause=Cause.LISTED)
    opt_out(ann.as_set(), "sms", origin=asked())
    text(project, "STOP")

    text(project, "START")

    causes = Block.objects.filter(is_on=True).values_list("kind", "cause").order_by("kind", "cause")
    assert list(causes) == [("opt_out", "opt_out"), ("suppression", "complaint"), ("suppression", "listed")]
    assert is_stopped(ann)


def test_start_without_a_stop_says_nothing(project: Project, ann: Contact) -> None:
    entries = StatusHistory.objects.count()

    assert text(project, "YES").outcome == "nothing"

    assert StatusHistory.objects.count() == entries


def test_a_start_that_was_sent_before_the_stop_lifts_nothing(project: Project, ann: Contact) -> None:
    now = timezone.now()
    text(project, "STOP", occurred_at=now - timedelta(minutes=5))

    assert text(project, "START", occurred_at=now - timedelta(minutes=10)).outcome == "nothing"

    assert is_stopped(ann)
    assert text(project, "START", occurred_at=now - timedelta(minutes=1)).outcome == "started"
    assert not is_stopped(ann)


def test_a_stop_that_comes_late_does_not_undo_a_later_start(project: Project, ann: Contact) -> None:
    now = timezone.now()
    text(project, "STOP", occurred_at=now - timedelta(minutes=30))
    text(project, "START", occurred_at=now - timedelta(minutes=10))

    text(project, "QUIT", occurred_at=now - timedelta(minutes=20))

    assert not is_stopped(ann)


def test_a_clock_that_is_ahead_loses_no_stop(project: Project, ann: Contact) -> None:
    text(project, "STOP", occurred_at=timezone.now() + timedelta(minutes=2))

    assert is_stopped(ann)


def test_the_far_future_is_refused(project: Project, ann: Contact) -> None:
    with pytest.raises(InTheFuture):
        text(project, "STOP", occurred_at=timezone.now() + timedelta(days=2))


def test_the_same_message_twice_is_one(project: Project, ann: Contact) -> None:
    first = text(project, "STOP")

    assert text(project, "STOP", "418 555 0137") == first
    assert StatusHistory.objects.filter(aspect="suppression").count() == 1


def test_the_same_message_after_a_minute_is_another(project: Project, ann: Contact) -> None:
    first = text(project, "STOP")
    earlier = first.received_at - timedelta(minutes=1)
    InboundReply.objects.update(occurred_at=earlier, received_at=earlier)

    assert text(project, "STOP") != first
    assert StatusHistory.objects.filter(aspect="suppression").count() == 2


def test_stop_start_stop_within_a_minute_ends_stopped(project: Project, ann: Contact) -> None:
    for words in ("STOP", "START", "STOP"):
        text(project, words)

    assert is_stopped(ann)


def test_the_same_key_is_the_same_message(project: Project, ann: Contact) -> None:
    first = text(project, "STOP", key="SM1")
    text(project, "START", key="SM2")

    assert text(project, "STOP", key="SM1") == first
    assert not is_stopped(ann)
    assert text(project, "STOP", key="SM3") != first
    assert is_stopped(ann)


def test_a_key_of_another_message_loses_no_stop(project: Project, ann: Contact) -> None:
    text(project, "Hello", key="1")

    assert text(project, "STOP", key="1").outcome == "stopped"


def test_help_is_answered_with_who_sends(project: Project, ann: Contact) -> None:
    project.organization.postal_address = "12 Quay Street\nHalifax NS"
    project.organization.save()
    Centre.objects.create(project=project, sender_name="Maison du livre", contact_email="hello@example.org")

    in_english, in_french = text(project, "HELP"), text(project, "Aide ?")

    assert in_english.outcome == "helped"
    assert answer_to(in_english) == (
        "Maison du livre. 12 Quay Street, Halifax NS. hello@example.org. Reply STOP to get no more texts."
    )
    assert str(answer_to(in_french)).startswith("Maison du livre. 12 Quay Street, Halifax NS. hello@example.org. ")
    assert not is_stopped(ann)


def test_help_without_a_centre_names_the_organization(project: Project) -> None:
    assert str(answer_to(text(project, "HELP"))).startswith("Maison du livre. Reply STOP")
    assert answer_to(text(project, "STOP")) is None


@pytest.mark.parametrize("words", ["please stop", "I would like you to stop these texts", "ne m'écrivez plus svp"])
def test_what_may_mean_stop_waits(project: Project, ann: Contact, words: str) -> None:
    assert text(project, words).outcome == "waiting"
    assert not is_stopped(ann)


def test_other_words_do_nothing(project: Project, ann: Contact) -> None:
    assert text(project, "What time do you open on Sunday?").outcome == "nothing"


def test_no_character_loses_a_message(project: Project, ann: Contact) -> None:
    reply = text(project, "\x00STOP\ud800\x07 " + "🛑" * 20)

    assert (reply.outcome, is_stopped(ann)) == ("stopped", True)
    assert len(text(project, "a" * 50_000).text) == 5_000


def test_accepting_stops_as_of_when_it_was_written(project: Project, ann: Contact) -> None:
    reply = text(project, "please stop", occurred_at=timezone.now() - timedelta(hours=3))
    origin = by_editor()

    done = accept(reply, origin=origin)

    assert (done.outcome, done.decided_by) == ("stopped", "Edgar Editor")
    assert is_stopped(ann)
    entry = StatusHistory.objects.get(aspect="suppression")
    assert (entry.method, entry.actor_label, entry.weight, entry.occurred_at) == (
        "sms", "Edgar Editor", 2, reply.occurred_at,
    )  # fmt: skip


def test_accepting_twice_is_once(project: Project, ann: Contact) -> None:
    reply, origin = text(project, "please stop"), by_editor(request_id=uuid.uuid4())
    accept(reply, origin=origin)
    accept(reply, origin=origin)

    assert StatusHistory.objects.filter(aspect="suppression").count() == 1
    with pytest.raises(ReplyDecided):
        accept(reply, origin=by_editor())
    with pytest.raises(ReplyDecided):
        dismiss(reply, actor=by_editor().actor)


def test_dismissing_changes_nothing_and_can_be_thought_better_of(project: Project, ann: Contact) -> None:
    reply = text(project, "the bus stop is far away")
    dismiss(reply, actor=by_editor().actor)
    assert dismiss(reply, actor=by_editor().actor).outcome == "dismissed"
    assert not is_stopped(ann)

    accept(reply, origin=by_editor())

    assert is_stopped(ann)


def test_what_was_taken_for_nothing_can_be_accepted(project: Project, ann: Contact) -> None:
    reply = text(project, "lâchez-nous")
    assert reply.outcome == "nothing"

    accept(reply, origin=by_editor())

    assert is_stopped(ann)


def test_a_mail_that_waits_stops_everything_from_the_project_for_all_at_the_address(
    project: Project, ann: Contact
) -> None:
    bob = ContactFactory(project=project, email="ann@example.org")
    address = normalise("email", "Ann@example.org")
    reply = wait_for_decision(project, channel="email", address=address, text="Please stop", key="<1@example.org>")
    assert wait_for_decision(project, channel="email", address=address, text="Please stop", key="<1@example.org>") == (
        reply
    )
    assert (reply.outcome, reply.contact) == ("waiting", ann)

    accept(reply, origin=by_editor())

    for contact in (ann, bob):
        contact.refresh_from_db()
        assert not contact.is_active
        assert row_of(contact).opted_out
    assert set(StatusHistory.objects.filter(aspect="active", says="no").values_list("method", "weight", "reason")) == {
        ("mail", 2, "own_request")
    }


def test_a_mail_from_an_address_that_nobody_has_any_more(project: Project) -> None:
    address = normalise("email", "gone@example.org")
    reply = wait_for_decision(project, channel="email", address=address, text="stop", key="<2@example.org>")

    accept(reply, origin=by_editor())

    assert ContactFactory(project=project, email="gone@example.org").channel_statuses.get().opted_out


def test_an_erasure_between_leaves_a_number_that_can_still_be_stopped(project: Project, ann: Contact) -> None:
    reply = text(project, "please stop")
    erase(ann.as_set(), origin=asked(), requested_by_contact=False)
    InboundReply.objects.update(address=None, text="")

    accept(InboundReply.objects.get(pk=reply.pk), origin=by_editor())

    assert is_stopped(ContactFactory(project=project, sms=NUMBER))


def test_a_complaint_stands_above_start(project: Project, ann: Contact) -> None:
    """A complaint under the cause of a STOP is no STOP."""
    complaint = Origin(Method.SPAM_REPORT, GATEWAY, Reason.COMPLAINT)
    suppress([normalise("sms", NUMBER)], organization=project.organization, cause=Cause.STOP, origin=complaint)

    assert text(project, "START").outcome == "nothing"
    assert is_stopped(ann)


def test_queries_do_not_grow(project: Project, ann: Contact, django_assert_max_num_queries: Any) -> None:
    for number in range(8):
        text(project, "STOP" if number % 2 else "please stop", key=str(number))
        ContactFactory(project=project)
    with django_assert_max_num_queries(45):
        text(project, "STOP", key="last")
    assert ChannelStatus.objects.filter(suppressed=True).count() == 1
