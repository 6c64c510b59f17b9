"""Staged rows in words: what each says, what it changes (or changed), and why it was rejected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.dates import long_day
from contacts.models import ChannelStatus, Contact, ImportJob, ImportRow, RelationalTable, StatusHistory
from contacts.models.imports import ImportKind, RowOutcome
from contacts.selectors.entries import in_sentence
from contacts.selectors.imports import RAN, reason_label
from contacts.services.imports.values_back import Overlap
from contacts.vocabulary import Aspect, Channel

EXAMPLES = 3
ROWS_AT_ONCE = 500
_NAMES = ("first_name", "last_name", "language")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a row changes: from what (empty: from nothing) to what."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RowInWords:
    """A staged row. ``contact_url`` is empty where there is nobody (yet); ``cells`` are those of a rejected row."""

    line: int
    key: str
    name: str
    contact_url: str = ""
    differences: tuple[Difference, ...] = ()
    error: str = ""
    cells: tuple[tuple[str, str], ...] = ()

    @property
    def first(self) -> Difference | None:
        return self.differences[0] if self.differences else None

    @property
    def more(self) -> int:
        return max(0, len(self.differences) - 1)


@dataclass(frozen=True, slots=True)
class ReasonInWords:
    """How many rows were rejected for a reason, and the first of them."""

    code: str
    label: str
    rows: int
    example: ImportRow | None


def rows_of(job: ImportJob, *, outcome: str, reason: str = "") -> QuerySet[ImportRow]:
    """The staged rows with an outcome, rejected ones perhaps of one reason alone; without an order."""
    rows = ImportRow.objects.filter(job=job, outcome=outcome)
    return rows.filter(error_code=reason) if reason else rows


def examples(job: ImportJob, counts: Mapping[str, int]) -> dict[str, list[RowInWords]]:
    """The first rows of each outcome that there is, in a fixed number of queries."""
    found: list[ImportRow] = []
    for outcome in RowOutcome.values:
        if counts.get(outcome):
            number = EXAMPLES if outcome == RowOutcome.UPDATED else 1
            found += rows_of(job, outcome=outcome).order_by("line")[:number]
    told: dict[str, list[RowInWords]] = {}
    for row, words in zip(found, in_words(job, found), strict=True):
        told.setdefault(row.outcome, []).append(words)
    return told


def rejected_by_reason(job: ImportJob) -> list[ReasonInWords]:
    """The reasons for which rows were rejected, the most frequent first."""
    rows = rows_of(job, outcome=RowOutcome.REJECTED).order_by()
    counted = list(rows.values("error_code").annotate(number=Count("line"), first=Min("line")))
    firsts = {row.line: row for row in ImportRow.objects.filter(job=job, line__in=[item["first"] for item in counted])}
    reasons = [
        ReasonInWords(code, reason_label(code), item["number"], firsts.get(item["first"]))
        for item in counted
        for code in [item["error_code"]]
    ]
    return sorted(reasons, key=lambda reason: (-reason.rows, reason.label))


def in_words(job: ImportJob, rows: Sequence[ImportRow]) -> list[RowInWords]:
    """Staged rows of a job in words, in a fixed number of queries."""
    teller = _Teller(job, rows)
    return [teller.tell(row) for row in rows]


class _Teller:
    """What there is to know of the contacts behind some rows."""

    def __init__(self, job: ImportJob, rows: Sequence[ImportRow]) -> None:
        self.job = job
        ids = {row.contact_id for row in rows if row.contact_id}
        contacts = Contact.objects.filter(project=job.project, pk__in=ids) if ids else []
        self.contacts = {contact.pk: contact for contact in contacts}
        self.addresses: dict[tuple[int, str], ChannelStatus] = {}
        self.moves: dict[int, list[Difference]] = {}
        self.done = {row.line for row in rows if job.state in RAN and row.line <= job.done_line}
        if any(row.outcome == RowOutcome.UPDATED for row in rows):
            held = ChannelStatus.objects.filter(contact_id__in=list(self.contacts))
            self.addresses = {(status.contact_id, status.channel): status for status in held}
            self._read_moves()
        self.tables: dict[str, str] = {}
        if any(row.extras for row in rows):
            self.tables = dict(RelationalTable.objects.filter(project=job.project).values_list("slug", "name"))

    def _read_moves(self) -> None:
        """Addresses that rows already done have changed, from the history."""
        entries = StatusHistory.objects.filter(
            project=self.job.project, request_id=self.job.request_id, aspect=Aspect.ADDRESS, line__in=self.done
        )
        for entry in entries if self.done else ():
            if entry.line is not None:
                label = str(Channel(entry.channel).label)
                self.moves.setdefault(entry.line, []).append(Difference(label, entry.from_value, entry.to_value))

    def tell(self, row: ImportRow) -> RowInWords:
        contact = self.contacts.get(row.contact_id or 0)
        slug = self.job.project.slug
        return RowInWords(
            line=row.line,
            key=row.key,
            name=_name_in(row) or (contact.name if contact and contact.name != row.key else ""),
            contact_url=reverse("contacts:contact", args=[slug, contact.pk]) if contact else "",
            differences=tuple(self._differences(row, contact)),
            error=row.error,
            cells=tuple(self._cells(row)),
        )

    def _cells(self, row: ImportRow) -> Iterator[tuple[str, str]]:
        if row.cells:
            for column, cell in zip(self.job.mapping.get("columns", []), row.cells, strict=False):
                if cell:
                    yield column, cell

    def _differences(self, row: ImportRow, contact: Contact | None) -> Iterator[Difference]:
        if row.outcome == RowOutcome.REJECTED:
            return
        if self.job.kind == ImportKind.CONTACTS and row.outcome == RowOutcome.UPDATED:
            before = row.before if row.line in self.done else _details_of(contact)
            yield from self.moves.get(row.line, ()) if row.line in self.done else self._new_addresses(row)
            yield from _new_details(row, before or {})
        if row.outcome == RowOutcome.CREATED or self.job.kind != ImportKind.CONTACTS:
            for channel in Channel:
                if address := getattr(row, channel.value):
                    yield Difference(str(channel.label), "", address)
        for no in row.noes or ():
            yield Difference(_("Opt-out"), "", _no_in_words(no))
        for slug, values in ((row.extras or {}).get("relational") or {}).items():
            yield Difference(self.tables.get(slug, slug), "", ", ".join(map(str, values.values())))

    def _new_addresses(self, row: ImportRow) -> Iterator[Difference]:
        for channel in Channel:
            key = getattr(row, f"{channel.value}_key")
            held = self.addresses.get((row.contact_id or 0, channel.value))
            if key and (held is None or held.address_key != key):
                yield Difference(str(channel.label), held.address if held else "", getattr(row, channel.value))


def _name_in(row: ImportRow) -> str:
    return " ".join(part for part in (row.first_name, row.last_name) if part)


def _details_of(contact: Contact | None) -> dict[str, Any]:
    if contact is None:
        return {}
    return {name: getattr(contact, name) for name in (*_NAMES, "notes", "attributes")}


def _new_details(row: ImportRow, before: Mapping[str, Any]) -> Iterator[Difference]:
    """What a row says that was not so before. Empty cells say nothing, and notes that are there stay."""
    labels = {"first_name": _("First name"), "last_name": _("Last name"), "language": _("Language")}
    for name in _NAMES:
        said, held = getattr(row, name), str(before.get(name) or "")
        if said and said != held:
            yield Difference(labels[name], held, said)
    if row.notes and not before.get("notes"):
        yield Difference(_("Notes"), "", row.notes)
    known = before.get("attributes") or {}
    for name, said in row.attributes.items():
        if str(known.get(name, "")) != str(said):
            yield Difference(name, str(known.get(name, "")), str(said))


def _no_in_words(no: Mapping[str, Any]) -> str:
    """“email, 1 March 2026”."""
    words = in_sentence(str(no.get("channel", "")))
    try:
        moment = datetime.fromisoformat(str(no.get("on") or ""))
    except ValueError:
        return words
    return f"{words}, {long_day(moment)}"


@dataclass(frozen=True, slots=True)
class OverlapInWords:
    """A value that somebody changed after an import, so that an undo leaves it: of whom, what, by whom and when."""

    line: int
    name: str
    url: str
    what: str
    by: str
    at: datetime | None
    entry: int | None


def overlaps_in_words(job: ImportJob, overlaps: Sequence[Overlap]) -> list[OverlapInWords]:
    """What an undo leaves alone. Takes one query."""
    contacts = Contact.objects.in_bulk({overlap.contact for overlap in overlaps})
    labels = {
        **{channel.value: str(channel.label) for channel in Channel}, "first_name": _("First name"),
        "last_name": _("Last name"), "language": _("Language"), "notes": _("Notes"), "merged": _("Merged"),
    }  # fmt: skip
    found = []
    for overlap in overlaps:
        contact = contacts.get(overlap.contact)
        url = reverse("contacts:contact", args=[job.project.slug, overlap.contact]) if contact else ""
        what = overlap.attribute or labels.get(overlap.name, overlap.name)
        name = contact.name if contact else ""
        found.append(OverlapInWords(overlap.line, name, url, what, overlap.by, overlap.at, overlap.entry))
    return found


def rejected_header(job: ImportJob) -> list[str]:
    """The file's own columns, with the line and the reason behind them."""
    return [*job.mapping.get("columns", []), _("Line"), _("Reason")]


def rejected_rows(job: ImportJob) -> Iterator[list[Any]]:
    """The rejected rows as they stood in the file, with the line and the reason, a few at a time."""
    width = len(job.mapping.get("columns", []))
    rows: Iterable[ImportRow] = rows_of(job, outcome=RowOutcome.REJECTED).order_by("line").iterator(ROWS_AT_ONCE)
    for row in rows:
        cells = list(row.cells or [])[:width]
        yield [*cells, *[""] * (width - len(cells)), row.line, row.error]
