"""What the register knows of an address before it is a contact's: blocks that lie on it, and who has it already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from contacts.access import Access
from contacts.addresses import Address
from contacts.dates import long_day
from contacts.models import Block, ChannelStatus, Contact
from contacts.selectors.standing import noes_of_blocks
from contacts.vocabulary import BlockKind, Cause, Channel


@dataclass(frozen=True, slots=True)
class KnownBlock:
    """A block that lies on an address: kind, cause and since when, of either scope, and never whose entry."""

    channel: str
    kind: str
    cause: str
    since: datetime

    def __str__(self) -> str:
        words = {
            BlockKind.OPT_OUT: _("%(channel)s: somebody opted this address out on %(day)s."),
            BlockKind.QUARANTINE: _("%(channel)s: this address is in quarantine since %(day)s, %(cause)s."),
            BlockKind.SUPPRESSION: _("%(channel)s: this address is on the suppression list since %(day)s, %(cause)s."),
        }[BlockKind(self.kind)]
        day = long_day(self.since)
        said = words % {"channel": Channel(self.channel).label, "day": day, "cause": Cause(self.cause).label}
        return " ".join((said, _("Nothing will be sent to it.")))


@dataclass(frozen=True, slots=True)
class Sharing:
    """Somebody else of the project who has the same address."""

    channel: str
    contact: Contact

    def __str__(self) -> str:
        """Without the other's name, which is personal data."""
        if not self.contact.is_active:
            words = _(
                "%(channel)s: an inactive contact of this project has the same address. If it is the same person, "
                "deactivate this one as well."
            )
            return words % {"channel": Channel(self.channel).label}
        return _("%(channel)s: another contact of this project has the same address. Blocks on it hold for both.") % {
            "channel": Channel(self.channel).label
        }


def known_blocks(access: Access, addresses: Iterable[Address]) -> list[KnownBlock]:
    """The blocks that hold in the project on some addresses: one for each address and kind, the oldest."""
    places = _places(addresses)
    blocks = {block.pk: block for block in Block.objects.reaching(access.project).on().filter(places)}
    since: dict[int, datetime] = {}
    for no in noes_of_blocks(blocks):
        number = no.gate[0]
        since[number] = min(no.occurred_at, since.get(number, no.occurred_at))
    found: dict[tuple[str, str, str], KnownBlock] = {}
    for number, block in sorted(blocks.items(), key=lambda pair: since.get(pair[0], pair[1].created_at)):
        known = KnownBlock(block.channel, block.kind, block.cause, since.get(number, block.created_at))
        found.setdefault((block.channel, block.fingerprint, block.kind), known)
    return list(found.values())


def sharing(access: Access, addresses: Iterable[Address], *, but: Contact | None = None) -> list[Sharing]:
    """One other contact of the project for each address that somebody has already, an inactive one if there is."""
    rows = ChannelStatus.objects.filter(_places(addresses), project=access.project)
    if but is not None:
        rows = rows.exclude(contact=but)
    found: dict[str, Sharing] = {}
    for row in rows.select_related("contact").order_by("contact_active", "pk")[:50]:
        row.contact.project = access.project
        found.setdefault(row.channel, Sharing(row.channel, row.contact))
    return list(found.values())


def _places(addresses: Iterable[Address]) -> Q:
    places = Q(pk__in=[])
    for address in addresses:
        places |= Q(channel=address.channel, fingerprint__in=address.fingerprints)
    return places
