"""Everything that a contact's profile shows, in a number of queries that no history moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, OuterRef, Q, Subquery
from django.utils.translation import get_language_info, pgettext
from django.utils.translation import gettext as _

from contacts.access import Access
from contacts.dates import long_day
from contacts.extension_points import ProfileTab, profile_sections, profile_tabs
from contacts.models import ChannelStatus, Contact, RelationalRow, RelationalTable, StatusHistory
from contacts.models.ledger import StatusHistoryQuerySet
from contacts.selectors.channel_rows import (
    ChannelFacts,
    ChannelRow,
    facts_of,
    first_of_strongest,
    rows_of,
    switch_noes,
)
from contacts.selectors.entries import EntryInWords, entries_by_id, in_sentence
from contacts.selectors.keyset import Page, page_of
from contacts.selectors.relational import Cell, cells_of
from contacts.services.relational_tables import columns_of
from contacts.vocabulary import Channel

COUNTED_UP_TO = 1_000
HISTORY_PAGE, TABLE_PAGE = 15, 25
NEIGHBOURS = 5
OTHER_CAUSES = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence under the status line: its words, the sending it happened in, its entry."""

    text: str
    message: str = ""
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class StatusLine:
    """The verdict, what follows from it, and the causes."""

    glyph: str
    verdict: str
    sentence: str
    message: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another contact of the project at the same address: who, where, and on which channels."""

    id: int
    name: str
    url: str
    words: str


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    count: int
    more: bool
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What another app adds to the page: a template and what it shows."""

    template: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the history, of a table or of another app's ``tab`` (with the whole ``query``) the reader wants to see;
    unknown words ask for nothing."""

    channel: str = ""
    aspect: str = ""
    table: str = ""
    cursor: str = ""
    tab: str = ""
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def filters(self) -> dict[str, str]:
        chosen = {"channel": self.channel, "aspect": self.aspect}
        return {name: value for name, value in chosen.items() if value}


@dataclass(frozen=True, slots=True)
class History:
    """One page of the contact's history, newest first."""

    entries: list[EntryInWords]
    previous_url: str
    next_url: str
    is_filtered: bool


@dataclass(frozen=True, slots=True)
class TableRow:
    """One of the contact's rows: its number, its values by column, and what tells it from the others in words."""

    id: int
    cells: list[Cell]
    words: str


@dataclass(frozen=True, slots=True)
class TableRows:
    """One page of the contact's rows in a table of the project."""

    name: str
    slug: str
    columns: list[str]
    rows: list[TableRow]
    previous_url: str
    next_url: str


@dataclass(frozen=True, slots=True)
class Profile:
    contact: Contact
    language: str
    status: StatusLine
    channels: list[ChannelRow]
    facts: list[Fact]
    neighbours: list[Neighbour]
    more_neighbours: bool
    tabs: list[Tab]
    empty_tables: list[RelationalTable]
    history: History | None
    table: TableRows | None
    sections: list[Part]
    part: Part | None


def profile_of(contact: Contact, access: Access, asked: Asked | None = None) -> Profile:
    """Read the profile. Raises BadCursor for a page of the history that does not exist."""
    asked = asked or Asked()
    facts = facts_of(contact, access)
    neighbours, more_neighbours = _neighbours(contact, facts)
    declared = _tables(contact)
    tables = [item for item in declared if item.held]
    others = _tabs_of_others(contact)
    other = next((item for item, _held in others if item.key == asked.tab), None)
    table = next((table for table in tables if table.slug == asked.table and not other), None)
    entries = _history_of(contact, access, facts)
    page = None if table or other else _history_page(entries, asked)
    shown = [row["id"] for row in page.rows] if page else []
    words = entries_by_id({*facts.entries, *shown}, access)
    channels = rows_of(facts, access, words)
    counted = entries.order_by()[: COUNTED_UP_TO + 1].count()
    url = contact.get_absolute_url()
    tabs = [_tab(_("Status history"), counted, f"{url}#tab", current=page is not None)]
    tabs += [
        _tab(str(item.label), held, f"{url}?{urlencode({'tab': item.key})}#tab", current=item is other)
        for item, held in others
    ]
    tabs += [
        _tab(item.name, item.held, f"{url}?{urlencode({'table': item.slug})}#tab", current=item is table)
        for item in tables
    ]
    return Profile(
        contact=contact,
        language=language_name(contact.language),
        status=status_line(contact, channels, switch_noes(facts, words)),
        channels=channels,
        facts=_facts(contact, channels),
        neighbours=neighbours,
        more_neighbours=more_neighbours,
        tabs=tabs,
        empty_tables=[item for item in declared if not item.held],
        history=_history(page, words, asked, url) if page else None,
        table=_table_rows(contact, table, asked, url) if table else None,
        sections=_sections_of_others(contact, access, channels),
        part=Part(other.template, other.content(contact, access, asked.query)) if other else None,
    )


def _tabs_of_others(contact: Contact) -> list[tuple[ProfileTab, int]]:
    """The tabs that other apps add, each with how much is in it."""
    counted = [(item, item.count(contact)) for item in profile_tabs]
    return [(item, held) for item, held in counted if held is not None]


def _sections_of_others(contact: Contact, access: Access, channels: list[ChannelRow]) -> list[Part]:
    told = [(item.template, item.content(contact, access, channels)) for item in profile_sections]
    return [Part(template, content) for template, content in told if content is not None]


def language_name(code: str) -> str:
    """“French” for ``fr``; what is no known language stays as it was typed."""
    try:
        return str(get_language_info(code.replace("_", "-").lower())["name_translated"]).capitalize() if code else ""
    except KeyError:
        return code


def status_line(contact: Contact, channels: list[ChannelRow], noes: list[EntryInWords]) -> StatusLine:
    """The answer in words: may something be sent, on which channels, and why not."""
    return _active(channels) if contact.is_active else _inactive(noes)


def _active(channels: list[ChannelRow]) -> StatusLine:
    with_address = [row for row in channels if row.glyph != "na"]
    may = [in_sentence(row.channel) for row in with_address if row.glyph != "no"]
    may_not = [in_sentence(row.channel) for row in with_address if row.glyph == "no"]
    lines = [_why(row) for row in with_address if row.glyph == "no"]
    glyph = "ok" if may else "no" if may_not else "na"
    return StatusLine(glyph, _("Active."), _sentence(may, may_not), "", lines)


def _sentence(may: list[str], may_not: list[str]) -> str:
    names = {"channels": _listed(may), "others": _listed(may_not)}
    if may and may_not:
        return _capital(_("%(channels)s may be sent; %(others)s may not") % names)
    if may:
        return _capital(_("%(channels)s may be sent") % names)
    if may_not:
        return _("Nothing may be sent")
    return _("Nothing can be sent: there is no address on any channel")


def _why(row: ChannelRow) -> Line:
    failing = next(condition for condition in row.conditions if not condition.met)
    text = failing.label
    if failing.key != "not_opted_out":  # its label names the channel
        text = _("%(channel)s: %(label)s") % {"channel": row.channel_label, "label": _small(failing.label)}
    if failing.cause:
        text = f"{text}, {failing.cause}"
    said = next((stop.entry for stop in row.stops if stop.entry and stop.entry.id == failing.entry), None)
    return Line(text, said.message if said else "", failing.entry)


def _inactive(noes: list[EntryInWords]) -> StatusLine:
    nothing = _("Nothing is sent on any channel. Data, opt-ins and opt-outs are kept as they were")
    if not noes:
        return StatusLine("no", _("Inactive"), "", "", [Line(nothing)])
    cause = first_of_strongest(noes)
    since = min(no.occurred_at for no in noes)
    if since == cause.occurred_at:
        sentence = _("since %(date)s: %(cause)s") % {"date": _day(since), "cause": cause.clause}
    else:
        sentence = _("since %(since)s; on %(date)s: %(cause)s") % {
            "since": _day(since), "cause": cause.clause, "date": _day(cause.occurred_at),
        }  # fmt: skip
    others = [no for no in noes if no.id != cause.id]
    lines = [Line(nothing, "", cause.id)]
    lines += [
        Line(_("Also on %(date)s: %(cause)s") % {"date": _day(no.occurred_at), "cause": no.clause}, no.message, no.id)
        for no in others[:OTHER_CAUSES]
    ]
    if len(others) > OTHER_CAUSES:
        lines.append(Line(_("Further causes stand in the history below")))
    return StatusLine("no", _("Inactive"), sentence, cause.message, lines)


def _facts(contact: Contact, channels: list[ChannelRow]) -> list[Fact]:
    facts = [Fact(row.channel_label, row.address) for row in channels if row.address]
    facts += [Fact(name, str(value)) for name, value in contact.attributes.items() if str(value)]
    return facts


def _neighbours(contact: Contact, facts: ChannelFacts) -> tuple[list[Neighbour], bool]:
    """Who else of the project has one of the addresses; a few of them, and whether there are more."""
    places = Q(pk__in=[])
    for status in facts.statuses.values():
        if status.fingerprint:
            places |= Q(channel=status.channel, fingerprint=status.fingerprint)
    rows = ChannelStatus.objects.filter(places, project=contact.project_id).exclude(contact=contact)
    rows = rows.select_related("contact").order_by("contact_id", "channel")
    found: dict[int, list[ChannelStatus]] = {}
    for row in rows[: (NEIGHBOURS + 1) * len(Channel)]:
        found.setdefault(row.contact_id, []).append(row)
    told = []
    for shared in list(found.values())[:NEIGHBOURS]:
        other = shared[0].contact
        other.project = contact.project
        told.append(
            Neighbour(other.pk, other.name, other.get_absolute_url(), _same_address([row.channel for row in shared]))
        )
    return told, len(found) > NEIGHBOURS


def _same_address(channels: list[str]) -> str:
    words: dict[str, str] = {
        Channel.EMAIL: _("has the same email address"),
        Channel.SMS: _("has the same number"),
        Channel.PUSH: _("has the same device"),
    }
    return words[channels[0]] if len(channels) == 1 else _("has the same addresses")


def _tables(contact: Contact) -> list[Any]:
    """The project's tables, each with how many rows of this contact it has (``held``)."""
    tables = RelationalTable.objects.filter(project=contact.project_id)
    rows = RelationalRow.objects.filter(contact=contact, table=OuterRef("pk")).order_by().values("table")
    held = tables.annotate(held=Subquery(rows.annotate(number=Count("pk")).values("number")))
    return list(held.order_by("name", "pk"))


def _history_of(contact: Contact, access: Access, facts: ChannelFacts) -> StatusHistoryQuerySet:
    """What was said of the contact and of who was merged into them, and what was said in this project of the addresses
    that they have."""
    merged = list(Contact.objects.filter(merged_into=contact).values_list("pk", flat=True))
    about = Q(contact__in=[contact.pk, *merged]) if merged else Q(contact=contact)
    if facts.blocks:
        about |= Q(block__in=[block.pk for block in facts.blocks], project=access.project)
    return StatusHistory.objects.filter(about, project=access.project)


def _history_page(entries: StatusHistoryQuerySet, asked: Asked) -> Page:
    wanted = entries.filter(**asked.filters).values("id", "recorded_at")
    return page_of(wanted, order=("-recorded_at", "-id"), cursor=asked.cursor, size=HISTORY_PAGE)


def _history(page: Page, words: dict[int, EntryInWords], asked: Asked, url: str) -> History:
    return History(
        entries=[words[row["id"]] for row in page.rows if row["id"] in words],
        previous_url=_page_url(url, asked.filters, page.previous),
        next_url=_page_url(url, asked.filters, page.next),
        is_filtered=bool(asked.filters),
    )


def _table_rows(contact: Contact, table: RelationalTable, asked: Asked, url: str) -> TableRows:
    page = page_of(contact.relational_rows.filter(table=table), order=("-id",), cursor=asked.cursor, size=TABLE_PAGE)
    chosen = {"table": table.slug}
    return TableRows(
        name=table.name,
        slug=table.slug,
        columns=[column.label for column in columns_of(table)],
        rows=[_table_row(row, table) for row in page.rows],
        previous_url=_page_url(url, chosen, page.previous),
        next_url=_page_url(url, chosen, page.next),
    )


def _page_url(url: str, chosen: dict[str, str], cursor: str) -> str:
    return f"{url}?{urlencode({**chosen, 'cursor': cursor})}#tab" if cursor else ""


def _table_row(row: RelationalRow, table: RelationalTable) -> TableRow:
    cells = cells_of(row, table)
    return TableRow(row.pk, cells, ", ".join(cell.value for cell in cells if cell.value)[:80])


def _tab(label: str, held: int, url: str, *, current: bool) -> Tab:
    return Tab(label, min(held, COUNTED_UP_TO), held > COUNTED_UP_TO, url, current)


def _listed(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return pgettext("a list", "%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _day(value: datetime) -> str:
    return long_day(value)
