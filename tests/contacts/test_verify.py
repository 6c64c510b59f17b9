"""verify names every row that is not what the history says, by number, and never a name or an address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts import triggers
from contacts.addresses import normalise
from contacts.models import (
    Block,
    ChannelStatus,
    Contact,
    EntryDetail,
    FingerprintKey,
    Project,
    RelationalRow,
    StatusHistory,
)
from contacts.services.blocks import quarantine, suppress
from contacts.services.fingerprints import check_keys
from contacts.services.opt_outs import opt_out
from contacts.services.register import change_key
from contacts.services.status import deactivate
from contacts.services.undo import undo
from contacts.services.verify import differences
from contacts.vocabulary import Aspect, Says
from tests.factories import ContactFactory, ProjectFactory, RelationalRowFactory
from tests.origins import ADMIN, EDITOR, asked, by, by_bounce, by_complaint, by_link

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    """Somebody with something of everything."""
    contact = ContactFactory(project=project, key="ANN", email="ann@example.org", sms="+14185550137")
    deactivate(contact.as_set(), origin=asked(note="by telephone"))
    opt_out(contact.as_set(), "email", origin=by_link())
    quarantine(contact.as_set(), "sms", origin=by_bounce())
    suppress(
        [normalise("email", "ann@example.org")], organization=project.organization, origin=by_complaint(note="a report")
    )
    change_key(contact, "ANNE", origin=by(EDITOR))
    RelationalRowFactory(contact=contact)
    return contact


def named() -> set[tuple[str, str]]:
    """Subject and column of what verify finds."""
    return {(difference.subject, difference.column) for difference in differences()}


def behind_the_triggers(change: Callable[[], object]) -> None:
    triggers.remove()
    change()
    triggers.install()


def test_a_sound_register_has_no_difference(contact: Contact) -> None:
    assert list(differences()) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("is_active", True),
        ("key", "SOMEBODY ELSE"),
        ("last_entry_at", None),
        ("last_entry_at", timezone.now() - timedelta(days=9)),
    ],
)
def test_a_contact_that_is_not_what_the_history_says(contact: Contact, column: str, value: object) -> None:
    Contact.objects.update(**{column: value})
    assert ("contact", column) in named()


@pytest.mark.parametrize(
    ("channel", "column", "value"),
    [
        ("email", "address", "bob@example.org"),
        ("email", "fingerprint", "dev:somebody"),
        ("email", "is_valid", False),
        ("email", "contact_active", True),
        ("email", "own_opt_out", False),
        ("email", "opted_out", False),
        ("email", "quarantined", True),
        ("email", "suppressed", False),
        ("email", "last_entry_at", None),
        ("email", "last_entry_at", timezone.now() - timedelta(days=9)),
        ("sms", "quarantined", False),
        ("sms", "suppressed", True),
        ("sms", "opted_out", True),
        ("sms", "own_opt_out", True),
    ],
)
def test_a_channel_that_is_not_what_the_history_says(
    contact: Contact, channel: str, column: str, value: object
) -> None:
    ChannelStatus.objects.filter(channel=channel).update(**{column: value})
    assert ("contact", f"{channel} {column}") in named()


def test_an_address_key_that_is_not_the_addresss(contact: Contact) -> None:
    ChannelStatus.objects.filter(channel="email").update(address_key="bob@example.org")
    assert named() == {("contact", "email fingerprint")}


def test_a_channel_in_another_project(contact: Contact) -> None:
    ChannelStatus.objects.filter(channel="sms").update(project=ProjectFactory())
    assert ("contact", "sms project") in named()


def test_a_channel_that_is_gone(contact: Contact) -> None:
    ChannelStatus.objects.filter(channel="email").delete()
    assert named() == {("contact", "email")}


def test_an_opt_out_without_an_address_whose_row_is_gone(project: Project) -> None:
    contact = ContactFactory(project=project)
    opt_out(contact.as_set(), "email", origin=by_link())
    ChannelStatus.objects.all().delete()
    assert named() == {("contact", "email")}


@pytest.mark.parametrize(
    ("kind", "column", "value"),
    [
        ("opt_out", "is_on", False),
        ("quarantine", "is_on", False),
        ("suppression", "is_on", False),
        ("suppression", "last_entry_at", None),
    ],
)
def test_a_block_that_is_not_what_the_history_says(contact: Contact, kind: str, column: str, value: object) -> None:
    Block.objects.filter(kind=kind).update(**{column: value})
    assert ("block", column) in named()


def test_a_block_that_was_moved_to_another_address(contact: Contact) -> None:
    Block.objects.filter(kind="suppression").update(fingerprint=normalise("email", "bob@example.org").fingerprint)
    assert ("contact", "email suppressed") in named()


def test_a_block_of_another_organization(contact: Contact) -> None:
    Block.objects.filter(kind="quarantine").update(organization=ProjectFactory().organization)
    assert {("block", "organization"), ("entry", "block")} <= named()


def test_a_contact_without_a_history(project: Project) -> None:
    Contact.objects.create(organization=project.organization, project=project, key="NEW", created_at=timezone.now())
    assert named() == {("contact", "")}


def test_a_contact_who_is_gone_without_a_receipt(contact: Contact) -> None:
    for rows in (RelationalRow.objects, ChannelStatus.objects, Contact.objects):
        rows.all()._raw_delete("default")
    assert named() == {("entry", "contact")}


def test_a_contact_of_another_organization(contact: Contact) -> None:
    Contact.objects.update(organization=ProjectFactory().organization)
    assert ("contact", "organization") in named()


def test_relational_rows_of_another_project(contact: Contact) -> None:
    RelationalRow.objects.update(table=RelationalRowFactory().table)
    assert named() == {("relational row", "table")}


def test_an_entry_that_is_gone(contact: Contact) -> None:
    noes = StatusHistory.objects.filter(contact=contact, aspect=Aspect.ACTIVE, says=Says.NO)

    def remove() -> None:
        EntryDetail.objects.filter(entry__in=noes).delete()
        noes._raw_delete("default")

    behind_the_triggers(remove)
    assert {("contact", "is_active"), ("contact", "email contact_active")} <= named()


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"says": "yes"}, ("contact", "is_active")),
        ({"aspect": "quarantine"}, ("contact", "is_active")),
        ({"contact": None}, ("entry", "")),
        ({"detail_digest": "0" * 64}, ("entry", "detail")),
    ],
)
def test_an_entry_that_was_changed(contact: Contact, changes: dict[str, object], difference: tuple[str, str]) -> None:
    noes = StatusHistory.objects.filter(aspect=Aspect.ACTIVE, says=Says.NO)
    behind_the_triggers(lambda: noes.update(**changes))
    assert difference in named()


def test_an_entry_that_was_moved_to_another_project(contact: Contact) -> None:
    elsewhere = ProjectFactory()
    behind_the_triggers(lambda: StatusHistory.objects.filter(aspect=Aspect.QUARANTINE).update(project=elsewhere))
    assert {("entry", "project"), ("entry", "organization"), ("entry", "block")} <= named()


def test_an_entry_on_another_channel_than_its_block(contact: Contact) -> None:
    behind_the_triggers(lambda: StatusHistory.objects.filter(aspect=Aspect.QUARANTINE).update(channel="email"))
    assert ("entry", "block") in named()


def test_a_void_that_names_an_entry_about_something_else(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by(EDITOR))
    undo(StatusHistory.objects.filter(aspect=Aspect.ACTIVE, says=Says.NO, weight=0), origin=by(EDITOR)).or_raise()
    other = StatusHistory.objects.get(aspect=Aspect.QUARANTINE)
    behind_the_triggers(lambda: StatusHistory.objects.filter(says=Says.VOID).update(voids=other.pk))
    assert ("entry", "voids") in named()


@pytest.mark.parametrize(
    ("column", "value"), [("note", "Another."), ("evidence", {"ip": "::1"}), ("authorization_reference", "call 18")]
)
def test_a_note_or_evidence_that_was_changed(contact: Contact, column: str, value: object) -> None:
    EntryDetail.objects.update(**{column: value})
    assert named() == {("entry", "detail")}


@pytest.mark.parametrize("aspect", [Aspect.ACTIVE, Aspect.SUPPRESSION])
def test_a_note_or_evidence_that_is_gone(contact: Contact, aspect: str) -> None:
    EntryDetail.objects.filter(entry__aspect=aspect).delete()
    assert named() == {("entry", "detail")}


def test_a_fingerprint_key_that_is_missing(contact: Contact) -> None:
    check_keys()
    FingerprintKey.objects.create(name="lost", check_value="0")
    assert named() == {("fingerprint key", "")}


def test_differences_name_nobody(contact: Contact) -> None:
    ChannelStatus.objects.update(address="bob@example.org", is_valid=False)
    Contact.objects.update(key="SOMEBODY ELSE", is_active=True)
    for difference in differences():
        for name in ("ann", "bob", "somebody", "example", "418"):
            assert name not in str(difference).lower()


# The command


def run() -> tuple[int, list[str]]:
    out = StringIO()
    try:
        call_command("verify", stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def test_the_command_ends_well_on_a_sound_register(contact: Contact) -> None:
    assert run() == (0, ["differences=0"])


def test_the_command_names_each_difference_on_a_line(contact: Contact) -> None:
    Contact.objects.update(is_active=True)
    assert run() == (
        1,
        [f"contact {contact.pk} is_active: is True, and the history says False", "differences=1"],
    )


def test_verify_changes_nothing(contact: Contact) -> None:
    Contact.objects.update(is_active=True)
    before = list(Contact.objects.values()), list(ChannelStatus.objects.values()), list(Block.objects.values())
    assert list(differences())
    assert (
        list(Contact.objects.values()), list(ChannelStatus.objects.values()), list(Block.objects.values())
    ) == before  # fmt: skip


def test_queries_grow_with_batches_and_not_with_contacts(project: Project) -> None:
    counts = []
    for number in range(2):
        for place in range(3):
            contact = ContactFactory(project=project, email=f"{number}-{place}@example.org")
            opt_out(contact.as_set(), "email", origin=by(ADMIN))
        with CaptureQueriesContext(connection) as queries:
            assert list(differences()) == []
        counts.append(len(queries))
    assert counts[0] == counts[1]
