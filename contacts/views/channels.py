"""One channel of a contact: opt-out and validity."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from contacts.access import EDIT, Access, contact_for
from contacts.errors import RegisterError
from contacts.forms.channels import LiftOptOutForm, OptOutForm, ValidityForm
from contacts.models import ChannelStatus
from contacts.selectors.entries import in_sentence
from contacts.selectors.lifting import lifting_of
from contacts.services import opt_outs, register
from contacts.views.rendering import project_page
from contacts.views.undo_offer import with_undo
from contacts.vocabulary import Aspect, Channel, Reason

REFUSED = 403


@require_http_methods(["GET", "HEAD", "POST"])
def opt_out(request: HttpRequest, project_slug: str, contact_id: int, channel: str) -> HttpResponse:
    """Stop one channel for a contact: the question on GET, the change on POST."""
    access, row = _channel_for(request, project_slug, contact_id, channel)
    form = OptOutForm(request.POST if request.method == "POST" else None, zone=access.project.zone)
    if form.is_valid():
        said = {name: form.cleaned_data[name] for name in ("reason", "note", "requested_on")}
        origin = access.origin(request_id=form.request_number, **said)
        change = opt_outs.opt_out(row.contact.as_set(), channel, origin=origin)
        done = _("Opted out of %(channel)s.") % {"channel": in_sentence(channel)}
        messages.success(request, with_undo(done, row.contact, change.request_id, aspect=Aspect.OPT_OUT))
        return redirect(row.contact)
    return _page(request, access, row, "contacts/opt_out.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def lift_opt_out(request: HttpRequest, project_slug: str, contact_id: int, channel: str) -> HttpResponse:
    """Open a channel again on the contact's word: the question on GET, the change on POST."""
    access, row = _channel_for(request, project_slug, contact_id, channel)
    lifting = lifting_of(row, access)
    form = LiftOptOutForm(request.POST if request.method == "POST" else None, zone=access.project.zone)
    if form.is_valid() and not lifting.refusal:
        origin = access.origin(request_id=form.request_number, reason=Reason.AUTHORIZED)
        try:
            change = opt_outs.lift_opt_out(
                row.contact.as_set(),
                channel,
                origin=origin,
                authorization=form.authorization(),
                shown=request.POST.get("shown"),
            ).or_raise()
        except RegisterError as error:
            form.refuse(error)
            lifting = lifting_of(row, access)
        else:
            done = _("The opt-out of %(channel)s is lifted.") % {"channel": in_sentence(channel)}
            messages.success(request, with_undo(done, row.contact, change.request_id, aspect=Aspect.OPT_OUT))
            return redirect(row.contact)
    refused = request.method == "POST" and bool(lifting.refusal)
    content = {"form": form, "lifting": lifting}
    return _page(request, access, row, "contacts/lift_opt_out.html", content, status=REFUSED if refused else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def validity(request: HttpRequest, project_slug: str, contact_id: int, channel: str) -> HttpResponse:
    """Say that the address on a channel is not, or is after all, somebody's. Without an address there is no page."""
    access, row = _channel_for(request, project_slug, contact_id, channel)
    if not row.address:
        raise Http404
    form = ValidityForm(
        request.POST if request.method == "POST" else None, initial={"becomes": _validity_of(not row.is_valid)}
    )
    if form.is_valid():
        is_valid = form.cleaned_data["becomes"] == _validity_of(True)
        origin = access.origin(request_id=form.request_number, reason=Reason.CORRECTED, note=form.cleaned_data["note"])
        register.set_validity(row.contact, channel, is_valid, origin=origin)
        done = _("The address is marked as valid.") if is_valid else _("The address is marked as not valid.")
        messages.success(request, done)
        return redirect(row.contact)
    return _page(request, access, row, "contacts/validity.html", {"form": form})


def _channel_for(
    request: HttpRequest, project_slug: str, contact_id: int, channel: str
) -> tuple[Access, ChannelStatus]:
    """The channel, one without an address where nothing is known of it. Raises Http404, PermissionDenied."""
    access, contact = contact_for(request.user, project_slug, contact_id, needs=EDIT)
    if channel not in Channel.values:
        raise Http404
    row = ChannelStatus.objects.filter(contact=contact, channel=channel).first()
    row = row or ChannelStatus(contact=contact, channel=channel)
    row.contact = contact
    return access, row


def _page(
    request: HttpRequest, access: Access, row: ChannelStatus, template: str, content: dict[str, Any], status: int = 200
) -> HttpResponse:
    context = {"contact": row.contact, "row": row, "channel": in_sentence(row.channel), **content}
    return project_page(request, access, template, context, section="contacts", status=status)


def _validity_of(is_valid: bool) -> str:
    return "valid" if is_valid else "invalid"
