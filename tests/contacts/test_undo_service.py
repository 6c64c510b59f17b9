"""Taking back as a service over sets: what may be, by whom, and what is folded anew."""

from __future__ import annotations

import pytest

from contacts.addresses import normalise
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory
from contacts.origin import THE_SYSTEM, Actor, Origin
from contacts.services.blocks import quarantine, suppress
from contacts.services.opt_outs import lift_opt_out, opt_out
from contacts.services.register import change_address, change_key, set_validity
from contacts.services.status import activate, deactivate
from contacts.services.undo import before_and_after, refusal_of, undo, undoable
from contacts.services.verify import differences
from contacts.vocabulary import ActorKind, Aspect, Method, Reason, Says, Weight
from tests.factories import ContactFactory
from tests.origins import (
    ADMIN,
    EDITOR,
    ORGANIZATION_ADMIN,
    OTHER_EDITOR,
    TOKEN,
    asked,
    authorized,
    by,
    by_bounce,
    by_link,
)

pytestmark = pytest.mark.django_db

EMAIL = "ann@example.org"
ENTRIES = StatusHistory.objects


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, email=EMAIL)


def channel(contact: Contact) -> ChannelStatus:
    return ChannelStatus.objects.get(contact=contact, channel="email")


def test_an_opt_out_that_was_a_slip_opens_contact_and_address(contact: Contact, project: Project) -> None:
    other = ContactFactory(project=project, email=EMAIL)
    opt_out(contact.as_set(), "email", origin=asked())
    undo(ENTRIES.filter(says=Says.NO), origin=by(EDITOR)).or_raise()
    assert not any((channel(contact).own_opt_out, channel(contact).opted_out, channel(other).opted_out))
    assert not Block.objects.get().is_on
    assert list(differences()) == []


def test_an_opt_out_that_was_a_slip_is_taken_back_after_a_move(contact: Contact) -> None:
    opt_out(contact.as_set(), "email", origin=asked())
    change_address(contact, "email", "new@example.org", origin=by(EDITOR))
    undo(ENTRIES.filter(says=Says.NO), origin=by(EDITOR)).or_raise()
    assert not channel(contact).opted_out
    assert not Block.objects.get().is_on
    assert list(differences()) == []


def test_a_lift_that_was_a_slip_shuts_again(contact: Contact) -> None:
    opt_out(contact.as_set(), "email", origin=by_link())
    lift_opt_out(contact.as_set(), "email", origin=by(ADMIN), authorization=authorized()).or_raise()
    undo(ENTRIES.filter(says=Says.YES, aspect=Aspect.OPT_OUT), origin=by(ADMIN)).or_raise()
    assert channel(contact).own_opt_out and channel(contact).opted_out


def test_everything_that_an_activation_said_is_taken_back_at_once(contact: Contact) -> None:
    opt_out(contact.as_set(), "email", origin=asked())
    deactivate(contact.as_set(), origin=asked())
    origin = by(ADMIN, Reason.AUTHORIZED)
    activate(contact.as_set(), origin=origin, authorization=authorized(None, "email"))
    change = undo(ENTRIES.filter(request_id=origin.request_id), origin=by(ADMIN))
    assert (change.changed, change.skipped_count) == (2, 0)
    assert not Contact.objects.get(pk=contact.pk).is_active
    assert channel(contact).opted_out
    assert list(differences()) == []


def test_a_set_tells_what_was_left_alone(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by(EDITOR))
    deactivate(contact.as_set(), origin=by_link())
    change = undo(ENTRIES.filter(says=Says.NO), origin=by(EDITOR))
    assert (change.recorded, change.skipped_count) == (1, 1)
    assert change.skipped[0].ids == (ENTRIES.get(weight=Weight.OWN).pk,)
    assert not Contact.objects.get(pk=contact.pk).is_active


def test_the_void_tells_whether_it_changed_anything(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by_link())
    deactivate(contact.as_set(), origin=asked())
    change = undo(ENTRIES.filter(weight=1), origin=by(EDITOR))
    assert (change.changed, change.confirmed) == (0, 1)
    void = ENTRIES.get(says=Says.VOID)
    assert (void.from_value, void.to_value, void.weight, void.reason) == ("inactive", "inactive", 0, "other")
    assert void.voids == ENTRIES.get(weight=1).pk


def test_a_suppression_that_an_organization_admin_wrote_down(contact: Contact) -> None:
    suppress(
        [normalise("email", EMAIL)], organization=contact.organization, origin=by(ORGANIZATION_ADMIN, note="a slip")
    )
    undo(ENTRIES.filter(aspect=Aspect.SUPPRESSION), origin=by(ORGANIZATION_ADMIN)).or_raise()
    assert not channel(contact).suppressed
    assert list(differences()) == []


@pytest.mark.parametrize("actor", [EDITOR, TOKEN, Actor(ActorKind.IMPORT, 1, "list.csv")])
def test_whoever_did_it_may_take_it_back(contact: Contact, actor: Actor) -> None:
    deactivate(contact.as_set(), origin=Origin(Method.API, actor, Reason.VERBAL_REQUEST))
    assert undo(ENTRIES.filter(says=Says.NO), origin=by(actor)).or_raise().changed == 1


def test_one_of_a_kind_is_not_another(contact: Contact) -> None:
    """A user and a token may have the same number."""
    deactivate(contact.as_set(), origin=by(EDITOR))
    same_number = Actor(ActorKind.TOKEN, EDITOR.number, "Shop")
    assert not undoable(ENTRIES.all(), same_number).exists()
    assert undoable(ENTRIES.all(), EDITOR).count() == 1


@pytest.mark.parametrize("actor", [EDITOR, ADMIN, ORGANIZATION_ADMIN])
def test_what_no_user_wrote_down_is_not_taken_back(contact: Contact, actor: Actor) -> None:
    quarantine(contact.as_set(), "email", origin=by_bounce())
    opt_out(contact.as_set(), "email", origin=by_link())
    deactivate(contact.as_set(), origin=Origin(Method.SYSTEM, THE_SYSTEM))
    change_key(contact, "OTHER", origin=by(actor))
    set_validity(contact, "email", False, origin=by(actor))
    change_address(contact, "email", "new@example.org", origin=by(actor))
    assert not undoable(ENTRIES.all(), actor).exists()
    for entry in ENTRIES.all():
        assert refusal_of(entry, actor) is not None


def test_refusals_say_why(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by(EDITOR))
    slip = ENTRIES.get(says=Says.NO)
    assert refusal_of(slip, EDITOR) is None
    assert "admin" in str(refusal_of(slip, OTHER_EDITOR))
    undo(ENTRIES.filter(pk=slip.pk), origin=by(EDITOR)).or_raise()
    void = ENTRIES.get(says=Says.VOID)
    assert str(void.pk) in str(refusal_of(slip, EDITOR))
    assert "itself" in str(refusal_of(void, EDITOR))


def test_what_it_would_change_is_told_before(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by_link())
    deactivate(contact.as_set(), origin=asked())
    rows = before_and_after(ENTRIES.filter(says=Says.NO)).order_by("pk").values_list("was_shut", "stays_shut")
    assert list(rows) == [(True, True), (True, True)]
    other = ContactFactory(project=contact.project)
    deactivate(other.as_set(), origin=asked())
    row = before_and_after(ENTRIES.filter(contact=other, says=Says.NO)).get()
    assert (row.was_shut, row.stays_shut) == (True, False)  # type: ignore[attr-defined]
