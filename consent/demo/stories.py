"""What the people of the demo agree to and take back: by form, file, telephone, purchase and membership."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from consent.demo.words import EVENTS, NEWSLETTER, OFFERS, OPENINGS, PAGES, SUBSCRIBE, UPDATE
from consent.models import CommunicationType, FormVersion
from consent.services.consents import implied_end
from consent.vocabulary import Basis, ImpliedBy, Word
from contacts.demo.events import API_TOKEN, FORM, IMPORTER, LINK, Voice, staff_voice
from contacts.demo.people import Person
from contacts.demo.stories import FILES, HOURS_WEST, REQUESTS, Telling
from contacts.moments import TICK
from contacts.vocabulary import Channel, Method, Reason, Weight

LISTED = Voice(Method.IMPORT, IMPORTER, Weight.OURS, "")
SHOP = Voice(Method.API, API_TOKEN, Weight.OURS, "")
ASKED = ("Asked for it at the ticket desk.", "Ticked the box on the paper form.", "Wrote to info to be added.")
BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
)
# How many of a hundred agree to a type on a channel.
AGREE = {
    (NEWSLETTER, Channel.EMAIL): 70,
    (OPENINGS, Channel.EMAIL): 44,
    (OPENINGS, Channel.SMS): 34,
    (OPENINGS, Channel.PUSH): 70,
    (EVENTS, Channel.EMAIL): 26,
    (EVENTS, Channel.SMS): 16,
    (EVENTS, Channel.PUSH): 60,
    (OFFERS, Channel.EMAIL): 12,
    (OFFERS, Channel.SMS): 6,
}


@dataclass(slots=True)
class Saying:
    """One entry to be, about one type on one channel."""

    word: Word
    at: datetime
    voice: Voice
    basis: str = ""
    implied_by: str = ""
    implied_until: datetime | None = None
    occurred_at: datetime | None = None
    requested_on: date | None = None
    line: int | None = None
    note: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """A withdrawal is the person's word; an agreement weighs what it takes to lift one."""
        if self.word == Word.WITHDRAWN:
            return max(self.voice.weight, Weight.REPORTED)
        own = self.word == Word.GRANTED and self.basis == Basis.EXPRESS and self.voice is FORM
        return Weight.OWN if own else Weight.OURS


@dataclass(frozen=True, slots=True)
class Museum:
    """What there is to agree to, and the versions of the forms by which people do, the newest first."""

    types: Mapping[str, CommunicationType]
    versions: Mapping[str, list[FormVersion]]


def consents_of(told: Telling, museum: Museum) -> Iterator[tuple[CommunicationType, str, list[Saying]]]:
    """What a person says about each type and channel, in the order in which it was recorded."""
    for (slug, channel), often in AGREE.items():
        topic = museum.types.get(slug)
        if topic is None or channel not in told.person.addresses:
            continue
        telling = Telling(told.person, told.dice, told.staff, told.until)
        sayings = [*_implied(telling, topic, channel), *_said(telling, museum, channel, often)]
        if sayings:
            yield topic, channel, sorted(sayings, key=lambda saying: saying.at)


def _said(telling: Telling, museum: Museum, channel: str, often: int) -> list[Saying]:
    """An agreement or none, perhaps taken back, and perhaps given anew."""
    dice = telling.dice
    if dice.randrange(100) >= often:
        return _never_agreed(telling, museum, channel)
    agree = dice.choices((_by_form, _by_list, _by_word), (45, 38, 17))[0]
    sayings = agree(telling, museum, channel)
    if dice.random() < 0.16:
        sayings += _withdrawn(telling, museum)
        if dice.random() < 0.2:
            sayings += _by_form(telling, museum, channel)
    return sayings


def _never_agreed(telling: Telling, museum: Museum, channel: str) -> list[Saying]:
    chance = telling.dice.random()
    if chance < 0.05 and channel == Channel.EMAIL:
        return [Saying(Word.PENDING, telling.recently(), FORM, evidence=_form(telling, museum, SUBSCRIBE))]
    return _withdrawn(telling, museum) if chance < 0.12 else []


def _by_form(telling: Telling, museum: Museum, channel: str) -> list[Saying]:
    """The person's own act; on email they confirm it by a link that is mailed to them."""
    at = telling.later()
    evidence = _form(telling, museum, SUBSCRIBE if channel == Channel.EMAIL else UPDATE)
    agreed = Saying(Word.GRANTED, at, FORM, Basis.EXPRESS, evidence=evidence)
    if channel != Channel.EMAIL:
        return [agreed]
    agreed.at = telling.soon(20) + TICK
    return [Saying(Word.PENDING, at, FORM, evidence=evidence), agreed]


def _by_list(telling: Telling, museum: Museum, channel: str) -> list[Saying]:
    at = telling.soon(300)
    line = telling.person.index + 2
    agreed = at - timedelta(days=telling.dice.randrange(1, 500))
    evidence = {"file": telling.dice.choice(FILES), "line": line}
    return [Saying(Word.GRANTED, at, LISTED, Basis.EXPRESS, occurred_at=agreed, line=line, evidence=evidence)]


def _by_word(telling: Telling, museum: Museum, channel: str) -> list[Saying]:
    at = telling.later()
    voice = staff_voice(telling.somebody(), Reason.VERBAL_REQUEST)
    asked_on = (at - HOURS_WEST).date()
    note = telling.dice.choice(ASKED)
    return [Saying(Word.GRANTED, at, voice, Basis.EXPRESS, requested_on=asked_on, note=note)]


def _withdrawn(telling: Telling, museum: Museum) -> list[Saying]:
    at = telling.once()
    chance = telling.dice.random()
    if chance < 0.6:
        return [Saying(Word.WITHDRAWN, at, LINK, evidence=telling.sending())]
    if chance < 0.8:
        return [Saying(Word.WITHDRAWN, at, FORM, evidence=_form(telling, museum, UPDATE))]
    voice = staff_voice(telling.somebody(), Reason.VERBAL_REQUEST)
    asked_on = (at - HOURS_WEST).date()
    return [Saying(Word.WITHDRAWN, at, voice, requested_on=asked_on, note=telling.dice.choice(REQUESTS))]


def _implied(telling: Telling, topic: CommunicationType, channel: str) -> list[Saying]:
    """What follows from a purchase, an inquiry or a membership, on email."""
    if not topic.accepts_implied or channel != Channel.EMAIL:
        return []
    person, dice = telling.person, telling.dice
    if topic.slug == EVENTS:
        return _by_membership(telling, topic) if "Membership" in person.attributes else []
    found = [
        _by(ImpliedBy.PURCHASE, topic, bought_at, values["item"])
        for bought_at, values in person.orders
        if person.came_at + TICK < bought_at <= telling.until
    ]
    if dice.random() < 0.08:
        asked_at = telling.until - timedelta(days=dice.randrange(1, 240), minutes=dice.randrange(600))
        if asked_at > person.came_at + TICK:
            found.append(_by(ImpliedBy.INQUIRY, topic, asked_at, "Asked about a print."))
    return found


def _by(cause: ImpliedBy, topic: CommunicationType, at: datetime, note: str) -> Saying:
    end = implied_end(topic, cause, (at - HOURS_WEST).date(), topic.project.zone)
    return Saying(Word.GRANTED, at, SHOP, Basis.IMPLIED, cause, end, note=note)


def _by_membership(telling: Telling, topic: CommunicationType) -> list[Saying]:
    """Paid for a year; the list of members says when it ends."""
    person, dice = telling.person, telling.dice
    years = max((telling.until - person.came_at).days // 365, 0)
    joined_at = person.came_at + timedelta(days=365 * dice.randrange(years + 1), seconds=dice.randrange(1, 90))
    if joined_at > telling.until:
        return []
    ends = (joined_at + timedelta(days=365)).date()
    end = implied_end(topic, ImpliedBy.MEMBERSHIP, ends, topic.project.zone)
    line = person.index + 2
    evidence = {"file": "members-current.csv", "line": line}
    saying = Saying(Word.GRANTED, joined_at, LISTED, Basis.IMPLIED, ImpliedBy.MEMBERSHIP, end, line=line)
    saying.evidence = evidence
    return [saying]


def _form(telling: Telling, museum: Museum, slug: str) -> dict[str, Any]:
    """The proof of a form that was filled in just now."""
    dice, person = telling.dice, telling.person
    versions = museum.versions[slug]
    version = next((some for some in versions if some.created_at <= telling.now), versions[-1])
    language = _language(person)
    return {
        "form": version.form_id,
        "version": version.number,
        "wording": version.texts[language]["wording"],
        "language": language,
        "page": PAGES[slug],
        "ip": f"198.51.100.{dice.randrange(1, 255)}",
        "user_agent": dice.choice(BROWSERS),
    }


def _language(person: Person) -> str:
    return "fr" if person.language == "fr" else "en"
