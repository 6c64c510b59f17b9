"""What a contact sees in the consent centre: every type, a switch for each channel, and why one is off."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from consent.models import CommunicationType, Consent
from contacts.addresses import Address
from contacts.dates import long_day
from contacts.models import Block, ChannelStatus, Contact, StatusHistory
from contacts.origin import OWN_DOORS
from contacts.vocabulary import Aspect, BlockKind, Cause, Channel, Method, Says


@dataclass(frozen=True, slots=True)
class Switch:
    """A type on a channel. ``needs_mail``: turned on, it is confirmed by mail first. ``why`` says what keeps it off."""

    topic: CommunicationType
    channel: str
    is_on: bool
    needs_mail: bool
    can_change: bool
    why: str = ""

    @property
    def name(self) -> str:
        return f"type-{self.topic.pk}-{self.channel}"

    @property
    def label(self) -> str:
        return str(Channel(self.channel).label)


@dataclass(frozen=True, slots=True)
class Choice:
    """A type, with its switches; without any when it is administrative."""

    topic: CommunicationType
    switches: list[Switch] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.topic.name_in()

    @property
    def description(self) -> str:
        return self.topic.description_in()

    @property
    def is_sent(self) -> bool:
        return not self.switches or any(switch.is_on for switch in self.switches)


@dataclass(frozen=True, slots=True)
class Choices:
    """All of a contact's. ``off_since`` says since when everything is off, and ``stopped_themselves`` whether that is
    their own doing; ``email`` is where confirmations go."""

    choices: list[Choice]
    email: Address | None
    off_since: str = ""
    stopped_themselves: bool = False

    @property
    def switches(self) -> list[Switch]:
        return [switch for choice in self.choices for switch in choice.switches]

    @property
    def still_sent(self) -> list[str]:
        """The names of what the contact still receives."""
        return [] if self.off_since else [choice.name for choice in self.choices if choice.is_sent]


def choices_of(contact: Contact) -> Choices:
    """The contact's choices now, in a number of queries that grows with channels alone."""
    rows = {row.channel: row for row in ChannelStatus.objects.filter(contact=contact).with_address()}
    whys = {channel: _why_off(row) for channel, row in rows.items()}
    agreed, withdrawn = _consents(contact)
    email = _email(rows.get(Channel.EMAIL))
    choices = []
    for topic in CommunicationType.objects.filter(project=contact.project_id).public():
        switches = []
        for channel in Channel.values:
            if topic.administrative or channel not in topic.channels or channel not in rows:
                continue
            row, gate = rows[channel], (topic.pk, channel)
            is_on = gate in agreed and contact.is_active and not row.opted_out and not row.suppressed
            needs_mail = topic.double_opt_in or not contact.is_active or row.opted_out or gate in withdrawn
            is_final = row.suppressed or (row.opted_out and channel != Channel.EMAIL)
            can_change = is_on or not (is_final or (needs_mail and email is None))
            switches.append(Switch(topic, channel, is_on, needs_mail, can_change, whys[channel]))
        if switches or (topic.administrative and set(topic.channels) & set(rows)):
            choices.append(Choice(topic, switches))
    if contact.is_active:
        return Choices(choices, email)
    said = _last_no(contact, Aspect.ACTIVE)
    return Choices(choices, email, _why_inactive(said), said is not None and said.method in OWN_DOORS)


def agreements(contact: Contact) -> list[tuple[CommunicationType, str]]:
    """The types and channels to which a contact's agreement holds, whatever else stops them."""
    held = Consent.objects.filter(contact=contact, is_withdrawn=False, communication_type__archived_at__isnull=True)
    held = held.filter(_holds(timezone.now())).select_related("communication_type").order_by("pk")
    return [(row.communication_type, row.channel) for row in held if row.channel in row.communication_type.channels]


def _holds(now: datetime) -> Q:
    return Q(is_express=True) | Q(implied_until__gt=now, communication_type__accepts_implied=True)


def _consents(contact: Contact) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    rows = Consent.objects.filter(contact=contact)
    withdrawn = rows.filter(is_withdrawn=True).values_list("communication_type_id", "channel")
    agreed = rows.filter(_holds(timezone.now()), is_withdrawn=False).values_list("communication_type_id", "channel")
    return set(agreed), set(withdrawn)


def _email(row: ChannelStatus | None) -> Address | None:
    if row is None or row.suppressed:
        return None
    return Address(row.channel, row.address, row.address_key)


def _why_inactive(said: StatusHistory | None) -> str:
    if said is None:
        return _("Everything is off.")
    told = {"day": long_day(said.occurred_at)}
    if said.method == Method.SPAM_REPORT:
        return _("Everything is off since you reported a message as spam on %(day)s.") % told
    if said.method in OWN_DOORS:
        return _("Everything is off since you stopped it on %(day)s.") % told
    return _("Everything is off since %(day)s.") % told


def _why_off(row: ChannelStatus) -> str:
    """Why nothing is sent on a channel, without a word about others who may have the same address."""
    if row.suppressed:
        return _why_suppressed(row)
    if not row.opted_out:
        return ""
    said = _last_no(row.contact, Aspect.OPT_OUT, row.channel) if row.own_opt_out else None
    if said is None:
        return _("Off: messages to this address were stopped.")
    told = {"day": long_day(said.occurred_at)}
    if said.method in OWN_DOORS:
        return _("Off since you opted out on %(day)s.") % told
    return _("Off since %(day)s.") % told


def _why_suppressed(row: ChannelStatus) -> str:
    on = Block.objects.on().reaching(row.project).filter(
        channel=row.channel, fingerprint=row.fingerprint, kind=BlockKind.SUPPRESSION
    )  # fmt: skip
    said = StatusHistory.objects.filter(block__in=on, contact=row.contact_id, says=Says.NO).not_voided()
    last = said.order_by("-occurred_at", "-pk").select_related("block").first()
    if last is None or last.block is None:
        return _("Off: messages to this address were stopped.")
    told = {"day": long_day(last.occurred_at)}
    if last.block.cause == Cause.STOP:
        return _("Off since you replied STOP on %(day)s.") % told
    if last.block.cause == Cause.COMPLAINT:
        return _("Off since you reported a message as spam on %(day)s.") % told
    return _("Off since %(day)s.") % told


def _last_no(contact: Contact, aspect: Aspect, channel: str = "") -> StatusHistory | None:
    said = StatusHistory.objects.filter(contact=contact, aspect=aspect, channel=channel, says=Says.NO).not_voided()
    return said.order_by("-weight", "-occurred_at", "-pk").first()
