"""What deleting a contact would take and leave, and the receipts of those who were erased."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from contacts.access import Access
from contacts.addresses import fingerprints
from contacts.extension_points import holdings
from contacts.models import ChannelStatus, Contact, ErasureReceipt, Project, StatusHistory
from contacts.selectors.entries import in_sentence
from contacts.services.erasure import ErasurePreview, Line, erasure_preview
from contacts.vocabulary import Aspect, Channel


@dataclass(frozen=True, slots=True)
class Deletion:
    """What the confirmation shows. ``seen`` is its numbers, to say later which of them changed."""

    preview: ErasurePreview
    lines: tuple[Line, ...]
    kept_anyway: str
    kept_on_request: str
    blocks_that_stay: str
    sharing: int

    @property
    def seen(self) -> str:
        return json.dumps({line.key: line.number for line in self.preview.lines})

    def changes_since(self, seen: str) -> str:
        """Which numbers differ from those of an earlier page, in words; empty where none does.

        What comes from a form is not believed: it only chooses the words.
        """
        try:
            then = json.loads(seen)
        except (ValueError, RecursionError):
            return ""
        if not isinstance(then, dict):
            return ""
        found = []
        for line in self.preview.lines:
            before = then.get(line.key, 0)
            if isinstance(before, int) and not isinstance(before, bool) and 0 <= before < 2**31:
                words = _("%(what)s: %(now)d instead of %(before)d")
                if before != line.number:
                    found.append(words % {"what": line.label, "now": line.number, "before": before})
        return ", ".join(found)


def deletion_of(contact: Contact, access: Access) -> Deletion:
    """Count all that goes, and say what stays, in a fixed number of queries."""
    preview = erasure_preview(contact.as_set())
    rows = list(ChannelStatus.objects.filter(contact=contact).with_address())
    on_request = [channel for channel in preview.kept_on_request if channel not in preview.kept_channels]
    blocked = [row.channel for row in rows if row.quarantined or row.suppressed]
    return Deletion(
        preview=preview,
        lines=tuple(line for line in preview.lines if line.number),
        kept_anyway=_named(preview.kept_channels),
        kept_on_request=_named(on_request),
        blocks_that_stay=_named(blocked),
        sharing=_sharing(contact, access, {row.fingerprint for row in rows}),
    )


def _sharing(contact: Contact, access: Access, fingerprints_now: set[str]) -> int:
    """How many others of the project have an address that this contact has or had: blocks that stay hold for them."""
    before = StatusHistory.objects.filter(contact=contact, aspect=Aspect.ADDRESS)
    marks = {*fingerprints_now, *before.values_list("address_fingerprint", flat=True)} - {""}
    others = ChannelStatus.objects.filter(project=access.project, fingerprint__in=marks).exclude(contact=contact)
    return others.values("contact").distinct().count()


def receipts_of(project: Project) -> QuerySet[ErasureReceipt]:
    return ErasureReceipt.objects.filter(project=project)


def receipts_for_key(project: Project, key: str) -> list[ErasureReceipt]:
    """The receipts of contacts who had this key when they were erased, the newest first."""
    found = receipts_of(project).filter(key_fingerprint__in=fingerprints("key", key))
    return list(found.order_by("-erased_at", "-pk"))


def counts_in_words(receipt: ErasureReceipt) -> list[tuple[str, Any]]:
    """What a receipt counts, with its labels, in the order of the confirmation."""
    labels = {holding.key: str(holding.label) for holding in holdings}
    known = [(label, receipt.counts[key]) for key, label in labels.items() if key in receipt.counts]
    return known + [(key, number) for key, number in receipt.counts.items() if key not in labels]


def _named(channels: list[str] | tuple[str, ...]) -> str:
    """“email and SMS”."""
    in_order = sorted(set(channels), key=Channel.values.index)
    return get_text_list([in_sentence(channel) for channel in in_order], _("and"))
