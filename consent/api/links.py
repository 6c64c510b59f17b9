"""The links and headers that a message to a contact has to carry, for mailers that Sendable does not run."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from ninja import Field, Query, Router, Schema

from consent.api.topics import Asked, question_of
from consent.models import CommunicationType
from consent.services.mail_headers import links_for
from contacts.api.door import ApiRequest, Scoped
from contacts.api.shapes import ChannelName
from contacts.errors import RegisterError
from contacts.models import ChannelStatus
from contacts.vocabulary import ApiScope

router = Router(tags=["Contacts"])


class NoAddress(RegisterError):
    code = "no_address"
    message = _("The contact has no address on this channel.")
    field = "channel"


class LinksAsked(Schema):
    channel: ChannelName = "email"
    communication_type: Asked = ""


class LinksOut(Schema):
    """What goes into one message to the contact, at the address that they have now."""

    address: str = Field(examples=["ann@example.org"])
    opt_out: str = Field(examples=["https://sendable.example.org/u/…"], description="For the text of the message.")
    consent_centre: str = Field(examples=["https://sendable.example.org/c/…"])
    headers: dict[str, str] = Field(
        description="Headers of an email, as they are: List-Unsubscribe, List-Unsubscribe-Post (RFC 8058; the DKIM "
        "signature has to cover both), Feedback-ID and one more, by which a spam report finds the contact. Empty for "
        "other channels.",
        examples=[{"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}],
    )
    return_path: str = Field(
        examples=["b+k1x…@bounces.example.org"],
        description="The envelope sender by which bounces find the contact; empty where no domain for it is set.",
    )


@router.get(
    "contacts/{int:contact_id}/links", response=LinksOut, auth=Scoped(ApiScope.READ), operation_id="get_links"
)  # fmt: skip
def links(request: ApiRequest, contact_id: int, asked: Query[LinksAsked]) -> object:
    """Opt-out link, consent centre and headers for a message to the contact.

    With a communication type the opt-out link stops that type first. The links name the contact and the address: they
    are for one message to this contact alone.
    """
    contact = request.api.contact(contact_id)
    question = question_of(request.api.project, asked.channel, asked.communication_type)
    topic = question.communication_type
    row = ChannelStatus.objects.filter(contact=contact, channel=asked.channel).with_address().first()
    if row is None:
        raise NoAddress
    found = links_for(row, topic if isinstance(topic, CommunicationType) else None)
    names = ("opt_out", "consent_centre", "headers", "return_path")
    return {"address": row.address, **{name: getattr(found, name) for name in names}}
