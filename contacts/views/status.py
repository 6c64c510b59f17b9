"""Deactivate, activate, undo."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from contacts.access import EDIT, Access, access_for, contact_for
from contacts.errors import AuthorizationRequired, NothingToDo, RegisterError
from contacts.forms.status import ActivateForm, DeactivateForm, UndoForm
from contacts.models import Contact, StatusHistory
from contacts.selectors.activation import activation_of
from contacts.selectors.standing import standing_noes
from contacts.selectors.undoing import taken_back_with, undoing_of
from contacts.services import status
from contacts.services import undo as undoing
from contacts.views.rendering import project_page
from contacts.views.undo_offer import with_undo
from contacts.vocabulary import Aspect, Reason

REFUSED = 403


@require_http_methods(["GET", "HEAD", "POST"])
def deactivate(request: HttpRequest, project_slug: str, contact_id: int) -> HttpResponse:
    access, contact = contact_for(request.user, project_slug, contact_id, needs=EDIT)
    form = DeactivateForm(request.POST if request.method == "POST" else None, zone=access.project.zone)
    if form.is_valid():
        fields = {name: form.cleaned_data[name] for name in ("reason", "note", "requested_on")}
        change = status.deactivate(contact.as_set(), origin=access.origin(request_id=form.request_number, **fields))
        done = _("Deactivated.") if contact.is_active else _("The request is recorded. The contact stays inactive.")
        messages.success(request, with_undo(done, contact, change.request_id, aspect=Aspect.ACTIVE))
        return redirect(contact)
    causes = [] if contact.is_active else standing_noes(contact, access)
    return _page(request, access, contact, "contacts/deactivate.html", {"form": form, "causes": causes})


@require_http_methods(["GET", "HEAD", "POST"])
def activate(request: HttpRequest, project_slug: str, contact_id: int) -> HttpResponse:
    access, contact = contact_for(request.user, project_slug, contact_id, needs=EDIT)
    activation = activation_of(contact, access)
    form = ActivateForm(
        request.POST if request.method == "POST" else None,
        zone=access.project.zone,
        coverable=activation.coverable,
    )
    if form.is_valid() and not activation.refusal:
        origin = access.origin(request_id=form.request_number, reason=Reason.AUTHORIZED)
        try:
            change = status.activate(
                contact.as_set(),
                origin=origin,
                authorization=form.authorization(),
                whole=True,
                shown=request.POST.get("shown"),
            ).or_raise()
        except (NothingToDo, AuthorizationRequired):
            contact.refresh_from_db()
            activation = activation_of(contact, access)
        except RegisterError as error:
            form.refuse(error)
            activation = activation_of(contact, access)
        else:
            done = with_undo(_("Activated."), contact, change.request_id, aspect=Aspect.ACTIVE)
            messages.success(request, done)
            return redirect(contact)
    refused = request.method == "POST" and bool(activation.refusal)
    content = {"form": form, "activation": activation}
    return _page(request, access, contact, "contacts/activate.html", content, status=REFUSED if refused else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, project_slug: str, entry_id: int) -> HttpResponse:
    access = access_for(request.user, project_slug)
    entry = StatusHistory.objects.filter(project=access.project, pk=entry_id).first() if entry_id < 2**63 else None
    if entry is None:
        raise Http404
    access.require(EDIT)
    contact = Contact.objects.filter(project=access.project, pk=entry.contact_id or 0).first()
    form = UndoForm(request.POST if request.method == "POST" else None)
    refused = False
    if form.is_valid():
        origin = access.origin(request_id=form.request_number, note=form.cleaned_data["note"])
        try:
            undoing.undo(taken_back_with(entry), origin=origin).or_raise()
        except RegisterError:
            refused = True
        else:
            messages.success(request, _("Taken back. Both entries stay in the status history."))
            return redirect(contact) if contact else redirect("contacts:entry", access.project.slug, entry.pk)
    content = {"form": form, "entry": entry, "undoing": undoing_of(entry, access)}
    return _page(request, access, contact, "contacts/undo.html", content, status=REFUSED if refused else 200)


def _page(
    request: HttpRequest,
    access: Access,
    contact: Contact | None,
    template: str,
    content: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    return project_page(request, access, template, {"contact": contact, **content}, section="contacts", status=status)
