"""What a person who fills in a public form asks for, and what happens at once, what only once they confirm.

Nobody knows who types an address. So what is asked for with it holds at once only where the communication type says so
and nobody with the address ever said no; everything else is asked of the address by mail. Nothing that happens here
depends, as the person sees it, on whether the register knows the address.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q

from consent.models import CommunicationType, Consent, FormVersion
from consent.services import confirming, consents
from consent.services.confirming import Offers
from contacts.addresses import Address
from contacts.models import Block, ChannelStatus, Contact, Project
from contacts.origin import THE_CONTACT, Origin
from contacts.services.locks import lock_addresses
from contacts.services.register import correct_name
from contacts.vocabulary import BlockKind, Channel, Method, Reason


def offered_by(version: FormVersion) -> list[tuple[CommunicationType, str]]:
    """The types and channels that a version offers and that can still be agreed to, in their order."""
    wanted = {(offer["type"], channel) for offer in version.offers for channel in offer["channels"]}
    project = version.form.project_id
    topics = CommunicationType.objects.filter(project=project, administrative=False).in_use()
    return [
        (topic, channel)
        for topic in topics.filter(pk__in=[number for number, _channel in wanted])
        for channel in Channel.values
        if (topic.pk, channel) in wanted and channel in topic.channels
    ]


@transaction.atomic
def subscribe(
    version: FormVersion,
    *,
    address: Address,
    offers: Offers,
    details: Mapping[str, str],
    evidence: Mapping[str, Any],
    language: str,
    request_id: uuid.UUID,
) -> None:
    """Take a submission of a form: an address that somebody typed, and the types and channels that they ticked.

    Adds a contact at once only for what needs no confirmation. Raises InvalidText, InvalidAddress.
    """
    project = version.form.project
    phone = confirming.phone_of(project, details)
    lock_addresses([*address.fingerprints, *(phone.fingerprints if phone else ())], exclusive=True)
    at_once = _at_once(project, address, offers)
    later = [offer for offer in offers if offer not in at_once]
    if later:
        confirming.ask_to_confirm(
            project, address=address, offers=later, details=details, evidence=evidence, language=language,
            request_id=uuid.uuid5(request_id, "confirm"),
        )  # fmt: skip
    if at_once:
        origin = own_act(evidence, request_id)
        known = confirming.at_address(project, address).first()
        contact = known or confirming.add(project, address, details, origin)
        _grant(contact, confirming.not_refused(contact, at_once, proved=[Channel.EMAIL]), origin)


@transaction.atomic
def update(
    version: FormVersion,
    *,
    contact: Contact,
    address: Address,
    offers: Offers,
    details: Mapping[str, str],
    evidence: Mapping[str, Any],
    language: str,
    request_id: uuid.UUID,
) -> None:
    """Take a submission of who was sent a link to a form: what they typed replaces what was known.

    An empty detail stays as it was. What needs a confirmation is asked of their email address, since messages get
    forwarded; without one it is left alone. Raises InvalidText, ContactGone.
    """
    given = {name: details[name] for name in confirming.DETAILS if details.get(name)}
    at_once = _at_once(version.form.project, address, offers, contact)
    later = [offer for offer in offers if offer not in at_once]
    email = address if address.channel == Channel.EMAIL else _email_of(contact)
    if email and later:
        confirming.ask_to_confirm(
            version.form.project, address=email, offers=later, contact=contact, evidence=evidence, language=language,
            request_id=uuid.uuid5(request_id, "confirm"),
        )  # fmt: skip
    if given:
        contact.refresh_from_db()
        merged: dict[str, str] = {name: given.get(name) or getattr(contact, name) for name in confirming.DETAILS}
        correct_name(contact, **merged)
    _grant(contact, at_once, own_act(evidence, request_id))


def _grant(contact: Contact, offers: Offers, origin: Origin) -> None:
    """No withdrawal stands against these, and one that is said in this moment must not be lifted: then this raises
    StaleConfirmation."""
    for topic, channel in offers:
        consents.grant(contact.as_set(), topic, channel, origin=origin, shown=consents.noes_on([], topic, channel))


def own_act(evidence: Mapping[str, Any], request_id: uuid.UUID) -> Origin:
    """The origin of what a person does on a form."""
    return Origin(Method.FORM, THE_CONTACT, Reason.OWN_REQUEST, evidence=dict(evidence), request_id=request_id)


def _at_once(project: Project, address: Address, offers: Offers, contact: Contact | None = None) -> Offers:
    """What needs no confirmation: its type asks for none, and no no stands that the yes would have to lift."""
    quick = [offer for offer in offers if not offer[0].double_opt_in]
    if not quick or _is_shut(project, address):
        return []
    holders = ChannelStatus.objects.filter(project=project).at_fingerprints(address.fingerprints).values("contact")
    concerned = Q(contact__in=holders) | Q(contact=contact)
    withdrawn = set(
        Consent.objects.filter(concerned, is_withdrawn=True).values_list("communication_type", "channel")
    )  # fmt: skip
    return [(topic, channel) for topic, channel in quick if (topic.pk, channel) not in withdrawn]


def _is_shut(project: Project, address: Address) -> bool:
    blocks = Block.objects.reaching(project).on().filter(fingerprint__in=address.fingerprints, channel=address.channel)
    rows = ChannelStatus.objects.filter(project=project, channel=address.channel)
    said_no = rows.at_fingerprints(address.fingerprints).filter(Q(contact_active=False) | Q(opted_out=True))
    return blocks.exclude(kind=BlockKind.QUARANTINE).exists() or said_no.exists()


def _email_of(contact: Contact) -> Address | None:
    row = ChannelStatus.objects.filter(contact=contact, channel=Channel.EMAIL).with_address().first()
    return address_of(row) if row else None


def address_of(row: ChannelStatus) -> Address:
    """The address that a contact has on a channel."""
    return Address(row.channel, row.address, row.address_key)
