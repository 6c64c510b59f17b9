"""Ledger entries in words: what a timeline, the project's history and an explanation show of one entry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from contacts.access import Access
from contacts.dates import long_day
from contacts.extension_points import Text
from contacts.models import Contact, ImportJob, StatusHistory
from contacts.models.ledger import LedgerEntry, StatusHistoryQuerySet
from contacts.selectors.causes import authorized_by, clause, how
from contacts.selectors.imports import import_url, imports_behind
from contacts.services.undo import undoable
from contacts.vocabulary import (
    ActorKind,
    Aspect,
    Channel,
    Method,
    Reason,
    Says,
    Weight,
)

METHOD_ICONS = {
    Method.MANUAL: "user", Method.OPT_OUT_LINK: "link", Method.IMPORT: "upload", Method.API: "plug",
    Method.SPAM_REPORT: "flag", Method.FORM: "file-pen", Method.BOUNCE: "mail-x",
    Method.SMS: "message-square", Method.MAIL: "mail", Method.SYSTEM: "cog",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EntryInWords:
    """One entry as screens show it. Empty texts are left out there; ``glyph`` is no, ok, plus, late or void.

    ``how`` is the way by which it came, as the end of a sentence ("by replying STOP"); ``clause`` tells a no as
    the cause of a state ("opted out with a link"), and ``message`` is the sending in which that was.
    ``contact_erased``: it was about a contact who is gone. ``address`` is that of a block whose entry names nobody.
    ``merged_into`` is the number of the contact whom its own one was merged into. ``import_label`` names the file and
    the line from which it came, ``import_url`` the import, for who may see it. ``undo_url`` is empty for an entry of
    the status history, whose undo has one place.
    """

    id: int
    occurred_at: datetime
    recorded_at: datetime
    glyph: str
    title: str
    detail: str
    note: str
    method: str
    method_label: str
    method_icon: str
    actor_label: str
    source: str
    weight_label: str
    dated: datetime | None
    late: str
    confirmed: str
    voided: str
    contact_name: str
    contact_key: str
    contact_url: str
    entry_url: str
    may_undo: bool
    aspect: str = ""
    channel: str = ""
    says: str = ""
    weight: int = Weight.OURS
    how: str = ""
    clause: str = ""
    message: str = ""
    contact_erased: bool = False
    address: str = ""
    merged_into: int | None = None
    import_label: str = ""
    import_url: str = ""
    undo_url: str = ""


def in_words(entries: StatusHistoryQuerySet, access: Access) -> list[EntryInWords]:
    """Describe entries (a page of them) in a fixed number of queries."""
    return described(list(entries.select_related("detail", "block")), access)


def described(rows: Sequence[StatusHistory], access: Access) -> list[EntryInWords]:
    """The same of entries that were read already, with their ``detail`` and ``block``."""
    ids = [row.pk for row in rows]
    others = {_other_of_merge(row) for row in rows} - {None}
    contacts = Contact.objects.in_bulk({row.contact_id for row in rows if row.contact_id} | others)
    voids = {row.voids: row for row in StatusHistory.objects.filter(voids__in=ids).select_related("detail")}
    may_undo: set[int] = set()
    if access.may_edit:
        own = StatusHistory.objects.filter(pk__in=ids, project=access.project)
        may_undo = set(undoable(own, access.actor).values_list("pk", flat=True))
    originals = _originals(rows)
    slug = access.project.slug
    words = [
        _describe(row, contacts.get(row.contact_id or 0), voids.get(row.pk), row.pk in may_undo, slug) for row in rows
    ]
    for place, row in enumerate(rows):
        if row.repeats in originals:
            words[place] = _carried_over(words[place], originals[row.repeats])
        elif other := contacts.get(_other_of_merge(row) or 0):
            words[place] = replace(words[place], detail=_name_and_key(other))
    jobs = imports_behind(rows, access.project)
    for place, row in enumerate(rows):
        if job := jobs.get(row.request_id):
            words[place] = from_import(words[place], row, job, access)
    return words


def from_import(words: EntryInWords, row: LedgerEntry, job: ImportJob, access: Access) -> EntryInWords:
    """The same entry, with the import that wrote it."""
    label = _("Import %(file)s") % {"file": job.file_name}
    if row.line:
        label = _("Import %(file)s, line %(line)s") % {"file": job.file_name, "line": row.line}
    return replace(
        words, import_label=label, import_url=import_url(access.project.slug, job) if access.may_edit else ""
    )


def _other_of_merge(row: StatusHistory) -> int | None:
    """With whom the contact of an entry was merged."""
    return int(row.to_value or row.from_value or 0) if row.aspect == Aspect.MERGE else None


def _originals(rows: Sequence[StatusHistory]) -> dict[int | None, StatusHistory]:
    """What was said of merged contacts, where entries say it anew."""
    numbers = [row.repeats for row in rows if row.repeats]
    return {row.pk: row for row in StatusHistory.objects.filter(pk__in=numbers)} if numbers else {}


def _carried_over(words: EntryInWords, original: StatusHistory) -> EntryInWords:
    """An entry that says anew what was said of a merged contact: by which way that came, and when."""
    by, day = actor_label(original), long_day(original.occurred_at)
    told = {"day": day, "number": original.pk}
    how_then, clause_then = how(original, by), clause(original, by)
    return replace(
        words,
        source=_("from a merged contact: entry %(number)s of %(day)s") % told,
        how=_("carried over from a merged contact: %(how)s on %(day)s") % {**told, "how": how_then},
        clause=_("%(cause)s on %(day)s, as a contact who was merged into this one") % {**told, "cause": clause_then},
    )


def _name_and_key(contact: Contact) -> str:
    return contact.name if contact.name == contact.key else f"{contact.name} ({contact.key})"


def _describe(
    row: StatusHistory, contact: Contact | None, void: StatusHistory | None, may_undo: bool, slug: str
) -> EntryInWords:
    detail = getattr(row, "detail", None)
    reference = detail.authorization_reference if detail else ""
    by = actor_label(row)
    return EntryInWords(
        id=row.pk,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        glyph=_glyph(row, void),
        title=title(row),
        detail=_value_detail(row),
        note=" ".join(text for text in (detail.note if detail else "", reference) if text),
        method=row.method,
        method_label=str(Method(row.method).label),
        method_icon=METHOD_ICONS[Method(row.method)],
        actor_label=by,
        source=source_of(row, detail.evidence if detail else {}),
        weight_label=str(Weight(row.weight).label),
        dated=row.occurred_at if row.recorded_at - row.occurred_at > timedelta(minutes=1) else None,
        late=_late(row),
        confirmed=_confirmed(row),
        voided=_("Taken back by entry %(number)s.") % {"number": void.pk} if void else "",
        contact_name=contact.name if contact else "",
        contact_key=contact.key if contact else "",
        contact_url=reverse("contacts:contact", args=[slug, contact.pk]) if contact else "",
        entry_url=reverse("contacts:entry", args=[slug, row.pk]),
        may_undo=may_undo,
        aspect=row.aspect,
        channel=row.channel,
        says=row.says,
        weight=row.weight,
        how=how(row, by),
        clause=clause(row, by),
        message=message_of(row, detail.evidence if detail else {}),
        contact_erased=bool(row.contact_id) and contact is None,
        merged_into=contact.merged_into_id if contact else None,
        address=(row.block.address or "") if row.block and not row.contact_id else "",
    )


def _late(row: StatusHistory) -> str:
    return _("Kept, and changed nothing: a later word is newer.") if row.is_late and row.to_value in OPEN_WORDS else ""


OPEN_WORDS = frozenset({"active", "not_opted_out", "not_quarantined", "not_suppressed"})


def _glyph(row: StatusHistory, void: StatusHistory | None) -> str:
    if void is not None or row.says == Says.VOID:
        return "void"
    if row.says == Says.NO:
        return "late" if row.to_value in OPEN_WORDS else "no"
    return "ok" if row.says == Says.YES else "plus"


def title(row: StatusHistory) -> str:
    """What changed, as a short sentence without a full stop."""
    if row.says == Says.VOID:
        return _("Entry %(number)s taken back") % {"number": row.voids}
    if row.aspect == Aspect.ADDRESS:
        pattern = _ADDRESS_TITLES[row.channel][bool(row.from_value), bool(row.to_value)]
    elif row.aspect == Aspect.VALIDITY:
        pattern = _VALIDITY_TITLES[row.to_value == "valid"]
    elif row.aspect == Aspect.MERGE:
        pattern = _MERGE_TITLES[bool(row.to_value)]
    elif row.reason == Reason.CREATED:
        pattern = gettext_lazy("Contact created")
    else:
        pattern = _TITLES[row.aspect, row.says]
    return str(pattern) % {
        "channel": Channel(row.channel).label if row.channel else "",
        "address": _ADDRESSES.get(row.channel, ""),
        "on": in_sentence(row.channel),
    }


_TITLES: dict[tuple[str, str], Text] = {
    (Aspect.ACTIVE, Says.NO): gettext_lazy("Deactivated"),
    (Aspect.ACTIVE, Says.YES): gettext_lazy("Activated"),
    (Aspect.OPT_OUT, Says.NO): gettext_lazy("Opted out of %(on)s"),
    (Aspect.OPT_OUT, Says.YES): gettext_lazy("%(channel)s opt-out lifted"),
    (Aspect.QUARANTINE, Says.NO): gettext_lazy("%(address)s quarantined"),
    (Aspect.QUARANTINE, Says.YES): gettext_lazy("%(channel)s quarantine lifted"),
    (Aspect.SUPPRESSION, Says.NO): gettext_lazy("%(address)s suppressed"),
    (Aspect.SUPPRESSION, Says.YES): gettext_lazy("%(channel)s suppression lifted"),
    (Aspect.KEY, Says.VALUE): gettext_lazy("Key changed"),
}
_ADDRESS_TITLES: dict[str, dict[tuple[bool, bool], Text]] = {
    Channel.EMAIL: {
        (False, False): gettext_lazy("Email address"),
        (False, True): gettext_lazy("Email address added"),
        (True, True): gettext_lazy("Email address changed"),
        (True, False): gettext_lazy("Email address removed"),
    },
    Channel.SMS: {
        (False, False): gettext_lazy("SMS number"),
        (False, True): gettext_lazy("SMS number added"),
        (True, True): gettext_lazy("SMS number changed"),
        (True, False): gettext_lazy("SMS number removed"),
    },
    Channel.PUSH: {
        (False, False): gettext_lazy("Push device"),
        (False, True): gettext_lazy("Push device added"),
        (True, True): gettext_lazy("Push device changed"),
        (True, False): gettext_lazy("Push device removed"),
    },
}
_VALIDITY_TITLES: dict[bool, Text] = {
    True: gettext_lazy("%(address)s valid"),
    False: gettext_lazy("%(address)s not valid"),
}
_MERGE_TITLES: dict[bool, Text] = {
    True: gettext_lazy("Merged into another contact"),
    False: gettext_lazy("Merged with another contact"),
}
_ADDRESSES: dict[str, Text] = {
    Channel.EMAIL: gettext_lazy("Email address"),
    Channel.SMS: gettext_lazy("SMS number"),
    Channel.PUSH: gettext_lazy("Push device"),
}


def in_sentence(channel: str) -> str:
    """A channel's name inside a sentence; nothing for an entry about no channel."""
    return str(_IN_SENTENCE.get(channel, ""))


_IN_SENTENCE: dict[str, Text] = {
    Channel.EMAIL: pgettext_lazy("in a sentence", "email"),
    Channel.SMS: pgettext_lazy("in a sentence", "SMS"),
    Channel.PUSH: pgettext_lazy("in a sentence", "push"),
}


def _value_detail(row: StatusHistory) -> str:
    if row.aspect == Aspect.ADDRESS or row.aspect == Aspect.KEY:
        if row.from_value and row.to_value:
            return _("%(old)s to %(new)s") % {"old": row.from_value, "new": row.to_value}
        return row.to_value or row.from_value
    return ""


def actor_label(row: LedgerEntry) -> str:
    """Who did it: a name, “the contact”, “the system”."""
    if row.actor_kind == ActorKind.CONTACT:
        return _("the contact")
    if row.actor_kind == ActorKind.SYSTEM:
        return row.actor_label or _("the system")
    return row.actor_label or str(ActorKind(row.actor_kind).label)


def message_of(row: LedgerEntry, evidence: dict[str, Any]) -> str:
    """The sending in which the person acted; a form's name and the word STOP are no sendings."""
    is_sending = row.method in (Method.OPT_OUT_LINK, Method.SPAM_REPORT)
    return str(evidence.get("message") or "") if is_sending else ""


def _confirmed(row: StatusHistory) -> str:
    if row.says == Says.NO and not row.changed and row.to_value not in OPEN_WORDS:
        return _("Recorded once more; it held already.")
    return ""


_SAID_ALREADY = frozenset({Reason.CREATED, Reason.AUTHORIZED, Reason.OWN_REQUEST, Reason.MERGED})
"""Reasons that the title or the method of an entry tells."""


def source_of(row: LedgerEntry, evidence: dict[str, Any]) -> str:
    """Authorization, reason, date of the request, file and message, as far as there are any."""
    parts = []
    if row.authorization_source:
        parts.append(authorized_by(row))
    elif row.reason and row.reason not in _SAID_ALREADY:
        parts.append(str(Reason(row.reason).label))
    if row.requested_on:
        parts.append(_("requested on %(date)s") % {"date": long_day(row.requested_on)})
    if evidence.get("file"):
        parts.append(
            _("%(file)s, line %(line)s") % {"file": evidence["file"], "line": evidence["line"]}
            if evidence.get("line")
            else str(evidence["file"])
        )
    if message := message_of(row, evidence):
        parts.append(_("in %(message)s") % {"message": message})
    elif evidence.get("message") and row.reason != Reason.STOP:
        parts.append(str(evidence["message"]))
    return ", ".join(parts)


def entries_by_id(ids: Iterable[int], access: Access) -> dict[int, EntryInWords]:
    """Entries of the project in words, by id."""
    entries = StatusHistory.objects.filter(pk__in=set(ids), project=access.project)
    return {entry.id: entry for entry in in_words(entries, access)}


def words_of_organization(entries: StatusHistoryQuerySet) -> list[EntryInWords]:
    """The same for admins of an organization, of entries in whatever project of it. An act on the organization
    itself stands in no project, so it has no page of its own."""
    rows = list(entries.select_related("detail", "block", "project"))
    voids = {row.voids: row for row in StatusHistory.objects.filter(voids__in=[row.pk for row in rows])}
    words = []
    for row in rows:
        slug = row.project.slug if row.project else "-"
        entry = _describe(row, None, voids.get(row.pk), False, slug)
        url = entry.entry_url if row.project else ""
        words.append(replace(entry, detail=entry.detail or entry.address, entry_url=url, contact_erased=False))
    return words
