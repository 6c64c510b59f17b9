"""``DELETE contacts/{id}``, and the receipts of it."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Contact, ErasureReceipt, Project, StatusHistory
from contacts.vocabulary import ApiScope
from tests.api.program import NO_SUCH_ID, Program
from tests.factories import ContactFactory, ErasureReceiptFactory

pytestmark = pytest.mark.django_db
CLEAN_UP = {"confirm": "K-1001", "requested_by_contact": False}


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, key="K-1001", email="ann@example.org")


def delete(program: Program, contact: Contact, body: Any, **headers: str) -> Any:
    return program.send(f"contacts/{contact.pk}", body, method="DELETE", **headers)


def test_the_answer_is_the_receipt(project: Project, ann: Contact) -> None:
    program = Program(project)

    receipt = delete(program, ann, {"confirm": "K-1001", "requested_by_contact": True})

    assert receipt.status_code == 200
    shape = receipt.json()
    assert (shape["contact"], shape["requested_by_contact"], shape["blocks_kept"]) == (ann.pk, True, 1)
    assert shape["actor"] == {"kind": "token", "id": program.token.pk, "label": "Shop"}
    assert shape["counts"]["channels"] == 1
    assert not Contact.objects.filter(pk=ann.pk).exists()
    assert not StatusHistory.objects.filter(contact=ann.pk).exists()
    assert "ann@example.org" not in receipt.content.decode() and "K-1001" not in receipt.content.decode()
    assert program.ask(f"erasures/{shape['id']}").json() == shape
    assert program.ask("erasures", contact=ann.pk).json()["items"] == [shape]
    assert program.send("erasures/search", {"key": "K-1001"}).json()["items"] == [shape]
    assert program.send("erasures/search", {"key": "K-1002"}).json()["items"] == []


def test_who_comes_to_the_address_later_finds_the_block(project: Project, ann: Contact) -> None:
    program = Program(project)
    delete(program, ann, {"confirm": "K-1001", "requested_by_contact": True})

    added = program.send("contacts", {"key": "NEW", "channels": {"email": {"address": "ann@example.org"}}})

    assert added.json()["channels"]["email"]["opted_out"] is True


def test_clients_without_a_body_confirm_in_the_address(project: Project, ann: Contact) -> None:
    answer = Program(project).delete(f"/api/v1/contacts/{ann.pk}?confirm=K-1001&requested_by_contact=false")

    assert (answer.status_code, answer.json()["requested_by_contact"]) == (200, False)
    assert not Contact.objects.filter(pk=ann.pk).exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({**CLEAN_UP, "confirm": "k-1001"}, "confirmation_mismatch"),
        ({**CLEAN_UP, "confirm": ""}, "confirmation_mismatch"),
        ({"confirm": "K-1001"}, "invalid_request"),
        ({"requested_by_contact": True}, "invalid_request"),
        ({**CLEAN_UP, "requested_by_contact": "perhaps"}, "invalid_request"),
        ({**CLEAN_UP, "sure": True}, "invalid_request"),
    ],
)
def test_without_the_confirmation_nobody_goes(project: Project, ann: Contact, body: Any, code: str) -> None:
    answer = delete(Program(project), ann, body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert Contact.objects.filter(pk=ann.pk).exists()


@pytest.mark.parametrize(
    "query", ["", "?confirm=K-1001", "?requested_by_contact=true", "?confirm=x&requested_by_contact=1"]
)
def test_nor_without_a_body(project: Project, ann: Contact, query: str) -> None:
    assert Program(project).delete(f"/api/v1/contacts/{ann.pk}{query}").status_code == 422
    assert Contact.objects.filter(pk=ann.pk).exists()


def test_not_while_somebody_else_changed_it(project: Project, ann: Contact) -> None:
    program = Program(project)
    seen = program.ask(f"contacts/{ann.pk}").headers["ETag"]
    program.send(f"contacts/{ann.pk}/deactivate", {"reason": "verbal_request"})

    assert delete(program, ann, CLEAN_UP, If_Match=seen).status_code == 412
    assert Contact.objects.filter(pk=ann.pk).exists()


def test_deleting_takes_a_scope_of_its_own(project: Project, ann: Contact) -> None:
    others = [scope for scope in ApiScope.values if scope != ApiScope.ERASE]

    answer = delete(Program(project, others), ann, CLEAN_UP)

    assert (answer.status_code, answer.json()["code"]) == (403, "scope_needed")
    assert Contact.objects.filter(pk=ann.pk).exists()


def test_who_is_gone_is_not_there(project: Project, other_project: Project, ann: Contact) -> None:
    program = Program(project)
    delete(program, ann, CLEAN_UP)
    elsewhere = ContactFactory(project=other_project, key="K-1001")

    assert delete(program, ann, CLEAN_UP).status_code == 404
    assert delete(program, elsewhere, CLEAN_UP).status_code == 404
    assert program.send(f"contacts/{NO_SUCH_ID}", CLEAN_UP, method="DELETE").status_code == 404
    assert Contact.objects.filter(pk=elsewhere.pk).exists()
    for path in ("history", "rows"):
        assert program.ask(f"contacts/{ann.pk}/{path}").status_code == 404
    assert program.send(f"contacts/{ann.pk}/deactivate", {}).status_code == 404


def test_receipts_page_by_page_and_of_this_project_alone(project: Project, other_project: Project) -> None:
    foreign = ErasureReceiptFactory(project=other_project)
    own = [ErasureReceiptFactory(project=project).pk for _number in range(3)]
    program = Program(project)

    first = program.ask("erasures", limit=2).json()
    second = program.ask("erasures", limit=2, cursor=first["next"]).json()

    assert [item["id"] for item in first["items"] + second["items"]] == own[::-1]
    assert second["next"] is None
    assert program.ask(f"erasures/{foreign.pk}").status_code == 404
    assert program.ask(f"erasures/{NO_SUCH_ID}").status_code == 404
    assert program.ask("erasures", contact=NO_SUCH_ID).status_code == 422
    assert ErasureReceipt.objects.count() == 4
