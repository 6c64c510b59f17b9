"""Deactivating, activating and deleting many contacts: chosen in the list, all that match, or a pasted list.

The page between shows whom an action reaches and whom not. What is confirmed is what was shown: the selection
comes again with a digest, and when a recount differs nothing is done.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from contacts.access import DELETE, EDIT, Access, access_for
from contacts.errors import NothingToDo, RegisterError, StaleConfirmation
from contacts.forms.base import ChangeForm
from contacts.forms.bulk import BulkActivateForm, BulkDeactivateForm, BulkDeleteForm, PastedForm
from contacts.models import Contact
from contacts.selectors.bulk import (
    DeletionPlan,
    Outcome,
    Plan,
    Selection,
    activation_plan,
    deactivation_plan,
    deletion_done,
    deletion_plan,
    outcome_again,
    outcome_of,
    pasted_contacts,
    selection_of,
    was_recorded,
)
from contacts.selectors.who_may import ask_an_admin
from contacts.services import status
from contacts.services.erasure import erase
from contacts.views.recent_login import confirm_url, logged_in_recently
from contacts.views.rendering import project_page
from contacts.vocabulary import Reason

REFUSED = 403


@require_http_methods(["GET", "HEAD", "POST"])
def pasted(request: HttpRequest, project_slug: str) -> HttpResponse:
    """A pasted list of keys or addresses: whom it means, and what to do with them. Changes nothing."""
    access = access_for(request.user, project_slug)
    if not access.may(DELETE):
        access.require(EDIT)
    form = PastedForm(request.POST if request.method == "POST" else None)
    found = pasted_contacts(access.project, form.cleaned_data["text"]) if form.is_valid() else None
    return project_page(
        request, access, "contacts/bulk_pasted.html", {"form": form, "found": found}, section="contacts"
    )


@require_http_methods(["GET", "HEAD", "POST"])
def bulk_deactivate(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=EDIT)
    selection = selection_of(access.project, _sent(request))
    if sent_before := _sent_before(request, access):
        return _done(
            request, access, "deactivate", outcome_again(access.project, sent_before, deactivation_plan, selection)
        )
    plan = deactivation_plan(selection)
    form = BulkDeactivateForm(_confirmed(request), zone=access.project.zone)
    if form.is_valid() and _is_as_shown(request, form, plan):
        fields = {name: form.cleaned_data[name] for name in ("reason", "note", "requested_on")}
        origin = access.origin(request_id=form.request_number, **fields)
        still_active = Contact.objects.filter(pk__in_set=plan.concerned.ids).active()
        change = status.deactivate(still_active, origin=origin)
        left_alone = [(plan.idle.ids, plan.idle.words)]
        return _done(request, access, "deactivate", outcome_of(access.project, change.request_id, left_alone))
    return _page(request, access, "deactivate", selection, {"form": form, "plan": plan})


@require_http_methods(["GET", "HEAD", "POST"])
def bulk_activate(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=EDIT)
    selection = selection_of(access.project, _sent(request))
    plan_for = partial(activation_plan, access=access)
    if sent_before := _sent_before(request, access):
        return _done(request, access, "activate", outcome_again(access.project, sent_before, plan_for, selection))
    plan = plan_for(selection)
    form = BulkActivateForm(_confirmed(request), zone=access.project.zone, coverable=plan.coverable)
    if form.is_valid() and _is_as_shown(request, form, plan):
        origin = access.origin(request_id=form.request_number, reason=Reason.AUTHORIZED)
        try:
            change = status.activate(
                selection.contacts.inactive(), origin=origin, authorization=form.authorization(), shown=plan.shown
            )
        except RegisterError as error:
            form.refuse(error)
            plan = plan_for(selection)
        else:
            left_alone = [(item.ids, item.error.message) for item in change.skipped]
            left_alone.append((plan.idle.ids, plan.idle.words))
            return _done(request, access, "activate", outcome_of(access.project, change.request_id, left_alone))
    return _page(request, access, "activate", selection, {"form": form, "plan": plan})


@require_http_methods(["GET", "HEAD", "POST"])
def bulk_delete(request: HttpRequest, project_slug: str) -> HttpResponse:
    """As for one contact: the permission, a recent log-in, and something typed that shows what will go."""
    access = access_for(request.user, project_slug, needs=DELETE)
    number = _request_number(request)
    if number and (done := deletion_done(access.project, number)):
        return _done(request, access, "delete", done)
    selection = selection_of(access.project, _sent(request))
    plan = deletion_plan(selection)
    form = BulkDeleteForm(_confirmed(request), number=plan.concerned.number)
    is_recent = logged_in_recently(request)
    is_sent = form.is_valid()
    if form.is_bound:
        is_sent = _is_as_shown(request, form, plan) and is_sent
    if is_sent and is_recent:
        try:
            erase(
                selection.contacts,
                origin=access.origin(request_id=form.request_number),
                requested_by_contact=form.requested_by_contact,
                expected=plan.digest,
            )
        except StaleConfirmation as error:
            form.refuse(error)
            plan = deletion_plan(selection_of(access.project, _sent(request)))
        else:
            done = deletion_done(access.project, form.request_number)
            assert done is not None
            return _done(request, access, "delete", done)
    content = {
        "form": form,
        "plan": plan,
        "is_recent": is_recent,
        "confirm_url": confirm_url(request, reverse("contacts:contact_list", args=[project_slug])),
    }
    too_old = form.is_bound and not is_recent
    return _page(request, access, "delete", selection, content, status=REFUSED if too_old else 200)


def _sent(request: HttpRequest) -> QueryDict:
    return request.POST if request.method == "POST" else request.GET


def _confirmed(request: HttpRequest) -> QueryDict | None:
    """What was filled in: the list's own POST brings a selection and no digest of a page that was shown."""
    return request.POST if request.method == "POST" and "digest" in request.POST else None


def _request_number(request: HttpRequest) -> UUID | None:
    """The request's id, read before the form is: what it may hold can be different after the change."""
    if _confirmed(request) is None:
        return None
    try:
        return UUID(request.POST.get("request_id", ""))
    except ValueError:
        return None


def _sent_before(request: HttpRequest, access: Access) -> UUID | None:
    number = _request_number(request)
    return number if number and was_recorded(access.project, number) else None


def _is_as_shown(request: HttpRequest, form: ChangeForm, plan: Plan | DeletionPlan) -> bool:
    """Is the page that was confirmed still true? Refuses at the form when it is not."""
    if request.POST.get("digest") != plan.digest:
        form.refuse(_stale(request.POST.get("seen", ""), plan.concerned.number))
        return False
    if not plan.concerned.ids:
        form.refuse(NothingToDo())
        return False
    return True


def _stale(seen: str, now: int) -> StaleConfirmation:
    if not seen.isdecimal() or len(seen) > 9 or int(seen) == now:
        return StaleConfirmation()
    words = _("Something changed since you looked: %(now)s contacts instead of %(before)s.")
    numbers = {"now": _grouped(now), "before": _grouped(int(seen))}
    return StaleConfirmation(words % numbers)


def _grouped(number: int) -> str:
    return number_format(number, force_grouping=True)


def _page(
    request: HttpRequest,
    access: Access,
    action: str,
    selection: Selection,
    content: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    shared = {"selection": selection, "back_url": _list_url(access, selection), "ask": ""}
    if action == "activate" and content["plan"].refused:
        shared["ask"] = ask_an_admin(access.project)
    template = f"contacts/bulk_{action}.html"
    return project_page(request, access, template, {**shared, **content}, section="contacts", status=status)


def _done(request: HttpRequest, access: Access, action: str, outcome: Outcome) -> HttpResponse:
    content = {"action": action, "outcome": outcome}
    return project_page(request, access, "contacts/bulk_done.html", content, section="contacts")


def _list_url(access: Access, selection: Selection) -> str:
    url = reverse("contacts:contact_list", args=[access.project.slug])
    return f"{url}?{selection.query}" if selection.query else url
