"""Spam reports in the shapes that receivers send, each made anew for a message that went to somebody.

``addresses_of_nobody`` stand in them as well, and never belong to who complained.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping

from consent.incoming.arf import read_report
from consent.incoming.mime import read_message
from consent.models import SpamReport
from consent.services.feedback.reports import take
from consent.vocabulary import Door
from contacts.models import Project
from contacts.origin import THE_SYSTEM

SENDER = "news@museum.example.com"
LOOP = "feedback@loop.example.net"
DESK = "abuse-desk@sender.example.com"
POSTMASTER = "postmaster@reader.example.net"
DATE = "Thu, 12 Mar 2026 09:15:00 +0000"
OTHERS = (SENDER, LOOP, DESK, POSTMASTER, "boss@museum.example.com", "list-owner@museum.example.com")

Headers = Mapping[str, str]
Shape = Callable[[str, Headers], bytes]


def original(to: str, extra: Headers, *, shown_to: str | None = None) -> str:
    """The reported message: as it went out, with the headers that we hand out in the middle of its own."""
    lines = [
        f"Return-Path: <bounces@{SENDER.partition('@')[2]}>",
        "Received: from out.example.com (out.example.com [192.0.2.7]) by mx.example.net;",
        f"\t{DATE}",
        f"From: The museum <{SENDER}>",
        "Reply-To: boss@museum.example.com",
        f"To: {shown_to if shown_to is not None else to}",
        *(f"{name}: {value}" for name, value in extra.items()),
        "Subject: Winter at the museum",
        "Message-ID: <4711.winter@museum.example.com>",
        f"Date: {DATE}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Come and see. Write to list-owner@museum.example.com if you like.",
        "",
    ]
    return "\n".join(lines)


def fields(*more: str, kind: str = "abuse") -> str:
    return "\n".join(
        [f"Feedback-Type: {kind}", "User-Agent: SomeGenerator/1.0", "Version: 1", *more, f"Arrival-Date: {DATE}",
         "Source-IP: 192.0.2.7", "Reported-Domain: museum.example.com", "Reported-URI: mailto:boss@museum.example.com",
         ""]
    )  # fmt: skip


def letter(*parts: str, kind: str = 'multipart/report; report-type="feedback-report"', **headers: str) -> bytes:
    """A mail of parts, each with its own headers."""
    top = {
        "Return-Path": f"<{LOOP}>", "Date": DATE, "From": f"The loop <{LOOP}>", "To": DESK,
        "Subject": "FW: Winter at the museum", "Message-ID": "<report.4711@loop.example.net>", "MIME-Version": "1.0",
        **{name.replace("_", "-"): value for name, value in headers.items()},
        "Content-Type": f'{kind}; boundary="part"',
    }  # fmt: skip
    lines = [f"{name}: {value}" for name, value in top.items()]
    body = "".join(f"--part\n{part}\n" for part in parts)
    return ("\n".join(lines) + f"\n\nThis is a MIME message.\n\n{body}--part--\n").encode()


def part(kind: str, text: str, **headers: str) -> str:
    named = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    return f"Content-Type: {kind}\n{named}\n{text}"


WORDS = part("text/plain; charset=us-ascii", "This is an email abuse report for a message from IP 192.0.2.7.\n")


def rfc_5965(to: str, extra: Headers) -> bytes:
    """After the second example of RFC 5965."""
    said = fields(f"Original-Mail-From: <{SENDER}>", f"Original-Rcpt-To: <{to}>", f"Removal-Recipient: {to}")
    return letter(WORDS, part("message/feedback-report", said), part("message/rfc822", original(to, extra)))


def aol(to: str, extra: Headers) -> bytes:
    """Fully redacted."""
    said = fields("Redacted-Address: redacted", "Redacted-Address: redacted@")
    told = original(to, extra, shown_to="redacted@aol.example")
    return letter(WORDS, part("message/feedback-report", said), part("message/rfc822", told), From="scomp@aol.example")


def aol_named_redacted(to: str, extra: Headers) -> bytes:
    """Redacted in the field itself, while the message still says to whom it went."""
    said = fields("Original-Rcpt-To: <redacted@aol.example>")
    return letter(WORDS, part("message/feedback-report", said), part("message/rfc822", original(to, extra)))


def yahoo(to: str, extra: Headers) -> bytes:
    """The recipient without brackets, and in the sender's own return address."""
    said = fields(
        f"Original-Mail-From: <return-{to.replace('@', '=')}-1@museum.example.com>", f"Original-Rcpt-To: {to}"
    )
    return letter(WORDS, part("message/feedback-report", said), part("message/rfc822", original(to, extra)))


def return_path_hashed(to: str, extra: Headers) -> bytes:
    mark = hashlib.md5(to.encode(), usedforsecurity=False).hexdigest()
    said = fields("Abuse-Type: complaint", f"Original-Rcpt-To: {mark}@comcast.example")
    told = original(to, extra, shown_to=f"{mark}@comcast.example")
    return letter(WORDS, part("message/feedback-report", said), part("message/rfc822", told), Subject="Abuse Report")


def return_path(to: str, extra: Headers) -> bytes:
    """Without a field for the recipient: only the message tells."""
    said = fields("Abuse-Type: complaint", f"Original-Mail-From: {SENDER}")
    return letter(WORDS, part("message/feedback-report", said), part("message/rfc822", original(to, extra)))


def return_path_undisclosed(to: str, extra: Headers) -> bytes:
    said = fields("Abuse-Type: complaint")
    told = original(to, extra, shown_to='"undisclosed"')
    return letter(WORDS, part("message/feedback-report", said), part("message/rfc822", told))


def outlook(to: str, extra: Headers) -> bytes:
    """Outlook's junk mail reporting: no feedback report."""
    told = f"X-HmXmrOriginalRecipient: <{to}>\nX-SID-PRA: {SENDER}\n{original(to, extra)}"
    return letter(
        part("message/rfc822", told, Content_Disposition="inline"), kind="multipart/mixed", From="staff@hotmail.com",
        Subject="complaint about message from 192.0.2.7",
    )  # fmt: skip


def seven(to: str, extra: Headers) -> bytes:
    more = [f"Original-Rcpt-To: <reader{number}@else.example.org>" for number in range(6)]
    said = fields(*more[:3], f"Original-Rcpt-To: <{to}>", *more[3:])
    return letter(WORDS, part("message/feedback-report", said), part("message/rfc822", original(to, extra)))


def bare_returns(to: str, extra: Headers) -> bytes:
    return rfc_5965(to, extra).replace(b"\n", b"\r")


def base64_fields(to: str, extra: Headers) -> bytes:
    said = base64.encodebytes(fields(f"Original-Rcpt-To: <{to}>").encode()).decode()
    report = part("message/feedback-report", said, Content_Transfer_Encoding="base64")
    return letter(WORDS, report, part("message/rfc822", original(to, extra)))


def base64_original(to: str, extra: Headers) -> bytes:
    said = fields(f"Original-Rcpt-To: <{to}>")
    told = base64.encodebytes(original(to, extra).encode()).decode()
    reported = part("message/rfc822", told, Content_Transfer_Encoding="base64")
    return letter(WORDS, part("message/feedback-report", said), reported)


def without_third_part(to: str, _extra: Headers) -> bytes:
    return letter(WORDS, part("message/feedback-report", fields(f"Original-Rcpt-To: <{to}>")))


def headers_alone(to: str, extra: Headers) -> bytes:
    said = fields(f"Original-Rcpt-To: rfc822; {to}")
    head = original(to, extra).partition("\n\n")[0] + "\n"
    return letter(WORDS, part("message/feedback-report", said), part("text/rfc822-headers", head))


def headers_misnamed(to: str, extra: Headers) -> bytes:
    said = fields(f"Removal-Recipient: {to}")
    head = original(to, extra).partition("\n\n")[0] + "\n"
    return letter(WORDS, part("message/feedback-report", said), part("text/rfc822-header", head))


def headers_in_text(to: str, extra: Headers) -> bytes:
    said = fields(f"Original-Rcpt-To: <{to}>")
    return letter(WORDS, part("message/feedback-report", said), part("text/plain", original(to, extra)))


def odd_case(to: str, extra: Headers) -> bytes:
    said = fields(f"ORIGINAL-RCPT-TO : <{to.upper()}>").replace("Feedback-Type: abuse", "feedback-TYPE:ABUSE ")
    return letter(WORDS, part("Message/Feedback-Report", said), part("MESSAGE/RFC822", original(to, extra)))


def folded(to: str, extra: Headers) -> bytes:
    said = fields(f"Original-Rcpt-To:\n\t<{to}>")
    return letter(WORDS, part("message/feedback-report", said), part("message/rfc822", original(to, extra)))


def in_mixed(to: str, extra: Headers) -> bytes:
    said = fields(f"Original-Rcpt-To: <{to}>")
    parts = (WORDS, part("message/feedback-report", said), part("message/rfc822", original(to, extra)))
    return letter(*parts, kind="multipart/mixed")


def in_alternative(to: str, extra: Headers) -> bytes:
    """The words of the first part in two forms, and the rest in a multipart of its own."""
    said = fields(f"Original-Rcpt-To: <{to}>")
    words = f"Content-Type: multipart/alternative; boundary=inner\n\n--inner\n{WORDS}\n--inner\n{WORDS}\n--inner--\n"
    return letter(words, part("message/feedback-report", said), part("message/rfc822", original(to, extra)))


def fields_in_text(to: str, extra: Headers) -> bytes:
    said = fields(f"Original-Rcpt-To: <{to}>")
    return letter(WORDS, part("text/plain", said), part("message/rfc822", original(to, extra)))


def within_a_message(to: str, extra: Headers) -> bytes:
    """Forwarded, as an attachment, by a colleague."""
    inner = rfc_5965(to, extra).decode()
    forwarded = {
        "From": "boss@museum.example.com",
        "Subject": "Fwd: report",
        "Message_ID": "<forwarded@museum.example>",
    }
    return letter(
        part("text/plain", "See below.\n"), part("message/rfc822", inner), kind="multipart/mixed", **forwarded
    )


def forwarded(to: str, extra: Headers) -> bytes:
    """No report at all: the message as an attachment, as small loops send it."""
    words = part("text/plain", "A user of ours reported this as spam.\n")
    told = part("message/rfc822", original(to, extra))
    return letter(words, told, kind="multipart/mixed", Subject="Spam report", From=f"abuse@{LOOP.partition('@')[2]}")


def forwarded_delivered_to(to: str, extra: Headers) -> bytes:
    told = f"Delivered-To: {to}\n{original(to, extra, shown_to='a@else.example.org, b@else.example.org')}"
    return letter(part("message/rfc822", told), kind="multipart/mixed", Subject="Spam report")


# Those that name a recipient who can be read, and those that name nobody.
NAMING: tuple[Shape, ...] = (
    rfc_5965, yahoo, return_path, outlook, bare_returns, base64_fields, base64_original, without_third_part,
    headers_alone, headers_misnamed, headers_in_text, odd_case, folded, in_mixed, in_alternative, fields_in_text,
    within_a_message, forwarded, forwarded_delivered_to,
)  # fmt: skip
SILENT: tuple[Shape, ...] = (aol, aol_named_redacted, return_path_hashed, return_path_undisclosed)
SHAPES: tuple[Shape, ...] = (*NAMING, seven, *SILENT)
WITH_ORIGINAL: tuple[Shape, ...] = tuple(shape for shape in SHAPES if shape is not without_third_part)


def waiting_report(project: Project, address: str) -> SpamReport:
    """A report that anybody may have sent, about who has the address in the project."""
    return _taken(project, rfc_5965(address, {}), believed=False)


def decided_report(project: Project, address: str) -> SpamReport:
    """A report that is believed, of which everything was done that it asks for."""
    return _taken(project, rfc_5965(address, {}), believed=True)


def _taken(project: Project, raw: bytes, *, believed: bool) -> SpamReport:
    report = read_report(read_message(raw))
    assert report is not None
    return take(report, project=project, door=Door.MAIL, believed=believed, raw=raw, actor=THE_SYSTEM)
