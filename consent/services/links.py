"""What the link in a message stops, and stopping it (DESIGN, rule 7). The one place for it.

A link names the contact and the address that it was sent to, and works however old it is. As long as the contact has
that address, their own no is recorded. Once they have another one, or were erased, nobody knows who reads the message:
then the address it was sent to is blocked in the project, and nothing else happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.db import models, transaction
from django.db.models import Exists, FilteredRelation, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent.models import Centre, CommunicationType, Consent, ConsentHistory
from consent.services import consents
from consent.services.one_withdrawal import withdraw_now
from consent.services.shared import at_the_address, who_agreed
from consent.tokens import BadToken, Token
from contacts.addresses import Address, Mark, has_fingerprint, normalise
from contacts.errors import InvalidAddress
from contacts.gates import standing_noes
from contacts.models import ChannelStatus, Contact, Project, StatusHistory
from contacts.origin import Origin
from contacts.services import blocks, opt_outs, status
from contacts.services.fingerprints import current_key
from contacts.services.locks import lock_addresses, lock_ids, with_addresses_locked
from contacts.services.prepared import Prepared, PreparedObjects
from contacts.vocabulary import Aspect, BlockKind, Cause, Method, Says, Weight


class Scope(models.TextChoices):
    """How much a link stops."""

    TYPE = "type", _("This communication type")
    PROJECT = "project", _("Everything from this project")
    ORGANIZATION = "organization", _("Everything from the organization")


@dataclass(frozen=True, slots=True)
class Link:
    """What a token leads to now.

    ``row`` is the channel of who reads the message, if they still have the address that it was sent to, else None;
    then ``address`` is all there is: as text where the history knows it, or the mere fingerprint. ``topic`` is the
    communication type that the first button (and one click) stops, None where that is everything from the project.
    """

    token: Token
    project: Project
    centre: Centre
    row: ChannelStatus | None
    topic: CommunicationType | None
    address: Address | Mark

    @property
    def contact(self) -> Contact | None:
        return self.row.contact if self.row else None

    @property
    def stops(self) -> Scope:
        return Scope.TYPE if self.topic else Scope.PROJECT

    @property
    def has_choices(self) -> bool:
        """Whether there is a consent centre for who reads this."""
        return self.row is not None and self.centre.is_open


def what_stops(token: Token) -> Link:
    """What a token leads to now. Raises BadToken for a project that does not exist."""
    row = _row_of(token)
    project = row.project if row else _project_of(token)
    centre = _centre_of(project)
    if row is None:
        return Link(token, project, centre, None, None, _address_sent_to(token, project))
    address = Address(row.channel, row.address, row.address_key)
    return Link(token, project, centre, row, _topic(row, centre), address)


def _centre_of(project: Project) -> Centre:
    """The centre that was read with the project; a closed one where it has none."""
    is_read = Project._meta.get_field("centre").is_cached(project)
    centre: Centre | None = getattr(project, "centre", None) if is_read else None
    return centre or Centre(project=project, is_open=False)


def stop(seen: Link, what: Scope, *, origin: Origin) -> Scope:
    """Stop what the person who has the message wants to be stopped, and return what was.

    A type of which there is nothing to withdraw (any more) is everything from the project. The origin is the person's
    own act, by link or form. Of a no that stands already, said in the same way (and of one that is told late, no
    earlier), no second entry is written. Raises BadToken.
    """
    link = seen
    for _attempt in range(20):
        try:
            with transaction.atomic():
                if link.row is None:
                    return _stop_address(link, what, origin)
                if what == Scope.TYPE and link.topic:
                    return _stop_type(link, link.row, link.topic, origin)
                return _stop_contact(link, link.row, what, origin)
        except _ChangedMeanwhile:
            link = what_stops(seen.token)
    raise RuntimeError("The contact behind this link keeps changing.")


def stopped(link: Link) -> Scope | None:
    """What was stopped by link before, at least as much as the link stops first, and still is."""
    if link.row is None:
        return Scope.PROJECT if _is_blocked(link.project, link.address) else None
    if _has_said(link.row, Aspect.ACTIVE) and _has_said(link.row, Aspect.OPT_OUT):
        return Scope.PROJECT
    if link.topic:
        noes = ConsentHistory.objects.filter(
            contact=link.row.contact_id, communication_type=link.topic, channel=link.row.channel
        )
        if _is_said(noes.not_voided(), "contact", "communication_type", "channel"):
            return Scope.TYPE
    return None


class _ChangedMeanwhile(Exception):
    """The contact was erased, merged, or got another address between the look and the lock."""


def _project_of(token: Token) -> Project:
    project = Project.objects.select_related("organization", "centre").filter(pk=token.project).first()
    if project is None:
        raise BadToken
    return project


def _row_of(token: Token) -> ChannelStatus | None:
    """The channel of the contact (or of whom they were merged into), if it has the address of the token."""
    row = _channel(token.contact, token)
    if row is None:  # who was merged has no channel any more
        merged = Contact.objects.filter(pk=token.contact, project=token.project)
        into = merged.values_list("merged_into_id", flat=True).first()
        row = _channel(into, token) if into else None
    if row is None:
        return None
    is_same = row.fingerprint == token.fingerprint or has_fingerprint(token.fingerprint, row.channel, row.address_key)
    return row if is_same else None


_OTHERS = ChannelStatus.objects.filter(
    project=OuterRef("project"), channel=OuterRef("channel"), fingerprint=OuterRef("fingerprint")
).exclude(contact=OuterRef("contact"))
_CHANNEL = PreparedObjects(
    ChannelStatus,
    lambda contact, channel, project, topic: (
        ChannelStatus.objects.filter(contact=contact, channel=channel, contact__project=project)
        .with_address()
        .annotate(
            is_shared=Exists(_OTHERS),
            topic=FilteredRelation("project__communication_types", condition=Q(project__communication_types__id=topic)),
        )
    ),
    related=["contact", "project", "project__organization", "project__centre"],
    joined={"topic": CommunicationType},
    annotations=["is_shared"],
    contact=int,
    channel=str,
    project=int,
    topic=int,
)


def _channel(contact: int, token: Token) -> ChannelStatus | None:
    """A contact's channel with an address, and all that is around it: ``topic`` is the type of the token, ``is_shared``
    whether another contact has the address."""
    topic = token.communication_type or 0
    return _CHANNEL.first(contact=contact, channel=token.channel, project=token.project, topic=topic)


def _topic(row: ChannelStatus, centre: Centre) -> CommunicationType | None:
    """The type that the link stops. Without a centre the person could not turn it on again, nor choose."""
    topic: CommunicationType | None = row.topic  # type: ignore[attr-defined]
    if topic is None or not centre.is_open or centre.stops_everything:
        return None
    return topic if topic.is_sent_on(row.channel) and topic.needs_consent else None


def _address_sent_to(token: Token, project: Project) -> Address | Mark:
    """The address of a token that its contact does not have: what the history calls it, or its fingerprint."""
    put = StatusHistory.objects.filter(
        contact=token.contact, project=project, aspect=Aspect.ADDRESS, channel=token.channel
    ).exclude(to_value="")
    for text in put.order_by("-pk").values_list("to_value", flat=True):
        with suppress(InvalidAddress):
            address = normalise(token.channel, text)
            if token.fingerprint in address.fingerprints:
                return address
    return Mark(token.channel, token.fingerprint)


def _stop_type(link: Link, row: ChannelStatus, topic: CommunicationType, origin: Origin) -> Scope:
    """Withdraw the type on the channel of the message, there for all who have its address, and on those other channels
    on which it would still be sent."""
    others = at_the_address(row.contact, row.channel) if _is_shared(row) else None
    if others is not None:
        lock_ids([contact.pk for contact in others])
    if withdraw_now(row, topic, origin=origin) is None:
        raise _ChangedMeanwhile
    channels = agreed_on(row.contact, topic) - {row.channel}
    if channels:
        for other in ChannelStatus.objects.filter(contact=row.contact_id, channel__in=channels).order_by("channel"):
            withdraw_now(other, topic, origin=origin)
    if others is not None:
        together = Contact.objects.filter(pk__in=who_agreed(others, topic, row.channel))
        consents.withdraw(together, topic, row.channel, origin=origin, unless_standing=True)
    return Scope.TYPE


def _is_shared(row: ChannelStatus) -> bool:
    """Whether another contact has the address as well, as it was told when the channel was read."""
    return bool(row.is_shared)  # type: ignore[attr-defined]


def agreed_on(contact: Contact, topic: CommunicationType) -> set[str]:
    """The channels on which a contact's agreement to a type holds."""
    now = timezone.now()
    return {
        channel
        for channel, is_withdrawn, is_express, until in _AGREED.rows(contact=contact.pk, topic=topic.pk)
        if channel in topic.channels and not is_withdrawn and (is_express or (until is not None and until > now))
    }


_AGREED = Prepared(
    lambda contact, topic: (
        Consent.objects.filter(contact=contact, communication_type=topic)
        .order_by()
        .values_list("channel", "is_withdrawn", "is_express", "implied_until")
    ),
    contact=int,
    topic=int,
)


def _stop_contact(link: Link, row: ChannelStatus, what: Scope, origin: Origin) -> Scope:
    """Deactivate the contact and opt their address out; with ``what`` of the organization, block it there as well."""
    lock_addresses(link.address.fingerprints, exclusive=True)

    def change(locked: Sequence[int]) -> None:
        now = ChannelStatus.objects.filter(pk=row.pk, contact__in=locked).select_related("contact").first()
        if now is None or now.fingerprint != row.fingerprint:
            raise _ChangedMeanwhile
        if not _has_said(now, Aspect.ACTIVE, origin.method, since=origin.occurred_at):
            status.deactivate(now.contact.as_set(), origin=origin)
        if not _has_said(now, Aspect.OPT_OUT, origin.method, since=origin.occurred_at):
            opt_outs.opt_out(now.contact.as_set(), now.channel, origin=origin)
        if what == Scope.ORGANIZATION:
            _suppress(link.project, link.address, origin, now.contact)

    with_addresses_locked(row.contact.as_set(), [row.channel], change)
    return Scope.ORGANIZATION if what == Scope.ORGANIZATION else Scope.PROJECT


def _stop_address(link: Link, what: Scope, origin: Origin) -> Scope:
    """Block the address that the message was sent to, for whoever has it or comes to it."""
    lock_addresses(link.address.fingerprints, exclusive=True)
    if _row_of(link.token) is not None:  # from here on, nobody can come to the address meanwhile
        raise _ChangedMeanwhile
    address = known_again(link.project, link.address)
    if not _is_blocked(link.project, address, since=origin.occurred_at):
        blocks.opt_out_addresses([address], project=link.project, origin=origin)
    if what == Scope.ORGANIZATION:
        _suppress(link.project, address, origin, None)
    return Scope.ORGANIZATION if what == Scope.ORGANIZATION else Scope.PROJECT


def known_again(project: Project, address: Address | Mark) -> Address | Mark:
    """The address behind a fingerprint of an older key, if somebody in the project has it now: blocks on it lie under
    the key of today."""
    if isinstance(address, Address) or address.fingerprint.partition(":")[0] == current_key():
        return address
    rows = ChannelStatus.objects.filter(project=project, channel=address.channel).with_address()
    for shown, key in rows.values_list("address", "address_key").iterator():
        if has_fingerprint(address.fingerprint, address.channel, key):
            return Address(address.channel, shown, key)
    return address


def _suppress(project: Project, address: Address | Mark, origin: Origin, contact: Contact | None) -> None:
    """The block in the whole organization, unless it was said by link before and still stands."""
    of_block = StatusHistory.objects.filter(
        block__organization=project.organization_id, block__project__isnull=True, block__channel=address.channel,
        block__fingerprint__in=address.fingerprints, block__kind=BlockKind.SUPPRESSION, block__cause=Cause.REQUEST,
    )  # fmt: skip
    if not _is_said(of_block.not_voided(), "block"):
        blocks.suppress(
            [address], organization=project.organization, cause=Cause.REQUEST, recorded_in=project,
            contact=contact, origin=origin,
        )  # fmt: skip


def _has_said(
    row: ChannelStatus, aspect: Aspect, method: str = Method.OPT_OUT_LINK, since: datetime | None = None
) -> bool:
    """Whether a no of the contact's own, by this method, stands: on the switch, or on the channel at this address."""
    said = StatusHistory.objects.filter(contact=row.contact_id, aspect=aspect)
    if aspect == Aspect.OPT_OUT:
        said = said.filter(channel=row.channel, block__fingerprint=row.fingerprint)
    return _is_said(said.not_voided(), "contact", "aspect", "channel", method=method, since=since)


def _is_blocked(project: Project, address: Address | Mark, since: datetime | None = None) -> bool:
    of_block = StatusHistory.objects.filter(
        block__project=project, block__channel=address.channel, block__fingerprint__in=address.fingerprints,
        block__kind=BlockKind.OPT_OUT, block__cause=Cause.OPT_OUT,
    )  # fmt: skip
    return _is_said(of_block.not_voided(), "block", since=since)


def _is_said(
    entries: QuerySet[StatusHistory] | QuerySet[ConsentHistory],
    *gate: str,
    method: str = Method.OPT_OUT_LINK,
    since: datetime | None = None,
) -> bool:
    """Whether one of these entries is the person's own no by this method, and stands in its gate.

    ``since`` is when a no was said that is told late: it repeats none from before, as it may be later than the word
    on which somebody would lift that one.
    """
    words = entries.model._default_manager.filter(**{name: OuterRef(name) for name in gate})
    noes = entries.filter(says=Says.NO, weight=Weight.OWN, method=method)
    if since is not None:
        noes = noes.filter(occurred_at__gte=since)
    return standing_noes(noes, words=words.not_voided()).exists()
