"""Where mail providers send their events, for admins."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from consent.forms.endpoints import EndpointForm, RequestForm, SecretsForm
from consent.incoming.providers import BY_SLUG, Provider
from consent.models import WebhookEndpoint
from consent.services.feedback import webhooks
from contacts.access import ADMINISTER, Access, access_for
from contacts.errors import RegisterError
from contacts.views.rendering import project_page

SHOWN_ONCE = "webhook_address"


@require_safe
def endpoints(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    found = WebhookEndpoint.objects.filter(project=access.project).order_by("provider", "pk")
    rows = [(endpoint, _provider(endpoint), _state(endpoint)) for endpoint in found]
    return project_page(request, access, "consent/endpoints.html", {"endpoints": rows}, section="settings")


@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_add(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    form = EndpointForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = webhooks.add_endpoint(
                access.project, form.cleaned_data["provider"], by=access.user, request_id=form.request_number
            )
        except RegisterError as error:
            form.refuse(error)
        else:
            return _show_once(request, made)
    return project_page(request, access, "consent/endpoint_add.html", {"form": form}, section="settings")


@require_http_methods(["GET", "HEAD", "POST"])
def endpoint(request: HttpRequest, project_slug: str, endpoint_id: int) -> HttpResponse:
    """The endpoint and what its provider signs with. The password in its address is shown once, after it was made."""
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    found = _endpoint(access, endpoint_id)
    provider = _provider(found)
    form = SecretsForm(provider, set(found.secrets), request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            webhooks.enter_secrets(found, form.entered)
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Kept. Events that are signed with it are taken from now on."))
            return redirect("consent:endpoint", project_slug, found.pk)
    is_new = request.method == "GET" and request.session.get(SHOWN_ONCE) == found.pk
    if is_new:
        del request.session[SHOWN_ONCE]
    context = {
        "endpoint": found,
        "provider": provider,
        "form": form,
        "state": _state(found),
        "is_new": is_new,
        "has_password": provider.needs_password,
        "address": _address(found, "consent:webhook", is_new=is_new),
        "inbound_address": _address(found, "consent:webhook_inbound", is_new=is_new) if provider.inbound else "",
        "confirm_at": found.secrets.get(webhooks.CONFIRM_AT, ""),
    }
    return project_page(request, access, "consent/endpoint.html", context, section="settings")


@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_rotate(request: HttpRequest, project_slug: str, endpoint_id: int) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    found = _endpoint(access, endpoint_id)
    form = RequestForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _show_once(request, webhooks.rotate(found, request_id=form.request_number))
    context = {"endpoint": found, "provider": _provider(found), "form": form}
    return project_page(request, access, "consent/endpoint_rotate.html", context, section="settings")


@require_http_methods(["GET", "HEAD", "POST"])
def endpoint_remove(request: HttpRequest, project_slug: str, endpoint_id: int) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    found = _endpoint(access, endpoint_id)
    if request.method == "POST":
        webhooks.remove(found)
        messages.success(request, _("Removed. Nobody answers at that address any more."))
        return redirect("consent:endpoints", project_slug)
    context = {"endpoint": found, "provider": _provider(found)}
    return project_page(request, access, "consent/endpoint_remove.html", context, section="settings")


def _endpoint(access: Access, endpoint_id: int) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.filter(project=access.project, pk=endpoint_id) if endpoint_id < 2**63 else None
    endpoint = found.first() if found is not None else None
    if endpoint is None:
        raise Http404
    endpoint.project = access.project
    return endpoint


def _provider(endpoint: WebhookEndpoint) -> Provider:
    provider = BY_SLUG.get(endpoint.provider)
    if provider is None:
        raise Http404
    return provider


def _show_once(request: HttpRequest, made: WebhookEndpoint) -> HttpResponse:
    request.session[SHOWN_ONCE] = made.pk
    return redirect("consent:endpoint", made.project.slug, made.pk)


def _address(endpoint: WebhookEndpoint, name: str, *, is_new: bool) -> str:
    return webhooks.address_of(endpoint, reverse(name, args=[endpoint.key]), with_password=is_new)


def _state(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """Whether its provider can reach it: what it still lacks, in words."""
    provider = _provider(endpoint)
    lacks = [secret for secret in provider.secrets if secret.name in provider.events.values()]
    is_signed = provider.needs_password or all(endpoint.secrets.get(secret.name) for secret in lacks)
    if not is_signed:
        return {"kind": "warn", "words": _("Takes nothing yet: enter the secret")}
    if endpoint.secrets.get(webhooks.CONFIRM_AT):
        return {"kind": "warn", "words": _("Waits for you to confirm it at Amazon")}
    if endpoint.last_event_at is None:
        return {"kind": "", "words": _("Nothing has come yet")}
    return {"kind": "ok", "words": ""}
