"""Forms for a project's own tables, and for the rows of a contact in them."""

from __future__ import annotations

from collections.abc import Iterator

from django import forms
from django.forms.boundfield import BoundField
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.errors import RegisterError
from contacts.forms.base import ChangeForm, RegisterForm, TextField
from contacts.models import RelationalRow, RelationalTable
from contacts.services.relational import VALUE_LENGTH, as_text, columns_digest, row_digest
from contacts.services.relational_tables import (
    LABEL_LENGTH,
    MOST_COLUMNS,
    NAME_LENGTH,
    Column,
    columns_of,
    definition_digest,
)

EMPTY_COLUMNS, COLUMNS_OF_A_NEW_TABLE = 3, 6
_PLACE = gettext_lazy("Enter a number from 1 to 99.")


class TableForm(RegisterForm):
    """A table's name and its columns. A column whose name is cleared goes; one that is not sent stays as it is."""

    name = TextField(
        label=gettext_lazy("Name"),
        max_length=NAME_LENGTH,
        error_messages={"required": gettext_lazy("Enter a name, for example “Orders”.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    digest = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)
    confirmed = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(self, data: QueryDict | None = None, *, table: RelationalTable | None = None) -> None:
        self.table = table
        held = columns_of(table) if table else []
        slots = {f"of_{column.key}": column for column in held}
        initial = {"name": table.name, "digest": definition_digest(table)} if table else {}
        for place, (slot, column) in enumerate(slots.items(), start=1):
            initial |= {f"label_{slot}": column.label, f"place_{slot}": str(place)}
        if data is not None:
            data = data.copy()
            for name in (name for name in initial if name.startswith(("label_", "place_"))):
                if name not in data:
                    data[name] = initial[name]
        super().__init__(data, initial=initial)
        self.slots = slots | {f"new_{number}": Column("") for number in range(self._room(len(held)))}
        for number, slot in enumerate(self.slots, start=1):
            self.fields[f"label_{slot}"] = TextField(
                label=_("Column %(number)d") % {"number": number},
                max_length=LABEL_LENGTH,
                required=False,
                widget=forms.TextInput(attrs={"autocomplete": "off"}),
            )
            self.fields[f"place_{slot}"] = forms.IntegerField(
                label=_("Column %(number)d, place") % {"number": number},
                min_value=1,
                max_value=99,
                required=False,
                widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
                error_messages={"invalid": _PLACE, "min_value": _PLACE, "max_value": _PLACE},
            )

    def _room(self, held: int) -> int:
        """How many empty slots there are; a form that was sent has at least those that it was sent with."""
        room = EMPTY_COLUMNS if self.table else COLUMNS_OF_A_NEW_TABLE
        while self.is_bound and held + room < MOST_COLUMNS and f"label_new_{room}" in self.data:
            room += 1
        return max(min(room, MOST_COLUMNS - held), 0)

    @property
    def pairs(self) -> Iterator[tuple[BoundField, BoundField]]:
        for slot in self.slots:
            yield self[f"label_{slot}"], self[f"place_{slot}"]

    @property
    def columns(self) -> list[Column]:
        """The columns that the valid form names, by place; those without one stand at the end."""
        values = self.cleaned_data
        named = [
            (self._order(slot), Column(values[f"label_{slot}"], column.key))
            for slot, column in self.slots.items()
            if values[f"label_{slot}"]
        ]
        return [column for _order, column in sorted(named, key=lambda pair: pair[0])]

    def _order(self, slot: str) -> tuple[int, int]:
        """Its place; who moves to the place of another one stands before it coming from below, else behind it."""
        before = int(self.initial.get(f"place_{slot}", 100))
        place = self.cleaned_data[f"place_{slot}"] or 100
        return place, (place > before) - (place < before)

    def ask(self, confirmed: str) -> None:
        """Take note of what goes, so that sending the form once more confirms it."""
        self._send_anew(confirmed=confirmed)

    def show_anew(self, table: RelationalTable) -> None:
        """Take note of the table as it is now, so that saving once more means this one."""
        self._send_anew(digest=definition_digest(table), confirmed="")

    def _send_anew(self, **values: str) -> None:
        self.data = {**{name: self.data[name] for name in self.data}, **values}


class RemovalForm(RegisterForm):
    """The confirmation of a removal: the digest of what was shown."""

    digest = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)


class RowForm(ChangeForm):
    """The values of a row, column by column. With ``row`` it changes that one, else it adds one."""

    digest = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(self, data: QueryDict | None = None, *, table: RelationalTable, row: RelationalRow | None = None):
        self.keys = [column.key for column in columns_of(table)]
        initial = {"digest": row_digest(row) if row else columns_digest(table)}
        super().__init__(data, initial=initial | values_of(row))
        for column in columns_of(table):
            value = self.initial.get(_field(column.key), "")
            self.fields[_field(column.key)] = TextField(
                label=column.label,
                max_length=VALUE_LENGTH,
                required=False,
                several_lines=True,
                widget=forms.Textarea(attrs={"rows": 1 + value.count("\n"), "autocomplete": "off"}),
            )

    @property
    def values(self) -> list[BoundField]:
        return [self[_field(key)] for key in self.keys]

    @property
    def typed(self) -> dict[str, str]:
        """What the valid form says, by column key."""
        return {key: self.cleaned_data[_field(key)] for key in self.keys}

    def refuse(self, error: RegisterError) -> None:
        self.add_error(_field(error.field) if error.field in self.keys else None, str(error))

    def show_anew(self, digest: str) -> None:
        """Take note of what is there now, so that saving once more means it."""
        self.data = {**{name: self.data[name] for name in self.data}, "digest": digest}

    def differences(self, row: RelationalRow) -> list[tuple[str, str]]:
        """Label and present value of each column that holds something else than what was typed."""
        now = values_of(row)
        shown = ((str(field.label), now.get(field.name, ""), field.value() or "") for field in self.values)
        return [(label, present) for label, present, typed in shown if present != typed.replace("\r\n", "\n")]


def values_of(row: RelationalRow | None) -> dict[str, str]:
    """The values to start a RowForm with."""
    return {_field(column.key): as_text(row.values.get(column.key)) for column in columns_of(row.table)} if row else {}


def _field(key: str) -> str:
    return f"column_{key}"
