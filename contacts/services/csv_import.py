"""Importing a CSV file of contacts: each row ends as created, updated, unchanged or rejected with its reason.

An import never activates anybody, and never opts anybody in: an address that is blocked stays so. Nor does it
bring under another key, or into another project, who is known not to be sent to: by our own export's word, or
because an inactive contact of the project has the address and asked for it. Cells that are empty leave what is
known as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from contacts.addresses import Address, normalise
from contacts.csv_columns import Columns, is_known, map_columns
from contacts.csv_reading import Row, Table, UnreadableFile, check, read_table
from contacts.errors import InvalidAddress, InvalidText, KeyTaken, RegisterError
from contacts.models import ChannelStatus, Contact, Project
from contacts.origin import Origin
from contacts.services.bulk_rows import update_objects
from contacts.services.locks import lock_addresses, lock_ids
from contacts.services.moves import Move, change_addresses
from contacts.services.newcomers import Newcomer, create_contacts
from contacts.services.register import Details, clean_key
from contacts.services.set_sql import database_clock
from contacts.services.status import switch_gates
from contacts.vocabulary import Channel, Weight

BATCH = 500
SMALL = 20_000
_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?$")
_DETAILS = ("first_name", "last_name", "language", "notes", "attributes")
_CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.PUSH)


class PeopleWhoLeft(UnreadableFile):
    """The file is another tool's list of people who are not to be written to."""

    code = "people_who_left"


class TooManyRows(UnreadableFile):
    code = "too_many_rows"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not imported: the line on which it begins, and why, without what stands in it."""

    line: int
    reason: str


@dataclass(slots=True)
class ImportResult:
    """What became of the rows. ``rows`` is always the sum of the other four."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    inactive: int = 0
    blocked: int = 0
    encoding: str = ""
    delimiter: str = ""
    key_column: str = ""

    def summary(self) -> str:
        return (
            f"rows={self.rows} created={self.created} updated={self.updated} "
            f"unchanged={self.unchanged} rejected={self.rejected}"
        )


@dataclass(frozen=True, slots=True)
class _Record:
    """A row that can be imported. ``unsendable`` are the channels of which our own export said so (empty text: all)."""

    line: int
    key: str
    details: dict[str, Any]
    addresses: dict[str, Address]
    unsendable: tuple[str, ...] = ()


@dataclass(slots=True)
class _Run:
    project: Project
    columns: Columns
    origin: Origin
    file_name: str
    on_rejection: Callable[[Rejection], None]
    keep_who_left: bool
    result: ImportResult
    seen: dict[str, int] = field(default_factory=dict)

    def reject(self, line: int, reason: str) -> None:
        self.result.rejected += 1
        self.on_rejection(Rejection(line, reason))

    def origin_of(self, record: _Record) -> Origin:
        return replace(self.origin, evidence={"file": self.file_name, "line": record.line})


def open_list(file: BinaryIO, *, key: str = "", encoding: str = "") -> tuple[Table, Columns]:
    """Read a file's header and find what its columns are. Raises UnreadableFile."""
    table = read_table(file, known=is_known, encoding=encoding)
    return table, map_columns(table.columns, key=key)


def import_csv(
    project: Project,
    file: BinaryIO,
    *,
    file_name: str,
    origin: Origin,
    key: str = "",
    encoding: str = "",
    as_contacts: bool = False,
    most_rows: int | None = None,
    on_rejection: Callable[[Rejection], None] = lambda rejection: None,
) -> ImportResult:
    """Add and update the contacts that a file lists.

    The whole file is read once before anything is written: a fault in its form, too many rows (``most_rows``)
    or a list of people who left refuse it as a whole. ``as_contacts`` says that such a list is meant as
    contacts all the same. Raises UnreadableFile, PeopleWhoLeft, TooManyRows.
    """
    table, columns = open_list(file, key=key, encoding=encoding)
    number = check(table)
    if not key:
        columns = _with_a_key_that_is_filled(table, columns)
    if most_rows is not None and number > most_rows:
        raise TooManyRows(
            _("The file has %(rows)s rows, and a page imports at most %(most)s.")
            % {"rows": f"{number:,}", "most": f"{most_rows:,}"},
            remedy=_("Split it, or use the command import_contacts."),
        )
    if not as_contacts:
        _refuse_people_who_left(table, columns, number)
    result = ImportResult(encoding=table.encoding, delimiter=table.delimiter, key_column=columns.key_name)
    run = _Run(project, columns, origin, clean_file_name(file_name), on_rejection, as_contacts, result)
    rows = table.rows()
    while batch := list(islice(rows, BATCH)):
        result.rows += len(batch)
        _write(run, list(_readable(run, batch)))
    return result


@transaction.atomic
def import_small_csv(project: Project, file: BinaryIO, **particulars: Any) -> ImportResult:
    """``import_csv`` of at most ``SMALL`` rows in one transaction: all of the file, or nothing."""
    return import_csv(project, file, most_rows=SMALL, **particulars)


def _with_a_key_that_is_filled(table: Table, columns: Columns) -> Columns:
    """A column known as a key that is empty on every row identifies nobody: Brevo writes such an EXT_ID."""
    email = columns.places.get("email")
    if email is None or columns.key_is_email or any(columns.value(row.cells, "key") for row in table.rows()):
        return columns
    return map_columns(table.columns, key=table.columns[email])


def clean_file_name(name: str) -> str:
    """A file's name, fit to be kept as evidence."""
    return "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else "�" for c in name)[-200:]


def _refuse_people_who_left(table: Table, columns: Columns, number: int) -> None:
    """An export of those who unsubscribed, imported as subscribers, is the classic accident."""
    if not columns.left and not columns.status:
        return
    by_status = 0
    for row in table.rows():
        if columns.says_left(row.cells):
            signs = ", ".join(table.columns[place] for place in columns.left)
            raise PeopleWhoLeft(
                _("This is a list of people who unsubscribed, bounced or complained (columns %(names)s).")
                % {"names": signs},
                remedy=_nothing_imported(),
            )
        by_status += columns.status_says_left(row.cells)
    if by_status * 2 >= number > 0 and by_status:
        raise PeopleWhoLeft(
            _("Most people in this list unsubscribed, bounced or were blocked (column %(names)s).")
            % {"names": ", ".join(table.columns[place] for place, _yes_no in columns.status)},
            remedy=_nothing_imported(),
        )


def _nothing_imported() -> str:
    return _("They are not imported as contacts who may be written to. Nothing was imported.")


def _readable(run: _Run, rows: Iterable[Row]) -> Iterator[_Record]:
    for row in rows:
        try:
            record = _record(run, row)
        except RegisterError as error:
            run.reject(row.line, _reason(run, error))
            continue
        before = run.seen.setdefault(record.key, row.line)
        if before != row.line:
            run.reject(row.line, _("The same key stands on line %(line)d.") % {"line": before})
            continue
        yield record


def _record(run: _Run, row: Row) -> _Record:
    columns, cells = run.columns, row.cells
    if row.has_surplus:
        raise RegisterError(_("The row has more cells than the header has columns."))
    if not run.keep_who_left and columns.status_says_left(cells):
        raise RegisterError(_("The row says that this person unsubscribed, bounced or was blocked."))
    addresses = {}
    for channel in _CHANNELS:
        if text := columns.value(cells, channel):
            addresses[channel.value] = _address(channel, text, run.project.default_country)
    if columns.key_is_email and Channel.EMAIL in addresses:
        key = clean_key(addresses[Channel.EMAIL].key)
    elif text := columns.value(cells, "key"):
        key = clean_key(text)
    else:
        raise RegisterError(_("The cell of the key is empty (column “%(name)s”).") % {"name": columns.key_name})
    unsendable = [channel for channel in addresses if columns.said_not_sendable(cells, channel)]
    if columns.said_inactive(cells):
        unsendable.insert(0, "")
    return _Record(row.line, key, _details(columns, cells).cleaned(), addresses, tuple(unsendable))


def _address(channel: str, text: str, country: str) -> Address:
    """The address in a cell. Brevo writes phone numbers with the country code and without the plus."""
    has_no_plus = channel == Channel.SMS and text.isascii() and text.isdigit() and len(text) >= 10
    try:
        return normalise(channel, text, country=country)
    except InvalidAddress as error:
        if has_no_plus:
            return _address(channel, f"+{text}", "")
        error.field = channel
        raise


def _details(columns: Columns, cells: list[str]) -> Details:
    first_name, last_name = columns.value(cells, "first_name"), columns.value(cells, "last_name")
    if full_name := columns.value(cells, "full_name"):
        before, _space, after = full_name.rpartition(" ")
        first_name, last_name = (before, after) if before else (full_name, "")
    attributes = _from_json(columns.value(cells, "attributes")) | columns.attributes(cells)
    language = columns.value(cells, "language")
    if language and not _LANGUAGE.match(language):
        attributes["Language"], language = language, ""
    return Details(
        first_name=first_name,
        last_name=last_name,
        language=language.replace("_", "-"),
        notes=columns.value(cells, "notes"),
        attributes=attributes,
    )


def _from_json(text: str) -> dict[str, str]:
    """listmonk keeps attributes as one JSON object."""
    if not text:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return {"attributes": text}
    return {
        str(name): value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in found.items()
        if value not in (None, "", [], {})
    }


def _reason(run: _Run, error: RegisterError) -> str:
    names = {
        Channel.EMAIL: _("email"),
        Channel.SMS: _("phone number"),
        Channel.PUSH: _("push address"),
        "key": _("key"),
        "first_name": _("first name"),
        "last_name": _("last name"),
        "language": _("language"),
        "notes": _("notes"),
        "attributes": _("attributes"),
    }
    words = str(error.message) if isinstance(error, InvalidText) else str(error)
    name = names.get(error.field)
    return f"{name}: {words}" if name else words


def _write(run: _Run, records: list[_Record]) -> None:
    """Import some rows in one transaction. Somebody may add one of the keys meanwhile: then look again."""
    for _attempt in range(5):
        try:
            with transaction.atomic():
                return _write_once(run, records)
        except KeyTaken:
            continue
    raise RuntimeError("The keys of this file keep being taken by others.")


def _write_once(run: _Run, records: list[_Record]) -> None:
    lock_addresses(
        [mark for record in records for address in record.addresses.values() for mark in address.fingerprints],
        exclusive=False,
    )
    known = _known(run, records)
    refused = _not_brought_back(run, records, known)
    records = [record for record in records if record.line not in refused]
    newcomers = [
        Newcomer(record.key, record.details, record.addresses, run.origin_of(record))
        for record in records
        if record.key not in known
    ]
    made = create_contacts(run.project, newcomers) if newcomers else []
    updated = _update(run, [record for record in records if record.key in known], known)
    concerned = [contact.pk for contact in [*made, *known.values()]]
    blocked = ChannelStatus.objects.with_address().filter(
        Q(opted_out=True) | Q(quarantined=True) | Q(suppressed=True), contact_id__in_set=concerned
    )
    run.result.blocked += blocked.count()
    run.result.inactive += sum(not contact.is_active for contact in known.values())
    run.result.created += len(made)
    run.result.updated += updated
    run.result.unchanged += len(records) - len(made) - updated
    for line, reason in refused.items():
        run.reject(line, reason)


def _not_brought_back(run: _Run, records: list[_Record], known: dict[str, Contact]) -> dict[int, str]:
    """The lines that would bring an address, or somebody, who is known not to be sent to; and why.

    Asked only of what a row would add: where contact and address are here already, their own status holds.
    """
    held = _held(known)
    refused: dict[int, str] = {}
    arriving: list[tuple[_Record, Address]] = []
    for record in records:
        contact = known.get(record.key)
        new = [
            address
            for address in record.addresses.values()
            if contact is None or held.get((contact.pk, address.channel)) != address.key
        ]
        if record.unsendable and (contact is None or new):
            refused[record.line] = _said_by_our_export(record)
        elif contact is None or contact.is_active:
            arriving += [(record, address) for address in new]
    silent = _fingerprints_of_silent(
        run.project, [mark for _record, address in arriving for mark in address.fingerprints]
    )
    for record, address in arriving:
        if silent.intersection(address.fingerprints):
            refused.setdefault(record.line, _belongs_to_silent(address))
    return refused


def _fingerprints_of_silent(project: Project, fingerprints: list[str]) -> set[str]:
    """Those of the addresses that an inactive contact of the project has who asked to be so."""
    rows = ChannelStatus.objects.filter(project=project, fingerprint__in=set(fingerprints), contact_active=False)
    holders = dict(rows.values_list("contact_id", "fingerprint"))
    gates: QuerySet[Any] = switch_gates(Contact.objects.filter(pk__in_set=list(holders)))
    return {holders[number] for number in gates.filter(strongest__gt=Weight.OURS).values_list("pk", flat=True)}


def _said_by_our_export(record: _Record) -> str:
    if record.unsendable[0] == "":
        return _("The export says that this contact is inactive. Nobody inactive arrives as a new contact.")
    names = ", ".join(str(Channel(channel).label) for channel in record.unsendable)
    return _("The export says that nothing may be sent to this contact (%(channels)s).") % {"channels": names}


def _belongs_to_silent(address: Address) -> str:
    return _(
        "An inactive contact of this project has this address (%(channel)s), and asked for it. If this is somebody "
        "else, add the contact by hand."
    ) % {"channel": Channel(address.channel).label}


def _known(run: _Run, records: list[_Record]) -> dict[str, Contact]:
    """The contacts that rows are about, locked, by the key of the row."""
    keys = {record.key: record.key for record in records}
    if run.columns.key_is_email:  # a key that was typed as an address, with capitals in it
        for record in records:
            if Channel.EMAIL in record.addresses:
                keys.setdefault(record.addresses[Channel.EMAIL].shown, record.key)
    found = Contact.objects.in_project(run.project).filter(key__in=list(keys))
    ids = list(found.values_list("pk", flat=True))
    if not ids:
        return {}
    lock_ids(ids)
    rows = [contact for contact in Contact.objects.filter(pk__in_set=ids).order_by("pk") if contact.key in keys]
    contacts = {keys[contact.key]: contact for contact in rows}
    contacts.update({contact.key: contact for contact in rows if keys[contact.key] == contact.key})
    for contact in contacts.values():
        contact.project = run.project
    return contacts


def _held(known: dict[str, Contact]) -> dict[tuple[int, str], str]:
    """The addresses that contacts have now, as they are compared."""
    rows = ChannelStatus.objects.filter(contact_id__in_set=[contact.pk for contact in known.values()])
    return {(row.contact_id, row.channel): row.address_key for row in rows}


def _update(run: _Run, records: list[_Record], known: dict[str, Contact]) -> int:
    held = _held(known)
    changed: list[Contact] = []
    moves: list[Move] = []
    updated = 0
    for record in records:
        contact = known[record.key]
        moved = [
            address for address in record.addresses.values() if held.get((contact.pk, address.channel)) != address.key
        ]
        has_new_details = _take_details(contact, record.details)
        if has_new_details:
            changed.append(contact)
        moves += [Move(contact, address, run.origin_of(record)) for address in moved]
        updated += bool(moved or has_new_details)
    change_addresses(moves)
    if changed:
        moment = database_clock()
        for contact in changed:
            contact.updated_at = moment
        update_objects(changed, [*_DETAILS, "updated_at"])
    return updated


def _take_details(contact: Contact, details: dict[str, Any]) -> bool:
    """Put what the row says onto the contact, and tell whether that is new. Notes that are there stay."""
    before = [getattr(contact, name) for name in _DETAILS]
    contact.first_name = details["first_name"] or contact.first_name
    contact.last_name = details["last_name"] or contact.last_name
    contact.language = details["language"] or contact.language
    contact.notes = contact.notes or details["notes"]
    contact.attributes = {**contact.attributes, **details["attributes"]}
    return before != [getattr(contact, name) for name in _DETAILS]
