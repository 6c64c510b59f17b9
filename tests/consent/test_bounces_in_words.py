"""Bounces of servers that write for people alone, in the shapes that are about."""

from __future__ import annotations

import pytest

from consent.incoming.dsn import read_delivery_report
from consent.incoming.mime import read_message

QMAIL = """\
From: MAILER-DAEMON@mail.example.net
Subject: failure notice

Hi. This is the qmail-send program at mail.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.

<ada@example.org>:
Sorry, no mailbox here by that name. (#5.1.1)

<bob@example.org>:
This user doesn't have an account here.

--- Below this line is a copy of the message.

To: <eve@example.org>: 550
"""

DOMINO = """\
From: Postmaster@mail.example.net
Subject: DELIVERY FAILURE: User ada not listed in Directory

Your message

  Subject: Hello

was not delivered to:

  ada@example.org

because:

  User ada (ada@example.org) not listed in Domino Directory
"""


def test_qmail_tells_each_in_a_paragraph() -> None:
    report = read_delivery_report(read_message(QMAIL.encode()))
    assert report is not None
    told = [(one.address, one.status, one.diagnostic) for one in report.recipients]
    assert told == [
        ("ada@example.org", "5.1.1", "Sorry, no mailbox here by that name. (#5.1.1)"),
        ("bob@example.org", "", "This user doesn't have an account here."),
    ]


def test_who_alone_has_a_line_is_meant() -> None:
    report = read_delivery_report(read_message(DOMINO.encode()))
    assert report is not None
    assert [one.address for one in report.recipients] == ["ada@example.org"]


def test_of_two_on_lines_of_their_own_nobody_knows_who_is_meant() -> None:
    text = DOMINO.replace("  ada@example.org\n", "  ada@example.org\n\nsent by:\n\n  us@example.net\n")
    report = read_delivery_report(read_message(text.encode()))
    assert report is not None
    assert report.recipients == ()


@pytest.mark.parametrize("sender", ["ada@example.org", "Ada <ada@example.org>"])
def test_a_person_who_greets_like_qmail_is_a_person(sender: str) -> None:
    text = f"From: {sender}\nSubject: Re: News\n\nHi. This is the third time that I ask you to stop.\n"
    assert read_delivery_report(read_message(text.encode())) is None
