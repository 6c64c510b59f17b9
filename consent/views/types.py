"""Communication types: adding, changing and archiving what a project sends."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from consent.forms.types import TypeForm
from consent.models import CommunicationType
from consent.selectors.centre import needs
from consent.services.types import (
    ConsentsConcerned,
    add_type,
    archive_type,
    bring_back_type,
    change_type,
    held_of,
)
from consent.views.public import centre_of
from contacts.access import ADMINISTER, Access, access_for
from contacts.errors import RegisterError
from contacts.views.rendering import project_page
from contacts.vocabulary import Channel

FORM = ["GET", "HEAD", "POST"]


@require_http_methods(FORM)
def type_add(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    form = _form(request, access)
    if form.is_valid():
        try:
            topic = add_type(access.project, form.settings, after=form.after_number)
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("“%(name)s” is added.") % {"name": topic.name_in()})
            return redirect("consent:centre", project_slug)
    return project_page(request, access, "consent/type_form.html", {"form": form}, section="centre")


@require_http_methods(FORM)
def type_edit(request: HttpRequest, project_slug: str, type_id: int) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    topic = _type(access, type_id)
    form = _form(request, access, topic)
    context = {"form": form, "topic": topic, "held": held_of(topic)}
    if form.is_valid():
        try:
            change_type(topic, form.settings, after=form.after_number, confirmed=form.cleaned_data["confirmed"])
        except ConsentsConcerned as error:
            context |= {"concerned": error, "is_stale": bool(form.cleaned_data["confirmed"])}
            form.ask(error.digest)
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": form.cleaned_data["name"]})
            return redirect("consent:centre", project_slug)
    return project_page(request, access, "consent/type_form.html", context, section="centre")


@require_http_methods(FORM)
def type_archive(request: HttpRequest, project_slug: str, type_id: int) -> HttpResponse:
    """Archive a type, or bring an archived one back."""
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    topic = _type(access, type_id)
    if request.method == "POST":
        if request.POST.get("bring_back"):
            bring_back_type(topic)
            messages.success(request, _("“%(name)s” is in use again.") % {"name": topic.name_in()})
        else:
            archive_type(topic)
            messages.success(request, _("“%(name)s” is archived.") % {"name": topic.name_in()})
        return redirect("consent:centre", project_slug)
    held = held_of(topic)
    context = {
        "topic": topic,
        "needs": needs(topic),
        "agreed": [(channel.label, held[channel].agreed) for channel in Channel if channel in held],
    }
    return project_page(request, access, "consent/type_archive.html", context, section="centre")


def _form(request: HttpRequest, access: Access, topic: CommunicationType | None = None) -> TypeForm:
    types = CommunicationType.objects.in_project(access.project).in_use()
    others = list(types.exclude(pk=topic.pk) if topic else types)
    language = centre_of(access.project).default_language
    data = request.POST if request.method == "POST" else None
    return TypeForm(data, topic=topic, others=others, language=language)


def _type(access: Access, number: int) -> CommunicationType:
    types = CommunicationType.objects.in_project(access.project).select_related("project")
    found = types.filter(pk=number).first() if number < 2**63 else None
    if found is None:
        raise Http404
    return found
