"""Addresses that several contacts have: a family, or one person with two records.

Blocks lie on the address. A withdrawal of one type lies on a contact, but whoever takes a type back through a message
means the address that it came to: it is taken back for all who have that address. And who shares an address with
somebody whose withdrawal stands is opted in by their own act or by an authorization, and not by lists and clerks.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from consent.models import CommunicationType, Consent
from contacts.models import ChannelStatus, Contact
from contacts.models.contact import ContactQuerySet


def at_the_address(contact: Contact, channel: str) -> ContactQuerySet:
    """The contact, and the others of the project who have the same address on a channel."""
    own = ChannelStatus.objects.filter(contact=contact, channel=channel).with_address()
    rows = ChannelStatus.objects.filter(
        project=contact.project_id, channel=channel, fingerprint__in=own.values("fingerprint")
    )
    return Contact.objects.filter(Q(pk=contact.pk) | Q(pk__in=rows.values("contact")))


def who_agreed(contacts: ContactQuerySet, topic: CommunicationType, channel: str) -> list[int]:
    """Those of some contacts who agreed to a type on a channel and have not taken it back, in rising order."""
    agreed = Consent.objects.filter(
        Q(is_express=True) | Q(implied_until__isnull=False), contact__in=contacts.order_by(),
        communication_type=topic, channel=channel, is_withdrawn=False,
    )  # fmt: skip
    return sorted(agreed.values_list("contact_id", flat=True))


def refused_by_others() -> Exists:
    """Whether somebody else who has the address of the outer consent's channel took the same type back there."""
    here = OuterRef("channel_status__fingerprint")
    others = ChannelStatus.objects.filter(
        project=OuterRef("project_id"), channel=OuterRef("channel"), fingerprint=here
    ).with_address()
    withdrawn = Consent.objects.filter(
        channel_status=OuterRef("pk"), communication_type=OuterRef(OuterRef("communication_type_id")), is_withdrawn=True
    )
    return Exists(others.exclude(contact=OuterRef("contact_id")).filter(Exists(withdrawn)))
