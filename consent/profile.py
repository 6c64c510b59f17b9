"""What the consent centre adds to a contact's profile: what may be sent, and the opt-ins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from consent.selectors import opt_ins
from consent.selectors.matrix import matrix_of
from contacts.access import Access
from contacts.extension_points import ProfileSection, ProfileTab, profile_sections, profile_tabs
from contacts.models import Contact
from contacts.selectors.channel_rows import ChannelRow
from contacts.vocabulary import Channel


def register() -> None:
    """Add the section and the tab; called once at start-up."""
    profile_sections.add(ProfileSection("what_may_be_sent", 10, "consent/matrix.html", _matrix))
    profile_tabs.add(
        ProfileTab(opt_ins.TAB, _("Opt-ins"), 10, opt_ins.count, "consent/opt_ins_tab.html", opt_ins.opt_ins_of)
    )


def _matrix(contact: Contact, access: Access, channels: Sequence[ChannelRow]) -> dict[str, Any] | None:
    rows = matrix_of(contact, access, channels)
    return {"rows": rows, "channels": [channel.label for channel in Channel]} if rows else None
