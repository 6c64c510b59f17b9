"""Template tags of our pages: icons, dates and numbers as the product writes them, form controls in our look."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from lucide.templatetags.lucide import lucide

from contacts import dates

register = template.Library()

GLYPH_ICONS = {
    "ok": "check", "you": "check", "grey": "check", "no": "x", "late": "clock", "plus": "plus",
    "void": "undo-2", "na": "minus",
}  # fmt: skip
NOTICE_ICONS = {"warn": "triangle-alert", "no": "triangle-alert", "ok": "circle-check"}
CONTROL_CLASSES: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.CheckboxInput, "form-check-input"),
    (forms.RadioSelect, "form-check-input"),
    (forms.CheckboxSelectMultiple, "form-check-input"),
    (forms.Select, "form-select"),
    (forms.Widget, "form-control"),
)


@register.simple_tag
def icon(name: str) -> SafeString:
    """A lucide icon as inline SVG, hidden from screen readers."""
    return _drawing(str(name))


@cache
def _drawing(name: str) -> SafeString:
    return SafeString(lucide(name, size=16, **{"class": "icon", "aria-hidden": "true"}))


@register.filter
def glyph_icon(glyph: str) -> str:
    """The icon's name of a verdict's or an entry's glyph."""
    return GLYPH_ICONS[glyph]


@register.filter
def notice_icon(kind: str) -> str:
    """The icon's name of a notice of a kind (warn, no, ok, or none of these)."""
    return NOTICE_ICONS.get(kind, "info")


@register.filter
def day(value: date | datetime | None) -> str:
    """19 November 2026."""
    return dates.long_day(value) if value else ""


@register.filter
def short_day(value: date | datetime | None) -> str:
    """19 Nov 2026, for tables."""
    return dates.short_day(value) if value else ""


@register.filter
def long_day(value: date | datetime | None) -> str:
    """Thursday 19 November 2026, for headings of a day."""
    return dates.weekday(value) if value else ""


@register.filter
def clock(value: datetime | None) -> str:
    """14:07."""
    return dates.clock(value) if value else ""


@register.simple_tag
def this_moment() -> str:
    """19 November 2026, 14:07: when a page was read, for its print."""
    now = timezone.now()
    return f"{dates.long_day(now)}, {dates.clock(now)}"


@register.simple_tag
def colon() -> str:
    """The colon after a label; in French with a space before it."""
    return pgettext("after a label", ":")


@register.filter
def quoted(text: str) -> str:
    """A text in the quotation marks of the language."""
    return _("“%(text)s”") % {"text": text}


@register.filter
def number(value: int | None) -> str:
    """1,924; in French with a narrow space."""
    return "" if value is None else number_format(value, use_l10n=True, force_grouping=True)


@register.filter
def share(part: int, whole: int) -> str:
    """6.4 % with a space that does not break, of a whole that may be empty."""
    return f"{number_format(round(100 * part / whole, 1), decimal_pos=1)}\u00a0%" if whole else "–"


@register.filter
def percent(part: int, whole: int) -> str:
    """A width for a bar: 6.4%."""
    return f"{min(100 * part / whole, 100):.1f}%" if whole else "0%"


@register.filter
def breaking(address: str) -> SafeString:
    """An address that may go on in the next line before its @, and nowhere else if it can be helped."""
    return SafeString(conditional_escape(address).replace("@", "<wbr>@"))


@register.filter
def item(mapping: Any, key: Any) -> Any:
    """The value of a mapping under a key that a variable holds."""
    return mapping.get(key)


@register.filter
def control(field: BoundField) -> SafeString:
    """A form field's control with the classes of our look."""
    return field.as_widget(attrs={"class": control_class(field)})


@register.filter
def control_class(field: BoundField) -> str:
    """The classes of a form field's control."""
    widget = field.field.widget
    classes = [next(name for kind, name in CONTROL_CLASSES if isinstance(widget, kind))]
    if widget.attrs.get("class"):
        classes.append(widget.attrs["class"])
    if field.errors:
        classes.append("is-invalid")
    return " ".join(classes)


@register.filter
def is_tick(field: BoundField) -> bool:
    """Is the field one box to tick, whose label stands behind it?"""
    return isinstance(field.field.widget, forms.CheckboxInput)


@register.filter
def is_choice_list(field: BoundField) -> bool:
    """Is the field a list of boxes or buttons, which needs a legend?"""
    return isinstance(field.field.widget, forms.RadioSelect | forms.CheckboxSelectMultiple)
