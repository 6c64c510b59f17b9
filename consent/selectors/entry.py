"""One entry of the opt-in history in facts: what was said, whose word it is, and its proof."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from consent.models import ConsentHistory
from consent.selectors.entries import evidence_of, form_names, implied
from consent.vocabulary import Basis, ConsentState, Word
from contacts.access import Access
from contacts.dates import clock, long_day
from contacts.selectors.entries import EntryInWords
from contacts.selectors.entry import EntryFacts, Fact
from contacts.vocabulary import ActorKind, AuthorizationSource, Channel, Method, Reason, Says, Weight


def facts_of(row: ConsentHistory, words: EntryInWords, access: Access) -> EntryFacts:
    """The facts of an entry that was read with its detail and type. Empty ones are left out."""
    return EntryFacts(
        _outcome(row, words),
        _given(_happened(row, words, access)),
        _given(_word(row, words)),
        _given(_evidence(row, words, access)),
    )


def _given(facts: list[Fact]) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts if fact.value)


def _outcome(row: ConsentHistory, words: EntryInWords) -> str:
    if words.late or words.confirmed:
        return words.late or words.confirmed
    if not row.changed:
        return _("It changed nothing.")
    told = {"old": _state(row.from_state), "new": _state(row.to_state)}
    return _("From “%(old)s” to “%(new)s”.") % told


def _state(value: str) -> str:
    return str(ConsentState(value).label) if value else ""


def _happened(row: ConsentHistory, words: EntryInWords, access: Access) -> list[Fact]:
    place = [access.project.slug, row.contact_id]
    void = ConsentHistory.objects.filter(voids=row.pk).values_list("pk", flat=True).first() if words.voided else None
    shown = words.contact_name
    if words.contact_name != words.contact_key:
        shown = f"{words.contact_name} ({words.contact_key})"
    return [
        Fact(_("Contact"), shown, words.contact_url),
        Fact(_("Communication type"), row.communication_type.name_in()),
        Fact(_("Channel"), str(Channel(row.channel).label)),
        Fact(_("Basis"), str(Basis(row.basis).label) if row.basis else ""),
        Fact(_("Implied"), implied(row)),
        Fact(_("Before"), _state(row.from_state)),
        Fact(_("After"), _state(row.to_state)),
        Fact(_("Happened"), _moment(row.occurred_at)),
        Fact(_("Recorded"), _moment(row.recorded_at)),
        Fact(_("Requested on"), _day(row.requested_on)),
        _other(_("Takes back"), row.voids if row.word == Word.VOID else None, place),
        _other(_("Says anew"), row.repeats, place),
        _other(_("Taken back by"), void, place),
    ]


def _other(label: str, number: int | None, place: list[Any]) -> Fact:
    """Another entry of the same history; one of a merged contact is found under the one who stayed."""
    if not number:
        return Fact(label, "")
    return Fact(label, _("entry %(number)d") % {"number": number}, reverse("consent:entry", args=[*place, number]))


def _word(row: ConsentHistory, words: EntryInWords) -> list[Fact]:
    detail = getattr(row, "detail", None)
    source = AuthorizationSource(row.authorization_source).label if row.authorization_source else ""
    kinds = {ActorKind.USER: _("user"), ActorKind.TOKEN: _("API token"), ActorKind.IMPORT: _("import")}
    kind = kinds.get(ActorKind(row.actor_kind))
    by = f"{words.actor_label} ({kind})" if kind and row.actor_label else words.actor_label
    return [
        Fact(_("How"), str(Method(row.method).label), icon_name=words.method_icon),
        Fact(_("By"), by),
        Fact(_("Whose word"), str(Weight(row.weight).label) if row.says in (Says.NO, Says.YES) else ""),
        Fact(_("Reason"), str(Reason(row.reason).label) if row.reason else ""),
        Fact(_("Authorization"), str(source)),
        Fact(_("Authorization of"), _day(row.authorization_on)),
        Fact(_("Where it can be found"), detail.authorization_reference if detail else ""),
        Fact(_("Counts from"), _moment(row.word_at) if row.word_at and row.word_at != row.occurred_at else ""),
        Fact(_("Note"), detail.note if detail else ""),
    ]


def _evidence(row: ConsentHistory, words: EntryInWords, access: Access) -> list[Fact]:
    kept = dict(evidence_of(row))
    if "form" in kept:
        kept["form"] = form_names([row], access.project).get(str(kept["form"]), kept["form"])
    labels = {
        "wording": _("Wording shown"), "language": _("In the language"), "form": _("Form"), "version": _("Version"),
        "page": _("Page"), "message": _("Message"), "ip": _("IP address"), "user_agent": _("Browser"),
        "confirmed_page": _("Page of the confirmation"), "confirmed_ip": _("IP address of the confirmation"),
        "confirmed_user_agent": _("Browser of the confirmation"), "file": _("File"), "line": _("Line"),
        "report": _("Report"),
    }  # fmt: skip
    order = [*labels, *(name for name in kept if name not in labels)]
    found = [Fact(labels.get(name, name), str(kept[name])) for name in order if kept.get(name) not in (None, "")]
    came_from = Fact(_("Import"), words.import_label, words.import_url)
    return [came_from, *found, Fact(_("Number of the request"), str(row.request_id))]


def _moment(moment: datetime) -> str:
    return f"{long_day(moment)}, {clock(moment, seconds=True)}"


def _day(day: date | None) -> str:
    return long_day(day) if day else ""
