"""Who may receive what: the numbers, the lists behind them, and their export."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent import tokens
from consent.models import CommunicationType, ConsentHistory
from consent.selectors.audience import WhoMay
from consent.services.consents import grant, withdraw
from contacts.models import ChannelStatus, Contact, Export, Project, User
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from tests.consent.saying import by_form
from tests.factories import CommunicationTypeFactory, ContactFactory, MembershipFactory, today
from tests.origins import asked, by_link

pytestmark = pytest.mark.django_db
PAGE, LIST, EXPORT = (f"/p/newsletter/consent/audience/{place}" for place in ("", "contacts/", "export/"))
ASKED = "type=offers&channel=email"


@pytest.fixture
def offers(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Offers", slug="offers", channels=["email", "sms"])


@pytest.fixture
def people(project: Project, offers: CommunicationType) -> dict[str, Contact]:
    """Two who agreed and share an address, one who agreed and is inactive, one opted out, one who never agreed."""
    found = {
        name: ContactFactory(project=project, key=name, last_name=name.capitalize(), email=f"{address}@example.org")
        for name, address in (
            ("ann", "home"), ("bob", "home"), ("carl", "carl"), ("dora", "dora"), ("eve", "eve"),
        )
    }  # fmt: skip
    for name in ("ann", "bob", "carl"):
        grant(found[name].as_set(), offers, "email", origin=by_form())
    deactivate(found["carl"].as_set(), origin=asked())
    opt_out(found["dora"].as_set(), "email", origin=by_link())
    return found


@pytest.fixture
def exporter(project: Project) -> User:
    return MembershipFactory(project=project, may_export=True, user__name="Eve Exporter").user


def numbers(client: Client, query: str = ASKED) -> dict[str, tuple[int, int | None]]:
    found: WhoMay = client.get(f"{PAGE}?{query}").context["who_may"]
    return {outcome.key: (outcome.number, outcome.overlaps) for outcome in found.outcomes}


def names(client: Client, query: str) -> list[str]:
    return [row.key for row in client.get(f"{LIST}?{query}").context["rows"]]


def rows(client: Client, query: str) -> list[dict[str, str]]:
    answer = client.post(EXPORT, {"filters": query})
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_numbers_by_reason(client: Client, people: dict[str, Contact], viewer: User) -> None:
    client.force_login(viewer)
    counted = numbers(client)
    assert counted["eligible"] == (2, None)
    assert (counted["active"], counted["not_opted_out"], counted["consent"]) == ((1, 1), (1, 1), (1, 2))
    page = client.get(f"{PAGE}?{ASKED}")
    text = " ".join(page.content.decode().split())
    assert "<strong>2 of 5 contacts</strong> may be sent Offers by email." in text
    assert page.context["who_may"].same_address == 1
    assert sum(page.context["who_may"].parts) == page.context["who_may"].audience.total == 5


def test_each_number_opens_its_list(client: Client, people: dict[str, Contact], viewer: User) -> None:
    client.force_login(viewer)
    found: WhoMay = client.get(f"{PAGE}?{ASKED}").context["who_may"]
    for outcome in found.outcomes:
        assert len(client.get(outcome.url).context["rows"]) == outcome.number
        if outcome.overlaps_url:
            assert len(client.get(outcome.overlaps_url).context["rows"]) == outcome.overlaps
    assert names(client, f"{ASKED}&reason=eligible") == ["ann", "bob"]
    assert names(client, f"{ASKED}&reason=same_address") == ["bob"]
    assert names(client, f"{ASKED}&reason=excluded") == ["carl", "dora", "eve"]
    assert names(client, f"{ASKED}&reason=consent") == ["eve"]
    assert names(client, f"{ASKED}&reason=consent&overlaps=1") == ["dora", "eve"]


def test_list_says_why(client: Client, people: dict[str, Contact], viewer: User) -> None:
    client.force_login(viewer)
    [row] = client.get(f"{LIST}?{ASKED}&reason=not_opted_out").context["rows"]
    assert (row.key, row.reasons) == ("dora", ["Opted out of email", "No consent to this"])


def test_list_comes_in_pages(client: Client, project: Project, offers: CommunicationType, viewer: User) -> None:
    for number in range(52):
        ContactFactory(project=project, key=f"K-{number:02}", email=f"k{number}@example.org")
    client.force_login(viewer)
    first = client.get(f"{LIST}?{ASKED}&reason=consent")
    second = client.get(f"{LIST}{first.context['next_url']}")
    assert [len(page.context["rows"]) for page in (first, second)] == [50, 2]
    assert client.get(f"{LIST}?{ASKED}&reason=consent&cursor=nowhere").status_code == 400


def test_as_it_was_on_a_day(client: Client, people: dict[str, Contact], project: Project, viewer: User) -> None:
    client.force_login(viewer)
    yesterday = today() - timedelta(days=1)
    assert "Nobody was in the register then." in client.get(f"{PAGE}?{ASKED}&at={yesterday}").content.decode()
    Contact.objects.update(created_at=timezone.now() - timedelta(days=9))
    assert numbers(client, f"{ASKED}&at={yesterday}")["eligible"] == (0, None)
    assert numbers(client, f"{ASKED}&at={today()}") == numbers(client)
    assert client.get(f"{PAGE}?{ASKED}&at={today()}").context["day"] is None


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("type=offers&channel=push", "This is not sent on this channel. Choose one of: Email, SMS."),
        ("type=nothing&channel=email", "This communication type does not exist."),
        ("type=offers&channel=pigeon", "This channel does not exist."),
        (f"{ASKED}&at=2999-01-01", "This day is still to come."),
        (f"{ASKED}&at=1950-01-01", "the year 2000 or later"),
        (f"{ASKED}&at=soon", "Enter a date like 2026-11-24."),
        ("type=%00&channel=%00&at=%00", "does not exist"),
        ("type=" + "9" * 40, "This communication type does not exist."),
    ],
)
def test_what_is_wrong_is_told(
    client: Client, offers: CommunicationType, exporter: User, query: str, complaint: str
) -> None:
    client.force_login(exporter)
    page = client.get(f"{PAGE}?{query}")
    assert page.status_code == 200
    assert complaint in page.content.decode()
    assert client.get(f"{LIST}?{query}").status_code == 302
    assert client.post(EXPORT, {"filters": query}).status_code == 400
    assert not Export.objects.exists()


def test_a_reason_that_there_is_not(client: Client, offers: CommunicationType, exporter: User) -> None:
    client.force_login(exporter)
    for reason in ("nothing", "%00", "not_stopped", "pk", "x" * 3000):
        assert client.get(f"{LIST}?{ASKED}&reason={reason}").status_code == 404
        assert client.post(EXPORT, {"filters": f"{ASKED}&reason={reason}"}).status_code == 404


def test_without_an_address_the_first_type_is_shown(
    client: Client, project: Project, offers: CommunicationType, viewer: User
) -> None:
    ContactFactory(project=project, email="reader@example.org")
    client.force_login(viewer)
    page = client.get(PAGE)
    assert (page.context["type_name"], page.context["channel"]) == ("Offers", "email")
    assert client.get(f"{PAGE}?type={offers.pk}").context["type_name"] == "Offers"
    assert "No contacts yet" not in page.content.decode()


def test_a_project_without_types_has_the_channels(client: Client, project: Project, viewer: User) -> None:
    client.force_login(viewer)
    assert "No contacts yet" in client.get(PAGE).content.decode()
    ContactFactory(project=project, email="reader@example.org")
    text = " ".join(client.get(PAGE).content.decode().split())
    assert "<strong>1 of 1 contact</strong> meet the conditions of email." in text


def test_who_may_not_export_is_not_offered_it(client: Client, people: dict[str, Contact], editor: User) -> None:
    client.force_login(editor)
    for address in (f"{PAGE}?{ASKED}", f"{LIST}?{ASKED}&reason=eligible"):
        assert "/consent/audience/export/" not in client.get(address).content.decode()
    assert client.post(EXPORT, {"filters": ASKED}).status_code == 403


@override_settings(PUBLIC_URL="https://sendable.example.org")
def test_export_of_who_may_writes_to_an_address_once_and_brings_links(
    client: Client, people: dict[str, Contact], offers: CommunicationType, exporter: User
) -> None:
    client.force_login(exporter)
    [row] = rows(client, f"{ASKED}&reason=eligible")
    assert (row["key"], row["email"]) == ("ann", "home@example.org")
    assert (row["Sendable verdict"], row["Sendable reason"]) == ("yes", "")
    assert row["Sendable communication type"] == "offers"
    assert row["Sendable read at"] == row["Sendable as of"]
    status = ChannelStatus.objects.get(contact=people["ann"], channel="email")
    links = [row["Sendable opt-out link"], row["Sendable consent centre"]]
    for link, place in zip(links, ("u", "c"), strict=True):
        assert link.startswith(f"https://sendable.example.org/{place}/")
        token = tokens.read(urlsplit(link).path.split("/")[2])
        assert (token.contact, token.fingerprint) == (people["ann"].pk, status.fingerprint)
        assert token.communication_type == offers.pk


def test_export_of_who_may_not_says_why(client: Client, people: dict[str, Contact], exporter: User) -> None:
    client.force_login(exporter)
    found = rows(client, f"{ASKED}&reason=excluded")
    assert [(row["key"], row["Sendable verdict"], row["Sendable reason"]) for row in found] == [
        ("carl", "no", "Contact is inactive"),
        ("dora", "no", "Opted out of email"),
        ("eve", "no", "No consent to this"),
    ]
    assert found[1]["Sendable other reasons"] == "No consent to this"
    assert "Sendable opt-out link" not in found[0]


def test_export_of_a_day_that_is_over_has_no_links(client: Client, people: dict[str, Contact], exporter: User) -> None:
    Contact.objects.update(created_at=timezone.now() - timedelta(days=9))
    client.force_login(exporter)
    yesterday = today() - timedelta(days=1)
    answer = client.post(EXPORT, {"filters": f"{ASKED}&at={yesterday}&reason=eligible"})
    header = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert "verdict" in header
    assert "link" not in header
    assert str(yesterday) in answer["Content-Disposition"]


def test_export_is_recorded_without_values(client: Client, people: dict[str, Contact], exporter: User) -> None:
    client.force_login(exporter)
    rows(client, f"{ASKED}&reason=eligible")
    [export] = Export.objects.all()
    assert (export.subject, export.rows, export.actor_label) == ("audience", 1, "Eve Exporter")
    assert export.filters == ["type", "channel", "reason"]


def test_export_as_xlsx_with_names_that_look_like_formulas(
    client: Client, project: Project, offers: CommunicationType, exporter: User
) -> None:
    ContactFactory(project=project, key="=1+1", first_name="=cmd|' /C calc'!A0", email="eve@example.org")
    client.force_login(exporter)
    [row] = rows(client, f"{ASKED}&reason=excluded")
    assert row["key"] == "'=1+1"
    answer = client.post(EXPORT, {"filters": f"{ASKED}&reason=excluded", "format": "xlsx"})
    assert answer["Content-Disposition"].endswith('.xlsx"')
    assert b"".join(answer.streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]


def test_a_withdrawal_takes_effect_at_once(
    client: Client, people: dict[str, Contact], offers: CommunicationType, viewer: User
) -> None:
    client.force_login(viewer)
    withdraw(people["ann"].as_set(), offers, "email", origin=by_link())
    assert names(client, f"{ASKED}&reason=eligible") == ["bob"]
    assert names(client, f"{ASKED}&reason=same_address") == []


def test_looking_changes_nothing(client: Client, people: dict[str, Contact], viewer: User) -> None:
    client.force_login(viewer)
    before = ConsentHistory.objects.count()
    for address in (f"{PAGE}?{ASKED}", f"{LIST}?{ASKED}&reason=excluded"):
        assert client.head(address).status_code == 200
        assert client.post(address).status_code == 405
    assert ConsentHistory.objects.count() == before


def test_queries_do_not_grow(
    client: Client, people: dict[str, Contact], project: Project, offers: CommunicationType, exporter: User
) -> None:
    client.force_login(exporter)
    sizes = []
    for _more in range(2):
        for address in (f"{PAGE}?{ASKED}", f"{LIST}?{ASKED}&reason=excluded"):
            with CaptureQueriesContext(connection) as queries:
                client.get(address)
            sizes.append(len(queries))
        with CaptureQueriesContext(connection) as queries:
            rows(client, f"{ASKED}&reason=excluded")
        sizes.append(len(queries))
        for number in range(6):
            ContactFactory(project=project, email=f"more{number}@example.org")
            CommunicationTypeFactory(project=project)
    assert sizes[:3] == sizes[3:]
