"""Blocks as a service over sets: what is put on which address, in which scope, and what is told of it."""

from __future__ import annotations

import uuid

import pytest

from contacts.addresses import Address, normalise
from contacts.errors import NotAllowed, NothingToDo
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory
from contacts.services.blocks import lift, quarantine, suppress
from contacts.services.verify import differences
from contacts.vocabulary import Aspect, BlockKind, Cause, Reason, Says
from tests.factories import ContactFactory, ProjectFactory
from tests.origins import (
    ADMIN,
    EDITOR,
    ORGANIZATION_ADMIN,
    asked,
    authorized_everywhere,
    by,
    by_bounce,
    by_complaint,
)

pytestmark = pytest.mark.django_db

EMAILS = ["ann@example.org", "bob@example.org", "cleo@example.org"]


@pytest.fixture
def addresses() -> list[Address]:
    return [normalise("email", text) for text in EMAILS]


@pytest.fixture
def people(project: Project) -> list[Contact]:
    return [ContactFactory(project=project, email=text) for text in EMAILS]


def columns(name: str) -> list[bool]:
    return list(ChannelStatus.objects.order_by("contact").values_list(name, flat=True))


def test_a_list_of_addresses_in_one_request(people: list[Contact], addresses: list[Address], project: Project) -> None:
    origin = by(ORGANIZATION_ADMIN, note="the old system's list")
    change = suppress([*addresses, addresses[0]], organization=project.organization, origin=origin)
    assert (change.changed, change.confirmed, change.repeated) == (3, 0, 0)
    assert columns("suppressed") == [True, True, True]
    entries = StatusHistory.objects.filter(request_id=origin.request_id)
    assert {entry.detail.note for entry in entries} == {"the old system's list"}
    assert set(entries.values_list("contact", "project")) == {(None, None)}
    assert list(differences()) == []


def test_the_rest_of_a_list_that_was_recorded_in_part(
    people: list[Contact], addresses: list[Address], project: Project
) -> None:
    """The same request with more addresses adds what is missing, and nothing else."""
    origin = by(ORGANIZATION_ADMIN)
    suppress(addresses[:1], organization=project.organization, origin=origin)
    change = suppress(addresses, organization=project.organization, origin=origin)
    assert change.repeated == 1
    assert StatusHistory.objects.filter(request_id=origin.request_id).count() == 3


def test_an_empty_list_does_nothing(project: Project) -> None:
    assert suppress([], organization=project.organization, origin=by(ORGANIZATION_ADMIN)).recorded == 0
    assert not Block.objects.exists()


def test_a_confirmation_of_a_block_is_recorded(addresses: list[Address], project: Project) -> None:
    for _time in range(2):
        change = suppress(addresses[:1], organization=project.organization, origin=by_complaint())
    assert (change.changed, change.confirmed) == (0, 1)
    assert Block.objects.count() == 1


def test_scopes_and_causes_are_blocks_of_their_own(addresses: list[Address], project: Project) -> None:
    for cause in (Cause.LISTED, Cause.COMPLAINT):
        for scope in (None, project):
            suppress(
                addresses[:1], organization=project.organization, project=scope, cause=cause,
                origin=by(ORGANIZATION_ADMIN),
            )  # fmt: skip
    assert Block.objects.count() == 4


def test_through_whom_a_block_came(people: list[Contact], addresses: list[Address], project: Project) -> None:
    suppress(
        addresses[:1], organization=project.organization, contact=people[0], recorded_in=project, origin=by_complaint()
    )
    entry = StatusHistory.objects.get(aspect=Aspect.SUPPRESSION)
    assert (entry.contact, entry.project, entry.channel) == (people[0], project, "email")
    assert Contact.objects.get(pk=people[0].pk).last_entry_at == entry.recorded_at
    assert list(differences()) == []


def test_a_late_complaint_of_before_a_lift_blocks_again(addresses: list[Address], project: Project) -> None:
    """Only a word of enough weight, later than the complaint, would have lifted it."""
    suppress(addresses[:1], organization=project.organization, project=project, origin=asked())
    lift(Block.objects.all(), origin=by(EDITOR), authorization=authorized_everywhere()).or_raise()
    late = StatusHistory.objects.get(says=Says.NO).occurred_at
    suppress(addresses[:1], organization=project.organization, project=project, origin=by_complaint(occurred_at=late))
    assert Block.objects.get().is_on


def test_a_late_request_of_before_a_lift_changes_nothing(addresses: list[Address], project: Project) -> None:
    suppress(addresses[:1], organization=project.organization, project=project, origin=asked())
    lift(Block.objects.all(), origin=by(EDITOR), authorization=authorized_everywhere()).or_raise()
    late = StatusHistory.objects.get(says=Says.NO).occurred_at
    change = suppress(addresses[:1], organization=project.organization, project=project, origin=asked(occurred_at=late))
    assert (change.changed, change.confirmed) == (0, 1)
    assert not Block.objects.get().is_on


def test_a_set_is_lifted_and_tells_who_was_left_alone(
    people: list[Contact], addresses: list[Address], project: Project
) -> None:
    quarantine(Contact.objects.filter(pk__in=[people[0].pk, people[1].pk]), "email", origin=by_bounce())
    suppress(addresses[2:], organization=project.organization, origin=by(ORGANIZATION_ADMIN))
    lift(Block.objects.filter(address=EMAILS[0]), origin=by(EDITOR, Reason.REACHABLE), recorded_in=project)
    change = lift(Block.objects.all(), origin=by(EDITOR, Reason.REACHABLE), recorded_in=project)
    assert change.changed == 1
    assert [type(skipped.error) for skipped in change.skipped] == [NotAllowed, NothingToDo]
    assert change.skipped_count == 2
    assert columns("quarantined") == [False, False, False]
    assert columns("suppressed") == [False, False, True]


def test_a_sibling_project_reads_its_own_blocks_and_the_organizations(
    addresses: list[Address], project: Project, other_project: Project
) -> None:
    sibling = ProjectFactory(organization=project.organization)
    suppress(addresses[:1], organization=project.organization, origin=by(ORGANIZATION_ADMIN))
    suppress(addresses[1:2], organization=project.organization, project=project, origin=by(ADMIN))
    assert Block.objects.reaching(project).count() == 2
    assert Block.objects.reaching(sibling).count() == 1
    assert Block.objects.reaching(other_project).count() == 0


def test_a_quarantine_of_a_shared_address_is_one_block_with_an_entry_for_each(project: Project) -> None:
    first, second = (ContactFactory(project=project, email=EMAILS[0]) for _number in range(2))
    change = quarantine(Contact.objects.all(), "email", cause=Cause.DELIVERY_ERRORS, origin=by_bounce())
    assert change.recorded == 2
    block = Block.objects.get()
    assert (block.kind, block.cause, block.is_on) == (BlockKind.QUARANTINE, Cause.DELIVERY_ERRORS, True)
    assert set(block.entries.values_list("contact", flat=True)) == {first.pk, second.pk}


def test_nothing_changes_when_a_request_is_sent_again_later(addresses: list[Address], project: Project) -> None:
    origin = asked(request_id=uuid.uuid4())
    suppress(addresses[:1], organization=project.organization, project=project, origin=origin)
    lift(Block.objects.all(), origin=by(EDITOR), authorization=authorized_everywhere()).or_raise()
    suppress(addresses[:1], organization=project.organization, project=project, origin=origin)
    assert not Block.objects.get().is_on


def test_a_suppression_of_an_address_that_the_contact_has_left(project: Project) -> None:
    contact = ContactFactory(project=project, email="new@example.org")
    suppress(
        [normalise("email", "old@example.org")], organization=project.organization, recorded_in=project,
        contact=contact, origin=by_complaint(),
    )  # fmt: skip
    assert list(differences()) == []
