"""The nth statement fails, for n = 1, 2, 3, … until a change passes: each time nothing of it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextlib import suppress as suppress_error
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from consent.models import CommunicationType
from consent.services.consents import grant, withdraw
from contacts.addresses import normalise
from contacts.models import Block, Contact, Project, StatusHistory
from contacts.services.blocks import lift, quarantine, suppress
from contacts.services.erasure import erase
from contacts.services.merging import merge
from contacts.services.moves import Move, change_addresses
from contacts.services.opt_outs import lift_opt_out, opt_out
from contacts.services.register import change_address, change_key, create_contact, set_validity
from contacts.services.status import activate, deactivate
from contacts.services.undo import undo
from contacts.services.verify import differences
from contacts.vocabulary import Says
from tests.factories import CommunicationTypeFactory, ContactFactory, RelationalRowFactory, by_the_system
from tests.origins import ADMIN, EDITOR, asked, authorized, authorized_everywhere, by, by_bounce, by_complaint, by_link

pytestmark = pytest.mark.django_db(transaction=True)

MOST = 200


class Pulled(DatabaseError):
    """The connection went away."""


@contextmanager
def failing_at(number: int) -> Iterator[list[str]]:
    """Let the statement of this number fail, counting from 1; yields the statements that ran."""
    ran: list[str] = []

    def fail(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:
        ran.append(sql)
        if len(ran) == number:
            raise Pulled(sql)
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(fail):
        yield ran


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the register."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("contacts_"):
                cursor.execute(f'SELECT * FROM "{table}"')
                found[table] = sorted(map(repr, cursor.fetchall()))
    return found  # type: ignore[return-value]


@pytest.fixture
def contact(project: Project) -> Contact:
    contact = ContactFactory(project=project, key="ANN", email="ann@example.org")
    ContactFactory(project=project, key="BOB", email="ann@example.org")
    deactivate(contact.as_set(), origin=asked(note="by telephone"))
    opt_out(contact.as_set(), "email", origin=asked(note="by telephone"))
    RelationalRowFactory(contact=contact)
    CommunicationTypeFactory(project=project)
    return contact


ADDRESS = normalise("email", "ann@example.org")
NEW = normalise("email", "new@example.org")
WORD = authorized(None, "email")

SERVICES: dict[str, Callable[[Contact], Any]] = {
    "create_contact": lambda c: create_contact(
        c.project, key="NEW", addresses={"email": "ann@example.org", "sms": "+14185550137"}, origin=by_the_system()
    ),
    "change_address": lambda c: change_address(c, "email", "new@example.org", origin=by(EDITOR, note="corrected")),
    "change_addresses": lambda c: change_addresses([Move(c, NEW, by(EDITOR, note="corrected"))]),
    "change_key": lambda c: change_key(c, "ANNE", origin=by(EDITOR)),
    "set_validity": lambda c: set_validity(c, "email", False, origin=by(EDITOR)),
    "grant": lambda c: grant(c.as_set(), CommunicationType.objects.get(), "sms", origin=by(EDITOR, note="at the fair")),
    "withdraw": lambda c: withdraw(c.as_set(), CommunicationType.objects.get(), "sms", origin=by_link(note="STOP")),
    "deactivate": lambda c: deactivate(c.as_set(), origin=by_link(note="from the footer")),
    "activate": lambda c: activate(c.as_set(), origin=by(ADMIN), authorization=WORD),
    "opt_out": lambda c: opt_out(c.as_set(), "sms", origin=by_link(note="STOP")),
    "lift_opt_out": lambda c: lift_opt_out(c.as_set(), "email", origin=by(ADMIN), authorization=WORD),
    "quarantine": lambda c: quarantine(c.as_set(), "email", origin=by_bounce()),
    "suppress": lambda c: suppress([ADDRESS, NEW], organization=c.organization, contact=c, origin=by_complaint()),
    "lift": lambda c: lift(Block.objects.on(), origin=by(ADMIN), authorization=authorized_everywhere()),
    "undo": lambda c: undo(StatusHistory.objects.filter(contact=c, says=Says.NO), origin=by(ADMIN)),
    "merge": lambda c: merge(Contact.objects.get(key="BOB"), c, origin=by(EDITOR), take=frozenset({"email"})),
    "erase": lambda c: erase(c.as_set(), origin=by(ADMIN), requested_by_contact=True),
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_change_is_whole_or_not_at_all(contact: Contact, name: str) -> None:
    change = SERVICES[name]
    before = everything()
    for number in range(1, MOST):
        with failing_at(number) as ran, suppress_error(Pulled):
            change(contact)
            break
        assert everything() == before, f"statement {number}: {ran[-1]}"
        contact.refresh_from_db()
    else:
        pytest.fail("never passed")
    assert number > 5
    assert everything() != before
    assert list(differences()) == []


def test_a_change_inside_one_that_fails_is_not_there(contact: Contact) -> None:
    """What a door puts around a service takes the service's change back with its own."""
    before = everything()
    with pytest.raises(Pulled), transaction.atomic():
        deactivate(contact.as_set(), origin=by_link())
        opt_out(contact.as_set(), "email", origin=by_link())
        raise Pulled
    assert everything() == before
