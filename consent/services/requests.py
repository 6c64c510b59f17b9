"""A person's request to be erased: asked through their own data, and then erased or refused by who may delete."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from consent.models import ErasureRequest, MailedLink
from consent.services.mailing import mail_link
from consent.vocabulary import LinkPurpose, RequestState
from contacts.addresses import normalise
from contacts.errors import ContactGone, InvalidText, RegisterError
from contacts.models import ChannelStatus, Contact
from contacts.origin import Origin
from contacts.services.locks import lock_addresses, lock_contacts
from contacts.services.set_sql import database_clock
from contacts.text import clean_text
from contacts.vocabulary import Channel

LONGEST_REFUSAL = 2_000
ANSWER_LASTS = timedelta(days=7)


class RequestDecided(RegisterError):
    """Somebody decided the request between the look and the click."""

    code = "request_decided"
    message = _("This request has been decided already.")
    remedy = _("The list shows how.")


@transaction.atomic
def ask_erasure(contact: Contact) -> ErasureRequest:
    """Note that a contact asks to be erased. While an earlier request of theirs is open, that one stands.

    Raises ContactGone for somebody who was erased meanwhile.
    """
    locked = lock_contacts(contact.as_set())
    if not locked:
        raise ContactGone
    [person] = locked
    return _open_of(person) or ErasureRequest.objects.create(
        project_id=contact.project_id, contact_id=person, requested_at=database_clock()
    )


@transaction.atomic
def refuse(request: ErasureRequest, reason: str, *, origin: Origin) -> bool:
    """Refuse a request, and mail the reason to the contact. False where there is no address to mail it to.

    Raises InvalidText for no reason, RequestDecided where the request is not open any more.
    """
    reason = clean_text(reason, max_length=LONGEST_REFUSAL, several_lines=True, field="refusal")
    if not reason:
        raise InvalidText(_("Give the reason."), remedy=_("The contact reads it."), field="refusal")
    row = ChannelStatus.objects.filter(contact=request.contact_id, channel=Channel.EMAIL).with_address().first()
    address = normalise(Channel.EMAIL, row.address) if row else None
    lock_addresses(address.fingerprints if address else [], exclusive=True)
    held = ErasureRequest.objects.select_for_update().filter(pk=request.pk).first()
    if held is None or held.state != RequestState.OPEN:
        raise RequestDecided
    held.state, held.refusal = RequestState.REFUSED, reason
    held.decided_at, held.decided_by = database_clock(), origin.actor.label
    held.save(update_fields=["state", "refusal", "decided_at", "decided_by"])
    contact = Contact.objects.select_related("project").filter(pk=held.contact_id).first()
    if contact is None or address is None:
        return False
    mail_link(
        contact.project,
        purpose=LinkPurpose.ANSWER,
        address=address,
        contact=contact,
        language=contact.language[:2].lower(),
        asked={"answer": reason},
        lasts=ANSWER_LASTS,
        request_id=origin.request_id,
    )
    return True


def merge(going: int, staying: int, _origin: Origin) -> None:
    """What one contact asked for, and the links that were mailed to them, are the other's. One request stays open."""
    MailedLink.objects.filter(contact=going).update(contact=staying)
    asked, also_asked = _open_of(going), _open_of(staying)
    if asked and also_asked:
        earlier = min(asked.requested_at, also_asked.requested_at)
        ErasureRequest.objects.filter(pk=also_asked.pk).update(requested_at=earlier)
        asked.delete()
    ErasureRequest.objects.filter(contact=going).update(contact=staying)


def _open_of(number: int) -> ErasureRequest | None:
    return ErasureRequest.objects.filter(contact=number, state=RequestState.OPEN).first()
