"""Dated words about one gate end in the same state in whatever order they arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from django.db import transaction

from contacts.addresses import normalise
from contacts.models import Block, ChannelStatus, Contact, Project
from contacts.origin import Origin
from contacts.services.blocks import quarantine, suppress
from contacts.services.opt_outs import lift_opt_out, opt_out
from contacts.services.status import activate, deactivate
from contacts.services.verify import differences
from tests.clock import at
from tests.factories import ContactFactory
from tests.origins import ADMIN, EDITOR, asked, authorized, by, by_bounce, by_complaint, by_link

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 12, 12, tzinfo=UTC)
EMAIL = "ann@example.org"


def hours_before(number: int) -> datetime:
    return NOON - timedelta(hours=number)


def dated_noes() -> list[Origin]:
    """A decision of ours, a request written down, and the person's own act, on three days before the yes."""
    return [
        by(EDITOR, occurred_at=hours_before(100)),
        asked(occurred_at=hours_before(200)),
        by_link(occurred_at=hours_before(300)),
    ]


@pytest.fixture
def contact(project: Project) -> Contact:
    with at(hours_before(500)):
        return ContactFactory(project=project, email=EMAIL)


def states(contact: Contact) -> tuple[object, ...]:
    columns = ("contact_active", "own_opt_out", "opted_out", "quarantined", "suppressed")
    row = ChannelStatus.objects.values_list(*columns).get(contact=contact, channel="email")
    return (Contact.objects.get(pk=contact.pk).is_active, *row, *Block.objects.order_by("kind").values_list("is_on"))


def every_end(contact: Contact, steps: list[object]) -> set[tuple[object, ...]]:
    """The states in which the steps end, over all their orders."""
    ends = set()
    for order in permutations(steps):
        with transaction.atomic():
            with at(NOON) as clock:
                for step in order:
                    step()  # type: ignore[operator]
                    clock.shift(timedelta(seconds=1))
                if (end := states(contact)) not in ends:
                    ends.add(end)
                    assert list(differences()) == []
            transaction.set_rollback(True)
    return ends


def test_noes_on_the_switch_and_the_yes_of_an_admin(contact: Contact) -> None:
    noes = [lambda origin=origin: deactivate(contact.as_set(), origin=origin) for origin in dated_noes()]
    deactivate(contact.as_set(), origin=by(EDITOR, occurred_at=hours_before(400)))
    authorization = authorized(NOON.date())
    yes = lambda: activate(contact.as_set(), origin=by(ADMIN), authorization=authorization)  # noqa: E731
    assert every_end(contact, [*noes, yes]) == {(True, True, False, False, False, False)}


def test_a_heavier_no_stands_whenever_it_arrives(contact: Contact) -> None:
    origins = [dated_noes()[1], by_complaint(occurred_at=hours_before(300))]
    deactivate(contact.as_set(), origin=by_complaint(occurred_at=hours_before(400)))
    steps = [lambda origin=origin: deactivate(contact.as_set(), origin=origin) for origin in origins]
    yes = lambda: activate(contact.as_set(), origin=by(ADMIN), authorization=authorized(NOON.date()))  # noqa: E731
    assert every_end(contact, [*steps, yes]) == {(False, False, False, False, False, False)}


def test_noes_and_the_yes_on_a_channel(contact: Contact) -> None:
    opt_out(contact.as_set(), "email", origin=by(EDITOR, occurred_at=hours_before(400)))
    steps = [lambda origin=origin: opt_out(contact.as_set(), "email", origin=origin) for origin in dated_noes()[1:]]
    yes = lambda: lift_opt_out(  # noqa: E731
        contact.as_set(), "email", origin=by(ADMIN), authorization=authorized(NOON.date())
    )
    assert every_end(contact, [*steps, yes]) == {(True, True, False, False, False, False, (False,))}


def test_noes_of_different_gates_do_not_mind_each_other(contact: Contact) -> None:
    address = normalise("email", EMAIL)
    steps = [
        lambda: deactivate(contact.as_set(), origin=asked(occurred_at=hours_before(10))),
        lambda: opt_out(contact.as_set(), "email", origin=by_link(occurred_at=hours_before(20))),
        lambda: quarantine(contact.as_set(), "email", origin=by_bounce().saying(occurred_at=hours_before(30))),
        lambda: suppress([address], organization=contact.organization, origin=by_complaint()),
    ]
    assert len(every_end(contact, steps)) == 1
