"""Saying how a file is read, what its rows are, and what each column is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.forms.utils import flatatt
from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.csv_columns import check_targets
from contacts.csv_reading import DELIMITERS, ENCODINGS
from contacts.extension_points import Text, import_columns
from contacts.forms.base import DayField, RegisterForm, TextField
from contacts.forms.settings import countries
from contacts.models import Project, RelationalTable
from contacts.models.imports import ImportKind, ImportMode
from contacts.selectors.imports import DELIMITERS as DELIMITER_NAMES
from contacts.services.imports.jobs import EVERYWHERE, HERE
from contacts.tables import MAX_NAME, Reading, Table, clean_name
from contacts.vocabulary import Channel, Reason

LAST_HEADER = 10
ENCODING_NAMES = {
    "utf-8": "UTF-8", "cp1252": "Windows-1252", "utf-16": "UTF-16", "utf-16-le": "UTF-16 LE", "utf-16-be": "UTF-16 BE",
    "iso8859-1": "Latin-1", "iso8859-15": "Latin-9", "cp1250": "Windows-1250", "mac-roman": "Mac Roman",
}  # fmt: skip

KINDS: tuple[tuple[str, Text], ...] = (
    (ImportKind.CONTACTS, gettext_lazy("Contacts: each row adds somebody, or updates who has its key")),
    (ImportKind.OPT_OUTS, gettext_lazy("Opt-outs: each row says no to being written to at its addresses")),
    (
        ImportKind.SUPPRESSIONS,
        gettext_lazy("Addresses to suppress: nothing is sent to them any more, whoever has them"),
    ),
)
MODES: tuple[tuple[str, Text], ...] = (
    (ImportMode.ADD_AND_UPDATE, gettext_lazy("Add and update: new contacts are added, known ones updated")),
    (ImportMode.ADD, gettext_lazy("Add only: known contacts stay as they are")),
    (ImportMode.UPDATE, gettext_lazy("Update only: nobody is added")),
    (ImportMode.REPLACE, gettext_lazy("Replace the list: the same, and whoever is not in the file is deactivated")),
)
REASONS: tuple[tuple[str, Text], ...] = (
    (Reason.WRITTEN_REQUEST, gettext_lazy("They asked for it in writing, or with a link or form of another tool")),
    (Reason.VERBAL_REQUEST, gettext_lazy("They asked for it by word of mouth")),
    (Reason.COMPLAINT, gettext_lazy("They reported messages as spam")),
    (Reason.OTHER, gettext_lazy("It is our own decision, for example after bounces")),
)


class ReadingForm(RegisterForm):
    """How a file is read. What stays empty is found out."""

    encoding = forms.ChoiceField(
        label=gettext_lazy("Encoding"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose an encoding of the list.")},
        choices=[("", gettext_lazy("Find out")), *((name, ENCODING_NAMES.get(name, name)) for name in ENCODINGS)],
    )
    delimiter = forms.TypedChoiceField(
        label=gettext_lazy("Cells are separated by"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose a delimiter of the list.")},
        choices=[
            ("", gettext_lazy("Find out")),
            *(("tab" if sign == "\t" else sign, DELIMITER_NAMES[sign]) for sign in DELIMITERS),
        ],
        coerce=lambda value: "\t" if value == "tab" else value,
        empty_value="",
    )
    header = forms.TypedChoiceField(
        label=gettext_lazy("Names of the columns"),
        required=False,
        coerce=int,
        empty_value=None,
        error_messages={"invalid_choice": gettext_lazy("Choose a line of the list.")},
    )
    sheet = forms.CharField(label=gettext_lazy("Sheet"), required=False, max_length=200)

    def __init__(self, *args: Any, table: Table | None = None, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        last = LAST_HEADER
        if table is not None:
            last = max(last, table.reading.header or 0)
        header = self.fields["header"]
        assert isinstance(header, forms.ChoiceField)
        header.choices = [
            ("", _("Find out")),
            ("0", _("The file has none")),
            *((str(line), _("On line %(line)d") % {"line": line}) for line in range(1, last + 1)),
        ]
        if table is not None and table.sheets:
            names = list(table.sheets)
            self.fields["sheet"] = forms.ChoiceField(
                label=_("Sheet"),
                required=False,
                choices=[(name, name) for name in names],
                error_messages={"invalid_choice": _("Choose a sheet of the list.")},
            )

    @property
    def reading(self) -> Reading:
        """What the valid fields say."""
        given = getattr(self, "cleaned_data", {})
        return Reading(
            encoding=given.get("encoding") or "",
            delimiter=given.get("delimiter") or "",
            header=given.get("header"),
            sheet=given.get("sheet") or "",
        )


def as_typed(reading: Reading) -> dict[str, Any]:
    """A reading as the form's fields hold it."""
    return {
        "encoding": reading.encoding,
        "delimiter": "tab" if reading.delimiter == "\t" else reading.delimiter,
        "header": "" if reading.header is None else str(reading.header),
        "sheet": reading.sheet,
    }


def target_choices(tables: Sequence[RelationalTable], used: Sequence[str], project: Project) -> list[tuple[Any, Any]]:
    """What a column may be, in groups. Signs that other tools write are offered where the file has some."""
    channels = [(channel.value, str(channel.label)) for channel in Channel]
    everywhere = ("all", _("every channel"))
    groups: list[tuple[Any, Any]] = [
        ("attribute", _("Attribute of the contact")),
        ("skip", _("Leave out")),
        (_("Who it is"), [
            ("key", _("Key")), ("first_name", _("First name")), ("last_name", _("Last name")),
            ("full_name", _("First and last name")), ("language", _("Language")), ("notes", _("Notes")),
        ]),
        (_("Addresses"), [
            ("email", _("Email address")), ("sms", _("Number for SMS")), ("push", _("Push device")),
        ]),
        (_("Opt-outs"), [
            *((f"opt_out:{value}", _("Opted out of %(channel)s: yes or no") % {"channel": label})
              for value, label in (*channels, everywhere)),
            *((f"opt_out_on:{value}", _("Opted out of %(channel)s: when") % {"channel": label})
              for value, label in (*channels, everywhere)),
        ]),
        *((table.name, [(f"relational:{table.slug}:{column['key']}", column["label"]) for column in table.columns])
          for table in tables if table.columns),
        *((group.label, columns) for group in import_columns
          if (columns := [(f"{group.key}:{column.key}", column.label) for column in group.columns(project)])),
    ]  # fmt: skip
    more: list[tuple[str, Any]] = []
    if "attributes" in used:
        more.append(("attributes", _("Attributes as one JSON object")))
    if "status" in used:
        more.append(("status", _("Status: rows of people who left are rejected")))
    if "left" in used:
        more.append(("left", _("Sign that the person left")))
    if any(target.startswith("ours:") for target in used):
        more.append(("ours:status", _("Status in an export of ours")))
        more += [
            (f"ours:{value}", _("%(channel)s in an export of ours") % {"channel": name}) for value, name in channels
        ]
    return [*groups, (_("Other"), more)] if more else groups


class OneOfMany(forms.Select):
    """A choice whose options are written once for all columns: a file may have hundreds of them."""

    def __init__(self, options: str, choices: Sequence[tuple[Any, Any]]) -> None:
        super().__init__(choices=choices)
        self.written = options

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        attributes = flatatt({"name": name, **self.build_attrs(self.attrs, attrs)})
        chosen = str(conditional_escape("" if value is None else value))
        options = self.written.replace(f'value="{chosen}"', f'value="{chosen}" selected', 1)
        return SafeString(f"<select{attributes}>{options}</select>")


def written_options(choices: Sequence[tuple[Any, Any]]) -> str:
    """Choices, in groups or alone, as HTML."""
    found = []
    for value, label in choices:
        if isinstance(label, list):
            found.append(format_html('<optgroup label="{}">{}</optgroup>', value, SafeString(written_options(label))))
        else:
            found.append(format_html('<option value="{}">{}</option>', value, label))
    return "".join(found)


class ColumnsForm(RegisterForm):
    """What the rows of a file are, what they may do, and what each column is. ``asks_kind``: the file looks like a
    list of people who left, so what its rows are is not taken for granted."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What the rows are"),
        choices=KINDS,
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Say what the rows are."),
            "invalid_choice": gettext_lazy("Say what the rows are."),
        },
    )
    mode = forms.ChoiceField(
        label=gettext_lazy("What the import may do"),
        choices=MODES,
        widget=forms.RadioSelect,
        initial=ImportMode.ADD_AND_UPDATE,
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose one of these.")},
    )
    dated = DayField(
        label=gettext_lazy("Date of the list"),
        required=False,
        help_text=gettext_lazy("When it was exported. Contacts who came later are left alone."),
    )
    reason = forms.ChoiceField(
        label=gettext_lazy("Why"),
        choices=REASONS,
        widget=forms.RadioSelect,
        required=False,
        help_text=gettext_lazy("It decides who may lift it again."),
        error_messages={"invalid_choice": gettext_lazy("Say why.")},
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("Holds in"),
        choices=[
            (HERE, gettext_lazy("This project")), (EVERYWHERE, gettext_lazy("The whole organization")),
        ],
        widget=forms.RadioSelect,
        initial=HERE,
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose one of these.")},
    )  # fmt: skip
    country = forms.ChoiceField(
        label=gettext_lazy("Country of national phone numbers"),
        choices=countries,
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose a country of the list.")},
    )
    day_first = forms.BooleanField(
        label=gettext_lazy("In dates like 01/03/2026 the day comes first"),
        required=False,
        help_text=gettext_lazy("Otherwise such a row is rejected, where the date could be two."),
    )

    def __init__(
        self,
        *args: Any,
        columns: Sequence[str],
        guessed: Sequence[str],
        tables: Sequence[RelationalTable],
        project: Project,
        may_suppress_everywhere: bool,
        asks_kind: bool,
        **particulars: Any,
    ) -> None:
        super().__init__(*args, **particulars)
        self.columns = list(columns)
        self.asks_kind = asks_kind
        if not may_suppress_everywhere:
            del self.fields["scope"]
        choices = target_choices(tables, guessed, project)
        options = written_options(choices)
        for place, (name, guess) in enumerate(zip(columns, guessed, strict=True)):
            kind, _colon, own_name = guess.partition(":")
            is_named = kind == "attribute" and bool(own_name)
            self.fields[f"target-{place}"] = forms.ChoiceField(
                label=name,
                choices=choices,
                widget=OneOfMany(options, choices),
                initial="attribute" if is_named else guess,
                error_messages={
                    "required": _("Say what this column is."),
                    "invalid_choice": _("Say what this column is."),
                },
            )
            self.fields[f"name-{place}"] = TextField(
                label=_("Name of the attribute"),
                max_length=MAX_NAME,
                required=False,
                initial=own_name if is_named else name,
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind = cleaned.get("kind")
        if kind and kind != ImportKind.CONTACTS and not cleaned.get("reason") and "reason" not in self.errors:
            self.add_error("reason", _("Say why, for example that they asked for it in writing."))
        day: date | None = cleaned.get("dated")
        if day and day > timezone.localdate():
            self.add_error("dated", _("This date is in the future. Enter today’s date or an earlier one."))
        return cleaned

    def check_targets(self) -> None:
        """Raises UnfitColumns, an UnreadableFile."""
        check_targets(self.columns, self.targets, kind=self.cleaned_data["kind"])

    @property
    def targets(self) -> list[str]:
        """What each column is, as it was chosen."""
        found = []
        for place, column in enumerate(self.columns):
            target, name = self.cleaned_data[f"target-{place}"], clean_name(self.cleaned_data[f"name-{place}"])
            found.append(f"attribute:{name}" if target == "attribute" and name and name != column else target)
        return found

    @property
    def chosen_mode(self) -> str:
        return str(self.cleaned_data.get("mode") or ImportMode.ADD_AND_UPDATE)

    @property
    def options(self) -> dict[str, Any]:
        """What else the reading of the rows depends on."""
        given = self.cleaned_data
        options: dict[str, Any] = {"country": given["country"], "day_first": given["day_first"]}
        if given["kind"] == ImportKind.CONTACTS:
            options["as_contacts"] = self.asks_kind
        else:
            options["reason"] = given["reason"]
        if given["kind"] == ImportKind.SUPPRESSIONS:
            options["scope"] = given.get("scope") or HERE
        return options

    @property
    def day_of_list(self) -> date | None:
        """The day of the list, which counts for a replacement alone."""
        is_replacement = self.cleaned_data["kind"] == ImportKind.CONTACTS and self.chosen_mode == ImportMode.REPLACE
        day: date | None = self.cleaned_data.get("dated")
        return day if is_replacement else None

    def column_fields(self) -> list[tuple[BoundField, BoundField]]:
        """For each column the field that says what it is, and that of the attribute's name."""
        return [(self[f"target-{place}"], self[f"name-{place}"]) for place in range(len(self.columns))]
