"""The consent receipt: a page to print, and JSON with the fields of ISO/IEC TS 27560."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent.models import CommunicationType, ConsentHistory, Form
from consent.selectors.receipt import as_data, receipt_of
from consent.services.consents import ask, grant, withdraw
from consent.services.undo import undo
from consent.vocabulary import Basis, ImpliedBy
from contacts.models import Contact, Export, Project, User
from tests.consent.saying import by_form, by_import
from tests.factories import CommunicationTypeFactory, ContactFactory
from tests.origins import ADMIN, EDITOR, asked, by

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, first_name="Amélie", last_name="Roy", key="HM-1", email="amelie@example.org")


@pytest.fixture
def offers(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(
        project=project, name="Offers", slug="offers", description="At a lower price.", accepts_implied=True
    )


def url(contact: Contact, kind: str = "receipt/") -> str:
    return f"/p/newsletter/contacts/{contact.pk}/consents/{kind}"


def data_of(contact: Contact) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(as_data(receipt_of(contact))))
    return found


def test_it_has_the_fields_of_the_standard(project: Project, contact: Contact, offers: CommunicationType) -> None:
    form = Form.objects.create(project=project, slug="join", name="Join us")
    evidence = {"form": form.pk, "version": 3, "wording": "I agree.", "language": "fr", "ip": "198.51.100.7"}
    grant(contact.as_set(), offers, "email", origin=by_form(evidence=evidence))
    data = data_of(contact)
    assert data["schema_version"] == "ISO/IEC TS 27560:2023"
    assert data["pii_principal_id"] == str(contact.pk)
    assert data["party_identification"][0]["party_name"] == "Maison du livre"
    [record] = data["consent_records"]
    assert record["record_id"] == f"newsletter/{contact.pk}/offers/email"
    assert record["consent_status"] == "express"
    processing = record["pii_processing"]
    assert processing["privacy_notice"] == {"wording": "I agree.", "language": "fr", "form": "Join us", "version": "3"}
    assert processing["purposes"] == [
        {"purpose": "Offers", "purpose_id": "offers", "purpose_description": "At a lower price."}
    ]
    assert (processing["lawful_basis"], processing["collection_method"]) == ("consent", "form")
    assert processing["withdrawal_method"]
    [event] = record["events"]
    assert (event["event_type"], event["consent_type"]) == ("consent given", "express")
    assert event["event_time"].endswith("+00:00")
    assert "jurisdiction" not in json.dumps(data)


def test_it_names_nobody(contact: Contact, offers: CommunicationType) -> None:
    grant(contact.as_set(), offers, "email", origin=by_form())
    text = json.dumps(data_of(contact), ensure_ascii=False)
    for personal in ("Amélie", "Roy", "amelie@example.org", "HM-1"):
        assert personal not in text


def test_it_tells_of_ends_withdrawals_and_what_was_taken_back(contact: Contact, offers: CommunicationType) -> None:
    until = timezone.now() + timedelta(days=30)
    grant(
        contact.as_set(), offers, "email", origin=by_import(), basis=Basis.IMPLIED, implied_by=ImpliedBy.PURCHASE,
        implied_until=until,
    )  # fmt: skip
    ask(contact.as_set(), offers, "email", origin=by_form())
    withdraw(contact.as_set(), offers, "email", origin=asked(EDITOR))
    entry = ConsentHistory.objects.latest("pk")
    [record] = data_of(contact)["consent_records"]
    assert record["consent_status"] == "withdrawn"
    assert record["withdrawal_timestamp"]
    kinds = [event["event_type"] for event in record["events"]]
    assert kinds == ["consent given", "consent requested", "consent withdrawn"]
    assert [event["entity_id"] for event in record["events"]] == ["controller", str(contact.pk), "controller"]
    assert (record["events"][0]["implied_by"], record["events"][0]["consent_type"]) == ("purchase", "implied")
    undo(ConsentHistory.objects.filter(pk=entry.pk), origin=by(ADMIN))
    [record] = data_of(contact)["consent_records"]
    assert record["consent_status"] == "implied"
    assert [event.get("voided", False) for event in record["events"]] == [False, False, True]


def test_a_viewer_looks_and_prints(client: Client, contact: Contact, offers: CommunicationType, viewer: User) -> None:
    grant(contact.as_set(), offers, "email", origin=by_form(evidence={"wording": "I agree.", "form": 99}))
    client.force_login(viewer)
    page = client.get(url(contact)).content.decode()
    for shown in ("Consent receipt", "Maison du livre", "Offers, Email", "Express consent", "“I agree.”"):
        assert shown in page
    assert "Read in the project Newsletter by Vera Viewer." in " ".join(page.split())
    assert "receipt.json" not in page


def test_the_download_needs_the_permission_and_is_recorded(
    client: Client, contact: Contact, offers: CommunicationType, editor: User, admin: User
) -> None:
    grant(contact.as_set(), offers, "email", origin=by_form())
    client.force_login(editor)
    assert client.post(url(contact, "receipt.json")).status_code == 403
    assert not Export.objects.exists()
    client.force_login(admin)
    assert client.get(url(contact, "receipt.json")).status_code == 405
    answer = client.post(url(contact, "receipt.json"))
    assert answer["Content-Type"].startswith("application/json")
    assert answer["Cache-Control"] == "no-store"
    assert f"consent-receipt-{contact.pk}.json" in answer["Content-Disposition"]
    assert json.loads(answer.content)["consent_records"][0]["consent_status"] == "express"
    [export] = Export.objects.all()
    assert (export.subject, export.rows, export.actor_label) == ("receipt", 1, "Ada Admin")


def test_of_who_was_never_asked(client: Client, contact: Contact, viewer: User) -> None:
    client.force_login(viewer)
    assert "Nothing was ever said about opt-ins" in client.get(url(contact)).content.decode()
    assert data_of(contact)["pii_principal_id"] == str(contact.pk)


def test_queries_do_not_grow(client: Client, contact: Contact, offers: CommunicationType, viewer: User) -> None:
    client.force_login(viewer)
    grant(contact.as_set(), offers, "email", origin=by_form())
    sizes = []
    for _more in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get(url(contact))
        sizes.append(len(queries))
        for _entry in range(3):
            topic = CommunicationTypeFactory(project=contact.project)
            grant(contact.as_set(), topic, "sms", origin=by_form())
    assert sizes[0] == sizes[1]
