"""Saving what a contact chose in the consent centre, as their own act."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from consent.models import CommunicationType
from consent.selectors.choices import Switch, choices_of
from consent.services import confirming, consents, shared
from contacts.models import Contact
from contacts.origin import THE_CONTACT, Origin
from contacts.vocabulary import Method, Reason


@dataclass(frozen=True, slots=True)
class Wish:
    """How a switch stood when the contact saw it, and how they left it."""

    was_on: bool
    is_on: bool


@dataclass(slots=True)
class Saved:
    """What became of the wishes: turned off, turned on, and asked for by a mail that waits to be confirmed."""

    off: list[Switch] = field(default_factory=list)
    on: list[Switch] = field(default_factory=list)
    asked: list[Switch] = field(default_factory=list)

    @property
    def is_nothing(self) -> bool:
        return not (self.off or self.on or self.asked)


@transaction.atomic
def choose(
    contact: Contact, wishes: Mapping[str, Wish], *, evidence: Mapping[str, Any], language: str, request_id: uuid.UUID
) -> Saved:
    """Save the switches that the contact moved, by name; the others stay as they are, whatever they are by now.

    Off is a withdrawal of their own. On is an agreement of their own, unless the type has double opt-in or a no of
    theirs stands: then a mail asks them. Raises StaleConfirmation when somebody said no while this was saved.
    """
    choices = choices_of(contact)
    moved = [switch for switch in choices.switches if _is_moved(wishes.get(switch.name))]
    wanted = [switch for switch in moved if wishes[switch.name].is_on and not switch.is_on and switch.can_change]
    asked = [switch for switch in wanted if switch.needs_mail]
    saved = Saved(
        off=[switch for switch in moved if not wishes[switch.name].is_on],
        on=[switch for switch in wanted if not switch.needs_mail],
        asked=asked if choices.email else [],
    )
    # What is turned on here has no no that stands against it: one that is said in this moment must not be lifted.
    noes = {switch: consents.noes_on([], switch.topic, switch.channel) for switch in saved.on}
    if saved.asked and choices.email:
        confirming.ask_to_confirm(
            contact.project,
            address=choices.email,
            offers=[(switch.topic, switch.channel) for switch in saved.asked],
            contact=contact,
            evidence={**evidence, "wording": _wording(switch.topic for switch in saved.asked)},
            language=language,
            # Confirming is another request than this one, though its entries are of the same kinds.
            request_id=uuid.uuid5(request_id, "confirm"),
        )
    for switch in sorted(saved.off + saved.on, key=lambda switch: switch.name):
        # Off again on a page of before, on which the contact went back in their browser, is no retry while it is on.
        number = uuid.uuid4() if switch.is_on else request_id
        origin = Origin(
            Method.FORM, THE_CONTACT, Reason.OWN_REQUEST, request_id=number,
            evidence={**evidence, "wording": _wording([switch.topic])},
        )  # fmt: skip
        who = contact.as_set()
        if switch in noes:
            consents.grant(who, switch.topic, switch.channel, origin=origin, shown=noes[switch])
        else:
            together = shared.who_agreed(shared.at_the_address(contact, switch.channel), switch.topic, switch.channel)
            who = Contact.objects.filter(pk__in=[contact.pk, *together])
            consents.withdraw(who, switch.topic, switch.channel, origin=origin, unless_standing=True)
    return saved


def _is_moved(wish: Wish | None) -> bool:
    return wish is not None and wish.was_on != wish.is_on


def _wording(topics: Any) -> str:
    """What the page said of these types, in the language in which it said it."""
    seen: dict[int, CommunicationType] = {topic.pk: topic for topic in topics}
    return "\n".join(
        ": ".join(filter(None, (topic.name_in(), topic.description_in()))) for topic in seen.values()
    )  # fmt: skip
