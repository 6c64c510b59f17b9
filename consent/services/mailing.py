"""Mails with a link to one person: whoever opens it and presses the button there acts for themselves.

Anybody can type anybody's address into a form, so an address has a share of such mails, and a mail says nothing that
somebody typed. A link is a row; its text names the row and a number that only the mail knows, signed, and can be used
once. The worker sends it, and what a dead worker left is sent again.
"""

from __future__ import annotations

import smtplib
import uuid
from datetime import datetime, timedelta
from email.utils import formataddr, parseaddr
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from consent.models import Centre, Consent, MailedLink
from consent.tasks import enqueue_mail
from consent.vocabulary import LinkPurpose
from contacts.addresses import Address
from contacts.models import Block, ChannelStatus, Contact, Project
from contacts.services import leases
from contacts.services.locks import lock_addresses
from contacts.vocabulary import BlockKind

SHARE_PERIOD = timedelta(days=1)
SHARE = 3
SHARE_AFTER_NO = 1
LONGEST_TOKEN = 200
LEASE_PERIOD = timedelta(minutes=5)
# When to try again, counted from when the mail was asked for: after each failure longer.
TRIES = (
    timedelta(0), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=1),
    timedelta(hours=4), timedelta(hours=12), timedelta(days=1),
)  # fmt: skip
# What people ask for who are not known to be who they say. The others tell of something that was done.
ASKED_FOR = (LinkPurpose.CONFIRM, LinkPurpose.PERSONAL, LinkPurpose.NEW_ADDRESS)
ROUTES = {
    LinkPurpose.CONFIRM: "consent:confirm",
    LinkPurpose.NEW_ADDRESS: "consent:new_address",
    LinkPurpose.PERSONAL: "consent:personal",
}

log = structlog.get_logger("sendable.mailing")


def mail_link(
    project: Project,
    *,
    purpose: str,
    address: Address,
    contact: Contact | None = None,
    language: str,
    asked: dict[str, Any],
    lasts: timedelta,
    request_id: uuid.UUID | None = None,
) -> MailedLink | None:
    """Have a link mailed to an address, inside the caller's transaction, which holds no contact's lock yet.

    Returns the link of the same ``request_id`` where there is one, and None where the address has had its share of
    what is asked for: in a day, of each purpose, three in a project; of confirmations (also of a new address) one where
    a no lies on the address or somebody who has it said no, and none where it is on the suppression list.
    """
    lock_addresses(address.fingerprints, exclusive=True)
    links = MailedLink.objects.filter(project=project, purpose=purpose, fingerprint__in=address.fingerprints)
    before = links.filter(request_id=request_id).first() if request_id else None
    if before is not None:
        return before
    now = timezone.now()
    if purpose in ASKED_FOR:
        lately = links.filter(created_at__gt=now - SHARE_PERIOD).count()
        if lately >= _share(project, purpose, address):
            return None
    link = MailedLink.objects.create(
        project=project, contact=contact, purpose=purpose, address=address.shown, fingerprint=address.fingerprint,
        language=language, asked=asked, created_at=now, expires_at=now + lasts,
        **({"request_id": request_id} if request_id else {}),
    )  # fmt: skip
    enqueue_mail(link.pk)
    return link


def _share(project: Project, purpose: str, address: Address) -> int:
    if purpose == LinkPurpose.PERSONAL:  # also who said no may see what is held of them
        return SHARE
    blocks = Block.objects.reaching(project).on().filter(fingerprint__in=address.fingerprints, channel=address.channel)
    kinds = set(blocks.order_by().values_list("kind", flat=True).distinct())
    if BlockKind.SUPPRESSION in kinds:
        return 0
    holders = ChannelStatus.objects.filter(project=project, fingerprint__in=address.fingerprints)
    said_no = holders.filter(Q(contact_active=False) | Q(opted_out=True))
    withdrew = Consent.objects.filter(channel_status__in=holders, is_withdrawn=True)
    return SHARE_AFTER_NO if kinds or said_no.exists() or withdrew.exists() else SHARE


def link_token(link: MailedLink) -> str:
    """The text of a link, for its path: letters, digits and ``-_.`` alone."""
    return _signer().sign_object([link.pk, link.nonce.hex])


def link_of(token: str, purpose: str) -> MailedLink | None:
    """The link of a text; None for one that was cut or made up, has another purpose, or was purged.

    One that has expired or was used is returned: the page says so.
    """
    if len(token) > LONGEST_TOKEN:
        return None
    try:
        number, nonce = _signer().unsign_object(token)
        found = MailedLink.objects.filter(pk=number, nonce=uuid.UUID(nonce), purpose=purpose)
        return found.select_related("project__organization", "contact").first()
    except (BadSignature, ValueError, TypeError, AttributeError):
        return None


def use(link: MailedLink) -> bool:
    """Mark a link as used. False where it was used already, has expired or is gone: then nothing may be done."""
    now = timezone.now()
    free = MailedLink.objects.filter(pk=link.pk, used_at__isnull=True, expires_at__gt=now)
    if not free.update(used_at=now):
        return False
    link.used_at = now
    return True


def url_of(link: MailedLink) -> str:
    """The whole address of a link's page; empty for a mail that tells and asks nothing."""
    route = ROUTES.get(LinkPurpose(link.purpose))
    return public_url(reverse(route, args=[link_token(link)])) if route else ""


def public_url(path: str) -> str:
    """The whole address of a page, as the setting PUBLIC_URL says that people reach Sendable."""
    return settings.PUBLIC_URL + path


def send(link_id: int) -> None:
    """Send a link's mail, unless it was sent, has expired or is gone. Raises what the mail server's refusal raises.

    Under a lease, so that two workers do not send it both. A worker that dies after the server took the mail has it
    sent again, with the same Message-ID and the same link.
    """
    lease, holder = f"mail:{link_id}", uuid.uuid4().hex
    if not leases.take(lease, holder, now=timezone.now(), period=LEASE_PERIOD):
        return
    try:
        unsent = MailedLink.objects.filter(pk=link_id, sent_at__isnull=True, expires_at__gt=timezone.now())
        link = unsent.filter(attempts__lt=len(TRIES)).select_related("project__organization").first()
        if link is None:
            return
        unsent.update(attempts=F("attempts") + 1)
        try:
            message_of(link).send()
        except smtplib.SMTPRecipientsRefused as error:
            if all(code >= 500 for code, _text in error.recipients.values()):
                log.warning("mail_refused", subject=str(link.pk), code=next(iter(error.recipients.values()))[0])
                unsent.update(attempts=len(TRIES))
                return
            raise
        unsent.update(sent_at=timezone.now())
    finally:
        leases.give_back(lease, holder)


def message_of(link: MailedLink) -> EmailMultiAlternatives:
    """The mail: plain text and plain HTML in the link's language, from the sender by name, without any tracking."""
    organization = link.project.organization
    centre = Centre.objects.filter(project=link.project).first()
    name = _one_line(centre.sender_name if centre and centre.sender_name else organization.name)
    with translation.override(link.language or settings.LANGUAGE_CODE):
        context = {
            "sender": name, "postal_address": organization.postal_address, "link": link, "url": url_of(link),
            "asked": link.asked, "contact_email": centre.contact_email if centre else "", **_told(link),
        }  # fmt: skip
        subject = _one_line(render_to_string(f"consent/mail/{link.purpose}_subject.txt", context))
        text = render_to_string(f"consent/mail/{link.purpose}.txt", context)
        page = render_to_string(f"consent/mail/{link.purpose}.html", context)
    _name, from_address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    message = EmailMultiAlternatives(
        subject,
        text,
        from_email=formataddr((name, from_address)),
        to=[link.address],
        reply_to=[centre.contact_email] if centre and centre.contact_email else None,
        headers={
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            "Message-ID": f"<{link.request_id.hex}.{link.pk}@{urlsplit(settings.PUBLIC_URL).hostname}>",
        },
    )
    message.attach_alternative(page, "text/html")
    return message


def _told(link: MailedLink) -> dict[str, Any]:
    """What a mail says beside the link: the names of what was asked for, in words of the project alone."""
    if link.purpose != LinkPurpose.CONFIRM:
        return {}
    from consent.services.confirming import offers_of

    return {"types": list(dict.fromkeys(topic.name_in() for topic, _channel in offers_of(link)))}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def send_again(now: datetime) -> list[int]:
    """Put mails back into the queue that were not sent, each try later than the one before; returns their ids."""
    due = Q(pk__in=[])
    for attempts, pause in enumerate(TRIES):
        # The first try is the task's own; what is still untried after a minute has lost it.
        due |= Q(attempts=attempts, created_at__lt=now - max(pause, timedelta(minutes=1)))
    unsent = MailedLink.objects.filter(due, sent_at__isnull=True, used_at__isnull=True, expires_at__gt=now)
    waiting = _waiting() if unsent.exists() else set()
    numbers = [pk for pk in unsent.order_by("pk").values_list("pk", flat=True)[:1_000] if pk not in waiting]
    for number in numbers:
        enqueue_mail(number)
    return numbers


def _waiting() -> set[int]:
    from django_tasks import TaskResultStatus
    from django_tasks_db.models import DBTaskResult

    from consent.tasks import send_mailed_link

    waiting = DBTaskResult.objects.filter(task_path=send_mailed_link.module_path, status=TaskResultStatus.READY)
    return {task.args_kwargs["args"][0] for task in waiting}


PURGED_AFTER = timedelta(days=30)


@transaction.atomic
def purge(now: datetime) -> int:
    """Forget links that expired a month ago; returns how many. Until then their page can say that they have."""
    deleted, _each = MailedLink.objects.filter(expires_at__lt=now - PURGED_AFTER).delete()
    return deleted


def _signer() -> Signer:
    keys: list[bytes | str] = list(settings.LINK_KEYS)
    return Signer(key=keys[0], fallback_keys=keys[1:], sep=".", salt="sendable.mailed")
