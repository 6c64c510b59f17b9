"""Contacts: adding and finding them, and their switch."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Router, Status

from contacts.api.door import ApiRequest, Scoped
from contacts.api.etags import with_etag
from contacts.api.shapes import ContactIn, ContactOut, ReasonIn, contact_out
from contacts.services.register import Details, create_contact
from contacts.services.status import deactivate
from contacts.vocabulary import ApiScope

router = Router(tags=["Contacts"])


@router.post("contacts", response={201: ContactOut}, auth=Scoped(ApiScope.WRITE), operation_id="create_contact")
def create(request: ApiRequest, response: HttpResponse, sent: ContactIn) -> object:
    """Add a contact. Blocks that lie on its addresses hold for it at once."""
    details = Details(sent.first_name, sent.last_name, sent.language, sent.notes, sent.attributes)
    addresses: dict[str, str] = {channel: held.address for channel, held in sent.channels.items()}
    origin = request.api.origin()
    contact = create_contact(request.api.project, key=sent.key, details=details, addresses=addresses, origin=origin)
    shape = contact_out(contact)
    with_etag(response, shape)
    return Status(201, shape)


@router.get("contacts/{int:contact_id}", response=ContactOut, auth=Scoped(ApiScope.READ), operation_id="get_contact")
def get(request: ApiRequest, response: HttpResponse, contact_id: int) -> object:
    """A contact as it is now. Of one who was merged into another, that other one."""
    shape = contact_out(request.api.contact(contact_id))
    with_etag(response, shape)
    return shape


@router.post(
    "contacts/{int:contact_id}/deactivate", response=ContactOut, auth=Scoped(ApiScope.WRITE),
    operation_id="deactivate_contact",
)  # fmt: skip
def stop(request: ApiRequest, contact_id: int, sent: ReasonIn) -> object:
    """Stop everything on every channel. Data, opt-ins and history stay."""
    contact = request.api.contact(contact_id)
    deactivate(contact.as_set(), origin=request.api.origin(**sent.fields())).or_raise()
    contact.refresh_from_db()
    return contact_out(contact)
