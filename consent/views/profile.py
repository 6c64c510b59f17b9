"""Consents of one contact: grant, withdraw, one entry with its proof, undo, and the receipt."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consent.forms.consents import GrantForm, WithdrawForm
from consent.models import CommunicationType, ConsentHistory
from consent.selectors import opt_ins
from consent.selectors.entries import described, read
from consent.selectors.entry import facts_of
from consent.selectors.granting import Granting, granting_of, taking_back
from consent.selectors.opt_ins import entries_of
from consent.selectors.receipt import as_json, receipt_of
from consent.services import consents, undo
from consent.vocabulary import Basis
from contacts.access import EDIT, EXPORT, Access, contact_for
from contacts.dates import long_day
from contacts.errors import AuthorizationRequired, RegisterError
from contacts.forms.status import UndoForm
from contacts.models import Contact
from contacts.selectors.entries import in_sentence
from contacts.services.exports import log_export
from contacts.views.rendering import project_page
from contacts.vocabulary import Reason

REFUSED = 403


@require_http_methods(["GET", "HEAD", "POST"])
def grant(request: HttpRequest, project_slug: str, contact_id: int, type_id: int, channel: str) -> HttpResponse:
    """Record that the contact agreed, expressly with where the proof is, or by what implies it."""
    access, contact, topic = _place(request, project_slug, contact_id, type_id, channel)
    granting = granting_of(contact, topic, channel, access)
    form = GrantForm(
        request.POST if request.method == "POST" else None,
        communication_type=topic,
        only_express=granting.is_withdrawn or not topic.accepts_implied,
    )
    if form.is_valid() and not granting.refusal:
        authorization = form.authorization()
        origin = access.origin(
            request_id=form.request_number,
            reason=Reason.AUTHORIZED if authorization else "",
            note=form.cleaned_data["note"],
        )
        try:
            change = consents.grant(
                contact.as_set(),
                topic,
                channel,
                origin=origin,
                basis=form.chosen,
                implied_by=form.cleaned_data.get("implied_by") or "",
                implied_until=form.implied_until,
                authorization=authorization,
                shown=request.POST.get("shown"),
            ).or_raise()
        except AuthorizationRequired:
            granting = granting_of(contact, topic, channel, access)
        except RegisterError as error:
            form.refuse(error)
            granting = granting_of(contact, topic, channel, access)
        else:
            done = _granted(form.chosen, form.implied_until)
            messages.success(request, _with_undo(done, contact, change.request_id))
            return redirect(_tab(contact))
    refused = request.method == "POST" and bool(granting.refusal)
    return _page(request, access, contact, topic, channel, "consent/grant.html", form, granting, refused=refused)


def _granted(basis: Basis, until: datetime | None) -> str:
    if basis == Basis.EXPRESS or until is None:
        return _("Express consent is recorded.")
    day = long_day(until)
    return _("Implied consent is recorded. It ends on %(date)s.") % {"date": day}


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, project_slug: str, contact_id: int, type_id: int, channel: str) -> HttpResponse:
    """Record that the contact takes a consent back, or never wants this."""
    access, contact, topic = _place(request, project_slug, contact_id, type_id, channel)
    form = WithdrawForm(request.POST if request.method == "POST" else None, communication_type=topic)
    if form.is_valid():
        fields = {name: form.cleaned_data[name] for name in ("reason", "note", "requested_on")}
        origin = access.origin(request_id=form.request_number, **fields)
        change = consents.withdraw(contact.as_set(), topic, channel, origin=origin)
        messages.success(request, _with_undo(_("The withdrawal is recorded."), contact, change.request_id))
        return redirect(_tab(contact))
    granting = granting_of(contact, topic, channel, access)
    return _page(request, access, contact, topic, channel, "consent/withdraw.html", form, granting)


@require_safe
def consent_entry(request: HttpRequest, project_slug: str, contact_id: int, opt_in_id: int) -> HttpResponse:
    """One entry of the opt-in history with all of its proof."""
    access, contact = contact_for(request.user, project_slug, contact_id)
    row = _entry(contact, opt_in_id)
    [words] = described([row], access)
    context = {"contact": contact, "entry": words, "facts": facts_of(row, words, access), "tab_url": _tab(contact)}
    return project_page(request, access, "consent/entry.html", context, section="contacts")


@require_http_methods(["GET", "HEAD", "POST"])
def consent_undo(request: HttpRequest, project_slug: str, contact_id: int, opt_in_id: int) -> HttpResponse:
    """Take an entry back; both stay in the history."""
    access, contact = contact_for(request.user, project_slug, contact_id, needs=EDIT)
    row = _entry(contact, opt_in_id)
    form = UndoForm(request.POST if request.method == "POST" else None)
    refused = False
    if form.is_valid():
        origin = access.origin(request_id=form.request_number, note=form.cleaned_data["note"])
        try:
            undo.undo(ConsentHistory.objects.filter(pk=row.pk), origin=origin).or_raise()
        except RegisterError:
            refused = True
        else:
            messages.success(request, _("Taken back. Both entries stay in the opt-in history."))
            return redirect(_tab(contact))
    context = {"contact": contact, "form": form, "undoing": taking_back(row, access), "tab_url": _tab(contact)}
    status = REFUSED if refused else 200
    return project_page(request, access, "consent/undo.html", context, section="contacts", status=status)


@require_safe
def receipt(request: HttpRequest, project_slug: str, contact_id: int) -> HttpResponse:
    """What the contact agreed to, with its proof: a page to print."""
    access, contact = contact_for(request.user, project_slug, contact_id)
    context = {"contact": contact, "receipt": receipt_of(contact), "tab_url": _tab(contact)}
    return project_page(request, access, "consent/receipt.html", context, section="contacts")


@require_POST
def receipt_json(request: HttpRequest, project_slug: str, contact_id: int) -> HttpResponse:
    """The same for programs, in the structure of ISO/IEC TS 27560."""
    access, contact = contact_for(request.user, project_slug, contact_id, needs=EXPORT)
    log_export(access.project, subject="receipt", filters=["contact"], rows=1, actor=access.actor)
    response = HttpResponse(as_json(receipt_of(contact)), content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="consent-receipt-{contact.pk}.json"'
    response["Cache-Control"] = "no-store"
    return response


def _place(
    request: HttpRequest, project_slug: str, contact_id: int, type_id: int, channel: str
) -> tuple[Access, Contact, CommunicationType]:
    """A type of the project that is sent on the channel and needs consent; nothing else is granted or withdrawn."""
    access, contact = contact_for(request.user, project_slug, contact_id)
    types = CommunicationType.objects.in_project(access.project).in_use().filter(administrative=False)
    topic = types.filter(pk=type_id).first() if type_id < 2**63 else None
    if topic is None or channel not in topic.channels:
        raise Http404
    topic.project = access.project
    access.require(EDIT)
    return access, contact, topic


def _entry(contact: Contact, entry_id: int) -> ConsentHistory:
    row = read(entries_of(contact).filter(pk=entry_id)).first() if entry_id < 2**63 else None
    if row is None:
        raise Http404
    return row


def _page(
    request: HttpRequest,
    access: Access,
    contact: Contact,
    topic: CommunicationType,
    channel: str,
    template: str,
    form: Any,
    granting: Granting,
    *,
    refused: bool = False,
) -> HttpResponse:
    context = {
        "contact": contact,
        "type": topic,
        "type_name": topic.name_in(),
        "channel": channel,
        "channel_label": in_sentence(channel),
        "form": form,
        "granting": granting,
        "tab_url": _tab(contact),
    }
    return project_page(request, access, template, context, section="contacts", status=REFUSED if refused else 200)


def _tab(contact: Contact) -> str:
    return f"{contact.get_absolute_url()}?{urlencode({'tab': opt_ins.TAB})}#tab"


def _with_undo(done: str, contact: Contact, request_id: Any) -> str:
    """What was done, and a link that takes it back. It names nobody: messages travel in a cookie."""
    entries = ConsentHistory.objects.filter(request_id=request_id, contact=contact)
    number = entries.values_list("pk", flat=True).first()
    if number is None:
        return done
    url = reverse("consent:undo", args=[contact.project.slug, contact.pk, number])
    return format_html(
        '{} {} <a href="{}">{}</a>', done, _("You can take it back within 24 hours."), url, _("Undo")
    )  # fmt: skip
