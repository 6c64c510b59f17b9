"""What hand-written SQL takes for the same: the same tables, indexes, constraints, triggers and history entries.

The values are prepared before the clock runs, and come by COPY into a bare table of what is needed alone.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

_STAGED = """
CREATE UNLOGGED TABLE staged (
    line integer, key varchar(320), first_name varchar(150), last_name varchar(150), attributes jsonb,
    email varchar(320), email_key varchar(320), email_fingerprint varchar(100),
    contact_id bigint DEFAULT nextval(pg_get_serial_sequence('contacts_contact', 'id'))
)
"""
_COPY = "COPY staged (line, key, first_name, last_name, attributes, email, email_key, email_fingerprint) FROM STDIN"
_CONTACTS = """
INSERT INTO contacts_contact AS held (id, organization_id, project_id, key, first_name, last_name, language, attributes,
    notes, is_active, last_entry_at, created_at, updated_at)
SELECT contact_id, %(organization)s, %(project)s, key, first_name, last_name, '', attributes, '', true, %(now)s,
    %(now)s, %(now)s
FROM staged WHERE line > %(first)s AND line <= %(last)s ORDER BY line
ON CONFLICT (project_id, key) DO UPDATE SET first_name = excluded.first_name, last_name = excluded.last_name,
    attributes = held.attributes || excluded.attributes, updated_at = excluded.updated_at
"""
_CHANNELS = """
INSERT INTO contacts_channelstatus (organization_id, project_id, contact_id, channel, address, address_key, fingerprint,
    is_valid, contact_active, own_opt_out, opted_out, quarantined, suppressed, address_at, last_entry_at)
SELECT %(organization)s, %(project)s, contact_id, 'email', email, email_key, email_fingerprint, true, true, false,
    false, false, false, %(now)s, %(now)s
FROM staged WHERE line > %(first)s AND line <= %(last)s ORDER BY line
ON CONFLICT (contact_id, channel) DO UPDATE SET address = excluded.address, address_key = excluded.address_key,
    fingerprint = excluded.fingerprint
"""
_ENTRIES = """
INSERT INTO contacts_statushistory (organization_id, project_id, contact_id, channel, weight, occurred_at, recorded_at,
    method, actor_kind, actor_label, reason, authorization_source, detail_digest, line, request_id, salt, aspect, says,
    from_value, to_value, address_fingerprint)
SELECT %(organization)s, %(project)s, contact_id, {channel}, 0, %(now)s, %(now)s, 'import', 'import', '', 'created', '',
    '', line, %(request)s, gen_random_uuid(), {aspect}, {says}, '', {to}, {fingerprint}
FROM staged WHERE line > %(first)s AND line <= %(last)s ORDER BY line
"""
_CREATED = _ENTRIES.format(channel="''", aspect="'active'", says="'yes'", to="'active'", fingerprint="''")
_ADDRESSES = _ENTRIES.format(
    channel="'email'", aspect="'address'", says="'value'", to="email", fingerprint="email_fingerprint"
)
_DIFFERENT = """
SELECT count(*) FROM staged s
LEFT JOIN contacts_contact c ON c.project_id = %(project)s AND c.key = s.key
LEFT JOIN contacts_channelstatus e ON e.contact_id = c.id AND e.channel = 'email'
WHERE c.id IS NULL OR c.first_name <> s.first_name OR c.last_name <> s.last_name OR NOT c.attributes @> s.attributes
    OR e.address_key IS DISTINCT FROM s.email_key
"""


def first_import(connection: psycopg.Connection[Any], prepared: Path, project: int, rows: int, at_once: int) -> float:
    """Seconds for COPY and the statements that put all rows in, ``at_once`` a transaction, commits included."""
    organization = _organization(connection, project)
    started = time.perf_counter()
    _stage(connection, prepared)
    parameters = {"organization": organization, "project": project, "request": uuid.uuid4()}
    for first, last in _ranges(rows, at_once):
        with connection.transaction(), connection.cursor() as cursor:
            now = cursor.execute("SELECT clock_timestamp()").fetchone()[0]  # type: ignore[index]
            for statement in (_CONTACTS, _CHANNELS, _CREATED, _ADDRESSES):
                cursor.execute(statement, {**parameters, "now": now, "first": first, "last": last})
                assert cursor.rowcount == min(last, rows + 1) - max(first, 1)
    return time.perf_counter() - started


def again(connection: psycopg.Connection[Any], prepared: Path, project: int) -> float:
    """Seconds for COPY and one comparison that finds nothing new."""
    started = time.perf_counter()
    _stage(connection, prepared)
    found = connection.execute(_DIFFERENT, {"project": project}).fetchone()
    seconds = time.perf_counter() - started
    assert found == (0,), found
    return seconds


def _stage(connection: psycopg.Connection[Any], prepared: Path) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS staged")
        cursor.execute(_STAGED)
        with prepared.open("rb") as file, cursor.copy(_COPY) as copy:
            while block := file.read(1 << 18):
                copy.write(block)
    connection.execute("ANALYZE staged")


def _ranges(rows: int, at_once: int) -> Iterator[tuple[int, int]]:
    for first in range(0, rows + 1, at_once):
        yield first, min(first + at_once, rows + 1)


def _organization(connection: psycopg.Connection[Any], project: int) -> int:
    found = connection.execute("SELECT organization_id FROM contacts_project WHERE id = %s", [project]).fetchone()
    assert found is not None
    return int(found[0])


def prepare(file: Path, prepared: Path) -> None:
    """Write the values of a list as COPY reads them: cleaned and normalised, with keys and fingerprints."""
    import csv
    import json

    from contacts.addresses import normalise

    with file.open(encoding="utf-8", newline="") as source, prepared.open("w", encoding="utf-8") as target:
        for line, row in enumerate(csv.DictReader(source), start=2):
            address = normalise("email", row["Email"])
            first, _space, last = row["Name"].rpartition(" ")
            attributes = {name: row[name] for name in ("City", "Plan", "Member since")}
            values = (
                line, address.key, first, last, json.dumps(attributes), address.shown, address.key, address.fingerprint
            )  # fmt: skip
            target.write("\t".join(str(value).replace("\\", "\\\\") for value in values) + "\n")
