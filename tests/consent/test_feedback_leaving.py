"""What came back from receivers, when those it is about leave: counted, carried over, forgotten."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from consent.incoming.arf import read_report
from consent.incoming.mime import read_message
from consent.models import DeliveryEvent, InboundReply, ReportedAddress, SpamReport, UnreadMail
from consent.services.feedback import reports
from consent.services.feedback.aside import keep, purge
from consent.services.feedback.delivery import Told, accept, take
from consent.vocabulary import DeliveryKind, Door
from contacts.addresses import normalise
from contacts.models import Contact, Project
from contacts.origin import THE_SYSTEM
from contacts.services.erasure import erase, erasure_preview
from contacts.services.merging import merge
from tests.factories import ContactFactory, by_the_system
from tests.origins import EDITOR, by

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)


@pytest.fixture
def ada(project: Project) -> Contact:
    return ContactFactory(project=project, key="ADA-1", email="ada@example.org")


def bounced(project: Project, address: str) -> DeliveryEvent:
    told = Told(DeliveryKind.BOUNCED, address, address, status="4.2.2", reply=f"<{address}>: full")
    return take(project, [told], door=Door.WEBHOOK, believed=True, actor=THE_SYSTEM)[0]


def reported(project: Project, *contacts: Contact) -> SpamReport:
    report = SpamReport.objects.create(
        project=project, door=Door.MAIL, form="arf", feedback_type="abuse", believed=True, outcome="suppressed",
        digest=f"{contacts}", raw=b"the report", occurred_at=NOW, received_at=NOW,
    )  # fmt: skip
    for contact in contacts:
        ReportedAddress.objects.create(
            report=report, contact=contact, channel="email", address="shared@example.org", found_by="recipient",
            fingerprint=normalise("email", "shared@example.org").fingerprint,
        )  # fmt: skip
    return report


def replied(project: Project, contact: Contact) -> InboundReply:
    return InboundReply.objects.create(
        project=project, contact=contact, digest="1", channel="sms", fingerprint="x", outcome="waiting",
        occurred_at=NOW, received_at=NOW,
    )  # fmt: skip


def test_the_confirmation_counts_it(project: Project, ada: Contact) -> None:
    bounced(project, "ada@example.org")
    reported(project, ada)
    replied(project, ada)
    [line] = [line for line in erasure_preview(ada.as_set()).lines if line.key == "feedback"]
    assert line.number == 3 and line.since is not None


def test_a_merge_carries_it_over_and_names_nobody_twice(project: Project, ada: Contact) -> None:
    twin = ContactFactory(project=project, email="ada@example.net")
    event, reply = bounced(project, "ada@example.net"), replied(project, twin)
    both, one = reported(project, ada, twin), reported(project, twin)
    merge(ada, twin, origin=by(EDITOR))
    event.refresh_from_db()
    reply.refresh_from_db()
    assert (event.contact_id, reply.contact_id) == (ada.pk, ada.pk)
    assert [named.contact_id for named in both.addresses.all()] == [ada.pk]
    assert [named.contact_id for named in one.addresses.all()] == [ada.pk]


def test_others_and_other_projects_keep_theirs(project: Project, other_project: Project, ada: Contact) -> None:
    ContactFactory(project=project, email="bob@example.org")
    ContactFactory(project=other_project, email="ada@example.org")
    bob, there = bounced(project, "bob@example.org"), bounced(other_project, "ada@example.org")
    keep(b"To: bob@example.org\n\nhello", "It belongs to nobody.")
    keep(b"To: ada@example.org\n\nhello", "It belongs to nobody.", project=other_project)
    erase(ada.as_set(), origin=by_the_system(), requested_by_contact=True)
    assert {event.address for event in DeliveryEvent.objects.all()} == {bob.address, there.address}
    assert UnreadMail.objects.count() == 2


def test_a_waiting_event_of_who_was_erased_is_still_decided(project: Project, ada: Contact) -> None:
    told = Told(DeliveryKind.BOUNCED, "1", "ada@example.org", status="5.1.1")
    take(project, [told], door=Door.MAIL, believed=False, actor=THE_SYSTEM)
    erase(ada.as_set(), origin=by_the_system(), requested_by_contact=False)
    assert accept(DeliveryEvent.objects.all(), origin=by(EDITOR)) == 1
    again = ContactFactory(project=project, email="ada@example.org")
    assert again.channel_statuses.get(channel="email").quarantined


def test_unread_mail_is_kept_for_30_days() -> None:
    keep(b"garbage", "It has no headers.")
    purge(NOW + timedelta(days=29))
    assert UnreadMail.objects.count() == 1
    purge(NOW + timedelta(days=31))
    assert not UnreadMail.objects.exists()


HIDDEN = {
    "in a header": b"Subject: =?utf-8?b?" + base64.b64encode(b"for ada@example.org") + b"?=\n\nx",
    "in the second header of a name": b"Subject: x\nCc: bob\nCc: =?utf-8?b?"
    + base64.b64encode(b"ada@example.org")
    + b"?=\n\nx",
    "in an encoded message within": b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
    b"Content-Type: message/rfc822\n\nSubject: y\nContent-Transfer-Encoding: base64\n\n"
    + base64.encodebytes(b"Dear ada@example.org, good news for you.")
    + b"\n--b--\n",
}


@pytest.mark.parametrize("raw", HIDDEN.values(), ids=HIDDEN)
def test_nothing_kept_aside_hides_who_was_erased(project: Project, ada: Contact, raw: bytes) -> None:
    keep(raw, "It says nothing.", project=project)
    keep(b"Subject: for bob@example.org\n\nx", "It says nothing.", project=project)

    erase(ada.as_set(), origin=by_the_system(), requested_by_contact=False)

    assert [bytes(mail.raw)[:12] for mail in UnreadMail.objects.all()] == [b"Subject: for"]


def test_a_report_in_which_nobody_was_found_forgets_whom_it_speaks_of(project: Project, ada: Contact) -> None:
    ContactFactory(project=project, email="bob@example.org")
    raw = (
        b"From: fbl@example.com\nSubject: FBL report\nContent-Type: message/rfc822\n\n"
        b"From: news@example.net\nTo: ada@example.org, bob@example.org\nSubject: News\n\nHello\n"
    )
    report = read_report(read_message(raw))
    assert report is not None
    kept = reports.take(report, project=project, door=Door.API, believed=True, raw=raw, actor=THE_SYSTEM)
    assert kept.outcome == "no_match"

    erase(ada.as_set(), origin=by_the_system(), requested_by_contact=False)

    kept.refresh_from_db()
    assert kept.raw is None


def test_reports_that_changed_nothing_keep_their_text_for_30_days(project: Project, ada: Contact) -> None:
    reported(project, ada)
    idle = reported(project)
    SpamReport.objects.filter(pk=idle.pk).update(outcome="no_match")

    reports.purge(NOW + timedelta(days=29))
    assert SpamReport.objects.filter(raw__isnull=False).count() == 2
    reports.purge(NOW + timedelta(days=31))
    assert SpamReport.objects.get(raw__isnull=False).outcome == "suppressed"
