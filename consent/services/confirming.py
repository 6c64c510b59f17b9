"""Double opt-in: what somebody typed into a page is asked of the address that they named, and holds once confirmed.

Whether the register knows the address shows nowhere: what is asked, mailed and answered is the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from consent.models import CommunicationType, Consent, MailedLink
from consent.services import consents, mailing
from consent.vocabulary import LinkPurpose
from contacts.addresses import Address, fingerprints, normalise
from contacts.eligibility import Question, verdicts
from contacts.errors import InvalidAddress, KeyTaken, RegisterError
from contacts.models import ChannelStatus, Contact, Project
from contacts.origin import THE_CONTACT, Origin
from contacts.services import opt_outs, register, status
from contacts.services.locks import lock_addresses, lock_ids
from contacts.services.register import Details
from contacts.vocabulary import Channel, Method, Reason, Weight

LASTS = timedelta(days=7)
MOST_SAME_KEYS = 50
DETAILS = ("first_name", "last_name", "language")

Offers = Sequence[tuple[CommunicationType, str]]


class LinkOver(RegisterError):
    """The link was used meanwhile, or has expired."""

    code = "link_over"
    message = _("This link has been used already, or has expired.")
    remedy = _("Fill in the form again to get a new one.")


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What became of a confirmation: the contact, what they said yes to, and which of it is not sent all the same."""

    contact: Contact
    agreed: list[tuple[CommunicationType, str]]
    held_back: list[tuple[CommunicationType, str]] = field(default_factory=list)


@transaction.atomic
def ask_to_confirm(
    project: Project,
    *,
    address: Address,
    offers: Offers,
    contact: Contact | None = None,
    details: Mapping[str, str] | None = None,
    evidence: Mapping[str, Any] | None = None,
    language: str,
    request_id: uuid.UUID | None = None,
) -> None:
    """Have a link mailed to an address, by which the person agrees to these types and channels within seven days.

    ``contact`` is given where a page knows them by their token; somebody who merely typed an address is looked up when
    they confirm. ``details`` are first_name, last_name, language and sms as typed. Nothing tells whether a mail goes:
    an address that has had its share gets none. The caller holds no contact's lock.
    """
    asked = {
        "offers": [[topic.pk, channel] for topic, channel in offers],
        "details": dict(details or {}),
        "evidence": dict(evidence or {}),
    }
    link = mailing.mail_link(
        project, purpose=LinkPurpose.CONFIRM, address=address, contact=contact, language=language, asked=asked,
        lasts=LASTS, request_id=request_id,
    )  # fmt: skip
    if link is not None and contact is not None:
        _write_pending(link, contact)


@transaction.atomic
def note_pending(link_id: int) -> None:
    """Write in a contact's opt-in history that a confirmation is waited for, before its mail goes out.

    By the worker and not when the form is sent, which must take as long for an address that nobody has.
    """
    found = MailedLink.objects.filter(pk=link_id, purpose=LinkPurpose.CONFIRM, sent_at__isnull=True)
    link = found.select_related("project").first()
    if link is None or link.contact_id:
        return
    contact = _known(link)
    if contact is not None:
        _write_pending(link, contact)


def _write_pending(link: MailedLink, contact: Contact) -> None:
    origin = _origin(link, link.asked.get("evidence", {}))
    for topic, channel in offers_of(link):
        consents.ask(contact.as_set(), topic, channel, origin=origin)


def offers_of(link: MailedLink) -> list[tuple[CommunicationType, str]]:
    """The types and channels that a link asks about and that are still there to be agreed to, in their order."""
    wanted = [(number, channel) for number, channel in link.asked.get("offers", [])]
    topics = CommunicationType.objects.filter(project=link.project_id, administrative=False).in_use()
    found = topics.in_bulk([number for number, _channel in wanted])
    ordered = sorted(found.values(), key=lambda topic: (topic.position, topic.name, topic.pk))
    return [
        (topic, channel) for topic in ordered for channel in Channel.values
        if (topic.pk, channel) in wanted and channel in topic.channels
    ]  # fmt: skip


@transaction.atomic
def confirm(link: MailedLink, evidence: Mapping[str, Any] | None = None) -> Confirmed:
    """Do what a link asks, as the person's own act: they agree, and what they said no to earlier opens again.

    Adds a contact with the address as key where nobody has the address; of several who have it the first one agrees.
    A no that only others may lift (a complaint, the suppression list) stays: the agreement is kept, and what is not
    sent all the same is told. Raises LinkOver when the link was used meanwhile.
    """
    address = normalise(Channel.EMAIL, link.address)
    details = link.asked.get("details", {})
    lock_addresses(_concerned(link, address), exclusive=True)
    if not mailing.use(link):
        raise LinkOver
    origin = _origin(link, {**link.asked.get("evidence", {}), **_of_confirmation(evidence)})
    contact = _known(link)
    if contact is None:
        contact = add(link.project, address, details, origin)
    else:
        _fill_in(contact, details, origin)
    offers = offers_of(link)
    agree(contact, offers, proved=[Channel.EMAIL], origin=origin)
    return Confirmed(contact, offers, held_back(contact, offers))


def agree(contact: Contact, offers: Offers, *, proved: Sequence[str], origin: Origin) -> None:
    """Let a contact agree to types on channels by an act of their own, over their earlier no.

    ``proved`` are the channels whose address is known to be theirs: a no on another one may be somebody else's, so it
    stays. Who had stopped everything comes back for what they agree to now: other agreements of before are taken back,
    since they said no to those as well.
    """
    channels = sorted({channel for _topic, channel in offers} & set(proved))
    if not offers:
        return
    stopped = _stopped_themselves(contact, channels)
    status.return_themselves(contact.as_set(), channels, origin=origin)
    for topic, channel in not_refused(contact, offers, proved=proved):
        consents.grant(contact.as_set(), topic, channel, origin=origin)
    _take_back_others(contact, offers, stopped, origin)


def not_refused(contact: Contact, offers: Offers, *, proved: Sequence[str]) -> Offers:
    """Without what somebody else said no to who has the same address, where it is not known to be the contact's:
    anybody can type the number of anybody."""
    rows = ChannelStatus.objects.filter(contact=contact).exclude(channel__in=proved).with_address()
    theirs: set[tuple[int, str]] = set()
    for channel, key in rows.values_list("channel", "address_key"):
        others = ChannelStatus.objects.filter(project=contact.project_id, channel=channel).exclude(contact=contact)
        others = others.at_fingerprints(fingerprints(channel, key))
        if others.filter(contact_active=False).exists():
            theirs.update((topic.pk, channel) for topic, _channel in offers)
        withdrawn = Consent.objects.filter(channel_status__in=others, is_withdrawn=True)
        theirs.update(withdrawn.values_list("communication_type_id", "channel"))
    return [(topic, channel) for topic, channel in offers if (topic.pk, channel) not in theirs]


def held_back(contact: Contact, offers: Offers) -> list[tuple[CommunicationType, str]]:
    """Which of these would not be sent to the contact now."""
    return [
        (topic, channel)
        for topic, channel in offers
        if not verdicts([contact.pk], Question(channel, communication_type=topic))[contact.pk].sendable
    ]


def _stopped_themselves(contact: Contact, channels: Sequence[str]) -> list[str]:
    """The channels that a no of the person's own keeps shut, and that they open with their yes."""
    switch: QuerySet[Any] = status.switch_gates(contact.as_set().inactive())
    weight = switch.values_list("strongest", flat=True).first()
    if weight is not None:
        return list(Channel.values) if Weight.REPORTED <= weight <= Weight.OWN else []
    rows = ChannelStatus.objects.filter(contact=contact, channel__in=channels, opted_out=True)
    gates: QuerySet[Any] = opt_outs.opt_out_gates(rows)
    own = gates.filter(strongest__gte=Weight.REPORTED, strongest__lte=Weight.OWN)
    return list(own.values_list("channel", flat=True))


def _take_back_others(contact: Contact, offers: Offers, channels: Sequence[str], origin: Origin) -> None:
    now = {(topic.pk, channel) for topic, channel in offers}
    agreed = Consent.objects.filter(contact=contact, channel__in=channels, is_withdrawn=False)
    agreed = agreed.filter(Q(is_express=True) | Q(implied_until__isnull=False)).select_related("communication_type")
    for row in agreed.order_by("pk"):
        topic = row.communication_type
        if (topic.pk, row.channel) not in now and topic.needs_consent and row.channel in topic.channels:
            consents.withdraw(contact.as_set(), topic, row.channel, origin=origin)


def _origin(link: MailedLink, evidence: Mapping[str, Any]) -> Origin:
    return Origin(Method.FORM, THE_CONTACT, Reason.OWN_REQUEST, evidence=dict(evidence), request_id=link.request_id)


def _of_confirmation(evidence: Mapping[str, Any] | None) -> dict[str, Any]:
    return {f"confirmed_{name}": value for name, value in (evidence or {}).items()}


def _concerned(link: MailedLink, address: Address) -> set[str]:
    """The fingerprints of every address that confirming may write about, to be locked at once."""
    phone = phone_of(link.project, link.asked.get("details", {}))
    marks = {*address.fingerprints, *(phone.fingerprints if phone else ())}
    contact = _known(link)
    if contact is not None:
        rows = ChannelStatus.objects.filter(contact=contact).with_address()
        for channel, key in rows.values_list("channel", "address_key"):
            marks.update(fingerprints(channel, key))
    return marks


def _known(link: MailedLink) -> Contact | None:
    """The contact whom a link is about: whom it was made for while they have its address, else who has it."""
    address = normalise(Channel.EMAIL, link.address)
    holders = at_address(link.project, address)
    if link.contact_id:
        own = holders.filter(Q(pk=link.contact_id) | Q(pk=_merged_into(link.contact_id))).first()
        if own is not None:
            return own
    by_key = holders.filter(key__in=[address.key, address.shown]).first()
    return by_key or holders.first()


def at_address(project: Project, address: Address) -> QuerySet[Contact]:
    """The contacts of a project who have an address, the first one first."""
    rows = ChannelStatus.objects.filter(project=project, channel=address.channel)
    rows = rows.at_fingerprints(address.fingerprints)
    return Contact.objects.in_project(project).filter(pk__in=rows.values("contact")).order_by("pk")


def _merged_into(number: int) -> int | None:
    return Contact.objects.filter(pk=number).values_list("merged_into_id", flat=True).first()


def add(project: Project, address: Address, details: Mapping[str, str], origin: Origin) -> Contact:
    """Add the contact. A key that somebody has who has another address gets a number behind it: it is theirs."""
    phone = phone_of(project, details)
    addresses: dict[str, str] = {Channel.EMAIL: address.shown, **({Channel.SMS: phone.shown} if phone else {})}
    given: dict[str, Any] = {name: details.get(name, "") for name in DETAILS}
    # Coming into the register is not what the link asks: its entries must not be taken for a retry of that.
    origin = origin.saying(request_id=uuid.uuid5(origin.request_id, "contact"))
    for number in range(1, MOST_SAME_KEYS):
        key = address.key if number == 1 else f"{address.key[:245]} ({number})"
        if Contact.objects.ever_in_project(project).filter(key=key).exists():
            continue
        try:
            with transaction.atomic():
                return register.create_contact(
                    project, key=key, details=Details(**given), addresses=addresses, origin=origin
                )
        except KeyTaken:
            continue
    raise KeyTaken


def _fill_in(contact: Contact, details: Mapping[str, str], origin: Origin) -> None:
    """Put what is not known yet. What is known only its owner changes, on a page of their own."""
    given = {name: details[name] for name in DETAILS if details.get(name) and not getattr(contact, name)}
    phone = phone_of(contact.project, details)
    has_phone = ChannelStatus.objects.filter(contact=contact, channel=Channel.SMS).with_address().exists()
    if phone and not has_phone:
        register.change_address(contact, Channel.SMS, phone.shown, origin=origin)
    if given:
        lock_ids([contact.pk])
        contact.refresh_from_db()
        kept: dict[str, Any] = {name: getattr(contact, name) or given.get(name, "") for name in DETAILS}
        register.update_details(contact, Details(**kept, notes=contact.notes, attributes=contact.attributes))


def phone_of(project: Project, details: Mapping[str, str]) -> Address | None:
    """The number for SMS among details; None where there is none that can be one."""
    try:
        return normalise(Channel.SMS, details["sms"], country=project.default_country) if details.get("sms") else None
    except InvalidAddress:
        return None
