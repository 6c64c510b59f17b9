"""All components in all their states on one page, for those who build pages. Mounted in development only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from contacts.access import Access
from contacts.forms.base import ChangeForm, DayField, TextField
from contacts.models import Contact, ErasureReceipt, ImportRow, Organization, Project, User
from contacts.selectors.entries import METHOD_ICONS, EntryInWords
from contacts.selectors.import_rows import Difference, ReasonInWords, RowInWords
from contacts.selectors.imports import LeftAlone, OutcomeInWords
from contacts.vocabulary import ActorKind, Channel, Method, Role

A_DAY = datetime(2026, 11, 19, 14, 7, tzinfo=UTC)
HERE = "#main"
VERDICTS = (("ok", "Yes"), ("no", "Opted out"), ("you", "Yes, not by you"), ("na", "No device"))
REASONS = (
    ("May be sent to", 81_204), ("Inactive", 9_120), ("No address", 4_410), ("Not valid", 1_204),
    ("Quarantined", 818), ("Suppressed", 402), ("Opted out", 2_842), ("No consent", 0),
)  # fmt: skip


class PatternForm(ChangeForm):
    """Every kind of field that forms use."""

    name = TextField(max_length=100, label="Name", help_text="As it stands on their letters.")
    note = TextField(max_length=500, several_lines=True, required=False, label="Note")
    day = DayField(label="Date of the request")
    channel = forms.ChoiceField(choices=Channel, label="Channel")
    reason = forms.ChoiceField(
        choices=[("verbal", "They asked by word of mouth"), ("written", "They asked in writing")],
        widget=forms.RadioSelect, label="Reason", help_text="What they said, not what you think.",
    )  # fmt: skip
    channels = forms.MultipleChoiceField(choices=Channel, widget=forms.CheckboxSelectMultiple, label="Channels")
    sure = forms.BooleanField(label="They asked for it themselves", help_text="Then the receipt says so.")


def an_entry(number: int, glyph: str, title: str, **more: Any) -> EntryInWords:
    """A made-up entry; ``more`` are fields of EntryInWords."""
    method = more.pop("method", Method.MANUAL)
    at = A_DAY - timedelta(hours=48_213 - number)
    texts = dict.fromkeys(
        ("detail", "note", "source", "late", "confirmed", "voided", "contact_name", "contact_key", "contact_url"), ""
    )
    fields: dict[str, Any] = {
        **texts, "id": number, "occurred_at": at, "recorded_at": at, "glyph": glyph, "title": title, "method": method,
        "method_label": str(Method(method).label), "method_icon": METHOD_ICONS[Method(method)],
        "actor_label": "Daniel Okafor", "weight_label": "The person's word, written down", "dated": None,
        "entry_url": f"#entry-{number}", "may_undo": False, "how": "by hand",
    }  # fmt: skip
    return EntryInWords(**{**fields, **more})


def made_up_entries() -> list[EntryInWords]:
    """One entry of each kind."""
    named = {"contact_name": "Amélie Gagnon-Roy", "contact_key": "HM-204817", "contact_url": HERE}
    return [
        an_entry(48213, "no", "Deactivated", method=Method.OPT_OUT_LINK, actor_label="the contact",
                 source="Winter at the museum", message="Winter at the museum", how="with a link", **named),
        an_entry(48190, "ok", "Activated", note="By telephone. Ticket 5521", may_undo=True, **named),
        an_entry(48122, "late", "Opted out of SMS", method=Method.SMS, dated=A_DAY - timedelta(days=90),
                 late="Kept, and changed nothing: a later word is newer.", **named),
        an_entry(47990, "void", "Deactivated", voided="Taken back by entry 47991.", **named),
        an_entry(47801, "no", "Email address suppressed", method=Method.SPAM_REPORT, address="amelie@example.org"),
        an_entry(47777, "no", "Deactivated", confirmed="Inactive already: confirmed.", method=Method.API, **named),
        an_entry(46000, "plus", "Email address changed", detail="amelie@example.org → a.roy@example.org",
                 method=Method.IMPORT, source="members.csv, line 12", contact_erased=True),
    ]  # fmt: skip


def made_up_channels() -> list[dict[str, Any]]:
    """A channel that is open, one that is blocked, one that the user may not use, one without an address."""
    met = {"key": "active", "met": True, "label": "Active", "cause": "Since 14 May 2019", "entry": 112}
    fails = {
        "key": "opted_out",
        "met": False,
        "label": "Opted out of SMS",
        "cause": "STOP, 2 March 2026",
        "entry": 48122,
    }
    bare = {"key": "address", "met": False, "label": "No device", "cause": "", "entry": None}
    actions = [{"label": "Record an opt-out", "url": HERE}]
    return [
        {"channel_label": "Email", "address": "amelie@example.org", "glyph": "ok", "word": "Yes", "open": False,
         "conditions": [met], "actions": actions, "hint": "Opting out stops this channel alone."},
        {"channel_label": "SMS", "address": "+1 418 555 0137", "glyph": "no", "word": "Opted out", "open": True,
         "conditions": [met, fails]},
        {"channel_label": "Email", "address": "a-very-long-address-of-an-association@example.org", "glyph": "grey",
         "word": "Yes, not by you", "open": False, "conditions": [met]},
        {"channel_label": "Push", "address": "", "glyph": "na", "word": "No device", "open": True,
         "conditions": [bare]},
    ]  # fmt: skip


def made_up_import() -> dict[str, Any]:
    """What an import's check shows."""
    rows = {"created": 1_204, "updated": 3_880, "unchanged": 38_440, "rejected": 47}
    city = Difference("City", "Québec", "Lévis")
    return {
        "outcomes": [OutcomeInWords(key, key.capitalize(), number) for key, number in rows.items()],
        "examples": {
            "created": [RowInWords(12, "HM-210004", "Ines Carvalho")],
            "updated": [RowInWords(31, "HM-204817", "", HERE, (city,))] * 2,
            "rejected": [RowInWords(608, "", "", error="email: This is not an address.")],
        },
        "rejections": [
            ReasonInWords("invalid_address", "Not an address that can be written to", 46,
                          ImportRow(line=608, error="email: This is not an address.")),
            ReasonInWords("duplicate", "The same contact stands in the file twice", 1, None),
        ],
        "left_alone": [LeftAlone("Stay inactive", 312, "Deactivated earlier. An import never activates."),
                       LeftAlone("Stay suppressed", 14, "The address is on the suppression list.")],
        "imported": {"import_label": "Import members.csv, line 12", "import_url": HERE},
    }  # fmt: skip


@login_not_required
@require_safe
def patterns(request: HttpRequest) -> HttpResponse:
    """Asks the database for nothing: project, user, contact and entries are made up."""
    organization = Organization(name="Harbour Museum", slug="harbour-museum")
    project = Project(organization=organization, name="Members and visitors", slug="pattern")
    user = User(name="Ngozi Adeyemi", email="ngozi@example.org")
    access = Access(project, user, Role.ADMIN, False, True, True, frozenset(Channel.values))
    contact = Contact(pk=1, project=project, key="HM-204817", first_name="Amélie", last_name="Gagnon-Roy")
    wrong = PatternForm({"name": "A\x00B", "day": "yesterday", "channel": "fax"}, prefix="wrong", auto_id="wrong_%s")
    receipts = [
        ErasureReceipt(pk=7, project=project, erased_at=A_DAY, actor_label="Ngozi Adeyemi", actor_kind=ActorKind.USER,
                       requested_by_contact=asked, blocks_kept=blocks)
        for asked, blocks in ((True, 2), (False, 0))
    ]  # fmt: skip
    levels = ((constants.SUCCESS, "Saved."), (constants.WARNING, "Two rows were left out."),
              (constants.ERROR, "Nothing was changed."))  # fmt: skip
    entries = made_up_entries()
    groups = [
        {"number": 1, "words": "Inactive already.", "first": [contact], "more": 0, "keys": ["HM-204817"]},
        {"number": 1_204, "words": "Opted out themselves. Only an admin may activate them.", "first": [contact],
         "more": 1_203, "keys": ["HM-204817", "HM-204818"]},
    ]  # fmt: skip
    context = {
        "access": access, "project": project, "section": "overview", "contact": contact, "entries": entries,
        "made_up_messages": [Message(level, text) for level, text in levels],
        "channels": made_up_channels(), "receipts": receipts, "cause": entries[0],
        "groups": groups, "selection": {"ids": (1, 2), "missing": 3, "query": "status=active", "numbers": "1,2"},
        "no_selection": {"ids": ()},
        "form": PatternForm(auto_id="form_%s"), "wrong": wrong,
        "verdicts": [{"glyph": glyph, "word": word} for glyph, word in VERDICTS],
        "lines": [{"text": "Opted out of SMS by replying STOP", "message": "Spring offers", "entry": 48122}],
        "seals": ["ok", "no", "grey", "late", "plus", "void", "na"],
        "parts": [{"label": label, "number": number, "css_class": f"c{place}", "kind": "" if place else "c0"}
                  for place, (label, number) in enumerate(REASONS)],
        "numbers": [number for _label, number in REASONS],
        "whole": 100_000, "months": [3, 5, 2, 4, 41, 6, 5, 3, 2, 5, 4, 6], "years": [0, 12, 15],
        "stats": [{"label": "Contacts", "value": "100,000", "note": "81.2 % may be sent an email", "url": HERE},
                  {"label": "Inactive", "value": "9,120"}],
        "facts": [{"label": "Key", "value": "HM-204817"}, {"label": "Came from", "value": "members.csv", "url": HERE,
                                                           "icon_name": "upload"}],
        "tabs": [{"label": "History", "count": 1_204, "url": HERE, "current": True},
                 {"label": "Orders", "count": 100, "more": True, "url": "#orders"},
                 {"label": "Notes", "url": "#notes"}],
        "chips": [{"label": "Inactive", "remove_url": HERE}, {"label": "Since 1 March 2026", "remove_url": HERE}],
        "steps": [{"label": "Upload", "state": "done"}, {"label": "Check", "state": "current"},
                  {"label": "Import", "state": "later"}],
        "as_of": A_DAY, "here": HERE, **made_up_import(),
    }  # fmt: skip
    return render(request, "patterns.html", context)
