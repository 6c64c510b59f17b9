"""Mail that comes back: what each is taken for, and that none is lost, whatever it holds."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from consent.incoming.mime import LARGEST
from consent.models import ConsentHistory, DeliveryEvent, InboundReply, SpamReport, UnreadMail
from consent.services.feedback.mail import Received, receive
from consent.services.mail_headers import links_for
from consent.tokens import return_path, token_for
from consent.vocabulary import DeliveryKind, DeliveryOutcome, ReplyOutcome, ReportOutcome
from contacts.models import Block, Contact, Project, StatusHistory
from contacts.services.erasure import erase
from contacts.services.register import change_address
from contacts.vocabulary import Aspect, Cause, Method, Weight
from tests.consent.links import agree, newsletter, open_centre, row_of, said
from tests.factories import ContactFactory, by_the_system

pytestmark = pytest.mark.django_db
ANN, STOP_MAILBOX = "ann@example.org", "stop@reply.example.org"
UNKNOWN_USER = "smtp; 550 5.1.1 The email account that you tried to reach does not exist"


@pytest.fixture(autouse=True)
def reply_domain(settings: Any) -> None:
    settings.REPLY_DOMAIN = "reply.example.org"


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, key="ann", email=ANN)


def written(body: str = "Please\n", **headers: str) -> bytes:
    """A mail of somebody's; ``To``, ``Subject`` and others as given."""
    named = {
        "From": ANN, "To": STOP_MAILBOX, "Subject": "unsubscribe", "Date": "Thu, 20 Nov 2025 12:00:00 +0000",
        "Message-ID": "<1@example.org>", **{name.replace("_", "-"): value for name, value in headers.items()},
    }  # fmt: skip
    return ("".join(f"{name}: {value}\n" for name, value in named.items() if value) + f"\n{body}").encode()


def bounce(
    *, to: str = "", recipient: str = ANN, status: str = "5.1.1", returned: dict[str, str] | None = None
) -> bytes:
    """A delivery report of RFC 3464, with the headers of the message that it returns."""
    original = "".join(f"{name}: {value}\n" for name, value in (returned or {"Subject": "News"}).items())
    return f"""\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example.org>
To: {to or "bounces@sender.example.com"}
Subject: Undelivered Mail Returned to Sender
Message-ID: <dsn-1@mx.example.org>
Date: Thu, 20 Nov 2025 12:00:00 +0000
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

I could not deliver your message.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}
Diagnostic-Code: {UNKNOWN_USER}

--b1
Content-Type: text/rfc822-headers

{original}
--b1--
""".encode()


def complaint(headers: dict[str, str]) -> bytes:
    original = "".join(f"{name}: {value}\n" for name, value in headers.items())
    return f"""\
From: <abusedesk@example.com>
To: <abuse@example.net>
Subject: FW: Earn money
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="r1"

--r1
Content-Type: text/plain

This is an email abuse report.
--r1
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <{ANN}>

--r1
Content-Type: message/rfc822

From: <somespammer@example.net>
To: <Undisclosed Recipients>
Subject: Earn money
{original}
Spam
--r1--
""".encode()


def kind_of(raw: bytes, **particulars: Any) -> str:
    return receive(raw, **particulars).kind


def stopped(contact: Contact) -> bool:
    contact.refresh_from_db()
    return not contact.is_active and row_of(contact).opted_out


# Opt-outs by mail


def test_the_mailbox_of_the_header_stops_as_the_link_does(ann: Contact) -> None:
    raw = written(Subject=token_for(row_of(ann)))
    assert receive(raw) == Received("opt_out", "project", ann.project)
    assert stopped(ann)
    entry = StatusHistory.objects.get(contact=ann, aspect=Aspect.ACTIVE, to_value="inactive")
    assert (entry.method, entry.weight, entry.actor_kind) == (Method.MAIL, Weight.OWN, "contact")
    assert entry.detail.evidence == {"message": "<1@example.org>"}


def test_mail_that_apple_sends_for_somebody_counts(ann: Contact) -> None:
    """It is marked as written by a program, and is the person's own act all the same."""
    raw = written(
        "", Subject=token_for(row_of(ann)), Auto_Submitted="auto-generated (rejected)",
        X_Mailer="iPhone Mail (22A3354)", Precedence="junk",
    )  # fmt: skip
    assert kind_of(raw) == "opt_out"
    assert stopped(ann)


def test_the_same_mail_twice_is_one_no(ann: Contact) -> None:
    raw = written(Subject=token_for(row_of(ann)))
    receive(raw)
    before = said()
    receive(b"Received: from relay.example.org\n" + raw)
    assert said() == before


def test_a_token_of_a_type_stops_that_type(project: Project, ann: Contact) -> None:
    open_centre(project)
    topic = newsletter(project)
    agree(ann, topic)
    assert receive(written(Subject=token_for(row_of(ann), topic))).outcome == "type"
    ann.refresh_from_db()
    assert ann.is_active
    assert ConsentHistory.objects.filter(word="withdrawn", method=Method.MAIL).count() == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda raw, token: raw.replace(token, b"=?utf-8?q?" + token.replace(b"_", b"=5F") + b"?="),
        lambda raw, token: raw.replace(token, token[:60] + b"\n " + token[60:]),
        lambda raw, token: raw.replace(b"Subject: ", b"Subject: Re: "),
        lambda raw, token: raw.replace(b"\n", b"\r\n"),
        lambda raw, token: raw.replace(b"\n", b"\r"),
        lambda raw, token: b"\xef\xbb\xbf" + raw,
        lambda raw, token: b"From ann@example.org Thu Nov 20 12:00:00 2025\n" + raw,
        lambda raw, token: raw.replace(b"Please", b"Pl\x00e\xffse \xf0\x9f\x9b\x91"),
        lambda raw, token: raw.replace(b"From: ann@example.org\n", b""),
    ],
    ids=["encoded", "folded", "answered", "crlf", "cr", "bom", "mailbox", "odd-bytes", "nobody"],
)
def test_the_token_is_found_whatever_the_program_did_to_it(change: Any, ann: Contact) -> None:
    token = token_for(row_of(ann))
    assert kind_of(change(written(Subject=token), token.encode())) == "opt_out"
    assert stopped(ann)


def test_the_token_may_stand_in_the_text_to_the_mailbox(ann: Contact) -> None:
    assert kind_of(written(f"> https://sendable.example.org/u/{token_for(row_of(ann))}\n")) == "opt_out"
    assert stopped(ann)


def test_who_answers_a_message_and_quotes_its_link_is_not_stopped(ann: Contact) -> None:
    body = f"When do you open on Sunday?\n\n> Unsubscribe: https://sendable.example.org/u/{token_for(row_of(ann))}\n"
    raw = written(body, To="info@museum.example.org", Subject="Re: News")
    assert kind_of(raw, project=ann.project) == "aside"
    ann.refresh_from_db()
    assert ann.is_active


@pytest.mark.parametrize("how", ["cut", "changed", "made elsewhere"])
def test_a_token_that_is_not_ours_stops_nobody(how: str, ann: Contact) -> None:
    token = token_for(row_of(ann))
    bad = {"cut": token[:-2], "changed": "A" + token[1:], "made elsewhere": "A" * 80 + "." + "B" * 43}[how]
    assert kind_of(written(Subject=bad, From="other@example.org")) == "aside"
    ann.refresh_from_db()
    assert ann.is_active


def test_tokens_that_name_two_people_stop_nobody(project: Project, ann: Contact) -> None:
    bob = ContactFactory(project=project, email="bob@example.org")
    raw = written(Subject=f"{token_for(row_of(ann))} {token_for(row_of(bob))}", From="eve@example.org")
    assert kind_of(raw) == "aside"
    assert not stopped(ann)
    assert not stopped(bob)


def test_of_who_was_erased_the_address_is_blocked(project: Project, ann: Contact) -> None:
    token = token_for(row_of(ann))
    erase(ann.as_set(), origin=by_the_system(), requested_by_contact=False)
    assert kind_of(written(Subject=token)) == "opt_out"
    assert Block.objects.filter(project=project, kind="opt_out", is_on=True).count() == 1
    assert not ConsentHistory.objects.exists()


def test_of_who_changed_address_the_old_one_is_blocked(ann: Contact) -> None:
    token = token_for(row_of(ann))
    change_address(ann, "email", "new@example.org", origin=by_the_system())
    assert kind_of(written(Subject=token)) == "opt_out"
    ann.refresh_from_db()
    assert ann.is_active
    assert Block.objects.get(kind="opt_out").address == ANN


# Mail without a token


def test_who_has_no_token_waits_for_a_user(ann: Contact) -> None:
    """Anybody can write a sender's address."""
    assert receive(written("Stop, please.\n"), project=ann.project).outcome == ReplyOutcome.WAITING
    reply = InboundReply.objects.get()
    assert (reply.contact_id, reply.channel, reply.address) == (ann.pk, "email", ANN)
    assert "Stop, please." in reply.text
    assert not stopped(ann)


@pytest.mark.parametrize("words", ["STOP", "Please unsubscribe me", "Désabonnez-moi", "remove me from your list"])
def test_words_that_may_mean_stop_wait_in_any_mailbox(words: str, ann: Contact) -> None:
    for place, raw in enumerate(
        [
            written(f"{words}\n", To="info@example.org", Subject="Re: News", Message_ID="<2@x>"),
            written("\n", To="info@example.org", Subject=f"=?utf-8?b?{_base64(words)}?=", Message_ID="<3@x>"),
        ]
    ):
        assert (place, kind_of(raw, project=ann.project)) == (place, "reply")
    assert InboundReply.objects.filter(outcome=ReplyOutcome.WAITING).count() == 2


def _base64(words: str) -> str:
    from base64 import b64encode

    return b64encode(words.encode()).decode()


def test_where_the_mail_server_vouches_for_the_sender_they_stop(ann: Contact) -> None:
    assert kind_of(written("STOP\n", To="info@example.org"), project=ann.project, trusted=True) == "opt_out"
    assert stopped(ann)


def test_an_address_that_nobody_has_is_blocked_where_the_server_vouches(project: Project) -> None:
    assert kind_of(written("", From="nobody@example.org"), project=project, trusted=True) == "opt_out"
    assert Block.objects.get(kind="opt_out").address == "nobody@example.org"


def test_without_a_project_the_only_one_that_knows_the_sender_decides(
    ann: Contact, project: Project, other_project: Project
) -> None:
    assert receive(written()).project == project
    ContactFactory(project=other_project, email=ANN)
    assert kind_of(written(Message_ID="<2@x>")) == "aside"


def test_a_stranger_who_writes_stop_is_kept_aside(project: Project, ann: Contact) -> None:
    assert kind_of(written(From="eve@example.org"), project=project) == "aside"
    assert not InboundReply.objects.exists()


def test_other_mail_is_kept_aside(ann: Contact) -> None:
    raw = written("When do you open?\n", To="info@example.org", Subject="Opening hours")
    assert kind_of(raw, project=ann.project) == "aside"
    assert kind_of(raw, project=ann.project) == "aside"
    kept = UnreadMail.objects.get()
    assert (bytes(kept.raw), kept.size, kept.project) == (raw, len(raw), ann.project)


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Subject": "Automatic reply: News"},
        {"Subject": "Réponse automatique : Stop"},
        {"X_Autoreply": "yes"},
        {"Precedence": "auto_reply"},
    ],
)
def test_somebody_who_is_away_did_not_say_stop(headers: dict[str, str], ann: Contact) -> None:
    fields = {"Subject": "Re: News", **headers}
    to = f"{return_path(row_of(ann))}@reply.example.org"
    taken = receive(written("I am away until Monday.\n", To=to, **fields))
    assert (taken.kind, taken.outcome) == ("automatic_reply", DeliveryOutcome.RECORDED)
    assert DeliveryEvent.objects.get().kind == DeliveryKind.AUTORESPONDED
    elsewhere = written("I am away.\n", To="info@example.org", **fields)
    assert kind_of(elsewhere, project=ann.project) == "automatic_reply"
    assert not stopped(ann)
    assert not InboundReply.objects.exists()


# Reports


@pytest.mark.parametrize("trusted", [False, True])
def test_a_bounce_with_our_token_quarantines(trusted: bool, ann: Contact) -> None:
    headers = links_for(row_of(ann)).headers
    raw = bounce(returned=headers)
    assert receive(raw, trusted=trusted) == Received("delivery_report", "quarantined", ann.project)
    assert row_of(ann).quarantined
    before = said()
    receive(raw)
    assert said() == before


@pytest.mark.parametrize("where", ["To", "Delivered-To", "X-Original-To", "envelope"])
def test_a_bounce_to_our_return_address_quarantines(where: str, ann: Contact) -> None:
    address = f"{return_path(row_of(ann))}@reply.example.org".upper()
    raw = bounce(recipient="somebody@else.example.org", to=address if where == "To" else "")
    if where not in ("To", "envelope"):
        raw = f"{where}: <{address}>\n".encode() + raw
    receive(raw, recipient=address if where == "envelope" else "")
    assert row_of(ann).quarantined


def test_a_bounce_that_anybody_could_have_written_waits(ann: Contact) -> None:
    assert receive(bounce(), project=ann.project).outcome == DeliveryOutcome.WAITING
    assert not row_of(ann).quarantined
    assert kind_of(bounce().replace(b"dsn-1", b"dsn-2"), project=ann.project, trusted=True) == "delivery_report"
    assert row_of(ann).quarantined


def test_a_bounce_of_nobody_knows_whose_is_kept_aside(ann: Contact) -> None:
    assert kind_of(bounce()) == "aside"


def test_a_spam_report_with_our_token_is_believed(ann: Contact) -> None:
    taken = receive(complaint(links_for(row_of(ann)).headers))
    assert (taken.kind, taken.outcome) == ("spam_report", ReportOutcome.SUPPRESSED)
    ann.refresh_from_db()
    assert not ann.is_active
    assert Block.objects.get(cause=Cause.COMPLAINT).is_on


def test_a_spam_report_without_waits_unless_the_server_vouches(ann: Contact) -> None:
    assert kind_of(complaint({})) == "aside"
    assert receive(complaint({}), project=ann.project).outcome == ReportOutcome.WAITING
    other = complaint({"X-Nothing": "1"})
    assert receive(other, project=ann.project, trusted=True).outcome == ReportOutcome.SUPPRESSED
    assert SpamReport.objects.count() == 2


# Bombs and garbage


def nested(depth: int) -> bytes:
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(depth))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 1000,
        b"\r" * 100_000,
        bytes(range(256)) * 10,
        "From: a\n\n".encode("utf-16"),
        nested(50_000),
        b"Content-Type: message/rfc822\n\n" * 50_000,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\na\n" * 50_000,
        b"Content-Type: message/delivery-status\n\n" + b"a: b\n\n" * 50_000,
        b"Subject: x\n" + b"a: b\n" * 60_000 + b"\n",
        b"Subject: " + b"=?utf-8?b?" * 20_000 + b"\n\n",
        b"From: " + b"<(" * 20_000 + b"\n\nSTOP",
        b"To: " + b"a@b.c, " * 20_000 + b"\n\nSTOP",
        b"Subject: x\nContent-Type: text/html\n\n" + b"<a" * 100_000,
        b"Subject: x\nContent-Type: text/plain; charset=punycode\n\n" + b"a-b" * 100_000,
        b"Subject: x\nContent-Type: text/plain; charset*=x''%00\n\na",
        b"Subject: x\nContent-Transfer-Encoding: x-uuencode\n\nbegin 644 \n!!!!",
        b"Subject: STOP\n\n" + b"a" * LARGEST,
    ],
    ids=range(18),
)
def test_bombs_and_garbage_are_kept_aside_at_once(raw: bytes, project: Project) -> None:
    import time

    begin = time.perf_counter()
    assert kind_of(raw, project=project) == "aside"
    assert time.perf_counter() - begin < 10
    assert UnreadMail.objects.count() == 1


MAILS = [
    written(Subject="unsubscribe"), bounce(), complaint({}), bounce(returned={"Feedback-ID": f"{80 * 'x'}.{43 * 'y'}"}),
]  # fmt: skip
PIECES = [
    b"\r", b"\n", b"\0", b"--b1\n", b"--r1", b"boundary=", b"Content-Type: message/rfc822\n", b"\xff\xfe",
    b"=?utf-8?b?",
    b"?=", b'Content-Type: multipart/digest; boundary="b1"\n\n', b"Content-Transfer-Encoding: base64\n", b"x-uuencode",
    b"charset*=x''%00", b"Final-Recipient: rfc822;", b"Status: 5", b"\xf0\x9f\x9b\x91", b"STOP", b"<", b">", b"@",
    b"Date: Mon, 99 Foo 99999 99:99:99 +9999\n", b"From: ", b"To: stop@reply.example.org\n",
]  # fmt: skip
EDITS = st.lists(
    st.tuples(st.integers(0, 1500), st.integers(0, 60), st.one_of(st.sampled_from(PIECES), st.binary(max_size=8))),
    max_size=8,
)


@given(mail=st.sampled_from(MAILS), edits=EDITS, trusted=st.booleans(), recipient=st.text(max_size=20))
@bounds(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_is_taken_or_kept(
    mail: bytes, edits: list[tuple[int, int, bytes]], trusted: bool, recipient: str, ann: Contact
) -> None:
    raw = bytearray(mail)
    for place, length, piece in edits:
        raw[place : place + length] = piece
    taken = receive(bytes(raw), project=ann.project, trusted=trusted, recipient=recipient)
    assert taken.outcome
    assert "the log says how" not in taken.outcome


@given(raw=st.binary(max_size=300))
@bounds(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_bytes_come_are_kept(raw: bytes, project: Project) -> None:
    taken = receive(raw, project=project)
    assert "the log says how" not in taken.outcome
    assert taken.kind != "aside" or UnreadMail.objects.filter(size=len(raw)).exists()


# The command


def run(monkeypatch: Any, raw: bytes, *arguments: str) -> str:
    class Piped:
        buffer = io.BytesIO(raw)

    monkeypatch.setattr(sys, "stdin", Piped)
    out = io.StringIO()
    call_command("receive_mail", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_takes_a_mail_from_its_input(monkeypatch: Any, ann: Contact) -> None:
    assert run(monkeypatch, written(Subject=token_for(row_of(ann)))) == "opt_out: project\n"
    assert stopped(ann)
    assert run(monkeypatch, written("hello", From="x@example.org"), "--project", "newsletter").startswith("aside: ")
    found = run(monkeypatch, bounce(), "--project", "newsletter", "--trusted", "--recipient", "x@example.org")
    assert found == "delivery_report: quarantined\n"


def test_while_the_database_is_away_the_mail_stays_with_the_server(monkeypatch: Any, ann: Contact) -> None:
    def away(*_args: Any, **_particulars: Any) -> None:
        raise OperationalError("the database is away")

    raw = written(Subject=token_for(row_of(ann)))
    with connection.execute_wrapper(away), pytest.raises(SystemExit) as exit:
        run(monkeypatch, raw)
    assert exit.value.code == 75


def test_a_project_that_there_is_not_keeps_the_mail_with_the_server(monkeypatch: Any, db: None) -> None:
    with pytest.raises(SystemExit) as exit:
        run(monkeypatch, written(), "--project", "nowhere")
    assert exit.value.code == 75


def test_more_than_can_be_read_is_kept_in_part(monkeypatch: Any, db: None) -> None:
    assert run(monkeypatch, b"Subject: x\n\n" + b"a" * (LARGEST + 100)).startswith("aside: It is larger")
    assert len(UnreadMail.objects.get().raw) < LARGEST


def test_as_a_pipe_it_never_ends_in_a_traceback(tmp_path: Path) -> None:
    """A database that cannot be opened is one that is away."""
    found = subprocess.run(
        [sys.executable, "manage.py", "receive_mail"],
        input=written(),
        capture_output=True,
        env={**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/nothing/here.sqlite3"},
        cwd=Path(__file__).resolve().parents[2],
        check=False,
    )
    assert found.returncode == 75
    assert b"Traceback" not in found.stderr


def test_an_operator_lists_what_was_kept(capfdbinary: Any, project: Project) -> None:
    receive(b"Subject: first\n\nhello", project=project)
    out = io.StringIO()
    call_command("unread_mail", stdout=out)
    kept = UnreadMail.objects.get()
    assert f"{kept.pk}  " in out.getvalue()
    assert "newsletter" in out.getvalue()
    call_command("unread_mail", str(kept.pk))
    assert capfdbinary.readouterr().out == b"Subject: first\n\nhello"
    for number in ("0", str(2**63)):
        with pytest.raises(CommandError):
            call_command("unread_mail", number)


def test_an_ordinary_mail_program_writes_such_a_mail(ann: Contact) -> None:
    """As the library writes it, with its own folding of the long subject."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ANN, STOP_MAILBOX, token_for(row_of(ann))
    mail.set_content("")
    assert kind_of(mail.as_bytes()) == "opt_out"
    assert stopped(ann)
