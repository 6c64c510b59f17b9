"""The mail providers whose webhooks we understand, by django-anymail, and the way from a post to what it tells.

Its views check the signature and read the events; nothing of them is configured in the settings: each endpoint of a
project has its own secrets. Mail that a provider hands over is not read here, since anybody can have written it.
"""

from __future__ import annotations

import json
import re
import warnings
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from anymail.exceptions import AnymailConfigurationError, AnymailWebhookValidationFailure
from anymail.webhooks import (
    amazon_ses,
    brevo,
    mailersend,
    mailgun,
    mailjet,
    mailtrap,
    mandrill,
    postal,
    postmark,
    resend,
    sendgrid,
    sparkpost,
    unisender_go,
)
from anymail.webhooks.base import AnymailBaseWebhookView, AnymailCoreWebhookView
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consent.incoming.handed_mail import Mail, mails_of
from consent.incoming.notices import Notice, notices_of
from consent.incoming.posted_json import text_of

BASIC_USER = "sendable"
_OF_AMAZON = re.compile(r"sns\.[a-z0-9-]{1,30}\.amazonaws\.com(\.cn)?")


class Refused(Exception):
    """The post is not signed as it should be, or its secret is not known yet."""


class NoCredentials(Refused):
    """The post came without a password, and may be sent again with it."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What a provider signs with, by the name under which it is kept."""

    name: str
    label: str | Promise
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What a post tells. ``confirm_at`` is where an admin confirms that Amazon may send here."""

    notices: tuple[Notice, ...] = ()
    mails: tuple[Mail, ...] = ()
    confirm_at: str = ""


class _WithoutSettings(amazon_ses.AmazonSESBaseWebhookView):
    """Amazon's views without its library: nothing is fetched from there, and nothing confirmed on its own."""

    def __init__(self, **kwargs: Any) -> None:
        self.auto_confirm_enabled = False
        super(amazon_ses.AmazonSESBaseWebhookView, self).__init__(**kwargs)


class _AmazonTracking(_WithoutSettings, amazon_ses.AmazonSESTrackingWebhookView):
    pass


class _AmazonInbound(_WithoutSettings, amazon_ses.AmazonSESInboundWebhookView):
    pass


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider, its views, and the secrets that it signs with.

    ``needs_password`` says that its webhook's address has to hold one, since it does not sign (everything). ``events``
    and ``inbound_mail`` say which argument of the view is which of the secrets; a plain value is handed on as it is.
    """

    slug: str
    name: str
    view: type[AnymailCoreWebhookView]
    secrets: tuple[Secret, ...] = ()
    needs_password: bool = True
    events: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    inbound: type[AnymailCoreWebhookView] | None = None
    inbound_mail: Mapping[str, str] = field(default_factory=dict)


_SIGNING_KEY = _("Signing key")

PROVIDERS: tuple[Provider, ...] = (
    Provider("amazon_ses", "Amazon SES", _AmazonTracking, inbound=_AmazonInbound),
    Provider("brevo", "Brevo", brevo.BrevoTrackingWebhookView),
    Provider(
        "mailersend",
        "MailerSend",
        mailersend.MailerSendTrackingWebhookView,
        (Secret("signing_secret", _("Signing secret")), Secret("inbound_secret", _("Secret of the inbound route"))),
        needs_password=False,
        events={"signing_secret": "signing_secret"},
        inbound=mailersend.MailerSendInboundWebhookView,
        inbound_mail={"inbound_secret": "inbound_secret"},
    ),
    Provider(
        "mailgun",
        "Mailgun",
        mailgun.MailgunTrackingWebhookView,
        (Secret("webhook_signing_key", _SIGNING_KEY),),
        needs_password=False,
        events={"webhook_signing_key": "webhook_signing_key"},
        fixed={"api_key": None},
        inbound=mailgun.MailgunInboundWebhookView,
        inbound_mail={"webhook_signing_key": "webhook_signing_key"},
    ),
    Provider("mailjet", "Mailjet", mailjet.MailjetTrackingWebhookView, inbound=mailjet.MailjetInboundWebhookView),
    Provider(
        "mailtrap",
        "Mailtrap",
        mailtrap.MailtrapTrackingWebhookView,
        (Secret("tracking_secret", _("Signing secret")),),
        needs_password=False,
        events={"tracking_secret": "tracking_secret"},
    ),
    Provider(
        "mandrill",
        "Mailchimp Transactional (Mandrill)",
        mandrill.MandrillCombinedWebhookView,
        (Secret("webhook_key", _("Webhook key")), Secret("inbound_webhook_key", _("Key of the inbound route"))),
        needs_password=False,
        events={"webhook_key": "webhook_key"},
        inbound=mandrill.MandrillCombinedWebhookView,
        inbound_mail={"webhook_key": "inbound_webhook_key"},
    ),
    Provider(
        "postal",
        "Postal",
        postal.PostalTrackingWebhookView,
        (Secret("webhook_key", _("Public key of the DKIM record"), is_key=True),),
        needs_password=False,
        events={"webhook_key": "webhook_key"},
        inbound=postal.PostalInboundWebhookView,
        inbound_mail={"webhook_key": "webhook_key"},
    ),
    Provider("postmark", "Postmark", postmark.PostmarkTrackingWebhookView, inbound=postmark.PostmarkInboundWebhookView),
    Provider("resend", "Resend", resend.ResendTrackingWebhookView, fixed={"signing_secret": None}),
    Provider(
        "sendgrid",
        "SendGrid",
        sendgrid.SendGridTrackingWebhookView,
        (Secret("verification_key", _("Verification key, if signing is on"), is_key=True),),
        events={"tracking_webhook_verification_key": "verification_key"},
        inbound=sendgrid.SendGridInboundWebhookView,
    ),
    Provider(
        "sparkpost",
        "SparkPost",
        sparkpost.SparkPostTrackingWebhookView,
        inbound=sparkpost.SparkPostInboundWebhookView,
    ),
    Provider(
        "unisender_go",
        "Unisender Go",
        unisender_go.UnisenderGoTrackingWebhookView,
        (Secret("api_key", _("API key")),),
        needs_password=False,
        events={"api_key": "api_key"},
    ),
)
BY_SLUG = {provider.slug: provider for provider in PROVIDERS}


def listen(
    request: HttpRequest, provider: Provider, secrets: Mapping[str, str], *, url: str, is_mail: bool = False
) -> Told:
    """What a provider's post tells. Raises Refused, NotUnderstood.

    ``url`` is the address that it was told to post to, which one of them signs. With ``is_mail`` it hands over mail.
    """
    view = view_of(provider, secrets, url=url, is_mail=is_mail)
    view.setup(request)
    _check(view, request, provider)
    if provider.slug == "amazon_ses" and (address := _to_be_confirmed(request)) is not None:
        return Told(confirm_at=address)
    if is_mail:
        return Told(mails=tuple(mails_of(view, request, provider.slug)))
    return Told(notices=tuple(notices_of(view, request, provider.slug)))


def methods_of(provider: Provider) -> set[str]:
    """How a provider may ask for our address: it posts, and some look first whether anybody is there."""
    return {"POST", "HEAD", "GET"} if provider.slug == "unisender_go" else {"POST", "HEAD"}


def is_public_key(text: str) -> bool:
    """Whether a text is a public key as providers show theirs, without the lines around it."""
    try:
        load_der_public_key(b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True


def view_of(
    provider: Provider, secrets: Mapping[str, str], *, url: str, is_mail: bool = False
) -> AnymailCoreWebhookView:
    """The view of one endpoint. Raises Refused where a secret is missing or is none."""
    kind = provider.inbound if is_mail else provider.view
    names = provider.inbound_mail if is_mail else provider.events
    if kind is None or (not provider.needs_password and not all(secrets.get(name) for name in names.values())):
        raise Refused("secret")
    basic = f"{BASIC_USER}:{secrets['password']}" if provider.needs_password else ""
    given: dict[str, Any] = {argument: secrets.get(name) or None for argument, name in names.items()}
    given |= provider.fixed
    if provider.slug == "mandrill":
        given["webhook_url"] = url
    if provider.slug == "sparkpost" and not is_mail:
        given["track_initial_open_as_opened"] = False
    if issubclass(kind, AnymailBaseWebhookView):
        given["webhook_secret"] = [basic] if basic else []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of providers that the library no longer tests against
            return kind(**given)
    except (AnymailConfigurationError, ValueError, TypeError) as error:
        raise Refused("secret") from error


def _check(view: AnymailCoreWebhookView, request: HttpRequest, provider: Provider) -> None:
    if provider.needs_password and not request.headers.get("Authorization"):
        raise NoCredentials("password")
    try:
        view.run_validators(request)
    except AnymailWebhookValidationFailure as error:
        raise Refused("signature") from error
    except Exception as error:  # what is no post of theirs may break their reading anywhere
        raise Refused("shape") from error


def _to_be_confirmed(request: HttpRequest) -> str | None:
    """Where to confirm that Amazon may send here; empty where it does not say so as Amazon does; None for all else."""
    message = json.loads(request.body)
    if message.get("Type") != "SubscriptionConfirmation":
        return None
    address = text_of(message.get("SubscribeURL"))
    with suppress(ValueError):
        parts = urlsplit(address)
        if parts.scheme == "https" and _OF_AMAZON.fullmatch(parts.netloc) and address.isprintable():
            return address[:2_000]
    return ""
