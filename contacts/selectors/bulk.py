"""Many contacts at once: which were chosen, who of them an action would reach, who is left alone and why."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.access import Access
from contacts.addresses import normalise
from contacts.errors import InvalidAddress, RegisterError
from contacts.models import ChannelStatus, Contact, ErasureReceipt, Project, StatusHistory
from contacts.models.contact import ContactQuerySet
from contacts.origin import Authorization
from contacts.selectors.contacts import filtered_contacts
from contacts.selectors.entries import in_sentence
from contacts.services.authority import judge
from contacts.services.change import Skipped
from contacts.services.erasure import ErasurePreview, erasure_preview
from contacts.services.opt_outs import opt_out_gates
from contacts.services.status import noes_of, switch_gates
from contacts.vocabulary import Aspect, AuthorizationSource, Channel

FIRST = 20
AT_ONCE = 500
_NUMBER = re.compile(r"[0-9]{1,19}")
_SEPARATORS = re.compile(r"[,;\t]")


class FiltersMeanNothing(RegisterError):
    code = "filters_mean_nothing"


@dataclass(frozen=True, slots=True)
class Selection:
    """The contacts of a project that were chosen, by id. ``missing`` were asked for and are not in it, or no more.

    ``everything`` means all that match ``query``, a query string of the list, whoever they are by now.
    """

    ids: tuple[int, ...]
    missing: int = 0
    everything: bool = False
    query: str = ""

    @property
    def contacts(self) -> ContactQuerySet:
        return Contact.objects.filter(pk__in_set=list(self.ids))

    @property
    def numbers(self) -> str:
        """The ids as one field of a form, since a form may have 10,000 of them at most."""
        return ",".join(map(str, self.ids))

    def without(self, ids: Iterable[int]) -> Selection:
        left_out = set(ids)
        return Selection(tuple(number for number in self.ids if number not in left_out), 0, self.everything, self.query)


def selection_of(project: Project, sent: QueryDict) -> Selection:
    """Who is chosen by a form: ``contact`` repeated, ``contacts`` with ids between commas, or ``everything`` that
    matches ``filters``. Ids of other projects are not found. Raises FiltersMeanNothing."""
    query = sent.get("filters", "")
    if sent.get("everything"):
        chosen = filtered_contacts(project, QueryDict(query))
        if chosen.errors:
            raise FiltersMeanNothing(
                _("The filters of the list mean nothing."), remedy=_("Go back to the list and choose again.")
            )
        ids = sorted(chosen.contacts.order_by().values_list("pk", flat=True))
        return Selection(tuple(ids), everything=True, query=chosen.query)
    asked = {*sent.getlist("contact"), *sent.get("contacts", "").split(",")} - {""}
    numbers = {int(text) for text in asked if _NUMBER.fullmatch(text)}
    numbers = {number for number in numbers if number < 2**63}
    found = Contact.objects.in_project(project).filter(pk__in_set=sorted(numbers))
    ids = sorted(found.order_by().values_list("pk", flat=True))
    return Selection(tuple(ids), missing=len(asked) - len(ids), query=query)


@dataclass(frozen=True, slots=True)
class Group:
    """Some contacts: what is said of them, the first by name, and (once something is done) the keys of all."""

    words: str
    ids: tuple[int, ...]
    first: tuple[Contact, ...]
    keys: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        return len(self.ids)

    @property
    def more(self) -> int:
        return len(self.ids) - len(self.first)


def group(ids: Iterable[int], words: Any = "", *, with_keys: bool = False) -> Group:
    numbers = tuple(sorted(set(ids)))
    if not numbers:
        return Group(str(words), (), ())
    contacts = Contact.objects.filter(pk__in_set=list(numbers))
    first = tuple(contacts.order_by("last_name", "first_name", "pk")[:FIRST])
    keys = tuple(contacts.order_by("key").values_list("key", flat=True)) if with_keys else ()
    return Group(str(words), numbers, first, keys)


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom an action would reach, whom it may not, and who is there already (``idle``). ``digest`` stands for all
    of it; ``coverable`` are the opt-outs that an authorization could cover: channel and words, ``shown`` the noes
    that stand against an activation."""

    concerned: Group
    refused: tuple[Group, ...]
    idle: Group
    digest: str
    coverable: tuple[tuple[str, str], ...] = ()
    shown: str | None = None

    @property
    def skipped(self) -> list[Group]:
        return [found for found in (*self.refused, self.idle) if found.ids]


def _plan(concerned: Iterable[int], idle: Group, refused: Iterable[Skipped] = (), **more: Any) -> Plan:
    reached = group(concerned)
    groups = tuple(group(item.ids, item.error.message) for item in refused)
    left = [[found.ids for found in groups], idle.ids]
    content = json.dumps([reached.ids, left, more.get("coverable", ()), more.get("shown")])
    return Plan(reached, groups, idle, hashlib.sha256(content.encode()).hexdigest(), **more)


def deactivation_plan(selection: Selection) -> Plan:
    """A bulk action names its set: those who are still active. The others keep the reasons that they have."""
    active = set(selection.contacts.active().values_list("pk", flat=True))
    words = _("Inactive already. They stay inactive, for the reasons that they have.")
    return _plan(active, group(set(selection.ids) - active, words))


def activation_plan(selection: Selection, access: Access) -> Plan:
    """Whom the best authorization of this user would activate, by the judgement of the service itself."""
    inactive = selection.contacts.inactive()
    numbers = set(inactive.values_list("pk", flat=True))
    active = set(selection.ids) - numbers
    shown = noes_of(numbers)
    particulars: dict[str, Any] = {
        "origin": access.origin(),
        "authorization": _of_today(access),
        "zone": access.project.zone,
        "moment": timezone.now(),
    }
    judgement = judge(switch_gates(inactive), **particulars)
    opted_out = ChannelStatus.objects.filter(contact_id__in_set=judgement.may_open, opted_out=True)
    judged = judge(opt_out_gates(opted_out), **particulars)
    return _plan(
        judgement.may_open,
        group(active, _("Active already.")),
        judgement.skipped,
        coverable=tuple(_coverable(judged.may_open)),
        shown=shown,
    )


def _of_today(access: Access) -> Authorization:
    today = timezone.now().astimezone(access.project.zone).date()
    return Authorization(AuthorizationSource.OTHER, "", today)


def _coverable(rows: list[int]) -> Iterator[tuple[str, str]]:
    channels = list(ChannelStatus.objects.filter(pk__in_set=rows).order_by().values_list("channel", flat=True))
    for channel in Channel.values:
        if number := channels.count(channel):
            words = ngettext(
                "The authorization also covers %(number)d opt-out of %(channel)s",
                "The authorization also covers %(number)d opt-outs of %(channel)s",
                number,
            )
            yield channel, words % {"number": number, "channel": in_sentence(channel)}


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What an erasure of all of them would take, and what stays as fingerprints (channels in words)."""

    concerned: Group
    preview: ErasurePreview
    kept_anyway: str
    kept_on_request: str
    active: int

    @property
    def digest(self) -> str:
        return self.preview.digest


def deletion_plan(selection: Selection) -> DeletionPlan:
    preview = erasure_preview(selection.contacts)
    on_request = [channel for channel in preview.kept_on_request if channel not in preview.kept_channels]
    return DeletionPlan(
        group(selection.ids),
        preview,
        _in_words(preview.kept_channels),
        _in_words(on_request),
        selection.contacts.active().count(),
    )


def _in_words(channels: Iterable[str]) -> str:
    in_order = sorted(channels, key=Channel.values.index)
    return str(get_text_list([in_sentence(channel) for channel in in_order], _("and")))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request did: who changed, who was left alone and why. ``request_id`` finds its entries again."""

    request_id: uuid.UUID
    changed: Group
    skipped: tuple[Group, ...] = ()
    also: tuple[Group, ...] = ()
    deleted: int = 0

    @property
    def left(self) -> int:
        return sum(found.number for found in self.skipped)


def was_recorded(project: Project, request_id: uuid.UUID) -> bool:
    """Was this request carried out already? A second sending of its form then finds what the first one did."""
    return StatusHistory.objects.in_project(project).filter(request_id=request_id).exists()


def outcome_of(project: Project, request_id: uuid.UUID, left_alone: Iterable[tuple[Iterable[int], Any]]) -> Outcome:
    """What this request changed, by its entries; ``left_alone`` are ids with the words that say why.

    Somebody who was activated and whose opt-out stays is in ``also``, not in ``skipped``.
    """
    entries = StatusHistory.objects.in_project(project).filter(request_id=request_id, aspect=Aspect.ACTIVE)
    changed = {number for number in entries.values_list("contact_id", flat=True) if number}
    skipped, also = [], []
    for ids, words in left_alone:
        if others := [number for number in ids if number not in changed]:
            skipped.append(group(others, words, with_keys=True))
        if opened := [number for number in ids if number in changed]:
            also.append(group(opened, words, with_keys=True))
    return Outcome(request_id, group(changed), tuple(skipped), tuple(also))


def outcome_again(
    project: Project, request_id: uuid.UUID, plan_for: Callable[[Selection], Plan], selection: Selection
) -> Outcome:
    """The outcome for somebody who sends the same form a second time, which changes nothing."""
    rest = plan_for(selection.without(outcome_of(project, request_id, ()).changed.ids))
    left_alone: list[tuple[Iterable[int], Any]] = [(found.ids, found.words) for found in rest.skipped]
    if rest.concerned.ids:
        left_alone.append((rest.concerned.ids, _("Not reached by this request.")))
    return outcome_of(project, request_id, left_alone)


def deletion_done(project: Project, request_id: uuid.UUID) -> Outcome | None:
    """What a request erased, by its receipts; None when it erased nobody."""
    number = ErasureReceipt.objects.filter(project=project, request_id=request_id).count()
    return Outcome(request_id, group(()), deleted=number) if number else None


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a list of keys and addresses means: the contacts, and what nobody was found for.

    ``repeated`` counts what named a contact who was named already, ``shared`` the addresses of several contacts.
    """

    selection: Selection
    contacts: Group
    unknown: tuple[str, ...]
    repeated: int
    shared: int


def pasted_contacts(project: Project, lines: list[str]) -> Pasted:
    """The contacts whose key, or else address, stands in the lines.

    A line is a key as a whole, or several of them between commas, semicolons or tabs.
    """
    parts = {line: [part.strip() for part in _SEPARATORS.split(line) if part.strip()] for line in lines}
    by_key = _by_key(project, {*lines, *(part for found in parts.values() for part in found)})
    named = [part for line in lines for part in ([line] if line in by_key else parts[line])]
    by_address = _by_address(project, {part for part in named if part not in by_key})
    ids: set[int] = set()
    seen: set[str] = set()
    unknown: dict[str, None] = {}
    repeated = shared = 0
    for part in named:
        found = {by_key[part]} if part in by_key else by_address.get(part, set())
        if not found:
            unknown[part] = None
            continue
        repeated += found <= ids
        shared += len(found) > 1 and part not in seen
        seen.add(part)
        ids |= found
    return Pasted(Selection(tuple(sorted(ids))), group(ids), tuple(unknown), repeated, shared)


def _by_key(project: Project, keys: set[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    everybody = Contact.objects.ever_in_project(project)
    for some in _batches(keys):
        rows = everybody.filter(key__in=some).values_list("key", "pk", "merged_into_id")
        found.update({key: person or number for key, number, person in rows})
    return found


def _by_address(project: Project, texts: set[str]) -> dict[str, set[int]]:
    """By the text as it was typed, since several ways of writing are one address."""
    wanted: dict[str, set[tuple[str, str]]] = {text: set(_readings(project, text)) for text in texts}
    places = {place for readings in wanted.values() for place in readings}
    holders: dict[tuple[str, str], set[int]] = {}
    for channel in Channel.values:
        rows = ChannelStatus.objects.filter(project=project, channel=channel)
        for some in _batches(key for of_channel, key in places if of_channel == channel):
            for key, number in rows.filter(address_key__in=some).values_list("address_key", "contact_id"):
                holders.setdefault((channel, key), set()).add(number)
    return {
        text: set().union(*(holders.get(place, set()) for place in readings)) for text, readings in wanted.items()
    }  # fmt: skip


def _readings(project: Project, text: str) -> Iterator[tuple[str, str]]:
    channels = [Channel.EMAIL] if "@" in text else [Channel.SMS, Channel.PUSH]
    for channel in channels:
        try:
            yield channel, normalise(channel, text, country=project.default_country).key
        except InvalidAddress:
            continue


def _batches(items: Iterable[str]) -> Iterator[list[str]]:
    in_order = sorted(items)
    for start in range(0, len(in_order), AT_ONCE):
        yield in_order[start : start + AT_ONCE]
