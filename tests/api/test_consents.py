"""``POST consents``, and what reads them: lists, the opt-in history, undo, the receipt."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from consent.models import CommunicationType, Consent, ConsentHistory
from consent.services.consents import withdraw
from consent.services.types import archive_type
from contacts.models import Contact, Export, Project, User
from contacts.origin import THE_CONTACT, Origin
from contacts.vocabulary import ApiScope, Method, Reason
from tests.api.program import NO_SUCH_ID, Program, authorization
from tests.factories import CommunicationTypeFactory, ContactFactory, by_the_system, today

pytestmark = pytest.mark.django_db


@pytest.fixture
def news(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, slug="news", channels=["email", "sms"], accepts_implied=True)


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, email="ann@example.org")


@pytest.fixture
def program(project: Project) -> Program:
    return Program(project, [ApiScope.READ, ApiScope.WRITE])


def word(contact: Contact, said: str = "granted", **fields: Any) -> dict[str, Any]:
    return {"contact": contact.pk, "communication_type": "news", "channel": "email", "word": said, **fields}


def record(program: Program, sent: dict[str, Any]) -> dict[str, Any]:
    answer = program.send("consents", sent)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def refused(program: Program, sent: dict[str, Any]) -> tuple[int, str]:
    before = ConsentHistory.objects.count()
    answer = program.send("consents", sent)
    assert ConsentHistory.objects.count() == before
    return answer.status_code, answer.json()["code"]


def test_a_grant_is_recorded_with_its_proof(program: Program, ann: Contact, news: CommunicationType) -> None:
    evidence = {"wording": "Send me news.", "page": "https://shop.example.org", "order": 20418}
    said = timezone.now() - timedelta(days=3)

    shape = record(
        program, word(ann, basis="express", evidence=evidence, occurred_at=said.isoformat(), note="Checkout")
    )

    assert (shape["contact"], shape["communication_type"], shape["channel"]) == (ann.pk, "news", "email")
    assert shape["state"] == "express"
    entry = shape["entry"]
    assert (entry["from"], entry["to"], entry["changed"], entry["weight"]) == ("none", "express", True, 0)
    assert entry["actor"] == {"kind": "token", "id": program.token.pk, "label": "Shop"}
    assert entry["evidence"] == {"wording": "Send me news.", "page": "https://shop.example.org", "order": "20418"}
    assert (entry["method"], entry["note"]) == ("api", "Checkout")
    held = ConsentHistory.objects.get(pk=entry["id"])
    assert held.occurred_at == said
    assert Consent.objects.get(contact=ann).is_express


def test_a_withdrawal_stands(program: Program, ann: Contact, news: CommunicationType) -> None:
    record(program, word(ann))
    shape = record(program, word(ann, "withdrawn", reason="written_request", requested_on=today().isoformat()))
    assert (shape["state"], shape["entry"]["reason"], shape["entry"]["weight"]) == ("withdrawn", "written_request", 1)
    assert refused(program, word(ann)) == (403, "authorization_required")
    implied = record(program, word(ann, basis="implied", implied_by="purchase"))
    assert implied["state"] == "withdrawn", "what is implied is kept and lifts nothing"


def test_the_contacts_own_act_weighs_as_such(program: Program, ann: Contact, news: CommunicationType) -> None:
    assert record(program, word(ann, "withdrawn", reason="own_request"))["entry"]["weight"] == 2


def test_an_authorization_needs_its_scope_and_lifts(project: Project, ann: Contact, news: CommunicationType) -> None:
    withdraw(ann.as_set(), news, "email", origin=Origin(Method.FORM, THE_CONTACT, Reason.OWN_REQUEST))
    sent = word(ann, authorization=authorization(obtained_on=today().isoformat()))
    without = Program(project, [ApiScope.WRITE])
    assert refused(without, sent) == (403, "authorization_required")
    assert "authorize" in without.send("consents", sent).json()["remedy"]

    shape = record(Program(project, [ApiScope.WRITE, ApiScope.AUTHORIZE]), sent)

    assert (shape["state"], shape["entry"]["weight"], shape["entry"]["reason"]) == ("express", 2, "authorized")
    assert shape["entry"]["authorization"]["reference"] == "Ticket 5512"


def test_no_token_lifts_a_complaint(project: Project, ann: Contact, news: CommunicationType) -> None:
    complaint = Origin(Method.SPAM_REPORT, THE_CONTACT, Reason.COMPLAINT)
    withdraw(ann.as_set(), news, "email", origin=complaint)
    sent = word(ann, authorization=authorization(obtained_on=today().isoformat()))
    assert refused(Program(project), sent) == (403, "authorization_required")


def test_an_authorization_of_before_the_no_is_too_old(project: Project, ann: Contact, news: CommunicationType) -> None:
    record(Program(project), word(ann, "withdrawn"))
    long_ago = (today() - timedelta(days=30)).isoformat()
    assert refused(Program(project), word(ann, authorization=authorization(obtained_on=long_ago))) == (
        422, "authorization_too_old"
    )  # fmt: skip


def test_implied_consent_ends_after_the_period_of_its_type(
    program: Program, project: Project, ann: Contact, news: CommunicationType
) -> None:
    bought = datetime(2026, 3, 1, 12, tzinfo=project.zone)
    shape = record(program, word(ann, basis="implied", implied_by="purchase", occurred_at=bought.isoformat()))
    end = datetime.fromisoformat(shape["implied_until"]).astimezone(project.zone)
    assert (end.date().isoformat(), end.hour) == ("2028-03-01", 23)
    assert shape["entry"]["implied_by"] == "purchase"


def test_implied_consent_with_an_end_of_its_own(program: Program, ann: Contact, news: CommunicationType) -> None:
    until = (timezone.now() + timedelta(days=90)).replace(microsecond=0)
    shape = record(program, word(ann, basis="implied", implied_until=until.isoformat()))
    assert (shape["state"], shape["entry"]["implied_by"]) == ("implied", "other")
    assert datetime.fromisoformat(shape["implied_until"]) == until


def test_what_does_not_fit_is_refused(
    program: Program, project: Project, ann: Contact, news: CommunicationType
) -> None:
    CommunicationTypeFactory(project=project, slug="receipts", name="Receipts", administrative=True)
    CommunicationTypeFactory(project=project, slug="strict", name="Strict", channels=["email"])
    later = (timezone.now() + timedelta(days=2)).isoformat()
    assert refused(program, word(ann, communication_type="receipts")) == (422, "no_consent_needed")
    assert refused(program, word(ann, channel="push")) == (422, "not_on_channel")
    assert refused(program, word(ann, communication_type="nothing")) == (422, "unknown_communication_type")
    strict = word(ann, communication_type="strict", basis="implied", implied_by="inquiry")
    assert refused(program, strict) == (422, "implied_not_accepted")
    assert refused(program, word(ann, basis="implied")) == (422, "refused")
    assert refused(program, word(ann, occurred_at=later)) == (422, "in_the_future")
    assert refused(program, word(ann, "withdrawn", requested_on=(today() + timedelta(days=2)).isoformat())) == (
        422, "in_the_future"
    )  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        {"word": "maybe"},
        {"word": "void"},
        {"basis": "guess"},
        {"implied_by": "purchase"},
        {"word": "withdrawn", "implied_until": "2030-01-01T00:00:00Z"},
        {"basis": "implied", "implied_by": "birthday"},
        {"occurred_at": "2026-01-01"},
        {"occurred_at": "0001-01-01T00:00:00Z"},
        {"implied_until": "9999-12-31T23:59:59Z", "basis": "implied"},
        {"note": "a\x00b"},
        {"note": "\ud800"},
        {"evidence": {"page": "a\x00b"}},
        {"evidence": {"\x00": "a"}},
        {"evidence": {"nested": {"a": 1}}},
        {"evidence": []},
        {"contact": "ann"},
        {"contact": True},
        {"communication_type": None},
        {"channel": None},
        {"authorization": {"source": "written"}},
        {"more": 1},
    ],
)
def test_what_cannot_be_read_is_refused(
    program: Program, ann: Contact, news: CommunicationType, more: dict[str, Any]
) -> None:
    assert refused(program, {**word(ann), **more}) == (422, "invalid_request")


def test_an_archived_type_takes_a_withdrawal_and_no_grant(
    program: Program, ann: Contact, news: CommunicationType
) -> None:
    archive_type(news)
    assert refused(program, word(ann)) == (422, "unknown_communication_type")
    assert record(program, word(ann, "withdrawn"))["state"] == "withdrawn"


def test_contacts_of_others_are_not_found(program: Program, other_project: Project, news: CommunicationType) -> None:
    theirs = ContactFactory(project=other_project, email="zoe@example.org")
    for number in (theirs.pk, 0, -1, NO_SUCH_ID):
        assert refused(program, {**word(theirs), "contact": number}) == (404, "not_found")
        for place in ("consents", "consents/history", "consents/receipt"):
            assert program.ask(f"contacts/{number}/{place}").status_code == 404


def test_the_same_request_twice_adds_one_entry(program: Program, ann: Contact, news: CommunicationType) -> None:
    answers = [program.send("consents", word(ann), Idempotency_Key="one") for _each in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert ConsentHistory.objects.filter(contact=ann).count() == 1


def test_scopes(project: Project, ann: Contact, news: CommunicationType) -> None:
    assert refused(Program(project, [ApiScope.READ, ApiScope.SEND_CHECK]), word(ann)) == (403, "scope_needed")
    writer = Program(project, [ApiScope.WRITE])
    for place in ("consents", f"contacts/{ann.pk}/consents", f"contacts/{ann.pk}/consents/history"):
        assert writer.ask(place).status_code == 403


def test_consents_are_listed_by_contact_type_channel_and_state(
    program: Program, project: Project, ann: Contact, news: CommunicationType, other_project: Project
) -> None:
    ben = ContactFactory(project=project, email="ben@example.org", sms="+14185550137")
    record(program, word(ann))
    record(program, word(ben, "withdrawn"))
    record(program, word(ben, channel="sms"))
    zoe = ContactFactory(project=other_project, email="zoe@example.org")
    CommunicationTypeFactory(project=other_project, slug="news", channels=["email"])
    record(Program(other_project), word(zoe))

    def found(**asked: Any) -> list[tuple[int, str, str]]:
        items = program.ask("consents", **asked).json()["items"]
        return [(item["contact"], item["channel"], item["state"]) for item in items]

    everything = [(ann.pk, "email", "express"), (ben.pk, "email", "withdrawn"), (ben.pk, "sms", "express")]
    assert found() == everything
    assert found(contact=ben.pk) == everything[1:]
    assert found(communication_type="news", channel="email") == everything[:2]
    assert found(state="withdrawn") == [everything[1]]
    first = program.ask("consents", limit=2).json()
    rest = program.ask("consents", limit=2, cursor=first["next"]).json()
    assert len(first["items"]) == 2
    assert (len(rest["items"]), rest["next"]) == (1, None)
    assert program.ask(f"contacts/{ben.pk}/consents").json() == {
        "items": program.ask("consents", contact=ben.pk).json()["items"], "next": None
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"state": "maybe"}, 422),
        ({"channel": "fax"}, 422),
        ({"communication_type": "nothing"}, 422),
        ({"communication_type": "\x00"}, 422),
        ({"contact": NO_SUCH_ID}, 404),
        ({"contact": "ann"}, 422),
        ({"cursor": "x"}, 400),
        ({"limit": 0}, 422),
    ],
)
def test_lists_refuse_what_cannot_be_asked(
    program: Program, news: CommunicationType, asked: dict[str, Any], status: int
) -> None:
    assert program.ask("consents", **asked).status_code == status


def test_the_opt_in_history_is_told_newest_first(program: Program, ann: Contact, news: CommunicationType) -> None:
    record(program, word(ann))
    record(program, word(ann, "withdrawn", note="By telephone"))
    items = program.ask(f"contacts/{ann.pk}/consents/history").json()["items"]
    assert [(item["word"], item["from"], item["to"], item["note"]) for item in items] == [
        ("withdrawn", "express", "withdrawn", "By telephone"), ("granted", "none", "express", "")
    ]  # fmt: skip


def test_an_entry_of_the_token_is_taken_back(program: Program, ann: Contact, news: CommunicationType) -> None:
    record(program, word(ann))
    slip = record(program, word(ann, "withdrawn"))["entry"]["id"]

    answer = program.send(f"consents/history/{slip}/undo", {"note": "Wrong person"})

    assert answer.status_code == 201
    entry = answer.json()
    assert (entry["word"], entry["voids"], entry["to"], entry["note"]) == ("void", slip, "express", "Wrong person")
    assert program.ask(f"contacts/{ann.pk}/consents").json()["items"][0]["state"] == "express"
    again = program.send(f"consents/history/{slip}/undo", {})
    assert (again.status_code, again.json()["code"]) == (409, "cannot_undo")


def test_what_the_contact_said_is_not_taken_back(program: Program, ann: Contact, news: CommunicationType) -> None:
    withdraw(ann.as_set(), news, "email", origin=Origin(Method.FORM, THE_CONTACT, Reason.OWN_REQUEST))
    number = ConsentHistory.objects.get(contact=ann).pk
    answer = program.send(f"consents/history/{number}/undo", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_undo")


def test_entries_of_others_are_not_found(program: Program, other_project: Project) -> None:
    zoe = ContactFactory(project=other_project, email="zoe@example.org")
    topic = CommunicationTypeFactory(project=other_project, slug="news", channels=["email"])
    withdraw(zoe.as_set(), topic, "email", origin=by_the_system())
    for number in (ConsentHistory.objects.get(contact=zoe).pk, 0, NO_SUCH_ID):
        assert program.send(f"consents/history/{number}/undo", {}).status_code == 404


def test_the_receipt_names_the_contact_by_number_and_is_written_down(
    program: Program, project: Project, ann: Contact, news: CommunicationType
) -> None:
    record(program, word(ann, evidence={"wording": "Send me news."}))
    answer = program.ask(f"contacts/{ann.pk}/consents/receipt")
    shape = answer.json()
    assert (shape["schema_version"], shape["pii_principal_id"]) == ("ISO/IEC TS 27560:2023", str(ann.pk))
    [held] = shape["consent_records"]
    assert (held["consent_status"], held["events"][0]["event_type"]) == ("express", "consent given")
    assert "ann@example.org" not in answer.content.decode()
    assert Export.objects.get(project=project).subject == "receipt"


def test_pages_name_the_token(
    client: Any, program: Program, project: Project, viewer: User, ann: Contact, news: CommunicationType
) -> None:
    number = record(program, word(ann, evidence={"order": "20418"}))["entry"]["id"]
    client.force_login(viewer)
    page = client.get(reverse("consent:entry", args=[project.slug, ann.pk, number])).content.decode()
    assert "Shop (API token)" in page
    assert "20418" in page


def test_queries_do_not_grow(program: Program, project: Project, news: CommunicationType) -> None:
    counts = []
    for number in (1, 1, 6):
        for _each in range(number):
            record(program, word(ContactFactory(project=project)))
        with CaptureQueriesContext(connection) as queries:
            program.ask("consents")
        counts.append(len(queries))
    assert counts[1] == counts[2]
