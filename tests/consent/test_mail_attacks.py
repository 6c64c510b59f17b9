"""Mail that is made to hold up the register, to hide a no, or to speak for somebody else."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from consent.models import UnreadMail
from consent.services.feedback.mail import receive
from consent.vocabulary import DeliveryOutcome
from contacts.models import Contact, Project
from tests.consent.links import row_of
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
ANN, STOP_MAILBOX = "ann@example.org", "stop@reply.example.org"
BOUNCE = b"From: MAILER-DAEMON@mx.example.org\nSubject: failure notice\nMessage-ID: <1@mx.example.org>\n"
STATUS = b'Content-Type: multipart/report; boundary="b"\n\n--b\nContent-Type: message/delivery-status\n'


@pytest.fixture(autouse=True)
def reply_domain(settings: Any) -> None:
    settings.REPLY_DOMAIN = "reply.example.org"


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, key="ann", email=ANN)


def is_stopped(contact: Contact) -> bool:
    contact.refresh_from_db()
    return not contact.is_active and row_of(contact).opted_out


BOMBS = {
    "a line of dashes": BOUNCE + b"\n" + b"-" * 100_000 + b"\n",
    "parameters": BOUNCE + b'Content-Type: multipart/mixed; a="' + b";" * 200_000 + b"\n\nx",
    "parameters of a part": BOUNCE
    + b'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: multipart/mixed; a="'
    + b";" * 2_000_000
    + b"\n\nx\n--b--\n",
    "blocks in base64": BOUNCE
    + STATUS
    + b"Content-Transfer-Encoding: base64\n\n"
    + base64.encodebytes(b"Action: failed\n\n" * 60_000)
    + b"--b--\n",
}


@pytest.mark.parametrize("raw", BOMBS.values(), ids=BOMBS)
def test_reading_a_mail_takes_no_time_that_its_writer_chooses(raw: bytes, project: Project) -> None:
    begin = time.perf_counter()
    receive(raw, project=project)
    assert time.perf_counter() - begin < 3


def test_comments_in_comments_hide_no_recipient_of_a_bounce(ann: Contact) -> None:
    status = f"\nFinal-Recipient: rfc822; {'(' * 5_000}) {ANN}\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
    received = receive(BOUNCE + STATUS + status.encode(), project=ann.project, trusted=True)
    assert (received.kind, received.outcome) == ("delivery_report", DeliveryOutcome.QUARANTINED)
    assert row_of(ann).quarantined


@pytest.mark.parametrize("name", ["To", "Cc", "Delivered-To"])
def test_comments_in_comments_hide_no_opt_out(name: str, ann: Contact) -> None:
    headers = f"From: {ANN}\n{name}: {'(' * 900}\nSubject: unsubscribe\nMessage-ID: <2@example.org>\n"
    raw = f"{headers}X-Original-To: {STOP_MAILBOX}\n\n".encode()
    assert receive(raw, project=ann.project, trusted=True).kind == "opt_out"
    assert is_stopped(ann)


def test_tags_that_are_never_closed_hide_no_opt_out(ann: Contact) -> None:
    headers = f"From: {ANN}\nTo: {STOP_MAILBOX}\nSubject: unsubscribe\nMessage-ID: <3@example.org>\n"
    raw = f"{headers}Content-Type: text/html\n\n{'<a ' * 5_000}".encode()
    assert receive(raw, project=ann.project, trusted=True).kind == "opt_out"
    assert is_stopped(ann)


@pytest.mark.parametrize(
    "sender",
    [
        f"{ANN} (<mallory@evil.example>",
        f"{ANN})<mallory@evil.example>",
        f"mallory@evil.example ({ANN})",
        f'"{ANN}" <mallory@evil.example>',
        f"{ANN}, mallory@evil.example",
    ],
)
def test_who_vouches_for_one_sender_vouches_for_no_other(sender: str, ann: Contact) -> None:
    raw = f"From: {sender}\nTo: {STOP_MAILBOX}\nSubject: STOP\nMessage-ID: <4@evil.example>\n\nSTOP\n".encode()
    receive(raw, project=ann.project, trusted=True)
    assert not is_stopped(ann)


def test_a_name_that_is_the_address_itself_hides_no_opt_out(ann: Contact) -> None:
    raw = f'From: "{ANN}" <Ann@Example.org>\nTo: {STOP_MAILBOX}\nSubject: STOP\n\nSTOP\n'.encode()
    assert receive(raw, project=ann.project, trusted=True).kind == "opt_out"
    assert is_stopped(ann)
    assert not UnreadMail.objects.exists()
