"""The page of spam reports, one report, accepting and dismissing it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from consent.incoming.arf import read_report
from consent.incoming.mime import read_message
from consent.models import ReportedAddress, SpamReport
from consent.services.feedback.reports import take
from consent.vocabulary import Door
from contacts.models import Block, Contact, EntryDetail, Project, StatusHistory, User
from contacts.origin import THE_SYSTEM
from contacts.services.erasure import erase
from tests.consent import feedback_reports as shapes
from tests.consent.feedback_reports import waiting_report
from tests.factories import ContactFactory, by_the_system

pytestmark = pytest.mark.django_db
LIST = "/p/newsletter/reports/"
ANN = "ann@reader.example.org"


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, key="ann", first_name="Ann", last_name="Archer", email=ANN)


@pytest.fixture
def report(project: Project, ann: Contact) -> SpamReport:
    return waiting_report(project, ANN)


def url(report: SpamReport, action: str = "") -> str:
    return f"{LIST}{report.pk}/{action}"


def is_undecided(report: SpamReport, ann: Contact) -> bool:
    report.refresh_from_db()
    ann.refresh_from_db()
    return report.outcome == "waiting" and ann.is_active and not Block.objects.exists()


def test_the_list_shows_what_waits_and_what_was_done(
    client: Client, project: Project, admin: User, report: SpamReport
) -> None:
    said = read_report(read_message(shapes.aol(ANN, {})))
    assert said is not None
    take(said, project=project, door=Door.API, believed=True, raw=None, actor=THE_SYSTEM)
    client.force_login(admin)

    page = client.get(LIST).content.decode()

    assert page.index("Wait for your decision") < page.index("Ann Archer") < page.index("All others")
    assert "Nobody found" in page
    assert f"{LIST}{report.pk}/accept/" in page


def test_an_empty_list_says_what_will_stand_there(client: Client, admin: User) -> None:
    client.force_login(admin)
    assert "No spam reports yet" in client.get(LIST).content.decode()


def test_the_list_has_pages(client: Client, project: Project, admin: User, ann: Contact) -> None:
    for number in range(53):
        raw = shapes.aol(ANN, {}).replace(b"4711.winter", f"{number}.winter".encode())
        said = read_report(read_message(raw))
        assert said is not None
        take(said, project=project, door=Door.MAIL, believed=False, raw=raw, actor=THE_SYSTEM)
    client.force_login(admin)

    first = client.get(LIST)
    second = client.get(f"{LIST}?reports={first.context['others'].next}")

    assert len(first.context["other_rows"]) == 50
    assert len(second.context["other_rows"]) == 3


@pytest.mark.parametrize("query", ["waiting=x", "reports=%00", "reports=bm9uZQ"])
def test_garbage_in_the_address_is_refused_in_words(client: Client, admin: User, query: str) -> None:
    client.force_login(admin)
    assert client.get(f"{LIST}?{query}").status_code == 400


def test_a_report_is_shown_whole(client: Client, admin: User, report: SpamReport) -> None:
    client.force_login(admin)

    page = client.get(url(report)).content.decode()

    assert "Waits for review" in page
    assert "SomeGenerator/1.0" in page
    assert "Feedback-Type: abuse" in page  # as it came
    assert "&lt;ann@reader.example.org&gt;" in page


def test_odd_bytes_are_shown_as_text(client: Client, project: Project, admin: User, report: SpamReport) -> None:
    SpamReport.objects.filter(pk=report.pk).update(raw=b"\x00\xff<script>alert(1)</script>")
    client.force_login(admin)

    page = client.get(url(report)).content.decode()

    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page


def test_a_report_of_who_was_erased_names_them_by_number(
    client: Client, admin: User, report: SpamReport, ann: Contact
) -> None:
    number = ann.pk
    erase(ann.as_set(), origin=by_the_system(), requested_by_contact=False)
    ReportedAddress.objects.update(address=None)
    SpamReport.objects.update(raw=None)
    client.force_login(admin)

    for address in (LIST, url(report), url(report, "accept/"), url(report, "dismiss/")):
        page = client.get(address).content.decode()
        assert f"Contact {number}, erased" in page
        assert ANN not in page


@pytest.mark.parametrize("action", ["accept/", "dismiss/"])
def test_confirmation_changes_nothing(
    client: Client, admin: User, report: SpamReport, ann: Contact, action: str
) -> None:
    client.force_login(admin)
    entries = StatusHistory.objects.count()

    assert client.get(url(report, action)).status_code == 200
    assert client.head(url(report, action)).status_code == 200

    assert is_undecided(report, ann)
    assert StatusHistory.objects.count() == entries


def test_an_admin_accepts(client: Client, admin: User, report: SpamReport, ann: Contact) -> None:
    client.force_login(admin)

    answer = client.post(url(report, "accept/"))

    assert answer.headers["Location"] == url(report)
    assert [str(message) for message in get_messages(answer.wsgi_request)] == [
        "The report is accepted, and the address is blocked."
    ]
    report.refresh_from_db()
    ann.refresh_from_db()
    assert (report.outcome, report.decided_by, ann.is_active) == ("suppressed", "Ada Admin", False)
    page = client.get(url(report)).content.decode()
    assert "Ada Admin" in page
    assert "Deactivated" in page


def test_the_history_names_who_and_leads_to_the_report(
    client: Client, admin: User, editor: User, report: SpamReport, ann: Contact
) -> None:
    client.force_login(admin)
    client.post(url(report, "accept/"))
    entry = StatusHistory.objects.get(contact=ann, aspect="active", method="spam_report")
    address = f"/p/newsletter/history/{entry.pk}/"

    page = client.get(address).content.decode()
    client.force_login(editor)
    of_an_editor = client.get(address).content.decode()

    assert f'<a href="{url(report)}">{report.pk}</a>' in page
    assert "Ada Admin" in page
    assert url(report) not in of_an_editor


def test_an_admin_dismisses(client: Client, admin: User, report: SpamReport, ann: Contact) -> None:
    client.force_login(admin)

    answer = client.post(url(report, "dismiss/"))

    assert answer.headers["Location"] == url(report)
    report.refresh_from_db()
    ann.refresh_from_db()
    assert (report.outcome, report.decided_by, ann.is_active) == ("dismissed", "Ada Admin", True)
    assert not Block.objects.exists()


@pytest.mark.parametrize(
    ("first", "second"), [("accept/", "accept/"), ("accept/", "dismiss/"), ("dismiss/", "accept/")]
)
def test_a_second_decision_changes_nothing(
    client: Client, admin: User, report: SpamReport, ann: Contact, first: str, second: str
) -> None:
    client.force_login(admin)
    client.post(url(report, first))
    entries = StatusHistory.objects.count()
    report.refresh_from_db()
    outcome = report.outcome

    page = client.post(url(report, second)).content.decode()

    assert "Ada Admin decided this report on" in page
    report.refresh_from_db()
    assert report.outcome == outcome
    assert StatusHistory.objects.count() == entries


@pytest.mark.parametrize("action", ["", "accept/", "dismiss/"])
def test_who_may(
    client: Client, viewer: User, editor: User, stranger: User, report: SpamReport, ann: Contact, action: str
) -> None:
    for user, status in ((viewer, 403), (editor, 403), (stranger, 404)):
        client.force_login(user)
        assert client.get(url(report, action)).status_code == status
        if action:
            assert client.post(url(report, action)).status_code == status
    assert is_undecided(report, ann)


def test_bad_numbers_are_not_found(client: Client, admin: User, report: SpamReport) -> None:
    client.force_login(admin)
    for number in (0, report.pk + 1, 2**63, 10**40):
        for action in ("", "accept/", "dismiss/"):
            assert client.get(f"{LIST}{number}/{action}").status_code == 404


@pytest.mark.parametrize("address", [LIST, "one"])
def test_queries_do_not_grow(
    client: Client, project: Project, admin: User, report: SpamReport, address: str,
    django_assert_num_queries: Callable[..., Any],
) -> None:  # fmt: skip
    client.force_login(admin)
    place = url(report) if address == "one" else address
    client.get(place)
    with CaptureQueriesContext(connection) as few:
        client.get(place)
    for number in range(8):
        ContactFactory(project=project, email=f"r{number}@reader.example.org")
        waiting_report(project, f"r{number}@reader.example.org")
        row = ReportedAddress.objects.filter(contact__isnull=False).latest("pk")
        ReportedAddress.objects.create(
            report=report, contact_id=row.contact_id, channel="email", fingerprint=row.fingerprint, address=row.address,
            found_by="recipient",
        )  # fmt: skip

    with django_assert_num_queries(len(few)):
        client.get(place)


def test_dates_of_the_report_read_as_all_others(client: Client, admin: User, report: SpamReport) -> None:
    client.force_login(admin)
    report.details = {"arrival-date": "Wed, 25 Nov 2026 08:07:08 +0000"}
    report.save(update_fields=["details"])
    assert "25 November 2026, 03:07" in client.get(url(report)).content.decode()
    report.details = {"arrival-date": "the day before"}
    report.save(update_fields=["details"])
    assert "the day before" in client.get(url(report)).content.decode()


def test_an_entry_without_the_number_leads_to_its_report_too(client: Client, project: Project, admin: User) -> None:
    """As those of before numbers were kept, and those whose evidence was erased."""
    ann = ContactFactory(project=project, email=ANN)
    report = shapes.decided_report(project, ANN)
    entry = StatusHistory.objects.get(contact=ann, aspect="active", method="spam_report")
    client.force_login(admin)
    page = f"/p/newsletter/history/{entry.pk}/"
    assert url(report) in client.get(page).content.decode()
    EntryDetail.objects.filter(entry=entry).update(evidence={})
    assert url(report) in client.get(page).content.decode()
