"""The list of contacts, and its export."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from contacts.access import EXPORT, access_for
from contacts.downloads import asked_format, download
from contacts.forms.contacts import BY_CHANGE, BY_NAME
from contacts.selectors.contact_rows import contact_rows
from contacts.selectors.contacts import ContactFilter, filtered_contacts, found_without_other_filters
from contacts.selectors.exports import exported_contacts, exported_header, moment_of
from contacts.selectors.keyset import page_of
from contacts.services.exports import log_export
from contacts.views.rendering import project_page
from contacts.vocabulary import Channel


@require_safe
def contact_list(request: HttpRequest, project_slug: str) -> HttpResponseBase:
    access = access_for(request.user, project_slug)
    chosen = filtered_contacts(access.project, request.GET)
    cursor = request.GET.get("cursor", "")
    page = page_of(chosen.contacts, order=chosen.order_by, cursor=cursor)
    if cursor and not page.rows:
        return redirect(f"{request.path}?{chosen.query}")
    is_swap = getattr(request, "htmx", False) and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    template = "contacts/contact_list_results.html" if is_swap else "contacts/contact_list.html"
    context = {
        "form": chosen.form,
        "filter": chosen,
        "rows": contact_rows(page.rows, access),
        "channels": [channel.label for channel in Channel],
        "previous_url": _place(chosen, page.previous),
        "next_url": _place(chosen, page.next),
        "is_swap": is_swap,
        **_orders(chosen),
    }
    if not page.rows and chosen.chips:
        context["wider_url"] = _wider(access.project, chosen)
    response = project_page(request, access, template, context, section="contacts")
    response["Vary"] = "HX-Request"
    return response


def _place(chosen: ContactFilter, cursor: str) -> str:
    query = QueryDict(chosen.query, mutable=True)
    query["cursor"] = cursor
    return f"?{query.urlencode()}" if cursor else ""


def _orders(chosen: ContactFilter) -> dict[str, Any]:
    by = {}
    for order in (BY_NAME, BY_CHANGE):
        query = QueryDict(chosen.query, mutable=True)
        query["order"] = order
        by[f"by_{order}_url"] = f"?{query.urlencode()}"
    return {**by, "is_by_name": chosen.order == BY_NAME}


def _wider(project: Any, chosen: ContactFilter) -> str:
    """Where the search finds somebody whom the other filters leave out."""
    query = found_without_other_filters(project, chosen)
    return f"{reverse('contacts:contact_list', args=[project.slug])}?{query}" if query else ""


@require_POST
def contact_export(request: HttpRequest, project_slug: str) -> HttpResponseBase:
    """The contacts that ``filters`` (a query string of the list) means, as a file."""
    access = access_for(request.user, project_slug, needs=EXPORT)
    query = request.POST.get("filters", "")
    chosen = filtered_contacts(access.project, QueryDict(query))
    if chosen.errors:
        return redirect(f"{reverse('contacts:contact_list', args=[project_slug])}?{QueryDict(query).urlencode()}")
    moment = moment_of(access.project)
    number = chosen.contacts.count()
    file_format = asked_format(request, rows=number, columns=len(exported_header()))
    log_export(access.project, subject="contacts", filters=chosen.names, rows=number, actor=access.actor)
    name = f"{access.project.slug}-contacts-{timezone.localtime(moment):%Y-%m-%d-%H%M}"
    return download(file_format, name, exported_header(), exported_contacts(chosen.contacts, moment))
