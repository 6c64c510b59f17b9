"""Mail that comes back: what it is, whom it concerns, and what it changes (DESIGN, rules 7 to 9).

Anybody can send mail. So a no is taken from who has our own token, or our own return address, and from others only
where the mail server vouches for them; what else may mean stop waits for a user. What cannot be read, or belongs to
nobody, is kept aside. No mail is lost, and none ends in an error but while the database is away.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.utils.functional import Promise
from django.utils.html import strip_tags
from django.utils.translation import gettext_lazy as _

from consent.incoming.arf import FeedbackReport, read_report
from consent.incoming.dsn import DeliveryReport, read_delivery_report
from consent.incoming.marks import return_paths_in, tokens_in, tokens_of
from consent.incoming.mime import addresses_in, header, leaves, like_addresses_in, read_message, text_of
from consent.incoming.texts import Meaning, read_text
from consent.services import links
from consent.services.feedback import aside, delivery, replies, reports
from consent.services.feedback.naming import link_of_message, link_of_paths, link_of_tokens
from consent.services.links import Link, Scope, what_stops
from consent.services.mail_headers import STOP_MAILBOX
from consent.tokens import Token
from consent.vocabulary import DeliveryKind, Door
from contacts.addresses import Address, normalise
from contacts.errors import InvalidAddress, RegisterError
from contacts.models import ChannelStatus, Project
from contacts.models.contact import ChannelStatusQuerySet
from contacts.origin import THE_CONTACT, THE_SYSTEM, Origin
from contacts.services import blocks
from contacts.vocabulary import Channel, Method, Reason

LONGEST_WORDS = 2_000
_A_FEW_WORDS = 40
_MAILS = uuid.UUID("5e1f0a52-7c1d-4b57-9f0e-6d1c3a0a7f11")
_RECIPIENTS = (
    "to", "cc", "delivered-to", "x-delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "resent-to",
    "apparently-to",
)  # fmt: skip
_MARKS_OF_MACHINES = ("x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply")
_SAYS_AWAY = re.compile(
    r"\s*(?:out of (?:the )?office|automatic reply|auto(?:matic)?[- ]?(?:reply|response)|r[ée]ponse automatique"
    r"|absen(?:ce|t\b))",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"\s*(?:re|aw|sv|tr|fwd?|rép)\s*:\s*", re.IGNORECASE)
_QUOTE_BEGINS = re.compile(
    r"^\s*(?:-{2,}.*|_{5,}|on\b.{4,120}\bwrote\s*:|le\b.{4,120}\ba écrit\s*:|(?:from|de)\s*:.*@.*)$",
    re.IGNORECASE,
)

log = structlog.get_logger("sendable.mail")


@dataclass(frozen=True, slots=True)
class Received:
    """What a mail was (``spam_report``, ``delivery_report``, ``opt_out``, ``reply``, ``automatic_reply`` or ``aside``),
    what became of it, and in which project."""

    kind: str
    outcome: str
    project: Project | None = None


@dataclass(frozen=True, slots=True)
class _Mail:
    """A mail that was read, and what is known of its way here."""

    raw: bytes
    message: Message
    project: Project | None
    door: Door
    trusted: bool
    recipients: tuple[str, ...]

    @property
    def key(self) -> str:
        """The same for a mail that comes twice."""
        number = header(self.message, "message-id")
        told = f"{number}\n{header(self.message, 'date')}".encode() if number else self.raw
        return hashlib.sha256(told).hexdigest()


def receive(
    raw: bytes,
    *,
    project: Project | None = None,
    door: Door = Door.MAIL,
    trusted: bool = False,
    recipient: str = "",
) -> Received:
    """Take one mail as it came, and do what it asks for.

    ``project`` is whose it is where no token of ours says so; ``trusted``, that the mail server vouches for who sent
    it; ``recipient``, whom the envelope names. Raises nothing but the database's own OperationalError and
    InterfaceError: then the mail has to come again.
    """
    try:
        message = read_message(raw)
        recipients = (recipient[:1_000], *_values(message, _RECIPIENTS))
        found = _take(_Mail(raw, message, project, door, trusted, recipients))
    except (OperationalError, InterfaceError):
        raise
    except RegisterError as refusal:
        return _aside(raw, refusal.message, project)
    except Exception:
        log.exception("mail_failed")
        return _aside(raw, _("Reading it failed; the log says how."), project)
    return found


def _take(mail: _Mail) -> Received:
    report = read_report(mail.message)
    if report is not None:
        return _take_spam_report(mail, report)
    bounce = read_delivery_report(mail.message)
    if bounce is not None:
        return _take_delivery_report(mail, bounce)
    link = _link_of_opt_out(mail)
    if link is not None:
        return _stop(mail, link)
    is_automatic = _is_automatic(mail.message)
    if _is_to_stop(mail) or (not is_automatic and _says_stop(mail.message)):
        asked = _ask(mail)
        if asked is not None:
            return asked
    if is_automatic:
        return _note_automatic(mail)
    return _aside(mail.raw, _("It says nothing that Sendable knows how to take."), mail.project)


def _aside(raw: bytes, reason: str | Promise, project: Project | None) -> Received:
    kept = aside.keep(raw, reason, project=project)
    return Received("aside", kept.reason, project)


# Reports


def _take_spam_report(mail: _Mail, report: FeedbackReport) -> Received:
    link = _link_of_report(report)
    project = link.project if link else mail.project
    if project is None:
        return _aside(mail.raw, _("A spam report without a token of ours: say whose it is with --project."), None)
    taken = reports.take(
        report, project=project, door=mail.door, believed=mail.trusted, raw=mail.raw, actor=THE_SYSTEM
    )  # fmt: skip
    return Received("spam_report", taken.outcome, project)


def _link_of_report(report: FeedbackReport) -> Link | None:
    if report.original is not None:
        link = link_of_message(report.original)
        if link is not None or tokens_of(report.original):
            return link
    return link_of_paths(return_paths_in(report.envelope))


def _take_delivery_report(mail: _Mail, bounce: DeliveryReport) -> Received:
    """By our token in what was returned, or by the return address that the bounce was sent to; else by the recipients
    that it names."""
    link = link_of_message(bounce.original) if bounce.original is not None else None
    if link is None and not (bounce.original is not None and tokens_of(bounce.original)):
        link = link_of_paths(return_paths_in([*mail.recipients, bounce.envelope]))
    project = link.project if link else mail.project
    if project is None:
        return _aside(mail.raw, _("A delivery report without a token of ours: say whose it is with --project."), None)
    told = delivery.told_of(bounce, link=link, key=bounce.number or mail.key)
    if not told:
        return _aside(mail.raw, _("A delivery report that names no recipient."), project)
    events = delivery.take(project, told, door=mail.door, believed=mail.trusted, actor=THE_SYSTEM)
    return Received("delivery_report", ", ".join(event.outcome for event in events), project)


# Opt-outs


def _link_of_opt_out(mail: _Mail) -> Link | None:
    """Whom a mail asks to stop by our token, as the mail program writes it: into the subject, or anywhere in a mail to
    the mailbox that is for nothing else.

    In the text of any other mail it says nothing: who answers a newsletter quotes its links.
    """
    subject = header(mail.message, "subject")
    texts = [subject, re.sub(r"\s+", "", subject), *mail.recipients]
    link = link_of_tokens(list(tokens_in(texts)))
    if link is None and _is_to_stop(mail):
        link = link_of_tokens(list(tokens_in(_texts(mail.message))))
    return link


def _is_to_stop(mail: _Mail) -> bool:
    """Whether it went to the mailbox that our headers name for opting out."""
    if not settings.REPLY_DOMAIN:
        return False
    mailboxes = re.compile(rf"{STOP_MAILBOX}(?:\+[^@\s]*)?@{re.escape(settings.REPLY_DOMAIN)}", re.IGNORECASE)
    return any(mailboxes.fullmatch(address) for value in mail.recipients for address in addresses_in(value))


def _stop(mail: _Mail, link: Link) -> Received:
    """As a click on the link does; also when a program sent it for the person, as those of Apple do."""
    stopped = links.stop(link, link.stops, origin=_own_act(mail))
    return Received("opt_out", stopped, link.project)


def _own_act(mail: _Mail) -> Origin:
    number = header(mail.message, "message-id")[:200]
    return Origin(
        Method.MAIL, THE_CONTACT, Reason.OWN_REQUEST, evidence={"message": number} if number else {},
        request_id=uuid.uuid5(_MAILS, mail.key),
    )  # fmt: skip


def _ask(mail: _Mail) -> Received | None:
    """What to do with a mail that may mean stop and has no token: its sender stops where the mail server vouches for
    them, else a user decides. None where nobody knows the sender."""
    sender = _sender(mail.message)
    project = mail.project or (_only_project_of(sender) if sender and _is_to_stop(mail) else None)
    if sender is None or project is None:
        return None
    rows = _rows(sender, project)
    is_plain = _is_to_stop(mail) or _is_plain_stop(mail.message)
    if mail.trusted and is_plain and not _is_automatic(mail.message) and _names_nobody_else(mail.message):
        _stop_sender(sender, project, rows, _own_act(mail))
        return Received("opt_out", Scope.PROJECT, project)
    if not rows.exists():
        return None
    text = f"{header(mail.message, 'subject')}\n\n{_own_words(mail.message)}".strip()[:LONGEST_WORDS]
    reply = replies.wait_for_decision(project, channel=Channel.EMAIL, address=sender, text=text, key=mail.key)
    return Received("reply", reply.outcome, project)


def _stop_sender(sender: Address, project: Project, rows: ChannelStatusQuerySet, origin: Origin) -> None:
    found = list(rows.order_by("contact"))
    for row in found:
        link = what_stops(Token(project.pk, row.contact_id, Channel.EMAIL, row.fingerprint))
        links.stop(link, Scope.PROJECT, origin=origin)
    if not found:
        blocks.opt_out_addresses([sender], project=project, origin=origin)


def _sender(message: Message) -> Address | None:
    """The one address that a mail says it is from."""
    found = [address for value in _values(message, ["from"]) for address in addresses_in(value)]
    try:
        return normalise(Channel.EMAIL, found[0]) if len(found) == 1 else None
    except InvalidAddress:
        return None


def _names_nobody_else(message: Message) -> bool:
    """Whether the sender's address is all that looks like one there. Mail servers read what is malformed in several
    ways, so the one that vouched may have meant another sender than the one read here."""
    return len({text.lower() for value in _values(message, ["from"]) for text in like_addresses_in(value)}) == 1


def _rows(address: Address, project: Project) -> ChannelStatusQuerySet:
    return ChannelStatus.objects.filter(
        project=project, channel=Channel.EMAIL, fingerprint__in=address.fingerprints
    ).with_address()


def _only_project_of(address: Address) -> Project | None:
    """The project in which somebody has the address, if it is one alone: no other may learn of the mail."""
    held = ChannelStatus.objects.filter(channel=Channel.EMAIL, fingerprint__in=address.fingerprints)
    numbers = list(held.order_by().values_list("project", flat=True).distinct()[:2])
    if len(numbers) != 1:
        return None
    return Project.objects.select_related("organization").get(pk=numbers[0])


# Automatic replies


def _is_automatic(message: Message) -> bool:
    """Whether a program wrote it (RFC 3834), as far as it says so."""
    submitted = header(message, "auto-submitted").partition(";")[0].strip().lower()
    if submitted not in ("", "no") or any(message.get(name) for name in _MARKS_OF_MACHINES):
        return True
    is_reply = header(message, "precedence").lower() in ("auto_reply", "auto-reply")
    return is_reply or _SAYS_AWAY.match(header(message, "subject")) is not None


def _note_automatic(mail: _Mail) -> Received:
    """Somebody is away: written down where our return address says who, and never a no."""
    link = link_of_paths(return_paths_in(mail.recipients))
    if link is None:
        return Received("automatic_reply", "ignored", mail.project)
    told = delivery.Told(DeliveryKind.AUTORESPONDED, f"automatic/{mail.key}", link=link)
    events = delivery.take(link.project, [told], door=mail.door, believed=mail.trusted, actor=THE_SYSTEM)
    return Received("automatic_reply", events[0].outcome, link.project)


# Reading


def _says_stop(message: Message) -> bool:
    """Whether what somebody wrote means stop, or may: in the subject that they chose, or in a few words of their own.
    The subject of an answer is ours."""
    subject = header(message, "subject")
    said = _own_words(message)
    if _is_plain_stop(message):
        return True
    if not _ANSWER.match(subject) and read_text(subject).meaning == Meaning.MAYBE_STOP:
        return True
    return len(said.split()) <= _A_FEW_WORDS and read_text(said).meaning in (Meaning.STOP, Meaning.MAYBE_STOP)


def _is_plain_stop(message: Message) -> bool:
    """Whether it is one of the known words and nothing else."""
    subject = header(message, "subject")
    said = _own_words(message)
    alone = _ANSWER.match(subject) is None and read_text(subject).meaning == Meaning.STOP
    return read_text(said).meaning == Meaning.STOP or (alone and len(said.split()) <= _A_FEW_WORDS)


def _own_words(message: Message) -> str:
    """What the sender wrote themselves, without what they quote."""
    lines = []
    for line in next(iter(_texts(message)), "").splitlines():
        if _QUOTE_BEGINS.match(line[:200]):
            break
        if not line.lstrip().startswith(">"):
            lines.append(line)
    return "\n".join(lines).strip()[:LONGEST_WORDS]


def _texts(message: Message) -> list[str]:
    """The texts of a mail, plain ones first; of HTML what is left without its tags."""
    parts = [part for part in leaves(message) if part.get_content_maintype() == "text"][:20]
    plain = [text_of(part)[:20_000] for part in parts if part.get_content_subtype() != "html"]
    marked = [_without_tags(text_of(part)[:20_000]) for part in parts if part.get_content_subtype() == "html"]
    return [*plain, *marked]


def _without_tags(text: str) -> str:
    try:
        return strip_tags(text)
    except SuspiciousOperation:  # made to hold it up; whoever reads it sees the tags
        return text


def _values(message: Message, names: Iterable[str]) -> list[str]:
    wanted = set(names)
    return [str(value)[:1_000] for name, value in message.items() if name.lower() in wanted][:100]
