"""Where mail providers post what became of messages, and mail that came. No log-in: the address is a secret, and what
is posted there is signed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from consent.incoming.handed_mail import NotUnderstood
from consent.incoming.providers import (
    BASIC_USER,
    BY_SLUG,
    NoCredentials,
    Refused,
    Told,
    listen,
    methods_of,
)
from consent.models import WebhookEndpoint
from consent.services.feedback import aside, mail, webhooks
from consent.views.public import RETRY_AFTER, sealed
from consent.vocabulary import Door

LARGEST = 12 * 1024 * 1024

View = Callable[..., HttpResponse]
log = structlog.get_logger("sendable.webhooks")


def _for_machines(view: View) -> View:
    """A view for programs that know its address. While the database is away they are told to send again."""

    @wraps(view)
    def guarded(request: HttpRequest, endpoint_key: uuid.UUID) -> HttpResponse:
        try:
            return sealed(view(request, endpoint_key))
        except (OperationalError, InterfaceError):
            log.error("database_unavailable", exc_info=True)
            return sealed(_said(503, "Try again later.", {"Retry-After": RETRY_AFTER}))

    return login_not_required(csrf_exempt(guarded))


@_for_machines
def webhook(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """What became of messages."""
    return _answer(request, key, is_mail=False)


@_for_machines
def webhook_inbound(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Mail that the provider received for us."""
    return _answer(request, key, is_mail=True)


def _answer(request: HttpRequest, key: uuid.UUID, *, is_mail: bool) -> HttpResponse:
    endpoint = WebhookEndpoint.objects.select_related("project__organization").filter(key=key).first()
    provider = BY_SLUG.get(endpoint.provider) if endpoint else None
    if endpoint is None or provider is None or (is_mail and provider.inbound is None):
        return _said(404, "There is nothing here.")
    methods = methods_of(provider)
    if request.method not in methods:
        return _said(405, "Post it.", {"Allow": ", ".join(sorted(methods))})
    if request.method != "POST":
        return _said(200, "Post it here.")
    if _length(request) > LARGEST:
        return _said(413, "This is larger than 12 MB.")
    url = webhooks.address_of(endpoint, reverse(f"consent:{'webhook_inbound' if is_mail else 'webhook'}", args=[key]))
    try:
        told = listen(request, provider, endpoint.secrets, url=url, is_mail=is_mail)
    except NoCredentials:
        return _said(401, "Send the user name and password.", {"WWW-Authenticate": f'Basic realm="{BASIC_USER}"'})
    except Refused as refusal:
        log.warning("webhook_refused", subject=provider.slug, code=str(refusal))
        return _said(403, "This is not signed as it should be.")
    except NotUnderstood as failure:
        log.warning("webhook_not_understood", subject=provider.slug, code=str(failure))
        if not is_mail:
            return _said(400, "This is not what the provider’s events look like.")
        aside.keep(request.body, "The provider’s post could not be read.", project=endpoint.project)
        return _said(200, "Kept aside.")
    _take(endpoint, told)
    return _said(200, "Taken.")


def _take(endpoint: WebhookEndpoint, told: Told) -> None:
    if told.confirm_at:
        webhooks.let_confirm(endpoint, told.confirm_at)
        return
    for one in told.mails:
        mail.receive(one.raw, project=endpoint.project, door=Door.WEBHOOK, recipient=one.recipient)
    webhooks.take(endpoint, told.notices)


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return LARGEST + 1


def _said(status: int, words: str, headers: dict[str, Any] | None = None) -> HttpResponse:
    return HttpResponse(f"{words}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)
