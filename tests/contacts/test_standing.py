"""The noes that stand, found in the database, are those that the law as a function finds."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from django.utils import timezone

from contacts.access import access_for
from contacts.addresses import normalise
from contacts.gates import Word, standing
from contacts.models import Project, StatusHistory, User
from contacts.selectors.standing import LIMIT, noes_of_contact, standing_noes, standing_on
from contacts.services.blocks import suppress
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.vocabulary import Aspect, Cause, Channel, Method, Reason, Says, Weight
from tests.factories import ContactFactory, ProjectFactory, StatusHistoryFactory, by_the_system

pytestmark = pytest.mark.django_db

SWITCH = (Aspect.ACTIVE, "")
EMAIL = (Aspect.OPT_OUT, Channel.EMAIL)


@pytest.mark.parametrize("seed", range(30))
def test_stands_what_stands_by_the_law(project: Project, seed: int) -> None:
    dice = Random(seed)
    contact = ContactFactory(project=project)
    now = timezone.now()
    words: dict[tuple[str, str], list[tuple[int, Word]]] = {SWITCH: [], EMAIL: []}
    created = StatusHistory.objects.get(contact=contact)
    words[SWITCH].append((created.pk, Word(Says.YES, Weight.OURS, created.occurred_at)))
    for _number in range(dice.randrange(12)):
        gate = dice.choice([SWITCH, EMAIL])
        says, weight = dice.choice([Says.NO, Says.YES]), dice.choice(Weight.values)
        at = now - timedelta(hours=dice.randrange(6))
        word_at = at - timedelta(hours=dice.randrange(3)) if says == Says.YES and weight else None
        entry = StatusHistoryFactory(
            contact=contact, aspect=gate[0], channel=gate[1], says=says, weight=weight, occurred_at=at, word_at=word_at
        )
        if dice.random() < 0.2:
            StatusHistoryFactory(contact=contact, aspect=gate[0], channel=gate[1], says=Says.VOID, voids=entry.pk)
            continue
        words[gate].append((entry.pk, Word(says, weight, at, word_at)))

    found = noes_of_contact(contact, [SWITCH, EMAIL])

    for gate, said in words.items():
        stands = standing(word for _pk, word in said)
        expected = {pk for pk, word in said if any(word is no for no in stands)}
        assert {no.entry for no in found if no.gate == gate} == expected


def test_strongest_first_then_newest(project: Project, viewer: User) -> None:
    contact = ContactFactory(project=project)
    for fields in (
        {"reason": Reason.VERBAL_REQUEST},
        {"reason": Reason.OWN_REQUEST, "note": "older"},
        {"reason": Reason.OWN_REQUEST, "note": "newer"},
        {"reason": Reason.OTHER},
    ):
        deactivate(contact.as_set(), origin=by_the_system(**fields))

    causes = standing_noes(contact, access_for(viewer, project.slug))

    assert [(cause.weight, cause.note) for cause in causes] == [(2, "newer"), (2, "older"), (1, ""), (0, "")]


def test_an_active_contact_has_no_cause(project: Project, viewer: User) -> None:
    assert standing_noes(ContactFactory(project=project), access_for(viewer, project.slug)) == []


def test_a_long_story_is_told_in_part(project: Project, viewer: User) -> None:
    contact = ContactFactory(project=project)
    for _number in range(LIMIT + 1):
        deactivate(contact.as_set(), origin=by_the_system())
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_the_system())

    assert len(noes_of_contact(contact, [SWITCH])) == LIMIT
    assert len(noes_of_contact(contact, [SWITCH, EMAIL])) == LIMIT + 1


def test_channel_tells_own_word_and_blocks(project: Project, viewer: User) -> None:
    contact = ContactFactory(project=project, email="a@example.org")
    elsewhere = ProjectFactory(organization=project.organization)
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_the_system(reason=Reason.WRITTEN_REQUEST))
    suppress(
        [normalise(Channel.EMAIL, "a@example.org")],
        organization=project.organization,
        recorded_in=elsewhere,
        cause=Cause.COMPLAINT,
        origin=by_the_system(reason=Reason.COMPLAINT, note="seen in the other project"),
    )

    complaint, own = standing_on(contact, Channel.EMAIL, access_for(viewer, project.slug))

    assert (complaint.kind, complaint.cause, complaint.is_organization_wide) == ("suppression", "spam complaint", True)
    assert complaint.entry is None  # it stands in another project's history
    assert (own.kind, own.is_organization_wide) == ("opt_out", False)
    assert own.entry is not None and own.entry.weight == Weight.REPORTED
    assert own.entry.method == Method.SYSTEM


def test_the_no_of_somebody_else_at_the_address(project: Project, viewer: User) -> None:
    contact, other = (ContactFactory(project=project, email="home@example.org") for _number in range(2))
    opt_out(other.as_set(), Channel.EMAIL, origin=by_the_system())

    [no] = standing_on(contact, Channel.EMAIL, access_for(viewer, project.slug))

    assert no.entry is not None and no.entry.contact_key == other.key
    assert standing_on(contact, Channel.SMS, access_for(viewer, project.slug)) == []
