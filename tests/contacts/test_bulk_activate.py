"""Activating many contacts: whose no weighs more than the user's word stays, and is listed."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import ChannelStatus, Contact, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Origin
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.vocabulary import Channel, Method, Reason, Says, Weight
from tests.contacts.bulk import choose, confirm, ledger_of, url
from tests.factories import ContactFactory, by_the_system, today

TODAY = today().isoformat


def authorization(**more: object) -> dict[str, object]:
    from zoneinfo import ZoneInfo

    today = timezone.now().astimezone(ZoneInfo("America/Toronto")).date()
    return {"source": "written", "reference": "Ticket 5521", "obtained_on": today.isoformat(), **more}


def by(method: Method, **fields: object) -> Origin:
    return Origin(method, THE_CONTACT, **fields)  # type: ignore[arg-type]


@pytest.fixture
def contacts(project: Project) -> dict[str, Contact]:
    """One of each weight, and one who is active."""
    found = {name: ContactFactory(project=project, last_name=name.title(), email=f"{name}@example.org")
             for name in ("ours", "asked", "left", "complained", "active")}  # fmt: skip
    deactivate(found["ours"].as_set(), origin=by_the_system(reason=Reason.OTHER))
    deactivate(found["asked"].as_set(), origin=by_the_system(reason=Reason.WRITTEN_REQUEST))
    deactivate(found["left"].as_set(), origin=by(Method.OPT_OUT_LINK))
    deactivate(found["complained"].as_set(), origin=by(Method.SPAM_REPORT))
    return found


def active() -> set[str]:
    return {name.lower() for name in Contact.objects.active().values_list("last_name", flat=True)}


@pytest.mark.parametrize(("who", "opened"), [
    ("editor", {"ours", "asked"}),
    ("admin", {"ours", "asked", "left"}),
    ("organization_admin", {"ours", "asked", "left", "complained"}),
])  # fmt: skip
def test_authority_decides_who_is_activated(
    client: Client, project: Project, contacts: dict[str, Contact], who: str, opened: set[str],
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    client.force_login(request.getfixturevalue(who))
    page = choose(client, project, "activate", contacts.values())
    plan = page.context["plan"]
    assert {contact.last_name.lower() for contact in plan.concerned.first} == opened
    assert sum(group.number for group in plan.skipped) == 5 - len(opened)
    assert active() == {"active"}
    done = confirm(client, project, "activate", page, **authorization())
    assert active() == {"active", *opened}
    outcome = done.context["outcome"]
    assert outcome.changed.number == len(opened)
    assert [group.words for group in outcome.skipped] == [group.words for group in plan.skipped]
    assert [group.ids for group in outcome.skipped] == [group.ids for group in plan.skipped]


def test_editor_is_told_who_may(client: Client, project: Project, contacts: dict[str, Contact], editor: User,
                                admin: User) -> None:  # fmt: skip
    client.force_login(editor)
    html = choose(client, project, "activate", contacts.values()).content.decode()
    assert "Only an admin may lift it" in html and "Ask Ada Admin." in html
    assert "The contact complained about spam." in html and "Active already." in html


def test_authorization_before_the_no_lists_them(
    client: Client, project: Project, contacts: dict[str, Contact], admin: User
) -> None:
    client.force_login(admin)
    page = choose(client, project, "activate", [contacts["asked"], contacts["ours"]])
    day = (timezone.now() - timedelta(days=10)).date().isoformat()
    done = confirm(client, project, "activate", page, **authorization(obtained_on=day))
    assert done.context["outcome"].changed.number == 0
    assert "The contact said no after that date." in done.content.decode()
    assert active() == {"active"}


def test_opts_nobody_in_unless_covered(
    client: Client, project: Project, contacts: dict[str, Contact], admin: User
) -> None:
    for name in ("asked", "left", "active"):
        opt_out(contacts[name].as_set(), Channel.EMAIL, origin=by(Method.OPT_OUT_LINK))
    client.force_login(admin)
    page = choose(client, project, "activate", [contacts[name] for name in ("asked", "left", "active")])
    assert "covers 2 opt-outs of email" in page.content.decode()
    confirm(client, project, "activate", page, **authorization())
    assert ChannelStatus.objects.filter(opted_out=True).count() == 3
    deactivate(contacts["asked"].as_set(), origin=by_the_system())
    page = choose(client, project, "activate", [contacts["asked"], contacts["active"]])
    confirm(client, project, "activate", page, **authorization(covers=["email"]))
    still = ChannelStatus.objects.filter(opted_out=True).values_list("contact_id", flat=True)
    assert set(still) == {contacts["left"].pk, contacts["active"].pk}


def test_activated_though_an_opt_out_stays(
    client: Client, project: Project, contacts: dict[str, Contact], editor: User
) -> None:
    opt_out(contacts["asked"].as_set(), Channel.EMAIL, origin=by(Method.OPT_OUT_LINK))
    opt_out(contacts["ours"].as_set(), Channel.EMAIL, origin=by_the_system(reason=Reason.VERBAL_REQUEST))
    client.force_login(editor)
    page = choose(client, project, "activate", [contacts["asked"], contacts["ours"]])
    done = confirm(client, project, "activate", page, **authorization(covers=["email"]))
    assert done.context["outcome"].changed.number == 2
    assert [group.ids for group in done.context["outcome"].also] == [(contacts["asked"].pk,)]
    assert "Activated, but an opt-out stays" in done.content.decode()


def test_bulk_and_single_agree(client: Client, project: Project, editor: User) -> None:
    people = [ContactFactory(project=project, email=f"r{number}@example.org") for number in range(3)]
    for person in people:
        deactivate(person.as_set(), origin=by_the_system(reason=Reason.VERBAL_REQUEST))
    client.force_login(editor)
    page = choose(client, project, "activate", people[:2])
    confirm(client, project, "activate", page, **authorization())
    single = reverse("contacts:activate", args=[project.slug, people[2].pk])
    client.post(single, {"request_id": str(uuid.uuid4()), **authorization()})
    ledgers = [[{**line, "to_value": ""} if line["aspect"] == "address" else line for line in ledger_of(person)]
               for person in people]  # fmt: skip
    assert ledgers[0] == ledgers[1] == ledgers[2]
    assert ledgers[0][-1]["reason"] == Reason.AUTHORIZED and ledgers[0][-1]["weight"] == Weight.REPORTED


def test_same_request_twice_adds_nothing(
    client: Client, project: Project, contacts: dict[str, Contact], editor: User
) -> None:
    client.force_login(editor)
    page = choose(client, project, "activate", contacts.values())
    fields = authorization(request_id=str(uuid.uuid4()))
    first = confirm(client, project, "activate", page, **fields).context["outcome"]
    deactivate(contacts["active"].as_set(), origin=by_the_system())
    entries = StatusHistory.objects.count()
    second = confirm(client, project, "activate", page, **fields).context["outcome"]
    assert StatusHistory.objects.count() == entries and active() == {"ours", "asked"}
    assert second.changed.ids == first.changed.ids
    assert second.skipped[0].ids == first.skipped[0].ids


def test_stale_confirmation_does_nothing(
    client: Client, project: Project, contacts: dict[str, Contact], editor: User
) -> None:
    client.force_login(editor)
    page = choose(client, project, "activate", contacts.values())
    deactivate(contacts["ours"].as_set(), origin=by(Method.OPT_OUT_LINK))
    stale = confirm(client, project, "activate", page, **authorization())
    assert "Something changed since you looked" in stale.content.decode()
    assert "Ticket 5521" in stale.content.decode()
    assert active() == {"active"}


def test_future_authorization_is_refused(
    client: Client, project: Project, contacts: dict[str, Contact], admin: User
) -> None:
    client.force_login(admin)
    page = choose(client, project, "activate", contacts.values())
    response = confirm(client, project, "activate", page, **authorization(obtained_on="2999-01-01"))
    assert "obtained_on" in response.context["form"].errors
    assert active() == {"active"} and not StatusHistory.objects.filter(reason=Reason.AUTHORIZED).exists()


def test_confirmation_changes_nothing(
    client: Client, project: Project, contacts: dict[str, Contact], admin: User
) -> None:
    client.force_login(admin)
    address = f"{url('activate', project)}?everything=1&filters="
    assert client.get(address).status_code == 200 and client.head(address).status_code == 200
    assert active() == {"active"}


def test_other_projects_are_never_touched(client: Client, project: Project, other_project: Project,
                                          admin: User) -> None:  # fmt: skip
    foreign = ContactFactory(project=other_project, last_name="Fremd")
    deactivate(foreign.as_set(), origin=by_the_system())
    client.force_login(admin)
    page = choose(client, project, "activate", [foreign])
    assert "Fremd" not in page.content.decode()
    confirm(client, project, "activate", page, **authorization(contacts=str(foreign.pk)))
    assert active() == set()


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("stranger", 404), ("nobody", 404)])
def test_who_may_not(
    client: Client, project: Project, contacts: dict[str, Contact], who: str, status: int,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    client.force_login(request.getfixturevalue(who))
    assert choose(client, project, "activate", contacts.values()).status_code == status
    assert active() == {"active"}
    assert StatusHistory.objects.filter(says=Says.YES, reason=Reason.AUTHORIZED).count() == 0
