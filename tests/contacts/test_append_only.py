"""The histories are append-only in the database itself, whoever writes the SQL."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from contacts import triggers
from contacts.models import Contact, ErasureReceipt, Project, StatusHistory
from contacts.services.erasure import erase
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.services.undo import undo
from contacts.services.verify import differences
from contacts.vocabulary import Says
from tests.factories import ContactFactory
from tests.origins import ADMIN, EDITOR, asked, by, by_link

HISTORY, RECEIPTS = "contacts_statushistory", "contacts_erasurereceipt"
on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's own way round triggers")


def run(statement: str, *parameters: object) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


def refused(statement: str, *parameters: object) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        run(statement, *parameters)


@pytest.fixture
def contact(project: Project) -> Contact:
    contact = ContactFactory(project=project, key="ANN", email="ann@example.org")
    deactivate(contact.as_set(), origin=asked(note="by telephone"))
    return contact


@pytest.fixture
def receipt(project: Project) -> ErasureReceipt:
    return erase(ContactFactory(project=project).as_set(), origin=by(ADMIN), requested_by_contact=False)[0]


def test_an_entry_cannot_be_changed(contact: Contact) -> None:
    refused(f"UPDATE {HISTORY} SET reason = 'other' WHERE contact_id = %s", contact.pk)
    refused(f"UPDATE {HISTORY} SET weight = 0")
    with pytest.raises(IntegrityError), transaction.atomic():
        StatusHistory.objects.update(weight=0)


def test_an_entry_cannot_be_deleted(contact: Contact) -> None:
    refused(f"DELETE FROM {HISTORY} WHERE contact_id = %s", contact.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        StatusHistory.objects.filter(contact=contact).delete()


def test_one_entry_that_may_not_go_keeps_all(contact: Contact, project: Project) -> None:
    """A statement that deletes a bystander's entry among those that may go is refused as a whole."""
    number = StatusHistory.objects.count()
    refused(f"DELETE FROM {HISTORY}")
    assert StatusHistory.objects.count() == number


def test_a_receipt_can_be_neither_changed_nor_deleted(receipt: ErasureReceipt) -> None:
    refused(f"UPDATE {RECEIPTS} SET requested_by_contact = %s", True)
    refused(f"DELETE FROM {RECEIPTS}")


@pytest.mark.parametrize("table", [HISTORY, RECEIPTS])
def test_a_table_cannot_be_emptied(contact: Contact, receipt: ErasureReceipt, table: str) -> None:
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")
    refused(f"TRUNCATE {table} CASCADE" if connection.vendor == "postgresql" else f"DELETE FROM {table}")


@on_sqlite
@pytest.mark.parametrize("table", [HISTORY, RECEIPTS])
def test_replace_does_not_go_round_the_triggers(contact: Contact, receipt: ErasureReceipt, table: str) -> None:
    refused(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
    refused(f"REPLACE INTO {table} SELECT * FROM {table}")


@on_sqlite
def test_replace_does_not_go_round_by_another_unique_column(contact: Contact, receipt: ErasureReceipt) -> None:
    """A new id with the same ``voids`` would push the entry that voids out."""
    undo(StatusHistory.objects.filter(says=Says.NO), origin=by(EDITOR)).or_raise()
    for table, where in ((HISTORY, "says = 'void'"), (RECEIPTS, "1 = 1")):
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA table_info({table})")
            columns = [row[1] for row in cursor.fetchall() if row[1] != "id"]
        names = ", ".join(f'"{name}"' for name in columns)
        refused(f"INSERT OR REPLACE INTO {table} ({names}) SELECT {names} FROM {table} WHERE {where}")


@on_sqlite
def test_update_or_replace_is_refused(contact: Contact) -> None:
    refused(f"UPDATE OR REPLACE {HISTORY} SET id = id + 1")


def test_entries_may_go_once_the_contact_is_gone_and_a_receipt_exists(contact: Contact) -> None:
    assert StatusHistory.objects.filter(contact=contact).exists()
    erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=False)
    assert not StatusHistory.objects.filter(contact=contact.pk).exists()


def test_a_receipt_alone_frees_no_entry(contact: Contact, receipt: ErasureReceipt) -> None:
    receipt.pk = None
    receipt.contact_number = contact.pk
    receipt.save()
    refused(f"DELETE FROM {HISTORY} WHERE contact_id = %s", contact.pk)


def test_entries_of_a_block_stay_after_the_erasure(contact: Contact) -> None:
    opt_out(contact.as_set(), "email", origin=by_link())
    erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=True)
    assert StatusHistory.objects.filter(contact=contact.pk).exists()
    refused(f"DELETE FROM {HISTORY} WHERE contact_id = %s", contact.pk)


# Migrations


@pytest.mark.django_db(transaction=True)
def test_triggers_survive_a_migration_that_remakes_the_table(contact: Contact) -> None:
    field = StatusHistory._meta.get_field("reason")
    wider = field.clone()
    wider.max_length = 21
    wider.set_attributes_from_name("reason")
    wider.model = StatusHistory
    triggers.before_migrate()
    for old, new in ((field, wider), (wider, field)):
        with connection.schema_editor() as editor:
            editor.alter_field(StatusHistory, old, new, strict=False)
    triggers.after_migrate()
    assert triggers.missing() == []
    refused(f"UPDATE {HISTORY} SET reason = 'other'")
    assert list(differences()) == []


@pytest.mark.django_db(transaction=True)
def test_the_migrate_command_leaves_the_triggers(contact: Contact) -> None:
    from django.core.management import call_command

    triggers.remove()
    call_command("migrate", verbosity=0)
    assert triggers.missing() == []
    refused(f"DELETE FROM {HISTORY}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", [HISTORY, RECEIPTS])
def test_verify_names_a_missing_trigger(table: str) -> None:
    name, _table = next(pair for pair in triggers.installed() if pair[1] == table)
    on_table = f" ON {table}" if connection.vendor == "postgresql" else ""
    run(f"DROP TRIGGER {name}{on_table}")
    assert [str(found) for found in differences()] == [f"trigger {name}: is missing, so the history can be changed"]
    triggers.install()
    assert list(differences()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite cannot switch triggers off")
@pytest.mark.parametrize("how", ["DISABLE TRIGGER", "ENABLE REPLICA TRIGGER"])
def test_verify_names_a_trigger_that_is_switched_off(how: str) -> None:
    name = f"sendable_{HISTORY}_update"
    run(f"ALTER TABLE {HISTORY} {how} {name}")
    assert [found.number for found in differences()] == [name]
    triggers.install()
    assert triggers.missing() == []


def test_every_history_is_guarded() -> None:
    """Each table of a ledger entry, of any app, is among the guarded ones."""
    from django.apps import apps

    from contacts.models.ledger import LedgerEntry

    ledgers = {model._meta.db_table for model in apps.get_models() if issubclass(model, LedgerEntry)}
    assert ledgers | {RECEIPTS} == set(triggers.guarded_tables())
