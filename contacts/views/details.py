"""Adding a contact and correcting what is known of one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from contacts.access import EDIT, Access, access_for, contact_for
from contacts.errors import RegisterError, StaleConfirmation
from contacts.forms.details import ContactForm
from contacts.models import Contact
from contacts.selectors.known_addresses import known_blocks, sharing
from contacts.services.details import add, correct, particulars_of
from contacts.views.rendering import project_page


@require_http_methods(["GET", "HEAD", "POST"])
def contact_add(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=EDIT)
    form = ContactForm(request.POST if request.method == "POST" else None, project=access.project)
    if form.is_valid():
        try:
            contact = add(access.project, form.particulars, origin=access.origin(request_id=form.request_number))
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The contact was added."))
            _warn(request, access, form, contact)
            return redirect(contact)
    return _page(request, access, form, {})


@require_http_methods(["GET", "HEAD", "POST"])
def contact_edit(request: HttpRequest, project_slug: str, contact_id: int) -> HttpResponse:
    access, contact = contact_for(request.user, project_slug, contact_id, needs=EDIT)
    held = particulars_of(contact)
    form = ContactForm(request.POST if request.method == "POST" else None, project=access.project, held=held)
    context: dict[str, Any] = {"contact": contact}
    if form.is_valid():
        try:
            origin = access.origin(request_id=form.request_number)
            changed = correct(contact, form.particulars, seen=form.cleaned_data["digest"], origin=origin)
        except StaleConfirmation:
            now = particulars_of(contact_for(request.user, project_slug, contact_id)[1])
            form.show_anew(now)
            context["meanwhile"] = form.differences(now)
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The changes are saved.") if changed else _("There was nothing to change."))
            _warn(request, access, form, contact)
            return redirect(contact)
    return _page(request, access, form, context)


def _page(request: HttpRequest, access: Access, form: ContactForm, context: dict[str, Any]) -> HttpResponse:
    """The form, with what is known of the addresses that were typed."""
    typed = form.new_addresses if form.is_bound else []
    known = {
        "form": form,
        "blocks": known_blocks(access, typed) if typed else [],
        "sharing": sharing(access, typed, but=context.get("contact")) if typed else [],
    }
    return project_page(request, access, "contacts/contact_form.html", {**known, **context}, section="contacts")


def _warn(request: HttpRequest, access: Access, form: ContactForm, contact: Contact) -> None:
    """Say at once what is known of the new addresses."""
    typed = form.new_addresses
    if typed:
        for known in (*known_blocks(access, typed), *sharing(access, typed, but=contact)):
            messages.warning(request, str(known))
