"""Entries of the opt-in history in words, for the timeline that shows those of the status history as well."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.models import ConsentHistory, Form
from consent.vocabulary import Basis, ConsentState, ImpliedBy, Word
from contacts.access import Access
from contacts.dates import long_day
from contacts.extension_points import Text
from contacts.models import Contact, Project
from contacts.selectors.causes import how
from contacts.selectors.entries import (
    METHOD_ICONS,
    EntryInWords,
    actor_label,
    from_import,
    in_sentence,
    message_of,
    source_of,
)
from contacts.selectors.imports import imports_behind
from contacts.services.undo import may_take_back
from contacts.vocabulary import Method, Says, Weight


def read(entries: QuerySet[ConsentHistory]) -> QuerySet[ConsentHistory]:
    """The entries with all that their words need."""
    return entries.select_related("detail", "communication_type")


def described(rows: Sequence[ConsentHistory], access: Access) -> list[EntryInWords]:
    """Describe entries (a page of them, from ``read``) in a fixed number of queries."""
    ids = [row.pk for row in rows]
    contacts = Contact.objects.in_bulk({row.contact_id for row in rows if row.contact_id})
    voids = dict(ConsentHistory.objects.filter(voids__in=ids).values_list("voids", "pk"))
    may_undo: set[int] = set()
    if access.may_edit:
        own = ConsentHistory.objects.filter(pk__in=ids, project=access.project)
        may_undo = set(may_take_back(own, access.actor).values_list("pk", flat=True))
    jobs = imports_behind(rows, access.project)
    forms = form_names(rows, access.project)
    words = []
    for row in rows:
        entry = _describe(row, contacts.get(row.contact_id or 0), voids.get(row.pk), row.pk in may_undo, access, forms)
        job = jobs.get(row.request_id)
        words.append(from_import(entry, row, job, access) if job else entry)
    return words


def _describe(
    row: ConsentHistory,
    contact: Contact | None,
    void: int | None,
    may_undo: bool,
    access: Access,
    forms: dict[str, str],
) -> EntryInWords:
    detail = getattr(row, "detail", None)
    evidence = evidence_of(row)
    reference = detail.authorization_reference if detail else ""
    by = actor_label(row)
    place = [access.project.slug, row.contact_id or 0, row.pk]
    return EntryInWords(
        id=row.pk,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        glyph=_glyph(row, void),
        title=title(row),
        detail=_detail(row),
        note=" ".join(text for text in (detail.note if detail else "", reference) if text),
        method=row.method,
        method_label=str(Method(row.method).label),
        method_icon=METHOD_ICONS[Method(row.method)],
        actor_label=by,
        source=_source(row, evidence, forms),
        weight_label=str(Weight(row.weight).label),
        dated=row.occurred_at if row.recorded_at - row.occurred_at > timedelta(minutes=1) else None,
        late=late(row),
        confirmed=confirmed(row),
        voided=_("Taken back by entry %(number)s.") % {"number": void} if void else "",
        contact_name=contact.name if contact else "",
        contact_key=contact.key if contact else "",
        contact_url=reverse("contacts:contact", args=[access.project.slug, contact.pk]) if contact else "",
        entry_url=reverse("consent:entry", args=place),
        may_undo=may_undo,
        channel=row.channel,
        says=row.says,
        weight=row.weight,
        how=how(row, by),
        message=message_of(row, evidence),
        contact_erased=bool(row.contact_id) and contact is None,
        merged_into=contact.merged_into_id if contact else None,
        undo_url=reverse("consent:undo", args=place) if may_undo else "",
    )


def title(row: ConsentHistory) -> str:
    """What was said, as a short sentence without a full stop."""
    if row.word == Word.VOID:
        return _("Entry %(number)s taken back") % {"number": row.voids}
    told = _TITLES[row.word, row.basis]
    return str(told) % {"type": row.communication_type.name_in(), "channel": in_sentence(row.channel)}


_TITLES: dict[tuple[str, str], Text] = {
    (Word.GRANTED, Basis.EXPRESS): gettext_lazy("Agreed to %(type)s by %(channel)s"),
    (Word.GRANTED, Basis.IMPLIED): gettext_lazy("Implied consent to %(type)s by %(channel)s"),
    (Word.WITHDRAWN, ""): gettext_lazy("Withdrew consent to %(type)s by %(channel)s"),
    (Word.PENDING, ""): gettext_lazy("Asked to confirm %(type)s by %(channel)s"),
}


def implied(row: ConsentHistory) -> str:
    """What implies a consent, and until when it does; empty for others."""
    if not row.implied_until:
        return ""
    until = {"date": long_day(row.implied_until)}
    if row.implied_by in _IMPLIED:
        return str(_IMPLIED[row.implied_by]) % until
    return _("until %(date)s") % until


_IMPLIED: dict[str, Text] = {
    ImpliedBy.INQUIRY: gettext_lazy("by an inquiry, until %(date)s"),
    ImpliedBy.PURCHASE: gettext_lazy("by a purchase, until %(date)s"),
    ImpliedBy.MEMBERSHIP: gettext_lazy("by a membership, until %(date)s"),
}


def _detail(row: ConsentHistory) -> str:
    return implied(row) if row.word == Word.GRANTED else ""


def late(row: ConsentHistory) -> str:
    """Why a withdrawal that came too late changed nothing; else empty."""
    is_late = row.word == Word.WITHDRAWN and row.to_state != ConsentState.WITHDRAWN
    return _("Kept, and changed nothing: a later word is newer.") if is_late else ""


def too_light(row: ConsentHistory) -> bool:
    """Whether a grant did not weigh enough to lift the withdrawal that stood."""
    return row.word == Word.GRANTED and row.to_state == ConsentState.WITHDRAWN


def confirmed(row: ConsentHistory) -> str:
    """Why an entry changed nothing without being late; else empty."""
    if too_light(row):
        return _("Kept, and changed nothing: a withdrawal stands.")
    same = {Word.WITHDRAWN: ConsentState.WITHDRAWN, Word.GRANTED: ConsentState.EXPRESS}.get(Word(row.word))
    if same and row.from_state == row.to_state == same and row.basis != Basis.IMPLIED:
        return _("Recorded once more; it held already.")
    if row.basis == Basis.IMPLIED and row.to_state == ConsentState.EXPRESS:
        return _("Express consent held already, and holds without it.")
    return ""


def _glyph(row: ConsentHistory, void: int | None) -> str:
    if void is not None or row.says == Says.VOID:
        return "void"
    if late(row) or too_light(row):
        return "late" if late(row) else "na"
    return {Says.NO: "no", Says.YES: "ok"}.get(Says(row.says), "plus")


def form_names(rows: Sequence[ConsentHistory], project: Project) -> dict[str, str]:
    """The forms by which entries came, by the number that their evidence names."""
    numbers = {evidence_of(row).get("form") for row in rows}
    known = [number for number in numbers if isinstance(number, int) and number < 2**31]
    if not known:
        return {}
    found = Form.objects.filter(project=project, pk__in=known).values_list("pk", "name")
    return {str(number): name for number, name in found}


def evidence_of(row: ConsentHistory) -> dict[str, Any]:
    """What was kept as proof of an entry; empty where nothing was, or where it is erased."""
    detail = getattr(row, "detail", None)
    return detail.evidence if detail and isinstance(detail.evidence, dict) else {}


def _source(row: ConsentHistory, evidence: dict[str, Any], forms: dict[str, str]) -> str:
    parts = [source_of(row, evidence)]
    if evidence.get("form"):
        number = str(evidence["form"])
        told = {"form": forms.get(number, number), "version": evidence.get("version", "")}
        parts.insert(0, _("form “%(form)s”, version %(version)s") % told)
    if row.repeats:
        parts.append(_("said of a merged contact in entry %(number)s") % {"number": row.repeats})
    return ", ".join(part for part in parts if part)
