"""Spam reports that come several times at once, and while their contact moves, merges or is erased."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import connection

from consent.incoming.arf import read_report
from consent.incoming.mime import read_message
from consent.models import SpamReport
from consent.services.feedback.reports import accept, complain, dismiss, take
from consent.vocabulary import Door
from contacts.addresses import normalise
from contacts.models import Block, Contact, Project, StatusHistory
from contacts.origin import THE_SYSTEM
from contacts.services.erasure import erase
from contacts.services.merging import merge
from contacts.services.register import change_address, create_contact
from tests.consent import feedback_reports as shapes
from tests.consent.feedback_reports import waiting_report
from tests.consent.links import row_of
from tests.consent.test_spam_reports import marked
from tests.factories import ContactFactory, OrganizationFactory, ProjectFactory, by_the_system
from tests.faults.test_concurrency import ROUNDS, assert_sound, at_once
from tests.origins import ADMIN, asked, by

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]
ANN = "ann@reader.example.org"


@pytest.fixture
def project() -> Project:
    return ProjectFactory(organization=OrganizationFactory())


def sent_in(raw: bytes, project: Project) -> SpamReport:
    report = read_report(read_message(raw))
    assert report is not None
    return take(report, project=project, door=Door.MAIL, believed=True, raw=raw, actor=THE_SYSTEM)


def test_the_same_report_several_times_at_once(project: Project) -> None:
    for turn in range(ROUNDS):
        ann = ContactFactory(project=project, email=f"a{turn}@reader.example.org")
        raw = shapes.rfc_5965(f"a{turn}@reader.example.org", marked(ann) if turn % 2 else {})
        silent = shapes.aol(ANN, {"X-Turn": str(turn)})

        found = at_once(*[partial(sent_in, raw, project)] * 3, *[partial(sent_in, silent, project)] * 3)

        assert len({report.pk for report in found}) == 2
        assert StatusHistory.objects.filter(contact=ann, method="spam_report").count() == 2
    assert_sound()


def test_a_complaint_and_somebody_who_comes_to_the_address(project: Project) -> None:
    """Whoever comes to the address of a complaint finds it blocked, whichever was first."""
    for turn in range(ROUNDS):
        text = f"a{turn}@reader.example.org"
        told = {"project": project, "door": Door.API, "actor": THE_SYSTEM, "key": text}

        at_once(
            partial(complain, normalise("email", text), **told),
            partial(create_contact, project, key=text, addresses={"email": text}, origin=asked()),
        )

        assert row_of(Contact.objects.get(key=text)).suppressed
    assert_sound()


def test_a_report_while_its_contact_moves_merges_or_goes(project: Project) -> None:
    for turn in range(ROUNDS):
        ann = ContactFactory(project=project, email=f"a{turn}@reader.example.org")
        other = ContactFactory(project=project)
        leaving = {
            0: partial(change_address, ann, "email", f"b{turn}@reader.example.org", origin=by_the_system()),
            1: partial(merge, other, ann, origin=by(ADMIN)),
            2: partial(erase, ann.as_set(), origin=by(ADMIN), requested_by_contact=True),
        }[turn % 3]

        at_once(partial(sent_in, shapes.aol(ANN, marked(ann)), project), leaving)

        assert Block.objects.filter(cause="complaint", is_on=True).count() == turn + 1
    assert_sound()


def test_two_admins_decide_at_once(project: Project) -> None:
    for turn in range(ROUNDS):
        ann = ContactFactory(project=project, email=f"a{turn}@reader.example.org")
        report = waiting_report(project, f"a{turn}@reader.example.org")

        at_once(
            partial(accept, report, origin=by(ADMIN)),
            partial(accept, report, origin=by(ADMIN)),
            partial(dismiss, report, actor=ADMIN),
        )

        report.refresh_from_db()
        ann.refresh_from_db()
        assert report.outcome in ("suppressed", "dismissed")
        assert ann.is_active == (report.outcome == "dismissed")
        assert StatusHistory.objects.filter(contact=ann, method="spam_report").count() in (0, 2)
    assert_sound()
