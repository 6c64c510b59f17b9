"""Which contacts a set of filters means: one definition for the list, the export and what is done to all that match."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import BigIntegerField, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.utils.translation import gettext as _

from contacts.dates import short_day
from contacts.eligibility import Question, eligible, failing
from contacts.forms.contacts import ACTIVE, BY_CHANGE, BY_NAME, SENDABLE, ContactFilterForm, reason_choices
from contacts.models import ChannelStatus, Contact, Project, StatusHistory
from contacts.models.contact import ContactQuerySet
from contacts.moments import end_of_day, start_of_day
from contacts.selectors.blocks import readings
from contacts.selectors.search import search
from contacts.vocabulary import Channel, Method

ORDERS = {BY_NAME: ("last_name", "first_name", "id"), BY_CHANGE: ("-last_entry_at", "-id")}
FILTERS = ("q", "status", "reason", "method", "changed_from", "changed_to")


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force, in words, and the query string of the list without it."""

    name: str
    label: str
    query: str

    @property
    def remove_url(self) -> str:
        return f"?{self.query}"


@dataclass(frozen=True, slots=True)
class ContactFilter:
    """Filters as they were asked for. Where one of them means nothing, ``errors`` says so and nobody matches.

    ``query`` is the query string that asks for the same again, ``names`` the filters in it without values.
    """

    form: ContactFilterForm
    contacts: ContactQuerySet
    chips: tuple[Chip, ...]
    order: str
    query: str

    @property
    def errors(self) -> Any:
        return self.form.errors

    @property
    def names(self) -> list[str]:
        return [chip.name for chip in self.chips]

    @property
    def order_by(self) -> tuple[str, ...]:
        return ORDERS[self.order]


def filtered_contacts(project: Project, query: QueryDict) -> ContactFilter:
    """The contacts of the project that the filters in a query string mean. Without filters: all of them.

    The queryset has no order and carries no annotations. Changed from and until are days in the project's
    time zone. What is not a filter is passed over.
    """
    form = ContactFilterForm(query)
    if not form.is_valid():
        return ContactFilter(form, Contact.objects.none(), (), BY_NAME, query.urlencode())
    values = {name: form.cleaned_data[name] for name in FILTERS if form.cleaned_data[name]}
    contacts = search(project, values["q"]) if "q" in values else Contact.objects.in_project(project)
    for name, narrow in _NARROWED_BY.items():
        if name in values:
            contacts = narrow(contacts, project, values[name])
    order = form.cleaned_data["order"] or BY_NAME
    chips = tuple(Chip(name, _label(name, value), _query(values, order, but=name)) for name, value in values.items())
    return ContactFilter(form, contacts, chips, order, _query(values, order))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a program looks for. ``key`` and ``address`` are whole, ``text`` is what the list's search takes.

    ``reason`` is SENDABLE or the key of a condition that they fail, on ``channel``, or on any where that is empty.
    ``channel`` without a reason asks for an address there.
    """

    key: str = ""
    address: str = ""
    channel: str = ""
    text: str = ""
    status: str = ""
    reason: str = ""
    method: str = ""
    changed_from: date | None = None
    changed_to: date | None = None


def contacts_wanted(project: Project, wanted: Wanted) -> ContactQuerySet:
    """The contacts of the project who are looked for, without an order: the filters of the list, and exact ones.

    The key or an old address of who was merged finds the one whom they were merged into. Raises InvalidAddress.
    """
    contacts = search(project, wanted.text) if wanted.text else Contact.objects.in_project(project)
    if wanted.key:
        person = Coalesce("merged_into_id", "pk", output_field=BigIntegerField())
        of_key = Contact.objects.ever_in_project(project).filter(key=wanted.key).values_list(person)
        contacts = contacts.filter(pk__in=of_key)
    if wanted.address:
        contacts = contacts.filter(pk__in=_holders(project, wanted.address, wanted.channel))
    elif wanted.channel and not wanted.reason:
        there = ChannelStatus.objects.filter(contact=OuterRef("pk"), channel=wanted.channel).with_address()
        contacts = contacts.filter(Exists(there))
    if wanted.reason:
        channels = [wanted.channel] if wanted.channel else Channel.values
        found = Q()
        for channel in channels:
            found |= Q(_has_reason(channel, wanted.reason))
        contacts = contacts.filter(found)
    for name in ("status", "method", "changed_from", "changed_to"):
        if value := getattr(wanted, name):
            contacts = _NARROWED_BY[name](contacts, project, value)
    return contacts


def _holders(project: Project, text: str, channel: str) -> list[int]:
    """Who has an address, on a channel or whichever it can be an address of."""
    addresses = readings(text, [channel] if channel else Channel.values, project.default_country)
    held = Q()
    for address in addresses:
        held |= Q(channel=address.channel, address_key=address.key)
    rows = ChannelStatus.objects.filter(held, project=project).order_by()
    return list(rows.values_list("contact_id", flat=True).distinct())


def _by_status(contacts: ContactQuerySet, project: Project, status: str) -> ContactQuerySet:
    return contacts.active() if status == ACTIVE else contacts.inactive()


def _by_reason(contacts: ContactQuerySet, project: Project, value: str) -> ContactQuerySet:
    """Asked of each contact by itself, so that no name of a state is taken for whoever asks on."""
    channel, _colon, reason = value.partition(":")
    return contacts.filter(_has_reason(channel, reason))


def _has_reason(channel: str, reason: str) -> Exists:
    question, itself = Question(channel), Contact.objects.filter(pk=OuterRef("pk"))
    found = eligible(itself, question) if reason == SENDABLE else failing(itself, question, reason)
    return Exists(found.order_by())


def newest_entry(field: str) -> Subquery:
    """A value of the last entry about the outer contact that was recorded."""
    entries = StatusHistory.objects.filter(contact=OuterRef("pk")).newest_first()
    return Subquery(entries.values(field)[:1])


def _by_method(contacts: ContactQuerySet, project: Project, method: str) -> ContactQuerySet:
    return contacts.alias(last_method=newest_entry("method")).filter(last_method=method)


def _from(contacts: ContactQuerySet, project: Project, day: Any) -> ContactQuerySet:
    return contacts.filter(last_entry_at__gte=start_of_day(day, project.zone))


def _until(contacts: ContactQuerySet, project: Project, day: Any) -> ContactQuerySet:
    return contacts.filter(last_entry_at__lte=end_of_day(day, project.zone))


_NARROWED_BY: dict[str, Callable[[ContactQuerySet, Project, Any], ContactQuerySet]] = {
    "status": _by_status,
    "reason": _by_reason,
    "method": _by_method,
    "changed_from": _from,
    "changed_to": _until,
}


def _label(name: str, value: Any) -> str:
    if name == "q":
        return _("“%(text)s”") % {"text": value}
    if name == "status":
        return _("Active") if value == ACTIVE else _("Inactive")
    if name == "reason":
        return next(label for _group, labels in reason_choices()[1:] for key, label in labels if key == value)
    if name == "method":
        return _("Changed by: %(method)s") % {"method": Method(value).label}
    words = _("Changed from %(day)s") if name == "changed_from" else _("Changed until %(day)s")
    return words % {"day": short_day(value)}


def _query(values: dict[str, Any], order: str, *, but: str = "") -> str:
    query = QueryDict(mutable=True)
    for name, value in values.items():
        if name != but:
            query[name] = value if isinstance(value, str) else value.isoformat()
    if order != BY_NAME:
        query["order"] = order
    return query.urlencode()


def found_without_other_filters(project: Project, chosen: ContactFilter) -> str:
    """The query string of the search alone, where other filters hide somebody whom it finds; else empty."""
    text = chosen.form.cleaned_data["q"]
    if not text or len(chosen.chips) < 2 or not search(project, text).exists():
        return ""
    return _query({"q": text}, chosen.order)
