"""Deactivating many contacts: the same entries as one by one, and nobody but whom the page showed."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import Contact, Project, StatusHistory, User
from contacts.services.status import deactivate
from contacts.vocabulary import Method, Reason, Says
from tests.contacts.bulk import choose, confirm, ledger_of, url
from tests.factories import ContactFactory, by_the_system

BY_TELEPHONE = {"reason": Reason.VERBAL_REQUEST, "requested_on": "2026-01-05", "note": "Called one after the other."}


@pytest.fixture
def contacts(project: Project) -> list[Contact]:
    return [ContactFactory(project=project, last_name=f"Reader {number}", email=f"r{number}@example.org")
            for number in range(3)]  # fmt: skip


def active() -> int:
    return Contact.objects.active().count()


def test_editor_deactivates_those_still_active(
    client: Client, project: Project, editor: User, contacts: list[Contact]
) -> None:
    deactivate(contacts[0].as_set(), origin=by_the_system(reason=Reason.STOP))
    before = StatusHistory.objects.filter(contact=contacts[0]).count()
    client.force_login(editor)
    page = choose(client, project, "deactivate", contacts)
    html = page.content.decode()
    assert "Deactivate 2 contacts?" in html and "Inactive already." in html
    assert "Reader 1" in html and "Reader 2" in html
    assert active() == 2
    done = confirm(client, project, "deactivate", page, **BY_TELEPHONE)
    assert done.status_code == 200
    assert "2 contacts are deactivated." in done.content.decode()
    assert "1 was left as they are." in done.content.decode()
    assert active() == 0
    assert StatusHistory.objects.filter(contact=contacts[0]).count() == before


def test_history_names_who_when_why(client: Client, project: Project, editor: User, contacts: list[Contact]) -> None:
    client.force_login(editor)
    confirm(client, project, "deactivate", choose(client, project, "deactivate", contacts), **BY_TELEPHONE)
    entries = StatusHistory.objects.filter(says=Says.NO)
    assert entries.count() == 3
    for entry in entries:
        assert (entry.method, entry.actor_number, entry.actor_label) == (Method.MANUAL, editor.pk, "Edgar Editor")
        assert entry.reason == Reason.VERBAL_REQUEST and str(entry.requested_on) == "2026-01-05"
        assert entry.detail.note == "Called one after the other."


def test_bulk_and_single_agree(client: Client, project: Project, editor: User, contacts: list[Contact]) -> None:
    client.force_login(editor)
    confirm(client, project, "deactivate", choose(client, project, "deactivate", contacts[:2]), **BY_TELEPHONE)
    single = reverse("contacts:deactivate", args=[project.slug, contacts[2].pk])
    client.post(single, {"request_id": str(uuid.uuid4()), **BY_TELEPHONE})
    assert StatusHistory.objects.filter(contact=contacts[2], says=Says.NO).exists()
    ledgers = [[{**line, "to_value": ""} if line["aspect"] == "address" else line for line in ledger_of(contact)]
               for contact in contacts]  # fmt: skip
    assert ledgers[0] == ledgers[1] == ledgers[2]


def test_everything_that_matches(client: Client, project: Project, editor: User, contacts: list[Contact]) -> None:
    other = ContactFactory(project=project, last_name="Zinck")
    client.force_login(editor)
    page = choose(client, project, "deactivate", [], everything="1", filters="q=Reader")
    assert page.context["plan"].concerned.number == 3
    confirm(client, project, "deactivate", page, **BY_TELEPHONE)
    assert list(Contact.objects.active()) == [other]


@pytest.mark.parametrize("filters", ["status=perhaps", "q=%00", "changed_from=yesterday"])
def test_filters_that_mean_nothing_reach_nobody(
    client: Client, project: Project, editor: User, contacts: list[Contact], filters: str
) -> None:
    client.force_login(editor)
    response = choose(client, project, "deactivate", [], everything="1", filters=filters)
    assert response.status_code == 400
    assert "The filters of the list mean nothing." in response.content.decode()


def test_confirmation_changes_nothing(client: Client, project: Project, editor: User, contacts: list[Contact]) -> None:
    client.force_login(editor)
    address = f"{url('deactivate', project)}?contact={contacts[0].pk}"
    assert client.get(address).status_code == 200
    assert client.head(address).status_code == 200
    assert choose(client, project, "deactivate", contacts).status_code == 200
    assert active() == 3 and not StatusHistory.objects.filter(says=Says.NO).exists()


def test_same_request_twice_adds_nothing(
    client: Client, project: Project, editor: User, contacts: list[Contact]
) -> None:
    deactivate(contacts[0].as_set(), origin=by_the_system())
    client.force_login(editor)
    page = choose(client, project, "deactivate", contacts)
    fields = {**BY_TELEPHONE, "request_id": str(uuid.uuid4())}
    first = confirm(client, project, "deactivate", page, **fields)
    entries = StatusHistory.objects.count()
    second = confirm(client, project, "deactivate", page, **fields)
    assert StatusHistory.objects.count() == entries
    for response in (first, second):
        assert "2 contacts are deactivated." in response.content.decode()
        assert "1 was left as they are." in response.content.decode()


def test_stale_confirmation_does_nothing(
    client: Client, project: Project, editor: User, contacts: list[Contact]
) -> None:
    client.force_login(editor)
    page = choose(client, project, "deactivate", contacts)
    deactivate(contacts[0].as_set(), origin=by_the_system())
    stale = confirm(client, project, "deactivate", page, **BY_TELEPHONE)
    html = stale.content.decode()
    assert "Something changed since you looked: 2 contacts instead of 3." in html
    assert "Called one after the other." in html
    assert active() == 2
    confirm(client, project, "deactivate", stale, **BY_TELEPHONE)
    assert active() == 0


def test_newcomers_to_all_that_match_make_it_stale(
    client: Client, project: Project, editor: User, contacts: list[Contact]
) -> None:
    client.force_login(editor)
    page = choose(client, project, "deactivate", [], everything="1")
    ContactFactory(project=project)
    stale = confirm(client, project, "deactivate", page, **BY_TELEPHONE)
    assert "4 contacts instead of 3" in stale.content.decode()
    assert active() == 4


def test_other_projects_are_never_touched(
    client: Client, project: Project, other_project: Project, editor: User, contacts: list[Contact]
) -> None:
    foreign = ContactFactory(project=other_project, last_name="Fremd")
    client.force_login(editor)
    page = choose(client, project, "deactivate", [contacts[0], foreign])
    html = page.content.decode()
    assert "1 of the chosen contacts is not in this project, or no more." in html and "Fremd" not in html
    confirm(client, project, "deactivate", page, **BY_TELEPHONE, contacts=f"{contacts[0].pk},{foreign.pk}")
    foreign.refresh_from_db()
    assert foreign.is_active
    assert not StatusHistory.objects.filter(contact=foreign, says=Says.NO).exists()


@pytest.mark.parametrize("sent", [{}, {"contact": "x"}, {"contact": str(2**63)}, {"contact": "-1"}, {"contact": "\x00"},
                                  {"contacts": ",,;"}, {"contacts": "9" * 30}, {"contact": "٣"}])  # fmt: skip
def test_bad_selections_reach_nobody(
    client: Client, project: Project, editor: User, contacts: list[Contact], sent: dict[str, str]
) -> None:
    client.force_login(editor)
    response = client.post(url("deactivate", project), sent)
    assert response.status_code == 200
    assert "No contacts are chosen." in response.content.decode()
    forced = client.post(url("deactivate", project), {**sent, "digest": "x", "seen": "y", **BY_TELEPHONE})
    assert forced.status_code == 200 and active() == 3


@pytest.mark.parametrize(("field", "value", "words"), [
    ("reason", "", "Say why."), ("reason", "mood", "Choose one of these reasons."),
    ("requested_on", "2999-01-01", "in the future"), ("note", "a\x00b", "cannot be stored"),
    ("note", "x" * 2001, "at most"),
])  # fmt: skip
def test_bad_fields_are_refused_at_their_field(
    client: Client, project: Project, editor: User, contacts: list[Contact], field: str, value: str, words: str
) -> None:
    client.force_login(editor)
    page = choose(client, project, "deactivate", contacts)
    response = confirm(client, project, "deactivate", page, **{**BY_TELEPHONE, field: value})
    assert response.status_code == 200
    assert field in response.context["form"].errors and active() == 3
    if field != "reason":
        assert words in response.content.decode()


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("stranger", 404), ("nobody", 404)])
def test_who_may_not(
    client: Client, project: Project, contacts: list[Contact], who: str, status: int, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(who))
    assert client.get(url("deactivate", project)).status_code == status
    assert choose(client, project, "deactivate", contacts).status_code == status
    forced = {"contact": [contact.pk for contact in contacts], "digest": "x", **BY_TELEPHONE}
    assert client.post(url("deactivate", project), forced).status_code == status
    assert active() == 3


def test_queries_do_not_grow(client: Client, project: Project, editor: User, contacts: list[Contact]) -> None:
    client.force_login(editor)

    def queries(size: int) -> tuple[int, int]:
        chosen = list(Contact.objects.active()[:size])
        with CaptureQueriesContext(connection) as showing:
            page = choose(client, project, "deactivate", chosen)
        with CaptureQueriesContext(connection) as doing:
            confirm(client, project, "deactivate", page, **BY_TELEPHONE)
        return len(showing), len(doing)

    few = queries(2)
    for _number in range(60):
        ContactFactory(project=project)
    assert queries(50) == few


def test_many_in_one_go(client: Client, project: Project, editor: User) -> None:
    from contacts.models import Organization

    assert Organization.objects.get() == project.organization
    Contact.objects.bulk_create(
        Contact(organization=project.organization, project=project, key=f"K{number}", created_at=project.created_at)
        for number in range(700)
    )
    client.force_login(editor)
    page = choose(client, project, "deactivate", [], everything="1")
    assert "and 680 more" in page.content.decode()
    confirm(client, project, "deactivate", page, **BY_TELEPHONE)
    assert StatusHistory.objects.filter(says=Says.NO).count() == 700 and active() == 0
    assert StatusHistory.objects.filter(says=Says.NO).values("request_id").distinct().count() == 1
