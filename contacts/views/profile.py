"""A contact's profile."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from contacts.access import contact_for
from contacts.selectors.profile import Asked, profile_of
from contacts.views.rendering import project_page
from contacts.vocabulary import Aspect, Channel


@require_safe
def contact(request: HttpRequest, project_slug: str, contact_id: int) -> HttpResponse:
    """The profile; ``channel`` and ``aspect`` filter its history, ``table`` shows rows in its place, ``tab`` what
    another app keeps.

    The address of who was merged leads to the one whom they were merged into.
    """
    access, contact = contact_for(request.user, project_slug, contact_id)
    if contact.pk != contact_id:
        return redirect(contact)
    asked = Asked(
        channel=_known(request.GET.get("channel", ""), Channel.values),
        aspect=_known(request.GET.get("aspect", ""), Aspect.values),
        table=request.GET.get("table", ""),
        cursor=request.GET.get("cursor", ""),
        tab=request.GET.get("tab", ""),
        query=request.GET.dict(),
    )
    context = {
        "contact": contact,
        "profile": profile_of(contact, access, asked),
        "asked": asked,
        "channel_choices": Channel.choices,
        "aspect_choices": Aspect.choices,
    }
    return project_page(request, access, "contacts/profile.html", context, section="contacts")


def _known(text: str, words: list[str]) -> str:
    return text if text in words else ""
