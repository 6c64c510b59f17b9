"""Delivery reports as servers write them (RFC 3464), and bounces that are written for people alone."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.incoming.dsn import DeliveryReport, read_delivery_report, status_in
from consent.incoming.mime import Unreadable, header, read_message
from consent.services.feedback.delivery import told_of
from consent.services.links import Link, what_stops
from consent.tokens import read, token_for
from consent.vocabulary import DeliveryKind
from contacts.models import ChannelStatus, Project
from tests.factories import ContactFactory

# RFC 3464, appendix E.1, with a second recipient.
SIMPLE = """\
Date: Thu, 7 Jul 1994 17:16:05 -0400
From: Mail Delivery Subsystem <MAILER-DAEMON@CS.UTK.EDU>
Message-Id: <199407072116.RAA14128@CS.UTK.EDU>
Subject: Returned mail: Cannot send message for 5 days
To: <owner-info-mime@cs.utk.edu>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
      boundary="RAA14128.773615765/CS.UTK.EDU"

--RAA14128.773615765/CS.UTK.EDU

The original message was received at Sat, 2 Jul 1994 17:10:28 -0400
from root@localhost

--RAA14128.773615765/CS.UTK.EDU
content-type: message/delivery-status

Reporting-MTA: dns; cs.utk.edu
Original-Envelope-Id: 0815

Original-Recipient: rfc822;louisl@larry.slip.umd.edu
Final-Recipient: rfc822;louisl@larry.slip.umd.edu
Action: failed
Status: 4.0.0
Diagnostic-Code: smtp; 426 connection timed out
Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400

Original-Recipient: rfc822;Arnold@ESTHER.UMD.EDU
Final-Recipient: rfc822;<arnold@esther.umd.edu>
Action: failed (user unknown)
Status: 5.1.1 (permanent failure)
Diagnostic-Code: smtp;
 550 5.1.1 User
 unknown

--RAA14128.773615765/CS.UTK.EDU
content-type: message/rfc822

Message-ID: <original@example.org>
Subject: Hello

[original message goes here]

--RAA14128.773615765/CS.UTK.EDU--
"""

QMAIL = """\
From: MAILER-DAEMON@mail.example.net
To: sender@example.org
Subject: failure notice

Hi. This is the qmail-send program at mail.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ada@example.org>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 <ada@example.org>: User unknown
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

Return-Path: <sender@example.org>
Message-ID: <original@example.org>
Subject: Hello

To <eve@example.org>: 550 is the number of the room.
"""

EXIM = """\
From: Mail Delivery System <Mailer-Daemon@mail.example.net>
To: sender@example.org
X-Failed-Recipients: ada@example.org
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ada@example.org
    host mx.example.org [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<ada@example.org>:
    550 5.1.1 <ada@example.org>: Recipient address rejected

------ This is a copy of the message, including all the headers. ------

Message-ID: <original@example.org>
Subject: Hello

Hello
"""

POSTFIX_IN_WORDS = """\
From: MAILER-DAEMON@mail.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: sender@example.org

<ada@example.org>: host mx.example.org[192.0.2.1] said: 452 4.2.2 Mailbox full
    (in reply to RCPT TO command)
"""


def read_report(text: str) -> DeliveryReport:
    report = read_delivery_report(read_message(text.encode()))
    assert report is not None
    return report


def test_the_example_of_the_standard() -> None:
    report = read_report(SIMPLE)
    first, second = report.recipients
    assert (first.address, first.action, first.status) == ("louisl@larry.slip.umd.edu", "failed", "4.0.0")
    assert first.diagnostic == "426 connection timed out"
    assert first.attempted_at == datetime(1994, 7, 7, 21, 15, 49, tzinfo=UTC)
    assert (second.final, second.original) == ("arnold@esther.umd.edu", "Arnold@ESTHER.UMD.EDU")
    assert (second.status, second.diagnostic) == ("5.1.1", "550 5.1.1 User unknown")
    assert report.original is not None and header(report.original, "subject") == "Hello"
    assert (report.message, report.envelope) == ("<original@example.org>", "0815")
    assert report.number == "<199407072116.RAA14128@CS.UTK.EDU>"


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_any_line_ends(ends: str) -> None:
    assert read_report(SIMPLE.replace("\n", ends)).recipients == read_report(SIMPLE).recipients


def test_a_status_part_in_base64() -> None:
    before, mark, rest = SIMPLE.partition("content-type: message/delivery-status\n\n")
    fields, border, after = rest.partition("\n\n--RAA")
    coded = b64encode(fields.encode()).decode()
    text = f"{before}{mark.strip()}\ncontent-transfer-encoding: base64\n\n{coded}\n{border}{after}"
    assert read_report(text).recipients == read_report(SIMPLE).recipients


def test_headers_alone_may_be_returned() -> None:
    text = SIMPLE.replace("content-type: message/rfc822", "content-type: text/rfc822-headers")
    assert read_report(text).message == "<original@example.org>"


def test_without_the_message_its_envelope_tells_it() -> None:
    report = read_report(SIMPLE.partition("--RAA14128.773615765/CS.UTK.EDU\ncontent-type: message/rfc822")[0])
    assert (report.original, report.message) == (None, "0815")


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", DeliveryKind.BOUNCED), ("delayed", "4.4.1", DeliveryKind.DEFERRED),
        ("delivered", "2.1.5", DeliveryKind.DELIVERED), ("relayed", "2.0.0", DeliveryKind.DELIVERED),
        ("expanded", "2.0.0", DeliveryKind.DELIVERED), ("", "4.4.1", DeliveryKind.DEFERRED),
        ("garbage", "5.0.0", DeliveryKind.BOUNCED),
    ],
)  # fmt: skip
def test_what_each_action_tells(action: str, status: str, kind: DeliveryKind) -> None:
    text = SIMPLE.replace("Action: failed\nStatus: 4.0.0", f"Action: {action}\nStatus: {status}")
    assert told_of(read_report(text), link=None, key="k")[0].kind == kind


@pytest.mark.parametrize("value", ["rfc822;nobody", "x400; /G=Ada/", "unknown", "", "rfc822;"])
def test_what_is_no_address_names_nobody(value: str) -> None:
    text = SIMPLE.replace("rfc822;louisl@larry.slip.umd.edu", value)
    assert read_report(text).recipients[0].address == ""


def test_an_international_address() -> None:
    text = SIMPLE.replace("rfc822;louisl@larry.slip.umd.edu", "utf-8; l\\x{E9}a@example.org")
    assert read_report(text).recipients[0].address == "léa@example.org"


@pytest.mark.parametrize("text", [QMAIL, EXIM])
def test_bounces_in_words(text: str) -> None:
    report = read_report(text)
    [one] = report.recipients
    assert (one.address, one.action, one.status) == ("ada@example.org", "failed", "5.1.1")
    assert "550 5.1.1" in one.diagnostic
    assert report.message == "<original@example.org>"


def test_a_delay_in_words() -> None:
    [one] = read_report(POSTFIX_IN_WORDS).recipients
    assert (one.address, one.action, one.status) == ("ada@example.org", "delayed", "4.2.2")


def test_a_server_that_says_nothing_that_can_be_read() -> None:
    text = "From: MAILER-DAEMON@example.net\nSubject: Undeliverable: Hello\n\nIt did not work.\n"
    assert read_report(text).recipients == ()


@pytest.mark.parametrize(
    "text",
    [
        "From: ada@example.org\nSubject: Re: Hello\n\n<bob@example.org>: 550 is my room.\n",
        "From: ada@example.org\nSubject: Delivery failure\n\n<bob@example.org>: host said 550 5.1.1\n",
        "From: postmaster@example.org\nSubject: Welcome\n\nHello\n",
    ],
)
def test_what_people_write_is_no_report(text: str) -> None:
    assert read_delivery_report(read_message(text.encode())) is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("550 5.1.1 unknown", "5.1.1"), ("550-5.1.10 x", "5.1.10"), ("Exim 4.94.2", ""), ("from 5.1.1.9", ""),
        ("said: 5.1.1.", "5.1.1"), ("2.1.5 ok", ""), ("", ""),
    ],
)  # fmt: skip
def test_codes_in_words(words: str, code: str) -> None:
    assert status_in(words) == code


# Whom our own token speaks of


@pytest.fixture
def link(project: Project) -> Link:
    contact = ContactFactory(project=project, email="louisl@larry.slip.umd.edu")
    return what_stops(read(token_for(ChannelStatus.objects.get(contact=contact, channel="email"))))


@pytest.mark.django_db
def test_of_several_recipients_our_token_speaks_of_the_one_it_was_given_to(link: Link) -> None:
    first, second = told_of(read_report(SIMPLE), link=link, key="k")
    assert (first.link, second.link) == (link, None)
    assert first.key != second.key
    assert (first.message, first.occurred_at) == (
        "<original@example.org>",
        datetime(1994, 7, 7, 21, 15, 49, tzinfo=UTC),
    )


@pytest.mark.django_db
def test_of_a_single_one_whatever_the_server_calls_it(link: Link) -> None:
    [told] = told_of(read_report(QMAIL), link=link, key="k")
    assert (told.link, told.address) == (link, "ada@example.org")


@pytest.mark.django_db
def test_and_of_nobody_named_it_tells_that_the_message_failed(link: Link) -> None:
    nothing = read_report("From: MAILER-DAEMON@example.net\nSubject: Undeliverable: Hello\n\nIt did not work.\n")
    [told] = told_of(nothing, link=link, key="k")
    assert (told.kind, told.link, told.status) == (DeliveryKind.BOUNCED, link, "")
    assert told_of(nothing, link=None, key="k") == []


# Garbage


@settings(max_examples=150, deadline=None)
@given(
    text=st.sampled_from([SIMPLE, QMAIL, EXIM, POSTFIX_IN_WORDS]),
    cuts=st.lists(st.tuples(st.integers(0, 2_000), st.binary(max_size=6)), max_size=6),
)
def test_no_bytes_break_it(text: str, cuts: list[tuple[int, bytes]]) -> None:
    raw = text.encode()
    for place, piece in cuts:
        raw = raw[:place] + piece + raw[place + len(piece) // 2 :]
    try:
        message = read_message(raw)
    except Unreadable:
        return
    report = read_delivery_report(message)
    if report is not None:
        told_of(report, link=None, key="k")
        assert len(report.recipients) <= 100


def test_long_garbage_takes_no_time() -> None:
    lines = "<" + "a" * 60_000 + "\n" + "x@" * 30_000 + "\n"
    text = f"From: MAILER-DAEMON@example.net\nSubject: failure\n\n{lines}"
    assert read_report(text).recipients == ()
