"""What a contact does with their own data, after a link to it was mailed to the address that they have on file.

The link is used once. Who used it has a pass for what follows, until the link expires: a signed text in the page
itself, no cookie. It stands for this link, this contact and this use, and is void as soon as the contact is gone or
has another address.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent.models import MailedLink
from consent.services.confirming import LinkOver
from consent.services.mailing import mail_link, use
from consent.vocabulary import LinkPurpose
from contacts.addresses import Address, normalise
from contacts.errors import InvalidAddress, NothingToDo
from contacts.models import ChannelStatus, Contact
from contacts.origin import THE_CONTACT, Origin
from contacts.services.locks import lock_addresses, person_of
from contacts.services.register import change_address
from contacts.vocabulary import Channel, Method, Reason

LINK_LASTS = timedelta(minutes=30)
NEW_ADDRESS_LASTS = timedelta(days=1)
LONGEST_PASS = 400


def mail_personal_link(
    contact: Contact, *, language: str, evidence: dict[str, Any] | None = None, request_id: uuid.UUID | None = None
) -> bool:
    """Mail the contact a link to their data, to the email address that they have on file.

    False where there is none, or where it has had its share of such mails; who asked is told the same in any case.
    """
    address = email_of(contact)
    if address is None:
        return False
    with transaction.atomic():
        link = mail_link(
            contact.project, purpose=LinkPurpose.PERSONAL, address=address, contact=contact, language=language,
            asked=evidence or {}, lasts=LINK_LASTS, request_id=request_id,
        )  # fmt: skip
    return link is not None


def email_of(contact: Contact) -> Address | None:
    """The email address that a contact has on file."""
    return _address_of(contact, Channel.EMAIL)


def holder_of(link: MailedLink) -> Contact | None:
    """Whose data a link shows: its contact, or whom they were merged into. None where they are gone, or the address to
    which it was mailed is not theirs any more."""
    contact = Contact.objects.select_related("project").filter(pk=person_of(link.contact_id or 0)).first()
    if contact is None or contact.project_id != link.project_id:
        return None
    contact.project = link.project
    address = email_of(contact)
    return contact if address and address.key == normalise(Channel.EMAIL, link.address).key else None


def is_over(link: MailedLink) -> bool:
    """Whether a link was used already or has expired."""
    return link.used_at is not None or link.expires_at <= timezone.now()


def pass_for(link: MailedLink, contact: Contact) -> str:
    """The pass of who has just used this link, for this contact."""
    return _signer().sign_object(_pass_parts(link, contact))


def is_pass(text: str, link: MailedLink, contact: Contact) -> bool:
    """Whether a text is the pass of this link and contact, and still holds."""
    if len(text) > LONGEST_PASS or link.used_at is None or link.expires_at <= timezone.now():
        return False
    try:
        number, *rest = _signer().unsign_object(text)
    except (BadSignature, ValueError, TypeError):
        return False
    expected_number, *expected = _pass_parts(link, contact)
    return rest == expected and isinstance(number, int) and person_of(number) == expected_number


def _pass_parts(link: MailedLink, contact: Contact) -> list[Any]:
    return [contact.pk, link.pk, link.nonce.hex, link.used_at.isoformat() if link.used_at else ""]


def ask_new_email(
    contact: Contact, text: str, *, language: str, evidence: dict[str, Any], request_id: uuid.UUID
) -> Address:
    """Mail a link to the new address, which replaces the one on file once it is confirmed there.

    Whether it was mailed stays unsaid: an address that said no, or has had its share, gets none. Raises InvalidAddress,
    NothingToDo where it is the address on file.
    """
    address = normalise(Channel.EMAIL, text)
    old = email_of(contact)
    if old and old.key == address.key:
        raise NothingToDo(_("This is the address that we have."), field="address")
    with transaction.atomic():
        mail_link(
            contact.project, purpose=LinkPurpose.NEW_ADDRESS, address=address, contact=contact, language=language,
            asked={"old": old.fingerprint if old else "", "evidence": evidence}, lasts=NEW_ADDRESS_LASTS,
            request_id=request_id,
        )  # fmt: skip
    return address


def awaits_confirmation(link: MailedLink) -> Contact | None:
    """Whose address a link changes. None where they are gone, or have another address since it was asked for."""
    contact = Contact.objects.select_related("project").filter(pk=person_of(link.contact_id or 0)).first()
    if contact is None or contact.project_id != link.project_id:
        return None
    contact.project = link.project
    old = email_of(contact)
    asked = link.asked.get("old", "")
    return contact if asked in (old.fingerprints if old else [""]) else None


@transaction.atomic
def confirm_new_email(link: MailedLink) -> None:
    """Put the new address in the place of the old one, and mail the old one that it was.

    Raises LinkOver where the link was used or has expired, or the contact has another address or is gone.
    """
    contact = awaits_confirmation(link)
    if contact is None:
        raise LinkOver
    old, new = email_of(contact), normalise(Channel.EMAIL, link.address)
    lock_addresses([*(old.fingerprints if old else []), *new.fingerprints], exclusive=True)
    if awaits_confirmation(link) is None or not use(link):
        raise LinkOver
    if old:
        _tell(contact, old, Channel.EMAIL, link.language, link.request_id)
    change_address(
        contact, Channel.EMAIL, new.shown, origin=own_act(link.asked.get("evidence", {}), request_id=link.request_id)
    )


@transaction.atomic
def change_phone(
    contact: Contact, text: str, *, language: str, evidence: dict[str, Any], request_id: uuid.UUID
) -> Address | None:
    """Put, replace or (with an empty text) remove the number for SMS at once, and mail that it was changed.

    No message is sent to a number to confirm it: who changes it has shown that the email address on file is theirs.
    Raises InvalidAddress, NothingToDo, ContactGone, ContactMerged.
    """
    number = normalise(Channel.SMS, text, country=contact.project.default_country) if text.strip() else None
    before, email = _address_of(contact, Channel.SMS), email_of(contact)
    if (before.key if before else "") == (number.key if number else ""):
        raise NothingToDo(_("This is the number that we have."), field="address")
    places = [address for address in (number, email) if address]
    lock_addresses([text for address in places for text in address.fingerprints], exclusive=True)
    if email:
        _tell(contact, email, Channel.SMS, language, request_id)
    change_address(
        contact, Channel.SMS, number.shown if number else "", origin=own_act(evidence, request_id=request_id)
    )
    return number


def own_act(evidence: dict[str, Any], *, request_id: uuid.UUID) -> Origin:
    """The origin of what a contact does on the page with their data."""
    return Origin(Method.FORM, THE_CONTACT, Reason.OWN_REQUEST, evidence=evidence, request_id=request_id)


def _tell(contact: Contact, address: Address, channel: str, language: str, request_id: uuid.UUID) -> None:
    mail_link(
        contact.project, purpose=LinkPurpose.ADDRESS_CHANGED, address=address, contact=contact, language=language,
        asked={"channel": channel}, lasts=NEW_ADDRESS_LASTS, request_id=request_id,
    )  # fmt: skip


def _address_of(contact: Contact, channel: str) -> Address | None:
    row = ChannelStatus.objects.filter(contact=contact, channel=channel).with_address().first()
    if row is None:
        return None
    try:
        return normalise(channel, row.address, country=contact.project.default_country)
    except InvalidAddress:  # kept from before a stricter rule
        return None


def _signer() -> Signer:
    keys: list[bytes | str] = list(settings.LINK_KEYS)
    return Signer(key=keys[0], fallback_keys=keys[1:], sep=".", salt="sendable.personal")
