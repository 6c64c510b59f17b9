"""Several at once, with real connections: nothing is missed, nothing is lost, nobody gets a deadlock."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from contacts.addresses import normalise
from contacts.errors import RegisterError
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory
from contacts.services.blocks import lift, quarantine, suppress
from contacts.services.change import Change
from contacts.services.erasure import erase
from contacts.services.merging import merge
from contacts.services.opt_outs import lift_opt_out, opt_out
from contacts.services.register import change_address, change_key, create_contact
from contacts.services.status import activate, deactivate
from contacts.services.undo import undo
from contacts.services.verify import differences
from contacts.vocabulary import Reason, Says
from tests.factories import ContactFactory, OrganizationFactory, ProjectFactory, by_the_system
from tests.imports import import_text
from tests.origins import (
    ADMIN,
    EDITOR,
    ORGANIZATION_ADMIN,
    asked,
    authorized,
    authorized_everywhere,
    by,
    by_bounce,
    by_complaint,
    by_link,
)
from tests.work import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"),
]

EMAIL = "ann@example.org"
ROUNDS = 8

Act = Callable[[], Any]


@pytest.fixture
def project() -> Project:
    return ProjectFactory(organization=OrganizationFactory())


def at_once(*acts: Act) -> list[Any]:
    """Run each act in a thread with a connection of its own, all from one moment on; results in their order.

    A refusal of the register is a result; anything else fails the test.
    """
    start = threading.Barrier(len(acts))

    def run(act: Act) -> Any:
        connection.ensure_connection()
        start.wait(30)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result(60) for future in [pool.submit(in_thread, lambda act=act: run(act)) for act in acts]]


def in_thread(act: Act) -> Any:
    """What an act comes to with a connection of its own: its result, or the refusal of the register."""
    try:
        return act()
    except RegisterError as refusal:
        return refusal
    finally:
        connection.close()


def assert_sound() -> None:
    assert [str(difference) for difference in differences()] == []


# An address is put while a block on it is written


@pytest.mark.parametrize("how", ["suppress", "opt_out", "quarantine"])
@pytest.mark.parametrize("arrival", ["create", "create many", "move"])
def test_an_address_that_is_put_while_a_block_is_written_never_misses_it(
    project: Project, how: str, arrival: str
) -> None:
    mover = ContactFactory(project=project, email="elsewhere@example.org")
    for number in range(ROUNDS):
        text = f"ann{number}@example.org"
        address = normalise("email", text)
        holder = ContactFactory(project=project, email=text)

        def block(holder: Contact = holder, address: Any = address) -> Change:
            if how == "suppress":
                return suppress([address], organization=project.organization, origin=by_complaint())
            if how == "opt_out":
                return opt_out(holder.as_set(), "email", origin=by_link())
            return quarantine(holder.as_set(), "email", origin=by_bounce())

        def put(text: str = text) -> Any:
            if arrival == "create":
                return create_contact(project, key=text, addresses={"email": text}, origin=by_the_system())
            if arrival == "create many":
                return import_text(project, f"key,email\n{text},{text}\n")
            return change_address(mover, "email", text, origin=by(EDITOR))

        at_once(*((block, put) if number % 2 else (put, block)))
        column = {"suppress": "suppressed", "opt_out": "opted_out", "quarantine": "quarantined"}[how]
        rows = ChannelStatus.objects.filter(fingerprint=address.fingerprint)
        assert list(rows.values_list(column, flat=True)) == [True, True]
    assert_sound()


def test_an_address_that_is_put_while_its_block_is_lifted(project: Project) -> None:
    for number in range(ROUNDS):
        text = f"ann{number}@example.org"
        suppress([normalise("email", text)], organization=project.organization, project=project, origin=asked())
        block = Block.objects.filter(fingerprint=normalise("email", text).fingerprint)
        at_once(
            lambda block=block: lift(block, origin=by(ADMIN), authorization=authorized(), recorded_in=project),
            lambda text=text: create_contact(project, key=text, addresses={"email": text}, origin=by_the_system()),
        )
        assert not ChannelStatus.objects.get(address=text).suppressed
    assert_sound()


def test_an_erasure_while_the_address_comes_again(project: Project) -> None:
    for number in range(ROUNDS):
        text = f"ann{number}@example.org"
        leaving = ContactFactory(project=project, email=text)
        at_once(
            lambda leaving=leaving: erase(leaving.as_set(), origin=by(ADMIN), requested_by_contact=True),
            lambda text=text: create_contact(project, key=text, addresses={"email": text}, origin=by_the_system()),
        )
        assert ChannelStatus.objects.get(address=text).opted_out
    assert_sound()


# One contact, everybody at once


def test_everything_at_once_to_one_contact_ends_in_one_state(project: Project) -> None:
    acknowledged: list[Change] = []
    for number in range(ROUNDS // 2):
        contact = ContactFactory(project=project, key=f"K{number}", email=EMAIL)
        deactivate(contact.as_set(), origin=asked())
        slip = StatusHistory.objects.filter(contact=contact, says=Says.NO)
        found = at_once(
            lambda c=contact: deactivate(c.as_set(), origin=by_link()),
            lambda c=contact: activate(
                c.as_set(), origin=by(ADMIN, Reason.AUTHORIZED), authorization=authorized(None, "email")
            ),
            lambda c=contact: opt_out(c.as_set(), "email", origin=by_link()),
            lambda c=contact: lift_opt_out(c.as_set(), "email", origin=by(ADMIN), authorization=authorized()),
            lambda c=contact: quarantine(c.as_set(), "email", origin=by_bounce()),
            lambda c=contact, n=number: change_address(c, "email", f"new{n}@example.org", origin=by(EDITOR)),
            lambda c=contact, n=number: change_key(c, f"N{n}", origin=by(EDITOR)),
            lambda slip=slip: undo(slip, origin=by(ADMIN)),
        )
        acknowledged += [change for change in found if isinstance(change, Change)]
        assert_sound()
    for change in acknowledged:
        assert StatusHistory.objects.filter(request_id=change.request_id).count() == change.recorded


def test_an_erasure_in_the_middle_of_everything(project: Project) -> None:
    for number in range(ROUNDS // 2):
        contact = ContactFactory(project=project, key=f"K{number}", email=f"ann{number}@example.org")
        other = ContactFactory(project=project, email=f"ann{number}@example.org")
        at_once(
            lambda c=contact: erase(c.as_set(), origin=by(ADMIN), requested_by_contact=True),
            lambda c=contact: deactivate(c.as_set(), origin=by_link()),
            lambda c=contact: opt_out(c.as_set(), "email", origin=by_link()),
            lambda c=contact: change_address(c, "email", "new@example.org", origin=by(EDITOR)),
            lambda o=other: opt_out(o.as_set(), "email", origin=by_link()),
        )
        assert not Contact.objects.filter(pk=contact.pk).exists()
        assert ChannelStatus.objects.get(contact=other).opted_out
        assert_sound()


def test_the_same_request_from_two_servers_is_recorded_once(project: Project) -> None:
    """A double click that two workers answer."""
    for number in range(ROUNDS):
        contact = ContactFactory(project=project, email=f"ann{number}@example.org")
        address = normalise("email", f"ann{number}@example.org")
        for act in (
            lambda origin, c=contact: deactivate(c.as_set(), origin=origin),
            lambda origin, c=contact: opt_out(c.as_set(), "email", origin=origin),
            lambda origin, c=contact: change_address(c, "sms", "+14185550137", origin=origin),
            lambda origin, a=address: suppress([a], organization=project.organization, origin=origin),
        ):
            origin = by_link(request_id=uuid.uuid4())
            at_once(lambda act=act, o=origin: act(o), lambda act=act, o=origin: act(o))
            assert StatusHistory.objects.filter(request_id=origin.request_id).count() == 1


def test_a_slip_is_taken_back_once(project: Project) -> None:
    for _number in range(ROUNDS):
        contact = ContactFactory(project=project)
        deactivate(contact.as_set(), origin=by(EDITOR))
        slip = StatusHistory.objects.filter(contact=contact, says=Says.NO)
        at_once(*[lambda slip=slip: undo(slip, origin=by(ADMIN))] * 3)
        assert StatusHistory.objects.filter(contact=contact, says=Says.VOID).count() == 1
    assert_sound()


# Many contacts, many projects


def test_two_projects_that_share_addresses(project: Project) -> None:
    """Blocks of the organization and changes of both projects, over the same addresses, in any order."""
    sibling = ProjectFactory(organization=project.organization)
    texts = [f"ann{number}@example.org" for number in range(6)]
    for somewhere in (project, sibling):
        for text in texts:
            ContactFactory(project=somewhere, email=text)
    here, there = (Contact.objects.in_project(p) for p in (project, sibling))
    addresses = [normalise("email", text) for text in texts]
    for _round in range(ROUNDS // 3):
        at_once(
            lambda: opt_out(here, "email", origin=by_link()),
            lambda: opt_out(there, "email", origin=by_link()),
            lambda: suppress(addresses[::-1], organization=project.organization, origin=by_complaint()),
            lambda: deactivate(there, origin=by(EDITOR)),
            lambda: activate(there, origin=by(ADMIN), authorization=authorized(None, "email")),
            lambda: quarantine(here, "email", origin=by_bounce()),
            lambda: lift(Block.objects.on(), origin=by(ORGANIZATION_ADMIN), authorization=authorized_everywhere()),
        )
    assert_sound()


def test_two_lists_with_the_same_people_in_other_orders(project: Project) -> None:
    for number in range(ROUNDS // 2):
        keys = [f"{number}-{place}" for place in range(30)]

        def add(keys: list[str]) -> Any:
            return import_text(project, "key,email\n" + "".join(f"{key},{key}@example.org\n" for key in keys))

        found = at_once(lambda keys=keys: add(keys), lambda keys=keys: add(keys[::-1]))
        assert sum(result.created for result in found) == len(keys)
        assert Contact.objects.filter(key__in=keys).count() == len(keys)
    assert_sound()


def test_two_lists_in_other_orders_wait_for_each_other(project: Project) -> None:
    keys = [f"K{place:02}" for place in range(9)]

    def add(keys: list[str]) -> Any:
        return import_text(project, "key\n" + "\n".join(keys) + "\n")

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            ContactFactory(project=project, key=keys[4])
            running = [pool.submit(in_thread, lambda order=order: add(order)) for order in (keys, keys[::-1])]
            wait_until(lambda: waiting_for_each_other() == 2)  # where each would have half of the keys
            transaction.set_rollback(True)
        assert sum(one.result(60).created for one in running) == len(keys)
    assert_sound()


def waiting_for_each_other() -> int:
    """How many transactions wait for the end of another."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
        return int(cursor.fetchone()[0])


# Two contacts become one while something is said to either


@pytest.mark.parametrize("what", ["deactivate", "opt out", "move", "erase"])
def test_a_no_to_who_is_merged_at_that_moment_reaches_who_stays(project: Project, what: str) -> None:
    for number in range(ROUNDS):
        staying = ContactFactory(project=project, key=f"S{number}", email=f"s{number}@example.org")
        going = ContactFactory(project=project, key=f"G{number}", email=f"g{number}@example.org")

        def say(going: Contact = going, number: int = number) -> Any:
            if what == "deactivate":
                return deactivate(going.as_set(), origin=by_link())
            if what == "opt out":
                return opt_out(going.as_set(), "email", origin=by_link())
            if what == "move":
                return change_address(going, "email", f"new{number}@example.org", origin=by(EDITOR))
            return erase(going.as_set(), origin=by(ADMIN), requested_by_contact=True)

        def unite(staying: Contact = staying, going: Contact = going) -> Change:
            return merge(staying, going, origin=by(EDITOR))

        at_once(*((say, unite) if number % 2 else (unite, say)))
        found = Contact.objects.filter(pk=staying.pk).first()
        if what == "deactivate":
            assert found and not found.is_active
        elif what == "opt out":
            assert ChannelStatus.objects.get(contact=staying, channel="email").own_opt_out
        elif what == "erase":
            assert not Contact.objects.filter(pk=going.pk).exists()
    assert_sound()


def test_two_are_merged_into_each_other_at_once(project: Project) -> None:
    for _number in range(ROUNDS):
        first, second = (ContactFactory(project=project, email="ann@example.org") for _place in range(2))
        origin = by(EDITOR)
        results = at_once(
            lambda first=first, second=second, origin=origin: merge(first, second, origin=origin),
            lambda first=first, second=second: merge(second, first, origin=by(EDITOR)),
            lambda first=first, second=second, origin=origin: merge(first, second, origin=origin),
        )
        assert sum(isinstance(result, Change) and result.recorded > 0 for result in results) in (1, 2)
        assert Contact.objects.filter(pk__in=[first.pk, second.pk], merged_into__isnull=True).count() == 1
    assert_sound()


def test_three_are_merged_in_a_row_at_once(project: Project) -> None:
    for number in range(ROUNDS):
        first, second, third = (ContactFactory(project=project, key=f"{number}{place}") for place in "abc")
        deactivate(third.as_set(), origin=by_link())
        at_once(
            lambda second=second, third=third: merge(second, third, origin=by(EDITOR)),
            lambda first=first, second=second: merge(first, second, origin=by(EDITOR)),
            lambda third=third: opt_out(third.as_set(), "email", origin=by_link()),
        )
        left = Contact.objects.filter(pk__in=[first.pk, second.pk, third.pk])
        assert not left.filter(merged_into__merged_into__isnull=False).exists()
    assert_sound()
