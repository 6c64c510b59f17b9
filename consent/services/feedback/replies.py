"""Replies: text messages (and mails that were set aside) of people who stop, start again, ask, or perhaps stop.

A STOP puts the number on the organization's suppression list, whoever has it or comes to it. A START lifts what a STOP
put there, and nothing else. What may mean stop waits for a user.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import unicodedata
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import phonenumbers
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.incoming.texts import Meaning, Read, read_text
from consent.models import Centre, InboundReply
from consent.services import links
from consent.tokens import read, token_for
from consent.vocabulary import ReplyOutcome
from contacts.addresses import Address, Mark, normalise
from contacts.errors import InTheFuture, InvalidAddress, RegisterError
from contacts.models import Block, ChannelStatus, Contact, Project
from contacts.models.contact import ChannelStatusQuerySet
from contacts.origin import THE_CONTACT, Actor, Origin
from contacts.services import blocks
from contacts.services.fingerprints import adopt_older_fingerprints_of
from contacts.services.locks import lock_addresses
from contacts.services.set_sql import database_clock
from contacts.vocabulary import Cause, Channel, Method, Reason

LONGEST_TEXT = 5_000
SAME_WITHIN = timedelta(minutes=1)
CLOCKS_DIFFER = timedelta(minutes=10)

_OUTCOMES = {Meaning.HELP: ReplyOutcome.HELPED, Meaning.MAYBE_STOP: ReplyOutcome.WAITING}
_METHODS = {Channel.SMS: Method.SMS, Channel.EMAIL: Method.MAIL}
_MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
# With the 1 of mobile phones that Mexico gave up in 2019, and gateways still write.
_OLD_MEXICAN = re.compile(r"(?:00)?521\d{10}")
_FRENCH = frozenset({"AIDE"})


class NotANumber(InvalidAddress):
    code = "not_a_number"
    message = gettext_lazy("The sender is not a telephone number, so nobody can be found by it.")
    remedy = gettext_lazy("Send the number as the network gave it, like +14185550137. Nothing was changed.")
    field = "from"


class ReplyDecided(RegisterError):
    """Somebody decided the reply between the look and the click."""

    code = "reply_decided"
    message = gettext_lazy("This reply has been decided already.")
    remedy = gettext_lazy("The list shows how.")


@transaction.atomic
def take_text(
    project: Project,
    *,
    sender: str,
    recipient: str = "",
    text: str,
    key: str = "",
    occurred_at: datetime | None = None,
    actor: Actor,
) -> InboundReply:
    """Take a text message that somebody sent back, and do what it says, once.

    A message with a ``key`` that came before (from the same sender, with the same text) is that one; so is one
    without, when it is the sender's last within a minute. ``actor`` is who brought it. Raises NotANumber for a sender
    that is no telephone number, InTheFuture.
    """
    address = number_of(sender, project)
    text = readable(text)
    lock_addresses(address.fingerprints, exclusive=True)
    now = database_clock()
    occurred_at = _not_after(occurred_at, now)
    digest = _digest(project, address, text, key)
    known = _same(project, digest) if key else _sent_again(project, address, text, now, occurred_at or now)
    if known:
        return known
    meant = read_text(text)
    reply = InboundReply(
        project=project, contact=_oldest_holder(project, address), digest=digest, channel=Channel.SMS,
        fingerprint=address.fingerprint, address=address.shown, sent_to=readable(recipient)[:320], text=text,
        keyword=meant.keyword, outcome=_OUTCOMES.get(meant.meaning, ReplyOutcome.NOTHING),
        occurred_at=occurred_at or now, received_at=now,
    )  # fmt: skip
    reply.save()
    reply.outcome = _act_on(reply, meant, address, _own(reply, meant, occurred_at, actor))
    reply.save(update_fields=["outcome"])
    return reply


@transaction.atomic
def wait_for_decision(
    project: Project, *, channel: str, address: Address, text: str, key: str, occurred_at: datetime | None = None
) -> InboundReply:
    """Put what somebody wrote before a user, who decides whether it means stop. The same ``key`` is the same one."""
    lock_addresses(address.fingerprints, exclusive=True)
    now, text = database_clock(), readable(text)
    digest = _digest(project, address, text, key)
    known = _same(project, digest)
    if known:
        return known
    moment = min(occurred_at, now) if occurred_at else now
    return InboundReply.objects.create(
        project=project, contact=_oldest_holder(project, address), digest=digest, channel=channel,
        fingerprint=address.fingerprint, address=address.shown, text=text, outcome=ReplyOutcome.WAITING,
        occurred_at=moment, received_at=now,
    )  # fmt: skip


@transaction.atomic
def accept(reply: InboundReply, *, origin: Origin) -> InboundReply:
    """It means stop: the number is suppressed, or all mail from the project stopped, as of when it was written.

    It is the person's own no, that a user read; so ``origin`` gives the user, and the request. What was dismissed, or
    taken for nothing, can still be accepted. Raises ReplyDecided.
    """
    address = _address_of(reply)
    lock_addresses(address.fingerprints, exclusive=True)
    held = _held(reply)
    if held.outcome == ReplyOutcome.STOPPED and held.request_id == origin.request_id:
        return held
    if held.outcome not in (ReplyOutcome.WAITING, ReplyOutcome.NOTHING, ReplyOutcome.DISMISSED):
        raise ReplyDecided
    evidence = {**origin.evidence, "reply": held.pk}
    theirs = replace(
        origin, method=_METHODS[Channel(held.channel)], reason=Reason.STOP if held.channel == Channel.SMS else
        Reason.OWN_REQUEST, occurred_at=held.occurred_at, evidence=evidence,
    )  # fmt: skip
    if held.channel == Channel.SMS:
        _suppress(held.project, address, theirs)
    else:
        _stop_mail(held.project, address, theirs)
    return _decide(held, ReplyOutcome.STOPPED, origin.actor, request_id=origin.request_id)


@transaction.atomic
def dismiss(reply: InboundReply, *, actor: Actor) -> InboundReply:
    """It does not mean stop. Raises ReplyDecided unless it waits; dismissing twice is once."""
    lock_addresses(_address_of(reply).fingerprints, exclusive=True)
    held = _held(reply)
    if held.outcome == ReplyOutcome.DISMISSED:
        return held
    if held.outcome != ReplyOutcome.WAITING:
        raise ReplyDecided
    return _decide(held, ReplyOutcome.DISMISSED, actor)


def answer_to(reply: InboundReply) -> str | None:
    """What to send back, to whom asked for help: who sends here, and how to stop it. None for all others."""
    if reply.outcome != ReplyOutcome.HELPED:
        return None
    project = reply.project
    centre = Centre.objects.filter(project=project).first() or Centre(project=project)
    holders = Contact.objects.filter(pk__in=[reply.contact_id] if reply.contact_id else [])
    spoken = holders.values_list("language", flat=True).first() or ""
    language = "fr" if reply.keyword in _FRENCH else (spoken or centre.default_language)[:2].lower()
    with translation.override("fr" if language == "fr" else "en"):
        sender = centre.sender_name or project.organization.name
        address = ", ".join(line.strip() for line in project.organization.postal_address.splitlines() if line.strip())
        parts = [sender, address, centre.contact_email, _("Reply STOP to get no more texts.")]
        return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def holders_of(reply: InboundReply) -> list[int]:
    """The contacts of the project who have the address now, by number."""
    address = _address_of(reply)
    return list(_rows(reply.project, address).order_by("contact").values_list("contact_id", flat=True))


def number_of(sender: str, project: Project) -> Address:
    """The number of a sender, in whichever way a gateway writes it. Raises NotANumber.

    With ``+``, or ``tel:``, or as it is dialled in the project's country; else digits with a country code. Digits that
    can be read both ways are the number that somebody in the project has, else the one that can be a mobile phone.
    """
    text = readable(sender).strip().removeprefix("tel:").removeprefix("sms:")
    if not text or len(text) > 40 or any(character.isalpha() for character in text):
        raise NotANumber
    digits = "".join(character for character in text if character.isdigit())
    if _OLD_MEXICAN.fullmatch(digits):
        text = "+52" + digits[-10:]
    found: dict[str, Address] = {}
    for written, country in ((text, project.default_country), ("+" + digits.removeprefix("00"), "")):
        with suppress(InvalidAddress):
            address = normalise(Channel.SMS, written, country=country)
            found.setdefault(address.key, address)
    if not found:
        raise NotANumber
    if len(found) == 1 or text.startswith("+"):
        return next(iter(found.values()))
    return max(found.values(), key=lambda address: (_rows(project, address).exists(), *_likelihood(address)))


def _likelihood(address: Address) -> tuple[bool, bool]:
    """Whether texts can come from a number, and whether it can be one at all."""
    number = phonenumbers.parse(address.key)
    return phonenumbers.number_type(number) in _MOBILE, phonenumbers.is_valid_number(number)


def readable(text: str) -> str:
    """Text as it can be kept: a message is never lost because of a character that cannot."""
    kept = "".join(character if character == "\n" or _is_kept(character) else " " for character in text)
    return unicodedata.normalize("NFC", kept)[:LONGEST_TEXT].strip()


def _is_kept(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cs")


def _act_on(reply: InboundReply, meant: Read, address: Address, origin: Origin) -> ReplyOutcome:
    if meant.meaning == Meaning.STOP:
        _suppress(reply.project, address, origin)
        return ReplyOutcome.STOPPED
    if meant.meaning == Meaning.START and _lift_stop(reply.project, address, origin):
        return ReplyOutcome.STARTED
    return ReplyOutcome(reply.outcome)


def _suppress(project: Project, address: Address | Mark, origin: Origin) -> None:
    """For the whole organization. The entry stands with the contact; where several share the number nobody knows
    whose word it was, and it stands with the number alone."""
    numbers = list(_rows(project, address).values_list("contact_id", flat=True)[:2])
    contact = Contact.objects.filter(pk=numbers[0]).first() if len(numbers) == 1 else None
    blocks.suppress(
        [address], organization=project.organization, cause=Cause.STOP, recorded_in=project, contact=contact,
        origin=origin,
    )  # fmt: skip


def _lift_stop(project: Project, address: Address, origin: Origin) -> bool:
    """Lift what a STOP set; True when something was."""
    adopt_older_fingerprints_of([(address.channel, address.key)])
    stopped = Block.objects.reaching(project).on().filter(
        channel=address.channel, fingerprint=address.fingerprint, cause=Cause.STOP
    )  # fmt: skip
    change = blocks.lift(stopped, origin=origin, recorded_in=project)
    return change.changed > 0


def _stop_mail(project: Project, address: Address | Mark, origin: Origin) -> None:
    """As the link in a message stops everything from the project, for all who have the address."""
    rows = list(_rows(project, address).order_by("contact"))
    for row in rows:
        links.stop(links.what_stops(read(token_for(row))), links.Scope.PROJECT, origin=origin)
    if not rows:
        blocks.opt_out_addresses([address], project=project, origin=origin)


def _own(reply: InboundReply, meant: Read, occurred_at: datetime | None, actor: Actor) -> Origin:
    """The person's own act, with the proof of it, and who brought it."""
    reason = Reason.STOP if meant.meaning == Meaning.STOP else Reason.OWN_REQUEST
    evidence = {"reply": reply.pk, **({"provider": actor.label} if actor.label else {})}
    return Origin(Method.SMS, THE_CONTACT, reason, "", evidence, occurred_at, request_id=reply.request_id)


def _rows(project: Project, address: Address | Mark) -> ChannelStatusQuerySet:
    return ChannelStatus.objects.filter(
        project=project, channel=address.channel, fingerprint__in=address.fingerprints
    ).with_address()


def _oldest_holder(project: Project, address: Address) -> Contact | None:
    row = _rows(project, address).select_related("contact").order_by("contact").first()
    return row.contact if row else None


def _address_of(reply: InboundReply) -> Address | Mark:
    if reply.address:
        return normalise(reply.channel, reply.address)
    return Mark(reply.channel, reply.fingerprint)


def _held(reply: InboundReply) -> InboundReply:
    held = InboundReply.objects.select_for_update(of=("self",)).filter(pk=reply.pk).first()
    if held is None:
        raise ReplyDecided
    held.project = reply.project
    return held


def _decide(held: InboundReply, outcome: ReplyOutcome, actor: Actor, **also: object) -> InboundReply:
    held.outcome, held.decided_at, held.decided_by = outcome, database_clock(), actor.label
    for name, value in also.items():
        setattr(held, name, value)
    held.save(update_fields=["outcome", "decided_at", "decided_by", *also])
    return held


def _not_after(occurred_at: datetime | None, now: datetime) -> datetime | None:
    """When it was sent; a gateway whose clock is a little ahead sent it now."""
    if occurred_at is None or now < occurred_at <= now + CLOCKS_DIFFER:
        return None
    if occurred_at > now:
        raise InTheFuture(field="occurred_at")
    return occurred_at


def _digest(project: Project, address: Address, text: str, key: str) -> str:
    """What makes a message with a key the same one; of one without key nothing does, so it is drawn.

    Made of the fingerprint, so that it tells nothing of a number without the register's key.
    """
    if not key:
        return secrets.token_hex(32)
    parts = [project.pk, address.fingerprint, key, text]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _same(project: Project, digest: str) -> InboundReply | None:
    return InboundReply.objects.filter(project=project, digest=digest).first()


def _sent_again(
    project: Project, address: Address, text: str, now: datetime, occurred_at: datetime
) -> InboundReply | None:
    """The message without a key that this one repeats. Only the sender's last one can be: stop, start and stop again
    within a minute are three."""
    theirs = InboundReply.objects.filter(project=project, fingerprint__in=address.fingerprints)
    last = theirs.order_by("-received_at", "-pk").first()
    if last is None or last.text != text or now - last.received_at >= SAME_WITHIN:
        return None
    return last if abs(occurred_at - last.occurred_at) < SAME_WITHIN else None
