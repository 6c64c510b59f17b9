"""Lifting blocks: who may lift what, said beforehand and enforced afterwards."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from contacts.models import Block, ChannelStatus, Contact, Organization, Project, StatusHistory, User
from contacts.origin import Origin
from contacts.services.blocks import quarantine
from contacts.services.opt_outs import opt_out
from contacts.vocabulary import Aspect, Cause, Method, Reason, Says, Weight
from tests.factories import BlockFactory, ContactFactory, ProjectFactory, by_the_system

URL = "/p/newsletter/blocks/lift/"
ORGANIZATION_URL = "/o/maison/blocks/lift/"
AUTHORIZATION = {"source": "written", "reference": "Ticket 5521", "obtained_on": "2099-01-01"}


def of_weight(weight: int) -> dict[str, Any]:
    """Cause and origin of a suppression of this weight."""
    return {
        Weight.OURS: {"cause": Cause.LISTED},
        Weight.REPORTED: {"cause": Cause.REQUEST, "origin": by_the_system(reason=Reason.VERBAL_REQUEST)},
        Weight.OWN: {"cause": Cause.STOP, "origin": by_the_system(reason=Reason.STOP)},
        Weight.COMPLAINT: {"cause": Cause.COMPLAINT, "origin": by_the_system(reason=Reason.COMPLAINT)},
    }[Weight(weight)]


def authorized(project: Project) -> dict[str, str]:
    return {**AUTHORIZATION, "obtained_on": timezone.now().astimezone(project.zone).date().isoformat()}


def look(client: Client, user: User, *blocks: Block, url: str = URL) -> HttpResponse:
    client.force_login(user)
    return client.get(url, {"block": [block.pk for block in blocks]})


def lift(client: Client, user: User, *blocks: Block, url: str = URL, **fields: str) -> HttpResponse:
    client.force_login(user)
    return client.post(url, {"block": [block.pk for block in blocks], "note": "The server answers again.", **fields})


def stands(block: Block) -> bool:
    block.refresh_from_db()
    return block.is_on


@pytest.fixture
def quarantined(project: Project) -> Block:
    contact = ContactFactory(project=project, email="back@example.org")
    quarantine(contact.as_set(), "email", origin=Origin(Method.BOUNCE, by_the_system().actor))
    return Block.objects.get()


def test_editor_lifts_a_quarantine_with_a_reason(
    client: Client, project: Project, editor: User, quarantined: Block
) -> None:
    text = look(client, editor, quarantined).content.decode()
    assert "Lift the block on" in text and "back@example.org" in text
    assert 'name="source"' not in text
    assert lift(client, editor, quarantined).status_code == 302
    assert not stands(quarantined)
    assert not ChannelStatus.objects.get(channel="email").quarantined


def test_a_reason_is_needed(client: Client, project: Project, editor: User, quarantined: Block) -> None:
    response = lift(client, editor, quarantined, note=" ")
    assert "Say why, for example" in response.content.decode()
    assert stands(quarantined)


def test_confirmation_changes_nothing(client: Client, project: Project, editor: User, quarantined: Block) -> None:
    client.force_login(editor)
    before = StatusHistory.objects.count()
    for method in (client.get, client.head):
        assert method(URL, {"block": quarantined.pk, "note": "x"}).status_code == 200
    assert stands(quarantined)
    assert StatusHistory.objects.count() == before


@pytest.mark.parametrize("fields", [{}, {"request_id": str(uuid.uuid4())}])
def test_history_names_who_when_why(
    client: Client, project: Project, editor: User, quarantined: Block, fields: dict[str, str]
) -> None:
    lift(client, editor, quarantined, **fields)
    entry = StatusHistory.objects.get(block=quarantined, says=Says.YES)
    assert (entry.actor_number, entry.actor_label, entry.project) == (editor.pk, "Edgar Editor", project)
    assert (entry.aspect, entry.weight) == (Aspect.QUARANTINE, Weight.OURS)
    assert entry.detail.note == "The server answers again."


def test_same_request_twice_adds_one_entry(client: Client, project: Project, editor: User) -> None:
    ours = BlockFactory(project=project, address="a@example.org")
    asked = BlockFactory(project=project, address="b@example.org", **of_weight(Weight.REPORTED))
    fields = {"request_id": str(uuid.uuid4()), **authorized(project)}
    for _again in range(2):
        assert lift(client, editor, ours, asked, **fields).status_code == 302
    assert StatusHistory.objects.filter(says=Says.YES, block__isnull=False).count() == 2


def test_viewer_is_refused(client: Client, project: Project, viewer: User, quarantined: Block) -> None:
    assert look(client, viewer, quarantined).status_code == 403
    assert lift(client, viewer, quarantined).status_code == 403
    assert stands(quarantined)


def test_stranger_finds_nothing(client: Client, project: Project, stranger: User, quarantined: Block) -> None:
    assert look(client, stranger, quarantined).status_code == 404
    assert lift(client, stranger, quarantined).status_code == 404
    assert lift(client, stranger, quarantined, url="/p/elsewhere/blocks/lift/").status_code == 404
    assert stands(quarantined)


@pytest.mark.parametrize("bad", ["0", "-1", "x", "\x00", str(2**63), str(10**40), "1.5", "²"])
def test_bad_id(client: Client, project: Project, editor: User, quarantined: Block, bad: str) -> None:
    client.force_login(editor)
    assert client.get(URL, {"block": [quarantined.pk, bad]}).status_code == 404
    assert client.post(URL, {"block": [quarantined.pk, bad], "note": "x"}).status_code == 404
    assert stands(quarantined)


def test_nothing_ticked_leads_back(client: Client, project: Project, editor: User) -> None:
    client.force_login(editor)
    response = client.get(URL, follow=True)
    assert response.redirect_chain[0][0] == "/p/newsletter/blocks/"
    assert "Tick what should be lifted first." in response.content.decode()


@pytest.mark.parametrize(
    ("role", "weight", "may"),
    [
        ("editor", Weight.OURS, True),
        ("editor", Weight.REPORTED, True),
        ("editor", Weight.OWN, False),
        ("editor", Weight.COMPLAINT, False),
        ("admin", Weight.REPORTED, True),
        ("admin", Weight.OWN, True),
        ("admin", Weight.COMPLAINT, False),
        ("organization_admin", Weight.COMPLAINT, True),
    ],
)
def test_who_may_lift_what_is_said_before_and_holds_after(
    client: Client,
    project: Project,
    admin: User,
    organization_admin: User,
    request: pytest.FixtureRequest,
    role: str,
    weight: int,
    may: bool,
) -> None:
    user = request.getfixturevalue(role)
    block = BlockFactory(project=project, address="a@example.org", **of_weight(weight))
    text = look(client, user, block).content.decode()
    assert ("You cannot lift this" not in text) == may
    if not may:
        asked = "Olga Owner" if weight == Weight.COMPLAINT else "Ada Admin"
        assert f"Ask {asked}." in text
    response = lift(client, user, block, **authorized(project))
    assert stands(block) != may
    if not may:
        assert response.status_code == 200
        assert "Nothing was lifted" in response.content.decode()


@pytest.mark.parametrize("weight", [Weight.REPORTED, Weight.OWN])
def test_a_persons_no_needs_their_authorization(client: Client, project: Project, admin: User, weight: int) -> None:
    block = BlockFactory(project=project, address="a@example.org", **of_weight(weight))
    assert 'name="source"' in look(client, admin, block).content.decode()
    response = lift(client, admin, block)
    assert "Say how the contact allowed it." in response.content.decode()
    assert stands(block)
    assert lift(client, admin, block, **authorized(project)).status_code == 302
    entry = StatusHistory.objects.get(block=block, says=Says.YES)
    assert (entry.weight, entry.authorization_source) == (Weight.OWN, "written")
    assert entry.detail.authorization_reference == "Ticket 5521"


@pytest.mark.parametrize(
    ("day", "words"),
    [("2020-01-01", "said no after that date"), ("2099-01-01", "in the future"), ("0001-01-01", "date")],
)
def test_authorization_of_another_day_is_refused(
    client: Client, project: Project, admin: User, day: str, words: str
) -> None:
    block = BlockFactory(project=project, address="a@example.org", **of_weight(Weight.OWN))
    response = lift(client, admin, block, **{**AUTHORIZATION, "obtained_on": day})
    assert words in response.content.decode()
    assert stands(block)


def test_who_was_skipped_is_listed_with_the_reason(client: Client, project: Project, admin: User) -> None:
    ours = BlockFactory(project=project, address="ours@example.org")
    complaint = BlockFactory(project=project, address="spam@example.org", **of_weight(Weight.COMPLAINT))
    before = look(client, admin, ours, complaint).content.decode()
    assert "not for you to lift" in before
    text = lift(client, admin, ours, complaint).content.decode()
    assert "1 block lifted." in text
    assert "Only an admin of the organization may lift this" in text and "spam@example.org" in text
    assert not stands(ours) and stands(complaint)


def test_other_causes_on_the_address_stay_and_are_shown(client: Client, project: Project, admin: User) -> None:
    ours = BlockFactory(project=project, address="a@example.org")
    stop = BlockFactory(project=project, address="a@example.org", **of_weight(Weight.OWN))
    text = look(client, admin, ours).content.decode()
    assert "other causes on the same addresses" in text and "Replied STOP" in text
    lift(client, admin, ours)
    assert not stands(ours) and stands(stop)


def test_lifting_an_opt_out_of_an_address_leaves_the_contacts_own(
    client: Client, project: Project, admin: User
) -> None:
    contact: Contact = ContactFactory(project=project, email="a@example.org")
    opt_out(contact.as_set(), "email", origin=by_the_system())
    block = Block.objects.get()
    assert "stays opted out until that is lifted on their own page" in look(client, admin, block).content.decode()
    lift(client, admin, block, **authorized(project))
    assert not stands(block)
    assert ChannelStatus.objects.get(contact=contact, channel="email").opted_out


class TestOfTheWholeOrganization:
    def test_unknown_to_a_project_without_such_a_contact(
        self, client: Client, organization: Organization, project: Project, admin: User
    ) -> None:
        block = BlockFactory(organization=organization, address="a@example.org")
        assert look(client, admin, block).status_code == 404
        assert lift(client, admin, block).status_code == 404
        assert stands(block)

    @pytest.mark.parametrize("role", ["editor", "admin", "organization_admin"])
    def test_not_lifted_from_a_projects_page(
        self,
        client: Client,
        organization: Organization,
        project: Project,
        organization_admin: User,
        request: pytest.FixtureRequest,
        role: str,
    ) -> None:
        """Not even by an admin of the organization: the entry would stand in the project's history."""
        user = request.getfixturevalue(role)
        ContactFactory(project=project, email="a@example.org")
        block = BlockFactory(organization=organization, address="a@example.org")
        text = look(client, user, block).content.decode()
        assert "only one of its admins may lift" in text
        lift(client, user, block, **authorized(project))
        assert stands(block)

    def test_of_another_project_of_the_organization(
        self, client: Client, organization: Organization, project: Project, admin: User, organization_admin: User
    ) -> None:
        ContactFactory(project=project, email="a@example.org")
        block = BlockFactory(project=ProjectFactory(organization=organization), address="a@example.org")
        assert lift(client, admin, block).status_code == 404
        assert lift(client, organization_admin, block, url=ORGANIZATION_URL).status_code == 404
        assert stands(block)

    @pytest.mark.parametrize("weight", Weight.values)
    def test_lifted_by_an_admin_of_the_organization(
        self, client: Client, organization: Organization, project: Project, organization_admin: User, weight: int
    ) -> None:
        contact = ContactFactory(project=project, email="a@example.org")
        block = BlockFactory(organization=organization, address="a@example.org", **of_weight(weight))
        assert "a@example.org" in look(client, organization_admin, block, url=ORGANIZATION_URL).content.decode()
        fields = {**AUTHORIZATION, "obtained_on": block.created_at.date().isoformat()} if weight else {}
        assert lift(client, organization_admin, block, url=ORGANIZATION_URL, **fields).status_code == 302
        assert not stands(block)
        assert StatusHistory.objects.get(block=block, says=Says.YES).project is None
        assert not ChannelStatus.objects.get(contact=contact, channel="email").suppressed

    def test_a_complaint_needs_the_authorization_from_them_too(
        self, client: Client, organization: Organization, organization_admin: User
    ) -> None:
        block = BlockFactory(organization=organization, address="a@example.org", **of_weight(Weight.COMPLAINT))
        assert lift(client, organization_admin, block, url=ORGANIZATION_URL).status_code == 200
        assert stands(block)

    def test_of_another_organization(
        self, client: Client, organization: Organization, organization_admin: User
    ) -> None:
        block = BlockFactory(address="a@example.org")
        assert lift(client, organization_admin, block, url=ORGANIZATION_URL).status_code == 404
        assert stands(block)

    def test_project_admins_find_no_such_page(
        self, client: Client, organization: Organization, project: Project, admin: User
    ) -> None:
        block = BlockFactory(organization=organization, address="a@example.org")
        assert look(client, admin, block, url=ORGANIZATION_URL).status_code == 404
        assert lift(client, admin, block, url=ORGANIZATION_URL).status_code == 404
        assert stands(block)
