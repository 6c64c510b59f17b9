"""Which column of a list is what, by its name: as Mailchimp, HubSpot, Brevo and listmonk write it, or people do.

English and French. What is not known by name becomes an attribute of the contact.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from contacts.csv_guard import unguarded
from contacts.tables import UnreadableFile
from contacts.vocabulary import SHUT, Aspect

# In each list the first name that a file has is the one that counts.
NAMES: dict[str, tuple[str, ...]] = {
    "key": (
        "key", "cle", "customer number", "customer no", "customer id", "client number", "member number", "member id",
        "external id", "ext id", "numero de client", "numero client", "no client", "numero de membre", "identifiant",
    ),
    "email": (
        "email address", "email", "e mail", "e mail address", "mail", "primary email", "contact email", "courriel",
        "adresse courriel", "adresse email", "adresse e mail", "adresse mail", "adresse de courriel",
    ),
    "sms": (
        "sms", "sms phone number", "sms number", "mobile", "mobile phone", "mobile phone number", "mobile number",
        "cell", "cell phone", "cellphone", "cellulaire", "telephone mobile", "telephone cellulaire", "portable",
        "numero de mobile", "telephone portable", "phone number", "phone", "telephone", "telephone number", "tel",
        "numero de telephone",
    ),
    "push": ("push", "push token", "device token", "jeton push"),
    "first_name": ("first name", "firstname", "fname", "given name", "prenom"),
    "last_name": ("last name", "lastname", "lname", "surname", "family name", "nom de famille", "nom"),
    "full_name": ("full name", "fullname", "name", "contact name", "display name", "nom complet", "prenom et nom"),
    "language": ("language", "preferred language", "lang", "locale", "langue", "langue preferee"),
    "notes": ("notes", "note", "remarques"),
    "attributes": ("attributes", "attribs"),
}  # fmt: skip

# The first word of the columns that our own export adds. They tell what was true then: nothing is taken from them,
# but who they say may not be sent to does not arrive as somebody new.
OF_OUR_EXPORTS = "Sendable"

# Columns that only lists of people who left have, and columns in which a word says that somebody left.
LEFT_COLUMNS = frozenset({
    "unsub time", "unsub reason", "unsub reason other", "unsub campaign title", "unsub campaign id", "clean time",
    "clean campaign title", "clean campaign id", "global bounce", "portal bounce", "portal unsubscribe",
    "portal spam report", "unsubscribed at", "unsubscribe date", "unsubscribe reason", "bounce reason",
    "bounced at", "bounce type", "complained at", "date de desinscription", "desinscrit le",
})  # fmt: skip
STATUS_COLUMNS = frozenset({
    "status", "subscription status", "email status", "email marketing status", "email marketing", "subscription",
    "subscriber status", "unsubscribed", "unsubscribed from all email", "opted out", "opt out", "email opt out",
    "email blacklisted", "sms blacklisted", "blacklisted", "blocklisted", "email blocklisted", "bounced",
    "has opted out of email", "statut", "desinscrit", "desabonne",
})  # fmt: skip
LEFT_WORDS = frozenset({
    "unsubscribed", "blocklisted", "blacklisted", "cleaned", "bounced", "hard bounced", "complained", "opted out",
    "opt out", "suppressed", "spam", "desinscrit", "desabonne", "liste noire",
})  # fmt: skip
TRUE_WORDS = frozenset({"true", "yes", "1", "oui", "vrai", "y", "x"})
FALSE_WORDS = frozenset({"", "false", "no", "0", "non", "faux", "n"})
_YES_NO_COLUMNS = STATUS_COLUMNS - {
    "status", "subscription status", "email status", "email marketing status", "email marketing", "subscription",
    "subscriber status", "statut",
}  # fmt: skip


def plain(name: str) -> str:
    """A name as it is compared: small letters without accents, words with one space between."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return " ".join(re.findall(r"[^\W_]+", "".join(c for c in letters if not unicodedata.combining(c))))


_KNOWN = frozenset(name for names in NAMES.values() for name in names)


def is_known(name: str) -> bool:
    return plain(name) in _KNOWN


@dataclass(slots=True)
class Columns:
    """Where each thing stands in a row; ``others`` are the attributes, by name."""

    places: dict[str, int]
    key_name: str
    others: list[tuple[int, str]]
    left: list[int] = field(default_factory=list)
    status: list[tuple[int, bool]] = field(default_factory=list)
    ours: dict[str, int] = field(default_factory=dict)

    @property
    def key_is_email(self) -> bool:
        return self.places["key"] == self.places.get("email")

    def value(self, cells: Sequence[str], what: str) -> str:
        place = self.places.get(what)
        return "" if place is None else unguarded(cells[place]).strip()

    def attributes(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells that say something, of the columns that nothing else is known by."""
        found = ((name, unguarded(cells[place]).strip()) for place, name in self.others)
        return {name: text for name, text in found if text}

    def says_left(self, cells: Sequence[str]) -> bool:
        """Whether a column that only lists of people who left have says so of this row."""
        return any(plain(cells[place]) not in FALSE_WORDS for place in self.left)

    def status_says_left(self, cells: Sequence[str]) -> bool:
        """Whether a status in this row says that the person left."""
        for place, is_yes_no in self.status:
            word = plain(cells[place])
            if word in LEFT_WORDS or (is_yes_no and word in TRUE_WORDS):
                return True
        return False

    def said_inactive(self, cells: Sequence[str]) -> bool:
        """Whether our own export said that this contact was inactive."""
        place = self.ours.get("status")
        return place is not None and plain(cells[place]) == SHUT[Aspect.ACTIVE]

    def said_not_sendable(self, cells: Sequence[str], channel: str) -> bool:
        """Whether our own export said that nothing may be sent on this channel."""
        place = self.ours.get(channel)
        return place is not None and plain(cells[place]) in FALSE_WORDS - {""}


def map_columns(names: Sequence[str], *, key: str = "") -> Columns:
    """Find what each column is. ``key`` names the column of the key; without it the key is a column known as
    one, else the email address. Raises UnreadableFile where there is none."""
    by_name: dict[str, int] = {}
    for place, name in enumerate(names):
        by_name.setdefault(plain(name), place)
    places: dict[str, int] = {}
    for what, known in NAMES.items():
        found = next((by_name[name] for name in known if name in by_name), None)
        if found is not None:
            places[what] = found
    if "last_name" in places:
        places.pop("full_name", None)
        if "first_name" not in places and plain(names[places["last_name"]]) == "nom":
            places["full_name"] = places.pop("last_name")
    places["key"] = _key_place(names, by_name, places, key)
    used = set(places.values())
    return Columns(
        places=places,
        key_name=names[places["key"]],
        others=[(place, name) for place, name in enumerate(names) if place not in used and not _is_ours(name)],
        left=[place for place, name in enumerate(names) if plain(name) in LEFT_COLUMNS],
        status=[
            (place, plain(name) in _YES_NO_COLUMNS) for place, name in enumerate(names) if plain(name) in STATUS_COLUMNS
        ],
        ours={
            plain(name).removeprefix(_OURS): place for place, name in reversed(list(enumerate(names))) if _is_ours(name)
        },
    )


_OURS = f"{plain(OF_OUR_EXPORTS)} "


def _is_ours(name: str) -> bool:
    return plain(name).startswith(_OURS)


def _key_place(names: Sequence[str], by_name: dict[str, int], places: dict[str, int], key: str) -> int:
    if key:
        exact = [place for place, name in enumerate(names) if name == key]
        found = exact[0] if exact else by_name.get(plain(key))
        if found is None:
            raise UnreadableFile(_("There is no column “%(name)s”.") % {"name": key}, remedy=_the_columns(names))
        return found
    if "key" in places:
        return places["key"]
    if "email" in places:
        return places["email"]
    raise UnreadableFile(
        _("No column is known as the key, and none holds email addresses."), remedy=_the_columns(names)
    )


def _the_columns(names: Sequence[str]) -> str:
    return _("Name the column of the key. The file has: %(names)s.") % {"names": ", ".join(names[:30])}
