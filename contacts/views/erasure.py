"""Deleting a contact, and the receipts of erasures."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from contacts.access import ADMINISTER, DELETE, Access, access_for, contact_for
from contacts.errors import StaleConfirmation
from contacts.forms.erasure import REQUESTED, DeleteForm, ReceiptSearchForm
from contacts.models import Contact, ErasureReceipt
from contacts.selectors.erasures import Deletion, counts_in_words, deletion_of, receipts_for_key, receipts_of
from contacts.selectors.keyset import page_of
from contacts.selectors.who_may import ask_an_admin
from contacts.services.erasure import erase
from contacts.views.recent_login import confirm_url, logged_in_recently
from contacts.views.rendering import project_page

REFUSED = 403


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, project_slug: str, contact_id: int) -> HttpResponse:
    """Three states of one page: may not, the log-in is too old, confirm. A second sending finds the receipt.

    ``?requested=1`` says beforehand that the contact asked for it.
    """
    try:
        access, contact = contact_for(request.user, project_slug, contact_id)
    except Http404:
        return redirect(_receipt_of_this_request(request, project_slug, contact_id))
    if not access.may(DELETE):
        content = {"contact": contact, "refused": True, "ask": ask_an_admin(access.project)}
        return _page(request, access, "contacts/delete.html", content, status=REFUSED)
    deletion = deletion_of(contact, access)
    asked = {"reason": REQUESTED} if request.GET.get("requested") == "1" else None
    form = DeleteForm(request.POST if request.method == "POST" else None, key=contact.key, initial=asked)
    is_recent = logged_in_recently(request)
    is_sent = form.is_valid()
    if form.is_bound and form.data.get("digest") != deletion.preview.digest:
        form.refuse(_stale(deletion, form))
        is_sent = False
    if is_sent and is_recent:
        try:
            receipt = _erase(contact, access, form)
        except StaleConfirmation:  # in the moment between counting and locking
            if not contact.as_set().exists():
                return redirect(_receipt_of_this_request(request, project_slug, contact_id))
            deletion = deletion_of(contact, access)
            form.refuse(_stale(deletion, form))
        else:
            messages.success(request, _("The contact is deleted."))
            return redirect(receipt)
    content = {
        "contact": contact,
        "deletion": deletion,
        "form": form,
        "is_recent": is_recent,
        "confirm_url": confirm_url(request, f"{request.path}?requested=1" if asked else ""),
    }
    too_old = form.is_bound and not is_recent
    return _page(request, access, "contacts/delete.html", content, status=REFUSED if too_old else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def erasures(request: HttpRequest, project_slug: str) -> HttpResponse:
    """The receipts, the newest first. A POST is a search by key, and changes nothing."""
    access = access_for(request.user, project_slug, needs=ADMINISTER if request.method == "POST" else "view")
    form = ReceiptSearchForm(request.POST if request.method == "POST" else None)
    content: dict[str, Any] = {"form": form}
    if form.is_valid():
        content["found"] = receipts_for_key(access.project, form.cleaned_data["key"])
    else:
        rows = receipts_of(access.project)
        content["page"] = page_of(rows, order=["-erased_at", "-id"], cursor=request.GET.get("cursor", ""))
    return _page(request, access, "contacts/erasures.html", content, section="erasures")


@require_safe
def receipt(request: HttpRequest, project_slug: str, receipt_id: int) -> HttpResponse:
    access = access_for(request.user, project_slug)
    if receipt_id >= 2**63:
        raise Http404
    found = get_object_or_404(receipts_of(access.project), pk=receipt_id)
    content = {"receipt": found, "counts": counts_in_words(found)}
    return _page(request, access, "contacts/receipt.html", content, section="erasures")


def _erase(contact: Contact, access: Access, form: DeleteForm) -> ErasureReceipt:
    [found] = erase(
        contact.as_set(),
        origin=access.origin(request_id=form.request_number),
        requested_by_contact=form.requested_by_contact,
        expected=form.data["digest"],
    )
    return found


def _stale(deletion: Deletion, form: DeleteForm) -> StaleConfirmation:
    changes = deletion.changes_since(form.data.get("seen", ""))
    if not changes:
        return StaleConfirmation()
    message = _("Something changed since you looked: %(changes)s.") % {"changes": changes}
    return StaleConfirmation(message, remedy=_("Check the counts again."))


def _receipt_of_this_request(request: HttpRequest, project_slug: str, contact_id: int) -> ErasureReceipt:
    """The receipt that the same form got the first time it was sent. Raises Http404, PermissionDenied."""
    access = access_for(request.user, project_slug, needs=DELETE)
    form = DeleteForm(request.POST, key="")
    form.is_valid()
    if request.method != "POST" or contact_id >= 2**63:
        raise Http404
    receipts = receipts_of(access.project).filter(contact_number=contact_id)
    return get_object_or_404(receipts, request_id=form.request_number)


def _page(
    request: HttpRequest,
    access: Access,
    template: str,
    content: dict[str, Any],
    *,
    section: str = "contacts",
    status: int = 200,
) -> HttpResponse:
    return project_page(request, access, template, content, section=section, status=status)
