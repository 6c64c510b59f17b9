"""Spam reports of the demo that wait, or changed nothing, as receivers would send them."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

_REPORT = """\
From: Abuse desk <feedback@loop.example.net>
To: abuse@harbour-museum.example
Date: {date}
Subject: FW: Winter at the museum
Message-ID: <report.{mark}@loop.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part"

--part
Content-Type: text/plain; charset=us-ascii

This is an email abuse report for an email message received from IP 192.0.2.7.

--part
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: ExampleLoop/1.0
Version: 1
{recipient}
Arrival-Date: {date}
Source-IP: 192.0.2.7
Reported-Domain: harbour-museum.example

--part
Content-Type: message/rfc822

From: Harbour Museum <news@harbour-museum.example>
To: {shown}
Subject: Winter at the museum
Date: {date}
Message-ID: <winter.{mark}@harbour-museum.example>

The ships are lit again. Come and see them on any evening until February.

--part--
"""


def report_of(address: str, at: datetime, *, kind: str = "abuse") -> bytes:
    """A feedback report that names a recipient, and carries no token."""
    return _text(f"Original-Rcpt-To: <{address}>", address, at, kind)


def redacted_report(at: datetime) -> bytes:
    return _text("Redacted-Address: redacted@", "undisclosed-recipients:;", at, "abuse")


def _text(recipient: str, shown: str, at: datetime, kind: str) -> bytes:
    said = {"date": format_datetime(at), "mark": f"{at:%Y%m%d%H%M%S}", "kind": kind}
    return _REPORT.format(recipient=recipient, shown=shown, **said).encode()
