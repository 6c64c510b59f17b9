"""How what came back from receivers is left by who leaves: rows stay, and name them by their number alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from email.message import Message
from typing import Any

from django.db.models import Count as Number
from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from consent.incoming.mime import DEEPEST, Unreadable, embedded, headers, leaves, read_message, text_of
from consent.models import DeliveryEvent, InboundReply, ReportedAddress, SpamReport, UnreadMail
from contacts.addresses import normalise
from contacts.errors import InvalidAddress
from contacts.extension_points import Count
from contacts.models import ChannelStatus, Contact, StatusHistory
from contacts.origin import Origin
from contacts.services.locks import addresses_of
from contacts.vocabulary import Aspect, Channel

_SHORTEST = 3


def count(ids: Iterable[int]) -> Mapping[int, Count]:
    """What came back about each contact: reports, delivery events, replies."""
    ids = list(ids)
    places: tuple[tuple[QuerySet[Any], str], ...] = (
        (DeliveryEvent.objects.all(), "occurred_at"),
        (ReportedAddress.objects.all(), "report__occurred_at"),
        (InboundReply.objects.all(), "occurred_at"),
    )
    of_each, *of_others = (
        rows.filter(contact_id__in_set=ids)
        .order_by()
        .values("contact_id")
        .annotate(number=Number("pk"), first=Min(moment))
        .values_list("contact_id", "number", "first")
        for rows, moment in places
    )
    numbers: Counter[int] = Counter()
    since: dict[int, datetime] = {}
    for number, how_many, first in of_each.union(*of_others, all=True):
        numbers[number] += how_many
        since[number] = min(first, since.get(number, first))
    return {number: Count(how_many, since[number]) for number, how_many in numbers.items()}


def forget(ids: Iterable[int]) -> None:
    """Take their addresses, and what was said in words, out of all that came back from or about these contacts."""
    ids = list(ids)
    projects = list(Contact.objects.filter(pk__in_set=ids).values_list("project_id", flat=True).distinct())
    texts = _texts(ids)
    marks = {*addresses_of(ids, Channel.values, former=True), *_marks(texts)}
    theirs = Q(contact_id__in_set=ids) | Q(fingerprint__in_texts=marks, project__in=projects)
    DeliveryEvent.objects.filter(theirs).update(address=None, domain="", reply="", message="")
    InboundReply.objects.filter(theirs).update(address=None, text="", sent_to="")
    named = ReportedAddress.objects.filter(
        Q(contact_id__in_set=ids) | Q(fingerprint__in_texts=marks, report__project__in=projects)
    )
    SpamReport.objects.filter(pk__in=named.values("report")).update(raw=None)
    ReportedAddress.objects.filter(pk__in_set=list(named.values_list("pk", flat=True))).update(address=None)
    _forget_mails(projects, [*(text for _channel, text in texts), *_names(ids)])


def erase_nothing_more(ids: Iterable[int]) -> int:
    return 0


def merge(going: int, staying: int, _origin: Origin) -> None:
    """What came back of who goes is of who stays from here on. A report that names both names them once."""
    for model in (DeliveryEvent, InboundReply):
        model._default_manager.filter(contact=going).update(contact=staying)
    twice = ReportedAddress.objects.filter(
        report=OuterRef("report"), channel=OuterRef("channel"), fingerprint=OuterRef("fingerprint"), contact=staying
    )
    both = list(ReportedAddress.objects.filter(Exists(twice), contact=going).values_list("pk", flat=True))
    ReportedAddress.objects.filter(pk__in_set=both).delete()
    ReportedAddress.objects.filter(contact=going).update(contact=staying)


def _texts(ids: list[int]) -> set[tuple[str, str]]:
    """The addresses that contacts have, and those that they had, with their channels."""
    here = {"contact_id__in_set": ids}
    held = ChannelStatus.objects.filter(**here).with_address()
    put = StatusHistory.objects.filter(**here, aspect=Aspect.ADDRESS)
    found = set(held.values_list("channel", "address"))
    for channel, *values in put.values_list("channel", "from_value", "to_value"):
        found.update((channel, value) for value in values if value)
    return found


def _marks(texts: Iterable[tuple[str, str]]) -> set[str]:
    """Their fingerprints under every key: what came back keeps the one of its day."""
    marks = set()
    for channel, text in texts:
        with suppress(InvalidAddress):
            marks.update(normalise(channel, text).fingerprints)
    return marks


def _names(ids: list[int]) -> list[str]:
    names = []
    for key, first, last in Contact.objects.filter(pk__in_set=ids).values_list("key", "first_name", "last_name"):
        names += [key, *([f"{first} {last}", f"{last}, {first}"] if first and last else [])]
    return names


def _forget_mails(projects: list[int], texts: Iterable[str]) -> None:
    """Delete mails kept aside that name somebody, as they came or in what their encoding hides, and what is kept of
    reports in which nobody was found."""
    wanted = {text.lower() for text in texts if len(text) >= _SHORTEST}
    kept = UnreadMail.objects.filter(Q(project__isnull=True) | Q(project__in=projects))
    kept.filter(pk__in_set=_naming(kept, wanted))._raw_delete("default")
    unmatched = SpamReport.objects.filter(project__in=projects, raw__isnull=False).exclude(addresses__contact__gte=0)
    SpamReport.objects.filter(pk__in_set=_naming(unmatched, wanted)).update(raw=None)


def _naming(kept: QuerySet[Any], wanted: set[str]) -> list[int]:
    return [
        number
        for number, raw in kept.values_list("pk", "raw").iterator(chunk_size=50)
        if any(text in said for said in _readings(bytes(raw)) for text in wanted)
    ]


def _readings(raw: bytes) -> Iterator[str]:
    yield raw.decode("utf-8", errors="replace").lower()
    with suppress(Unreadable):
        yield from _said_in(read_message(raw), 0)


def _said_in(message: Message, depth: int) -> Iterator[str]:
    """The headers and texts of a mail and of those within it, as who reads them sees them."""
    yield from (words.lower() for words in headers(message))
    for part in leaves(message):
        yield text_of(part).lower()
        inner = embedded(part) if depth < DEEPEST else None
        if inner is not None:
            yield from _said_in(inner, depth + 1)
