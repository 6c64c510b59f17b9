"""Contacts who may be one person, and making one of two."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from contacts.access import EDIT, Access, access_for
from contacts.errors import ContactGone, ContactMerged, NothingToDo, RegisterError
from contacts.forms.merging import MergeForm
from contacts.models import Contact
from contacts.selectors.duplicates import of_one_name, with_one_address
from contacts.selectors.merging import merging_of, pair_of
from contacts.services import merging
from contacts.views.rendering import project_page
from contacts.vocabulary import Channel

ADDRESS, NAME = "address", "name"


@require_safe
def duplicates(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Who shares an address, or (``by=name``) a name and another sign."""
    access = access_for(request.user, project_slug)
    by = NAME if request.GET.get("by") == NAME else ADDRESS
    read = of_one_name if by == NAME else with_one_address
    found = read(access, request.GET.get("cursor", ""))
    url = reverse("contacts:duplicates", args=[project_slug])
    chosen = {"by": NAME} if by == NAME else {}
    context = {
        "by": by,
        "groups": found.groups,
        "channels": [channel.label for channel in Channel],
        "previous_url": f"{url}?{urlencode({**chosen, 'cursor': found.previous})}" if found.previous else "",
        "next_url": f"{url}?{urlencode({**chosen, 'cursor': found.next})}" if found.next else "",
        "tabs": [
            {"label": _("Same address"), "url": url, "current": by == ADDRESS},
            {"label": _("Likely the same person"), "url": f"{url}?by={NAME}", "current": by == NAME},
        ],
    }
    return project_page(request, access, "contacts/duplicates.html", context, section="contacts")


@require_http_methods(["GET", "HEAD", "POST"])
def merge(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Confirm, and do it. Of the two contacts that are named the first one stays. Merged already: their page."""
    access = access_for(request.user, project_slug, needs=EDIT)
    sent = request.POST if request.method == "POST" else request.GET
    numbers, keys = sent.getlist("contact"), sent.getlist("key")
    pair = pair_of(access.project, numbers, keys)
    if len(pair) != 2:
        if len(numbers) == 2:
            raise Http404
        unknown = len([text for text in keys if text.strip()]) == 2
        words = _("No two contacts have these keys.") if unknown else _("Choose two contacts, no more and no fewer.")
        messages.warning(request, words)
        return redirect("contacts:duplicates", project_slug)
    staying, going = pair
    if request.method != "POST" and (staying.merged_into_id or going.merged_into_id):
        return _merged_already(request, going if going.merged_into_id else staying)
    found = merging_of(staying, going, access)
    form = MergeForm(request.POST if request.method == "POST" else None, choices=found.choices)
    if form.is_valid():
        try:
            merging.merge(
                staying,
                going,
                origin=access.origin(request_id=form.request_number),
                take=form.take,
                expected=request.POST.get("digest", ""),
            )
        except (NothingToDo, ContactMerged, ContactGone):
            here = pair_of(access.project, numbers, keys)
            if len(here) != 2:
                raise Http404 from None
            return _merged_already(request, next(contact for contact in here if contact.merged_into_id))
        except RegisterError as error:
            form.refuse(error)
            staying, going = pair_of(access.project, numbers, keys)
            found = merging_of(staying, going, access)
        else:
            messages.success(request, _("Merged. Both histories are on this page."))
            return redirect(staying)
    context = {"merging": found, "form": form, "swap_url": _url(access, going, staying)}
    return project_page(request, access, "contacts/merge.html", context, section="contacts")


def _merged_already(request: HttpRequest, contact: Contact) -> HttpResponse:
    messages.info(request, _("One of these contacts has been merged already. This is who stayed."))
    return redirect(contact)


def _url(access: Access, staying: Contact, going: Contact) -> str:
    pair = urlencode([("contact", staying.pk), ("contact", going.pk)])
    return f"{reverse('contacts:merge', args=[access.project.slug])}?{pair}"
