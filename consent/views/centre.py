"""The consent centre of a project, for users: what is sent, its public face, opt-ins over time and about to end."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from consent.forms.centre import CentreForm, ExpiringForm, OptInsForm
from consent.models import CommunicationType, Form
from consent.selectors.centre import types_in_words
from consent.selectors.over_time import expiring as consents_that_end
from consent.selectors.over_time import over_time
from consent.services.centre import change_centre
from consent.views.public import centre_of
from contacts.access import ADMINISTER, access_for
from contacts.errors import RegisterError
from contacts.selectors.overview import usual_period
from contacts.views.rendering import project_page


@require_safe
def centre(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug)
    channels, rows, archived = types_in_words(access.project)
    context = {
        "centre": centre_of(access.project),
        "channels": channels,
        "rows": rows,
        "archived": archived,
        "forms": Form.objects.filter(project=access.project),
        "public_url": settings.PUBLIC_URL,
        "languages": dict(settings.LANGUAGES),
    }
    return project_page(request, access, "consent/centre.html", context, section="centre")


@require_http_methods(["GET", "HEAD", "POST"])
def centre_settings(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    found = centre_of(access.project)
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = CentreForm(data, files, centre=found)
    if form.is_valid():
        try:
            remove = form.cleaned_data["remove_logo"]
            change_centre(access.project, form.settings, logo=form.logo_content, remove_logo=remove)
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The consent centre is saved."))
            return redirect("consent:centre_settings", project_slug)
    context = {"form": form, "centre": found, "sender": found.sender_name or access.project.organization.name}
    return project_page(request, access, "consent/centre_settings.html", context, section="centre")


@require_safe
def opt_ins(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug)
    types = [topic for topic in CommunicationType.objects.in_project(access.project) if topic.needs_consent]
    form = OptInsForm(request.GET, types=types)
    chosen = form.chosen
    period = usual_period(access.project.zone)
    context = {
        "form": form,
        "chosen": chosen,
        "period": period,
        "found": over_time(access.project, [chosen] if chosen else types, period),
    }
    return project_page(request, access, "consent/opt_ins.html", context, section="centre")


@require_safe
def expiring(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug)
    in_use = CommunicationType.objects.in_project(access.project).in_use()
    types = list(in_use.filter(accepts_implied=True, administrative=False))
    form = ExpiringForm(request.GET, types=types)
    chosen = form.chosen
    context = {
        "form": form,
        "days": form.number_of_days,
        "chosen": chosen,
        "any_implied": bool(types),
        "page": consents_that_end(
            access.project, [chosen] if chosen else types, form.number_of_days, cursor=request.GET.get("cursor", "")
        ),
    }
    return project_page(request, access, "consent/expiring.html", context, section="centre")
