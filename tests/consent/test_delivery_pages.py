"""The page Delivery errors: its tabs and filters, its export, lifting one or many, and deciding what waits."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from consent.models import DeliveryEvent
from consent.vocabulary import DeliveryOutcome
from contacts.models import Block, ChannelStatus, Contact, Export, Membership, Project, StatusHistory, User
from contacts.services.register import set_validity
from contacts.services.verify import differences
from contacts.vocabulary import BlockKind, Says
from tests.consent.bounces import bounced
from tests.factories import ContactFactory, by_the_system

pytestmark = pytest.mark.django_db

LIST = "/p/newsletter/delivery/"
LIFT, REVIEW, EXPORT = f"{LIST}lift/", f"{LIST}review/", f"{LIST}export/"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def standing(project: Project) -> set[str]:
    return set(Block.objects.on().filter(project=project, kind=BlockKind.QUARANTINE).values_list("address", flat=True))


def text_of(response: HttpResponse) -> str:
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def ada(project: Project) -> Contact:
    contact: Contact = ContactFactory(project=project, first_name="Ada", last_name="Roy", email="ada@example.org")
    bounced(project, "ada@example.org", occurred_at=NOON)
    return contact


@pytest.fixture
def burst(project: Project) -> list[Contact]:
    project.burst_addresses = 3
    project.save()
    people = [ContactFactory(project=project, email=f"{name}@example.net") for name in "abc"]
    for name in "abc":
        bounced(project, f"{name}@example.net", occurred_at=NOON)
    return people


# The tabs


@pytest.mark.parametrize("person", ["viewer", "editor", "admin", "organization_admin"])
def test_quarantined_addresses_stand_with_the_servers_words(
    client: Client, ada: Contact, person: str, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(person))
    text = text_of(client.get(LIST))
    assert "ada@example.org" in text and "550 5.1.1 &lt;ada@example.org&gt; unknown" in text and "Ada Roy" in text
    assert ("delivery/lift" in text) == (person != "viewer")
    assert "Wait for review" not in text


def test_a_stranger_finds_nothing(client: Client, ada: Contact, stranger: User) -> None:
    event = DeliveryEvent.objects.get()
    client.force_login(stranger)
    for path in (LIST, LIFT, REVIEW, f"{LIST}{event.pk}/", f"/p/elsewhere/delivery/{event.pk}/"):
        assert client.get(path).status_code == 404
    assert client.post(EXPORT).status_code == 404


def test_invalid_addresses_stand_with_who_said_so(client: Client, project: Project, viewer: User) -> None:
    contact = ContactFactory(project=project, last_name="Vogel", email="vogel@example.org")
    ContactFactory(project=project, email="valid@example.org")
    set_validity(contact, "email", False, origin=by_the_system())
    client.force_login(viewer)

    def shown(**filters: str) -> str:
        """The page as it reads: an address may break before its sign."""
        return text_of(client.get(LIST, {"show": "invalid", **filters})).replace("<wbr>", "")

    text = shown()
    assert "vogel@example.org" in text and "valid@example.org" not in text and "/history/" in text
    assert "vogel@example.org" in shown(domain="example.org")
    assert "vogel@example.org" not in shown(until="2020-01-01")


def test_recent_bounces_tell_what_followed(client: Client, project: Project, ada: Contact, viewer: User) -> None:
    bounced(project, "bob@example.net", status="4.2.2", reply="Mailbox full")
    client.force_login(viewer)
    text = text_of(client.get(LIST, {"show": "bounces"}))
    assert "Mailbox full" in text and "Counted" in text and "Quarantined" in text and "No contact has it" in text


@pytest.mark.parametrize("show", ["quarantined", "bounces"])
def test_domain_and_time_narrow_the_list(
    client: Client, project: Project, ada: Contact, viewer: User, show: str
) -> None:
    bounced(project, "bob@example.net", occurred_at=NOON - timedelta(days=5))
    bounced(project, "eve@sub.example.org", occurred_at=NOON)
    client.force_login(viewer)

    def found(**filters: str) -> set[str]:
        text = text_of(client.get(LIST, {"show": show, **filters}))
        return {name for name in ("ada@", "bob@", "eve@") if name in text}

    assert found() == {"ada@", "bob@", "eve@"}
    assert found(domain="EXAMPLE.org") == {"ada@"}
    assert found(domain="someone@example.net") == {"bob@"}
    assert found(since="2026-11-20") == {"ada@", "eve@"}
    assert found(until="2026-11-19") == {"bob@"}
    assert found(domain="example.org", since="2026-11-20", until="2026-11-20") == {"ada@"}


def test_what_bounced_before_an_outage_is_not_there_because_of_it(
    client: Client, project: Project, ada: Contact, editor: User
) -> None:
    bounced(project, "ada@example.org", occurred_at=NOON - timedelta(days=30))
    bounced(project, "bob@example.org", occurred_at=NOON)
    client.force_login(editor)
    text = text_of(client.get(LIST, {"since": "2026-11-20", "until": "2026-11-20"}))
    assert "bob@example.org" in text and "ada@example.org" not in text


@pytest.mark.parametrize(
    "query",
    [
        {"domain": "no domain"}, {"domain": "\0"}, {"domain": "x" * 300}, {"since": "garbage"}, {"show": "nothing"},
        {"since": "2026-11-20", "until": "2026-11-01"}, {"until": "9999-12-31"}, {"domain": "🦊"},
    ],
)  # fmt: skip
def test_bad_filters_are_told(client: Client, ada: Contact, viewer: User, query: dict[str, str]) -> None:
    client.force_login(viewer)
    assert "invalid-feedback" in text_of(client.get(LIST, query)) or "notice no" in text_of(client.get(LIST, query))


def test_a_place_that_does_not_exist(client: Client, ada: Contact, viewer: User) -> None:
    client.force_login(viewer)
    assert client.get(LIST, {"cursor": "garbage"}).status_code == 400


@pytest.mark.parametrize("show", ["quarantined", "invalid", "bounces", "waiting"])
def test_empty_tabs(client: Client, project: Project, viewer: User, show: str) -> None:
    client.force_login(viewer)
    assert 'class="empty"' in text_of(client.get(LIST, {"show": show}))


@pytest.mark.parametrize("show", ["quarantined", "bounces", "invalid", "waiting"])
def test_queries_do_not_grow(
    client: Client, project: Project, viewer: User, show: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        contact = ContactFactory(project=project, email=f"n{number}@example{number}.org")
        bounced(project, f"n{number}@example{number}.org")
        bounced(project, f"n{number}@example{number}.org", believed=False, key=f"w{number}")
        set_validity(contact, "email", False, origin=by_the_system())
    client.force_login(viewer)
    with django_assert_max_num_queries(24):
        client.get(LIST, {"show": show})


def test_an_entry_leads_to_its_event(client: Client, project: Project, ada: Contact, viewer: User) -> None:
    event = DeliveryEvent.objects.get()
    entry = StatusHistory.objects.get(aspect="quarantine")
    client.force_login(viewer)
    assert f"{LIST}{event.pk}/" in text_of(client.get(f"/p/newsletter/history/{entry.pk}/"))
    page = text_of(client.get(f"{LIST}{event.pk}/"))
    assert "550 5.1.1" in page and f"/history/{entry.pk}/" in page
    assert client.get(f"{LIST}{2**63}/").status_code == 404
    assert client.get(f"{LIST}{event.pk + 1}/").status_code == 404


# Export


@pytest.mark.parametrize("show", ["quarantined", "bounces", "invalid", "waiting"])
def test_each_tab_is_exported(client: Client, project: Project, ada: Contact, admin: User, show: str) -> None:
    set_validity(ada, "email", False, origin=by_the_system())
    bounced(project, "ada@example.org", believed=False, key="w")
    client.force_login(admin)
    response = client.post(EXPORT, {"filters": f"show={show}&domain=example.org", "format": "csv"})
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    assert len(lines) >= 2 and "ada@example.org" in lines[1]
    log = Export.objects.get()
    assert (log.subject, log.filters, log.rows) == ("delivery errors", ["show", "domain"], len(lines) - 1)


def test_export_needs_the_permission(client: Client, ada: Contact, viewer: User, editor: User) -> None:
    for user in (viewer, editor):
        client.force_login(user)
        assert client.post(EXPORT).status_code == 403
        assert "delivery/export" not in text_of(client.get(LIST))
    Membership.objects.filter(user=editor).update(may_export=True)
    assert client.post(EXPORT, {"filters": "domain=no domain"}).status_code == 400
    assert client.get(EXPORT).status_code == 405
    sheet = client.post(EXPORT, {"filters": "", "format": "xlsx"})
    assert b"".join(sheet.streaming_content).startswith(b"PK")


# Lifting


def lift(client: Client, **fields: Any) -> HttpResponse:
    page = client.get(LIFT, fields)
    if page.status_code != 200 or "shown" not in (page.context or {}):
        return page  # type: ignore[return-value]
    form = {"note": "The server answers again.", "request_id": uuid.uuid4(), "shown": page.context["shown"], **fields}
    return client.post(LIFT, form)  # type: ignore[return-value]


def test_editor_lifts_one_with_a_reason(client: Client, project: Project, ada: Contact, editor: User) -> None:
    bounced(project, "bob@example.org")
    block = Block.objects.get(address="ada@example.org")
    client.force_login(editor)
    assert "ada@example.org" in text_of(client.get(LIFT, {"block": block.pk}))
    assert lift(client, block=block.pk).status_code == 302
    assert standing(project) == {"bob@example.org"}
    assert not ChannelStatus.objects.get(contact=ada, channel="email").quarantined
    entry = StatusHistory.objects.get(says=Says.YES, aspect="quarantine")
    assert (entry.actor_label, entry.reason, entry.detail.note) == (
        "Edgar Editor", "reachable", "The server answers again.",
    )  # fmt: skip
    assert not list(differences())


def test_all_of_a_domain_and_a_time_are_lifted_at_once(
    client: Client, project: Project, ada: Contact, editor: User
) -> None:
    for number in range(30):
        bounced(project, f"n{number}@example.org", occurred_at=NOON)
    bounced(project, "old@example.org", occurred_at=NOON - timedelta(days=9))
    bounced(project, "bob@example.net", occurred_at=NOON)
    client.force_login(editor)
    where = {"domain": "example.org", "since": "2026-11-20", "until": "2026-11-20"}
    assert "Lift all that match" in text_of(client.get(LIST, where))
    page = text_of(client.get(LIFT, {"all": "1", **where}))
    assert "Lift 31 quarantines" in page and "And 11 more" in page
    assert lift(client, all="1", **where).status_code == 302
    assert standing(project) == {"old@example.org", "bob@example.net"}


def test_confirmation_changes_nothing(client: Client, project: Project, ada: Contact, editor: User) -> None:
    client.force_login(editor)
    before = StatusHistory.objects.count()
    for method in (client.get, client.head):
        assert method(LIFT, {"all": "1", "domain": "example.org", "note": "x"}).status_code == 200
    assert StatusHistory.objects.count() == before and standing(project)


def test_a_reason_is_needed(client: Client, project: Project, ada: Contact, editor: User) -> None:
    client.force_login(editor)
    response = client.post(LIFT, {"all": "1", "domain": "example.org", "note": " "})
    assert "Say why, for example" in text_of(response)
    assert standing(project)


def test_the_same_lifting_twice_adds_one_entry(client: Client, project: Project, ada: Contact, editor: User) -> None:
    client.force_login(editor)
    form = {"all": "1", "domain": "example.org", "note": "It answers.", "request_id": str(uuid.uuid4())}
    for _again in range(2):
        assert "1 quarantine lifted." in client.post(LIFT, form, follow=True).content.decode()
    assert StatusHistory.objects.filter(says=Says.YES, aspect="quarantine").count() == 1


def test_what_came_since_the_look_is_not_lifted(client: Client, project: Project, ada: Contact, editor: User) -> None:
    client.force_login(editor)
    where = {"all": "1", "domain": "example.org"}
    shown = client.get(LIFT, where).context["shown"]
    bounced(project, "bob@example.org")
    response = client.post(LIFT, {**where, "note": "It answers.", "shown": shown})
    assert "Something changed since you looked" in text_of(response)
    assert standing(project) == {"ada@example.org", "bob@example.org"}


def test_nothing_is_lifted_without_a_choice(client: Client, project: Project, ada: Contact, editor: User) -> None:
    client.force_login(editor)
    assert client.get(LIFT).status_code == 302
    for data in ({"all": "1"}, {"all": "1", "domain": "no domain"}, {"block": "x"}, {"block": "9" * 18}):
        assert client.get(LIFT, data).status_code == 404
    assert standing(project)


def test_blocks_of_others_do_not_exist_here(
    client: Client, project: Project, other_project: Project, ada: Contact, editor: User
) -> None:
    bounced(other_project, "there@example.org")
    block = Block.objects.get(address="there@example.org")
    client.force_login(editor)
    assert client.get(LIFT, {"block": block.pk}).status_code == 404
    assert client.post(LIFT, {"block": block.pk, "note": "x"}).status_code == 404
    assert standing(other_project)


def test_viewer_is_refused(client: Client, ada: Contact, viewer: User) -> None:
    client.force_login(viewer)
    for path in (LIFT, REVIEW):
        assert client.get(path).status_code == 403
        assert client.post(path).status_code == 403


# What waits


def group_of(client: Client) -> dict[str, Any]:
    [group] = client.get(LIST, {"show": "waiting"}).context["groups"]
    return {"domain": group.domain, "burst": int(group.is_burst), "newest": group.newest}


def decide(client: Client, decision: str, **about: Any) -> HttpResponse:
    return client.post(REVIEW, {"decision": decision, "request_id": uuid.uuid4(), **about})  # type: ignore[return-value]


def test_a_burst_is_shown_as_one(client: Client, burst: list[Contact], viewer: User, editor: User) -> None:
    client.force_login(viewer)
    text = text_of(client.get(LIST, {"show": "waiting"}))
    assert "Wait for review" in text_of(client.get(LIST))
    assert "example.net" in text and "So many at once" in text and "delivery/review" not in text
    client.force_login(editor)
    page = text_of(client.get(REVIEW, group_of(client)))
    assert "Do 3 addresses of example.net not exist any more?" in page and "a@example.net" in page


def test_editor_accepts_a_burst(client: Client, project: Project, burst: list[Contact], editor: User) -> None:
    client.force_login(editor)
    assert decide(client, "accept", **group_of(client)).status_code == 302
    assert standing(project) == {"a@example.net", "b@example.net", "c@example.net"}
    assert set(DeliveryEvent.objects.values_list("decided_by", flat=True)) == {"Edgar Editor"}


def test_editor_dismisses_a_burst(client: Client, project: Project, burst: list[Contact], editor: User) -> None:
    client.force_login(editor)
    assert decide(client, "dismiss", **group_of(client)).status_code == 302
    assert standing(project) == set()
    assert set(DeliveryEvent.objects.values_list("outcome", flat=True)) == {DeliveryOutcome.DISMISSED}


def test_looking_decides_nothing(client: Client, project: Project, burst: list[Contact], editor: User) -> None:
    client.force_login(editor)
    group = group_of(client)
    for method in (client.get, client.head):
        assert method(REVIEW, {**group, "decision": "accept"}).status_code == 200
    assert "Choose what to do" in text_of(client.post(REVIEW, group))
    assert "Choose what to do" in text_of(decide(client, "both", **group))
    assert standing(project) == set()


def test_what_comes_after_the_look_waits_on(
    client: Client, project: Project, burst: list[Contact], editor: User
) -> None:
    client.force_login(editor)
    group = group_of(client)
    late = bounced(project, "late@example.net", occurred_at=NOON)
    decide(client, "accept", **group)
    late.refresh_from_db()
    assert late.outcome == DeliveryOutcome.WAITING


def test_a_decision_twice_is_one(client: Client, burst: list[Contact], editor: User) -> None:
    client.force_login(editor)
    group = group_of(client)
    decide(client, "accept", **group)
    before = StatusHistory.objects.count()
    response = client.post(REVIEW, {"decision": "accept", **group}, follow=True)
    assert "somebody decided" in response.content.decode()
    assert StatusHistory.objects.count() == before
    assert "Nothing of this waits any more" in text_of(client.get(REVIEW, group))


def test_one_unproved_bounce_is_decided_by_itself(client: Client, project: Project, editor: User) -> None:
    one, other = (bounced(project, f"{name}@example.org", believed=False) for name in "ab")
    client.force_login(editor)
    assert "anybody can have written them" in text_of(client.get(REVIEW, {"event": one.pk}))
    decide(client, "accept", event=one.pk)
    assert standing(project) == {"a@example.org"}
    other.refresh_from_db()
    assert other.outcome == DeliveryOutcome.WAITING


def test_an_event_of_another_project_is_not_decided(client: Client, other_project: Project, editor: User) -> None:
    there = bounced(other_project, "there@example.org", believed=False)
    client.force_login(editor)
    decide(client, "accept", event=there.pk)
    assert standing(other_project) == set()


@pytest.mark.parametrize(
    "data",
    [{}, {"event": "x"}, {"event": "9" * 30}, {"domain": "\0", "newest": "1"}, {"domain": "example.org"},
     {"domain": "example.org", "newest": "-1"}],
)  # fmt: skip
def test_garbage_finds_nothing(client: Client, project: Project, editor: User, data: dict[str, str]) -> None:
    client.force_login(editor)
    assert client.get(REVIEW, data).status_code == 404
    assert client.post(REVIEW, {"decision": "accept", **data}).status_code == 404
