"""All that is held of one contact, in their own words: what their page shows, and what they download.

Only what is theirs: entries about them, never those of others who share an address; and of the staff no names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language_info, gettext_lazy
from django.utils.translation import gettext as _

from consent.models import Consent, ConsentHistory, ErasureRequest, MailedLink
from consent.selectors import entries as opt_in_words
from consent.services.projection import state
from consent.vocabulary import ConsentState, LinkPurpose, RequestState
from contacts.dates import long_day
from contacts.extension_points import Text
from contacts.models import ChannelStatus, Contact, ImportJob, RelationalRow, RelationalTable, StatusHistory
from contacts.selectors import entries as status_words
from contacts.selectors.causes import authorized_by, how
from contacts.selectors.relational import cells_of
from contacts.services.imports import staged
from contacts.services.relational_tables import columns_of
from contacts.vocabulary import ActorKind, Aspect, Channel

EVERYTHING = 1_000_000


@dataclass(frozen=True, slots=True)
class Named:
    """Something under its label."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the person: the present one, or one that was merged into it."""

    number: int
    key: str
    first_name: str
    last_name: str
    language: str
    language_name: str
    attributes: list[Named]
    notes: str
    since: datetime
    changed: datetime


@dataclass(frozen=True, slots=True)
class Address:
    """A channel with the address on it, and what stops messages to it, in words."""

    channel: str
    label: str
    address: str
    is_valid: bool
    opted_out: bool
    quarantined: bool
    suppressed: bool
    words: list[str]


@dataclass(frozen=True, slots=True)
class OptIn:
    """What the person agreed to, or took back, of one communication type on one channel."""

    communication_type: str
    channel: str
    channel_label: str
    state: str
    words: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history: what changed, how, and what is kept about it."""

    number: int
    ledger: str
    recorded_at: datetime
    occurred_at: datetime
    what: str
    value: str
    how: str
    note: str
    proof: list[Named]


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail with a link, or one that told something."""

    at: datetime
    what: str
    address: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an imported file that is still kept and speaks of the person."""

    file: str
    line: int
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to be erased, and the answer."""

    at: datetime
    state: str
    words: str
    answer: str


@dataclass(frozen=True, slots=True)
class Held:
    """Everything. ``more`` names the parts of which only the beginning is here."""

    sender: str
    project: str
    at: datetime
    record: Record
    is_active: bool
    addresses: list[Address]
    opt_ins: list[OptIn]
    tables: list[Table]
    history: list[Entry]
    mails: list[Mail]
    imports: list[Line]
    requests: list[Asked]
    merged: list[Record]
    more: list[str]

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        return asdict(self)


def held_of(contact: Contact, *, sender: str, most: int = EVERYTHING) -> Held:
    """What is held of a contact; ``most`` of each long part. In a number of queries that no history moves."""
    merged = list(Contact.objects.filter(merged_into=contact).order_by("pk"))
    ids = [contact.pk, *(one.pk for one in merged)]
    history = _history(ids, most + 1)
    tables, long_tables = _tables(contact, most)
    mails = _mails(ids, most + 1)
    more = [name for name, found in (("history", history), ("mails", mails)) if len(found) > most]
    return Held(
        sender=sender,
        project=contact.project.name,
        at=timezone.now(),
        record=_record(contact),
        is_active=contact.is_active,
        addresses=_addresses(contact),
        opt_ins=_opt_ins(contact),
        tables=tables,
        history=history[:most],
        mails=mails[:most],
        imports=_imports(ids),
        requests=_requests(ids),
        merged=[_record(one) for one in merged],
        more=[*more, *long_tables],
    )


def _record(contact: Contact) -> Record:
    return Record(
        number=contact.pk,
        key=contact.key,
        first_name=contact.first_name,
        last_name=contact.last_name,
        language=contact.language,
        language_name=_language(contact.language),
        attributes=[Named(str(name), str(value)) for name, value in contact.attributes.items()],
        notes=contact.notes,
        since=contact.created_at,
        changed=contact.updated_at,
    )


def _language(code: str) -> str:
    try:
        return str(get_language_info(code.lower())["name_translated"]) if code else ""
    except KeyError:
        return code


def _addresses(contact: Contact) -> list[Address]:
    rows = {row.channel: row for row in ChannelStatus.objects.filter(contact=contact)}
    found = []
    for channel in Channel:
        row = rows.get(channel)
        if row is None or not (row.address or row.own_opt_out):
            continue
        words = [
            (not row.is_valid, _("It cannot be an address, so nothing is sent to it.")),
            (row.opted_out, _("You opted out: nothing but what you may not opt out of is sent to it.")),
            (row.quarantined, _("Messages came back, so nothing is sent to it.")),
            (row.suppressed, _("It is on the list of addresses to which nothing is sent.")),
        ]
        found.append(
            Address(
                channel=channel,
                label=str(channel.label),
                address=row.address,
                is_valid=row.is_valid,
                opted_out=row.opted_out,
                quarantined=row.quarantined,
                suppressed=row.suppressed,
                words=[text for holds, text in words if holds],
            )
        )
    return found


def _opt_ins(contact: Contact) -> list[OptIn]:
    rows = Consent.objects.filter(contact=contact).select_related("communication_type")
    rows = rows.annotate(state=state(timezone.now()))
    places = list(Channel.values)
    ordered = sorted(
        rows.order_by("communication_type__position", "communication_type__name", "communication_type_id"),
        key=lambda row: (row.communication_type.position, row.communication_type_id, places.index(row.channel)),
    )
    return [_opt_in(row) for row in ordered if row.state != ConsentState.NONE]


_OPT_IN_WORDS: dict[str, Text] = {
    ConsentState.WITHDRAWN: gettext_lazy("You said no on %(since)s"),
    ConsentState.EXPRESS: gettext_lazy("You agreed on %(since)s"),
    ConsentState.IMPLIED: gettext_lazy("Allowed until %(until)s, because of what you did before"),
    ConsentState.PENDING: gettext_lazy("You were asked on %(since)s to confirm, and did not yet"),
    ConsentState.ENDED: gettext_lazy("Was allowed until %(until)s"),
}


def _opt_in(row: Any) -> OptIn:
    since = {
        ConsentState.WITHDRAWN: row.withdrawn_at,
        ConsentState.EXPRESS: row.express_at,
        ConsentState.PENDING: row.pending_at,
    }.get(row.state)
    until = row.implied_until if row.state in (ConsentState.IMPLIED, ConsentState.ENDED) else None
    return OptIn(
        communication_type=row.communication_type.name_in(),
        channel=row.channel,
        channel_label=str(Channel(row.channel).label),
        state=row.state,
        words=str(_OPT_IN_WORDS[row.state]) % {"since": _day(since), "until": _day(until)},
        since=since,
        until=until,
    )


# The history


def _history(ids: list[int], most: int) -> list[Entry]:
    statuses = StatusHistory.objects.filter(contact__in=ids).select_related("detail").newest_first()[:most]
    opt_ins = opt_in_words.read(ConsentHistory.objects.filter(contact__in=ids)).order_by("-recorded_at", "-id")[:most]
    rows = [*((row, "status") for row in statuses), *((row, "opt_in") for row in opt_ins)]
    rows.sort(key=lambda one: (one[0].recorded_at, one[1], one[0].pk), reverse=True)
    files = _files(row for row, _ledger in rows)
    return [_entry(row, ledger, files.get(row.request_id, "")) for row, ledger in rows[:most]]


def _files(rows: Iterable[Any]) -> dict[Any, str]:
    """The names of the files from which entries came, by their requests."""
    requests = {row.request_id for row in rows if row.method == "import"}
    jobs = ImportJob.objects.filter(request_id__in=requests) if requests else ImportJob.objects.none()
    return dict(jobs.values_list("request_id", "file_name"))


def _entry(row: Any, ledger: str, file_name: str) -> Entry:
    detail = getattr(row, "detail", None)
    if ledger == "status":
        what = status_words.title(row)
        shown = row.aspect in (Aspect.ADDRESS, Aspect.KEY)
        value = " → ".join(text for text in (row.from_value, row.to_value) if text) if shown else ""
    else:
        what, value = opt_in_words.title(row), opt_in_words.implied(row)
    proof = [
        Named(_("File"), file_name),
        Named(_("Line"), str(row.line or "")),
        Named(_("Request of"), _day(row.requested_on)),
        Named(_("Rests on"), authorized_by(row) if row.authorization_source else ""),
        Named(_("Where that can be found"), detail.authorization_reference if detail else ""),
        *_evidence(detail.evidence if detail else {}),
    ]
    return Entry(
        number=row.pk,
        ledger=ledger,
        recorded_at=row.recorded_at,
        occurred_at=row.occurred_at,
        what=what,
        value=value,
        how=how(row, _who(row)),
        note=detail.note if detail else "",
        proof=[fact for fact in proof if fact.value],
    )


def _who(row: Any) -> str:
    if row.actor_kind == ActorKind.CONTACT:
        return _("you")
    return _("the system") if row.actor_kind == ActorKind.SYSTEM else _("us")


_EVIDENCE: dict[str, Text] = {
    "file": gettext_lazy("File"), "line": gettext_lazy("Line"), "message": gettext_lazy("Message"),
    "ip": gettext_lazy("IP address"), "user_agent": gettext_lazy("Browser"), "report": gettext_lazy("Report"),
    "form": gettext_lazy("Form"), "version": gettext_lazy("Version"), "wording": gettext_lazy("Wording shown"),
    "language": gettext_lazy("Language shown"), "page": gettext_lazy("Page"),
    "diagnostic": gettext_lazy("Answer of the server"), "code": gettext_lazy("Code"),
}  # fmt: skip


def _evidence(kept: Any) -> list[Named]:
    if not isinstance(kept, dict):
        return []
    return [Named(str(_EVIDENCE.get(name, name)), _plain(value)) for name, value in kept.items()]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(inner)}" for name, inner in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value)


# The rest


def _tables(contact: Contact, most: int) -> tuple[list[Table], list[str]]:
    tables = {table.pk: table for table in RelationalTable.objects.filter(project=contact.project_id)}
    rows: dict[int, list[list[str]]] = {}
    more = []
    found: QuerySet[RelationalRow] = RelationalRow.objects.filter(contact=contact).order_by("-id")
    for row in found.iterator():
        table = tables[row.table_id]
        listed = rows.setdefault(table.pk, [])
        if len(listed) < most:
            listed.append([cell.value for cell in cells_of(row, table)])
        elif table.name not in more:
            more.append(table.name)
    ordered = sorted((tables[pk] for pk in rows), key=lambda table: (table.name, table.pk))
    named = [Table(table.name, [column.label for column in columns_of(table)], rows[table.pk]) for table in ordered]
    return named, more


_MAILS: dict[str, Text] = {
    LinkPurpose.CONFIRM: gettext_lazy("A link to confirm that you want to receive something"),
    LinkPurpose.PERSONAL: gettext_lazy("A link to your data"),
    LinkPurpose.NEW_ADDRESS: gettext_lazy("A link to confirm a new address"),
    LinkPurpose.ADDRESS_CHANGED: gettext_lazy("Word that an address was changed"),
    LinkPurpose.ANSWER: gettext_lazy("The answer to a request"),
}


def _mails(ids: list[int], most: int) -> list[Mail]:
    links = MailedLink.objects.filter(contact__in=ids).order_by("-created_at", "-pk")[:most]
    return [Mail(link.sent_at or link.created_at, str(_MAILS[link.purpose]), link.address) for link in links]


def _imports(ids: list[int]) -> list[Line]:
    places = staged.places(ids)
    jobs = ImportJob.objects.in_bulk({job for job, _line in places}) if places else {}
    return [Line(jobs[job].file_name, line, jobs[job].created_at) for job, line in places if job in jobs]


_REQUESTS: dict[str, Text] = {
    RequestState.OPEN: gettext_lazy("Waiting for an answer"),
    RequestState.REFUSED: gettext_lazy("Refused"),
    RequestState.DONE: gettext_lazy("Erased"),
}


def _requests(ids: list[int]) -> list[Asked]:
    rows = ErasureRequest.objects.filter(contact__in=ids).order_by("-requested_at", "-pk")
    return [Asked(row.requested_at, row.state, str(_REQUESTS[row.state]), row.refusal) for row in rows]


def _day(moment: Any) -> str:
    if moment is None:
        return ""
    return long_day(moment)
