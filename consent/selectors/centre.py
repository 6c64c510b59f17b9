"""What the consent centre's pages show of a project's communication types."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from consent.models import CommunicationType, Consent
from contacts.models import Project
from contacts.vocabulary import Channel


@dataclass(frozen=True, slots=True)
class Cell:
    """A type on a channel: is it sent there at all, and how many contacts agreed (None: it needs no consent)?"""

    channel: str
    label: str
    is_sent: bool
    agreed: int | None = None


@dataclass(frozen=True, slots=True)
class TypeInWords:
    """A communication type as the consent centre lists it."""

    topic: CommunicationType
    needs: str
    cells: tuple[Cell, ...]


def types_in_words(project: Project) -> tuple[list[Channel], list[TypeInWords], list[CommunicationType]]:
    """The channels on which the project's types are sent, the types in use with their numbers, and the archived ones.

    Two queries: the types, and one grouped count of the consents that hold.
    """
    types = list(CommunicationType.objects.in_project(project))
    in_use = [topic for topic in types if not topic.is_archived]
    agreed = agreed_by_gate(in_use)
    channels = [channel for channel in Channel if any(channel in topic.channels for topic in in_use)]
    rows = [
        TypeInWords(topic, needs(topic), tuple(_cell(topic, channel, agreed) for channel in channels))
        for topic in in_use
    ]
    return channels, rows, [topic for topic in types if topic.is_archived]


def agreed_by_gate(types: list[CommunicationType]) -> dict[tuple[int, str], int]:
    """How many contacts agreed to each of these types on each channel, as it is now."""
    runs = Q(communication_type__accepts_implied=True, implied_until__gt=timezone.now())
    consents = Consent.objects.filter(
        Q(is_express=True) | runs, communication_type__in=[topic.pk for topic in types], is_withdrawn=False
    )
    groups = consents.order_by().values_list("communication_type", "channel").annotate(number=Count("pk"))
    return {(topic, channel): number for topic, channel, number in groups}


def needs(topic: CommunicationType) -> str:
    """What consent a type needs, in words."""
    if topic.administrative:
        return _("None: administrative")
    return _("Express or implied") if topic.accepts_implied else _("Express")


def _cell(topic: CommunicationType, channel: Channel, agreed: dict[tuple[int, str], int]) -> Cell:
    if channel not in topic.channels:
        return Cell(channel.value, str(channel.label), is_sent=False)
    number = None if topic.administrative else agreed.get((topic.pk, channel.value), 0)
    return Cell(channel.value, str(channel.label), True, number)
