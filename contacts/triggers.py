"""The triggers that keep the histories append-only, for each database.

They refuse UPDATE, TRUNCATE, an INSERT over an existing id (SQLite's ``REPLACE INTO`` goes round the others),
and DELETE of an entry unless its contact is gone and a receipt of the erasure exists; the entries of a block
outlive the contact and may never go. SQLite drops triggers
when Django remakes a table, and a remake under a trigger fails: so they are removed there before a migration
and installed after it, on both databases.
"""

from __future__ import annotations

from typing import Any

from django.db import connections

STATUS_HISTORY = "contacts_statushistory"
HISTORIES = (STATUS_HISTORY,)
RECEIPTS = "contacts_erasurereceipt"
_REFUSAL = "is append-only"

_histories: list[str] = list(HISTORIES)


def add_history(table: str) -> None:
    """Keep another app's ledger table append-only as well; called at start-up."""
    if table not in _histories:
        _histories.append(table)


def guarded_tables() -> list[str]:
    return [*_histories, RECEIPTS]


def install(using: str = "default") -> None:
    """Create the triggers of every guarded table that exists; those that are there are made anew."""
    remove(using)
    connection = connections[using]
    existing = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for statement in _statements(connection.vendor, [t for t in guarded_tables() if t in existing]):
            cursor.execute(statement)


def remove(using: str = "default") -> None:
    """Drop the triggers. For migrations, and for tests that empty the database."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for name, table, _on in _there(using):
            on_table = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {name}{on_table}")


def installed(using: str = "default") -> list[tuple[str, str]]:
    """Name and table of our triggers that are there now, and not switched off."""
    return [(name, table) for name, table, is_on in _there(using) if is_on]


def _there(using: str) -> list[tuple[str, str, bool]]:
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgname, c.relname, tgenabled IN ('O', 'A') FROM pg_trigger t "
                "JOIN pg_class c ON c.oid = t.tgrelid "
                "JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = ANY(current_schemas(false)) "
                "WHERE tgname LIKE 'sendable_%%'"
            )
        else:
            cursor.execute(
                "SELECT name, tbl_name, TRUE FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'sendable_%%'"
            )
        return sorted(cursor.fetchall())


def missing(using: str = "default") -> list[str]:
    """Names of triggers that should be there and are not, for ``verify``."""
    there = {name for name, _table in installed(using)}
    vendor = connections[using].vendor
    wanted = [
        f"sendable_{table}_{event}"
        for table in guarded_tables()
        for event in (("update", "delete", "truncate") if vendor == "postgresql" else ("update", "delete", "insert"))
    ]
    return [name for name in wanted if name not in there]


def before_migrate(using: str = "default", **kwargs: Any) -> None:
    if connections[using].vendor == "sqlite":
        remove(using)


def after_migrate(using: str = "default", **kwargs: Any) -> None:
    install(using)


def _statements(vendor: str, tables: list[str]) -> list[str]:
    if vendor == "postgresql":
        return [_POSTGRESQL_FUNCTIONS, *(s for table in tables for s in _postgresql(table))]
    return [statement for table in tables for statement in _sqlite(table)]


_MAY_GO = (
    "{row}.contact_id IS NOT NULL"
    f" AND EXISTS (SELECT 1 FROM {RECEIPTS} r WHERE r.contact_number = {{row}}.contact_id)"
    " AND NOT EXISTS (SELECT 1 FROM contacts_contact c WHERE c.id = {row}.contact_id)"
)

_POSTGRESQL_FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION sendable_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% {_REFUSAL}: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""


def _may_go(table: str, row: str) -> str:
    """When an entry may be deleted, as SQL about ``row``."""
    return _MAY_GO.format(row=row) + (f" AND {row}.block_id IS NULL" if table == STATUS_HISTORY else "")


def _postgresql(table: str) -> list[str]:
    refuse = f"BEFORE {{event}} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION sendable_refuse()"
    statements = [
        f"CREATE TRIGGER sendable_{table}_{event} " + refuse.format(event=event.upper())
        for event in ("update", "truncate", *(["delete"] if table == RECEIPTS else []))
    ]
    if table != RECEIPTS:
        statements += [
            f"""
CREATE OR REPLACE FUNCTION sendable_{table}_refuse_unless_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM gone WHERE ({_may_go(table, "gone")}) IS NOT TRUE) THEN
    RAISE EXCEPTION '% {_REFUSAL}: DELETE refused', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
""",
            f"CREATE TRIGGER sendable_{table}_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone "
            f"FOR EACH STATEMENT EXECUTE FUNCTION sendable_{table}_refuse_unless_erased()",
        ]
    return statements


def _sqlite(table: str) -> list[str]:
    def refuse(event: str, when: str = "") -> str:
        return (
            f"CREATE TRIGGER sendable_{table}_{event} BEFORE {event.upper()} ON {table} {when} "
            f"BEGIN SELECT RAISE(ABORT, '{table} {_REFUSAL}: {event.upper()} refused'); END"
        )

    unless_erased = "" if table == RECEIPTS else f"WHEN NOT COALESCE({_may_go(table, 'OLD')}, 0)"
    unique = "contact_number" if table == RECEIPTS else "voids"  # REPLACE deletes what any unique index names
    return [
        refuse("update"),
        refuse("delete", unless_erased),
        refuse(
            "insert",
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) OR NEW.{unique} IS NOT NULL "
            f"AND EXISTS (SELECT 1 FROM {table} WHERE {unique} = NEW.{unique})",
        ),
    ]
