"""Communication types with the channels on which they are offered or agreed to, as public pages name them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from consent.models import CommunicationType
from contacts.vocabulary import Channel


@dataclass(frozen=True, slots=True)
class Named:
    """A communication type in the language in force, and channels by their names."""

    name: str
    description: str
    channels: str


def named(offers: Iterable[tuple[CommunicationType, str]]) -> list[Named]:
    """Pairs of type and channel, each type once, in their order."""
    channels: dict[CommunicationType, list[str]] = {}
    for topic, channel in offers:
        channels.setdefault(topic, []).append(str(Channel(channel).label))
    return [Named(topic.name_in(), topic.description_in(), ", ".join(labels)) for topic, labels in channels.items()]
