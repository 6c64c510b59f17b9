"""Where providers send their events for a project, and what the events change."""

from __future__ import annotations

import hashlib
import hmac
import secrets as randomness
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent.incoming.marks import tokens_in
from consent.incoming.notices import Notice
from consent.incoming.providers import BASIC_USER, BY_SLUG, Provider, is_public_key
from consent.models import WebhookEndpoint
from consent.services.feedback import delivery, reports
from consent.services.feedback.naming import link_of_tokens
from consent.services.links import Link
from consent.services.mailing import public_url
from consent.vocabulary import DeliveryKind, Door
from contacts.addresses import normalise
from contacts.errors import InvalidAddress, RegisterError
from contacts.models import Project, User
from contacts.origin import Actor
from contacts.vocabulary import ActorKind, Channel

PASSWORD, CONFIRM_AT = "password", "confirm_at"
LONGEST_SECRET = 2_000
_A_WHILE = timedelta(minutes=1)
_IN_PEM = "-----"

log = structlog.get_logger("sendable.webhooks")


class UnknownProvider(RegisterError):
    code = "unknown_provider"
    message = _("Sendable does not know this provider.")
    remedy = _("Choose one of the list.")
    field = "provider"


class BadSecret(RegisterError):
    """What was entered cannot be what the provider signs with."""

    code = "bad_secret"
    message = _("This cannot be a secret of this provider.")
    remedy = _("Copy it from the provider’s page again, all of it, without spaces.")


def add_endpoint(project: Project, provider: str, *, by: User, request_id: uuid.UUID) -> WebhookEndpoint:
    """Make an address for a provider's events, once for each request. Raises UnknownProvider."""
    if provider not in BY_SLUG:
        raise UnknownProvider
    endpoint, _is_new = WebhookEndpoint.objects.get_or_create(
        key=_key(project, request_id),
        defaults={
            "project": project,
            "provider": provider,
            "secrets": _with_password(BY_SLUG[provider], {}),
            "created_by": by.get_full_name(),
        },
    )
    return endpoint


def rotate(endpoint: WebhookEndpoint, *, request_id: uuid.UUID) -> WebhookEndpoint:
    """Give an endpoint another address; at the old one nobody answers from now on. What it signs with stays."""
    key = _key(endpoint.project, request_id)
    if endpoint.key != key:
        kept = {name: value for name, value in endpoint.secrets.items() if name not in (PASSWORD, CONFIRM_AT)}
        endpoint.key, endpoint.secrets = key, _with_password(BY_SLUG[endpoint.provider], kept)
        endpoint.save(update_fields=["key", "secrets"])
    return endpoint


def enter_secrets(endpoint: WebhookEndpoint, entered: Mapping[str, str]) -> WebhookEndpoint:
    """Keep what the provider signs with; what is empty stays as it was. Raises BadSecret, and keeps nothing then."""
    provider = BY_SLUG[endpoint.provider]
    kept = dict(endpoint.secrets)
    for secret in provider.secrets:
        text = entered.get(secret.name, "").strip()
        if not text:
            continue
        text = _key_alone(text) if secret.is_key else text
        if not text.isascii() or not text.isprintable() or " " in text or len(text) > LONGEST_SECRET:
            raise BadSecret(field=secret.name)
        if secret.is_key and not is_public_key(text):
            raise BadSecret(field=secret.name)
        kept[secret.name] = text
    endpoint.secrets = kept
    endpoint.save(update_fields=["secrets"])
    return endpoint


def remove(endpoint: WebhookEndpoint) -> None:
    """Nobody answers at its address from now on; what came through it stays."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).delete()


def let_confirm(endpoint: WebhookEndpoint, address: str) -> None:
    """Amazon asks whether it may send here: an admin says so, by opening this address of theirs."""
    endpoint.secrets = {**endpoint.secrets, CONFIRM_AT: address}
    endpoint.save(update_fields=["secrets"])


def take(endpoint: WebhookEndpoint, notices: Sequence[Notice]) -> None:
    """Do what follows from what a provider told. What cannot be taken is logged, and holds up nothing else."""
    actor = _actor(endpoint)
    for notice in notices:
        try:
            _take_one(endpoint, notice, actor)
        except RegisterError as refusal:
            log.warning("webhook_event_refused", subject=endpoint.provider, code=refusal.code)
    heard_of(endpoint)


def heard_of(endpoint: WebhookEndpoint) -> None:
    """Note when the provider last sent something, to the minute; then nothing waits to be confirmed any more."""
    now = timezone.now()
    if CONFIRM_AT in endpoint.secrets:
        endpoint.secrets = {name: value for name, value in endpoint.secrets.items() if name != CONFIRM_AT}
        endpoint.save(update_fields=["secrets"])
    if endpoint.last_event_at is None or now - endpoint.last_event_at > _A_WHILE:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(last_event_at=now)


def address_of(endpoint: WebhookEndpoint, path: str, *, with_password: bool = False) -> str:
    """The address that the provider posts to, with the password that it has to send where it sends one."""
    address = public_url(path)
    password = endpoint.secrets.get(PASSWORD)
    if not with_password or not password:
        return address
    scheme, _separator, rest = address.partition("://")
    return f"{scheme}://{BASIC_USER}:{password}@{rest}"


def _take_one(endpoint: WebhookEndpoint, notice: Notice, actor: Actor) -> None:
    link = _link_of(notice)
    project = link.project if link else endpoint.project  # several projects may send through one account
    if notice.kind == DeliveryKind.COMPLAINED and not notice.is_sure and link is None:
        _ask_about(endpoint, notice, actor)
        return
    told = delivery.Told(
        kind=notice.kind,
        key=notice.key,
        address=notice.address or None,
        link=link,
        status=notice.status,
        reply=notice.reply,
        is_final=notice.is_final,
        occurred_at=notice.occurred_at,
        provider=endpoint.provider,
        message=notice.message,
        is_senders_fault=notice.is_senders_fault,
    )
    delivery.take(project, [told], door=Door.WEBHOOK, believed=True, actor=actor)


def _ask_about(endpoint: WebhookEndpoint, notice: Notice, actor: Actor) -> None:
    """One of several people complained, and the provider does not know which: an admin decides."""
    reports.complain(
        normalise(Channel.EMAIL, notice.address), project=endpoint.project, door=Door.WEBHOOK, actor=actor,
        occurred_at=notice.occurred_at, key=notice.key, believed=False,
    )  # fmt: skip


def _link_of(notice: Notice) -> Link | None:
    """Whom our own token in the message names, unless the event is about another of its recipients."""
    link = link_of_tokens(list(tokens_in(notice.texts)))
    if link is None or not notice.address:
        return link
    try:
        address = normalise(Channel.EMAIL, notice.address)
    except InvalidAddress:
        return None
    return link if set(address.fingerprints) & set(link.address.fingerprints) else None


def _actor(endpoint: WebhookEndpoint) -> Actor:
    return Actor(ActorKind.SYSTEM, label=BY_SLUG[endpoint.provider].name)


def _key(project: Project, request_id: uuid.UUID) -> uuid.UUID:
    """An address that only who has our own key could guess; the same for the same request."""
    told = f"webhook {project.pk} {request_id}".encode()
    return uuid.UUID(bytes=hmac.digest(settings.LINK_KEYS[0].encode(), told, hashlib.sha256)[:16], version=4)


def _with_password(provider: Provider, kept: Mapping[str, str]) -> dict[str, str]:
    return {**kept, **({PASSWORD: randomness.token_urlsafe(24)} if provider.needs_password else {})}


def _key_alone(text: str) -> str:
    """A public key without the lines around it, and in one line."""
    lines = [line.strip() for line in text.splitlines() if _IN_PEM not in line]
    return "".join(lines).replace(" ", "")
