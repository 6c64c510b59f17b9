"""The overview of a project."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from contacts.access import access_for
from contacts.eligibility import Audience
from contacts.forms.contacts import ACTIVE, INACTIVE, OF_EVERY_CHANNEL
from contacts.forms.overview import PeriodForm
from contacts.models import Project
from contacts.selectors import overview as selectors
from contacts.templatetags.sendable import number, share
from contacts.views.rendering import project_page
from contacts.vocabulary import Channel


@require_safe
def overview(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Who may be sent to, how contacts were deactivated, and what happened last."""
    access = access_for(request.user, project_slug)
    project = access.project
    audiences = selectors.audiences(project)
    everybody = audiences[Channel.EMAIL]
    if not everybody.total:
        return project_page(request, access, "contacts/overview.html", {"is_new": True}, section="overview")
    form = PeriodForm(request.GET if {"since", "until"} & request.GET.keys() else None)
    period = form.period(project.zone)
    context = {
        "form": form,
        "period": period,
        "stats": _stats(project, everybody),
        "channels": [_row(project, channel, audience) for channel, audience in audiences.items()],
        "deactivations": selectors.deactivations(project, period),
        "latest": selectors.latest_changes(access),
    }
    return project_page(request, access, "contacts/overview.html", context, section="overview")


def _stats(project: Project, everybody: Audience) -> list[dict[str, str]]:
    inactive = everybody.each["active"]
    active = everybody.total - inactive
    today = selectors.changed_today(project)
    return [
        {"label": _("Contacts"), "value": number(everybody.total), "url": _contacts(project)},
        {
            "label": _("Active"),
            "value": number(active),
            "note": _of_contacts(active, everybody.total),
            "url": _contacts(project, status=ACTIVE),
        },
        {
            "label": _("Inactive"),
            "value": number(inactive),
            "note": _of_contacts(inactive, everybody.total),
            "url": _contacts(project, status=INACTIVE),
        },
        {
            "label": _("Changed today"),
            "value": number(today.changed),
            "note": ngettext(
                "%(count)s by the contact themselves", "%(count)s by contacts themselves", today.by_themselves
            )
            % {"count": number(today.by_themselves)},
        },
    ]


def _of_contacts(part: int, whole: int) -> str:
    return _("%(share)s of contacts") % {"share": share(part, whole)}


def _row(project: Project, channel: Channel, audience: Audience) -> dict[str, Any]:
    row: dict[str, Any] = {"label": channel.label, "number": audience.eligible, "whole": audience.total}
    reason = max(audience.conditions, key=lambda condition: audience.each[condition.key])
    if count := audience.each[reason.key]:
        word = reason.word(channel) if callable(reason.word) else reason.word
        row["reason"] = _("%(reason)s, %(count)s") % {"reason": word, "count": number(count)}
        row["reason_url"] = _contacts(project, **_filter(channel, reason.key))
    return row


def _filter(channel: Channel, reason: str) -> dict[str, str]:
    """The filter of the list that finds just those who were counted."""
    return {"status": INACTIVE} if reason in OF_EVERY_CHANNEL else {"reason": f"{channel}:{reason}"}


def _contacts(project: Project, **filters: str) -> str:
    """The address of the list of contacts, filtered."""
    query = QueryDict(mutable=True)
    query.update(filters)
    return reverse("contacts:contact_list", args=[project.slug]) + (f"?{query.urlencode()}" if filters else "")
