"""Contacts' requests to be erased, for who may delete."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from consent.forms.personal import RefuseForm
from consent.models import ErasureRequest
from consent.selectors.requests import decided_requests, described, open_requests
from consent.services.requests import refuse
from contacts.access import DELETE, access_for
from contacts.errors import InvalidText
from contacts.models import ChannelStatus
from contacts.selectors.keyset import page_of
from contacts.views.rendering import project_page
from contacts.vocabulary import Channel

LIST = "consent:requests"


@require_safe
def requests(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Open requests, the oldest first, and below those that were decided, the newest first."""
    access = access_for(request.user, project_slug)
    project = access.project
    asked = page_of(open_requests(project), order=("requested_at", "id"), cursor=request.GET.get("open", ""))
    decided = page_of(decided_requests(project), order=("-requested_at", "-id"), cursor=request.GET.get("decided", ""))
    rows = described([*asked.rows, *decided.rows], project)
    context = {
        "asked": asked,
        "decided": decided,
        "asked_rows": rows[: len(asked.rows)],
        "decided_rows": rows[len(asked.rows) :],
        "may_decide": access.may(DELETE),
    }
    return project_page(request, access, "consent/requests.html", context, section="requests")


@require_http_methods(["GET", "HEAD", "POST"])
def request_refuse(request: HttpRequest, project_slug: str, request_number: int) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=DELETE)
    if request_number >= 2**63:
        raise Http404
    asked = get_object_or_404(ErasureRequest, project=access.project, pk=request_number)
    [row] = described([asked], access.project)
    form = RefuseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        origin = access.origin(request_id=form.request_number)
        try:
            is_mailed = refuse(asked, form.cleaned_data["refusal"], origin=origin)
        except InvalidText as error:
            form.refuse(error)
        else:
            told = _("The request is refused, and the reason is mailed to the contact.")
            untold = _("The request is refused. There is no email address to mail the reason to.")
            messages.success(request, told if is_mailed else untold)
            return redirect(LIST, project_slug)
    addresses = ChannelStatus.objects.filter(contact=asked.contact_id, channel=Channel.EMAIL).with_address()
    context = {"form": form, "row": row, "address": addresses.values_list("address", flat=True).first()}
    return project_page(request, access, "consent/request_refuse.html", context, section="requests")
