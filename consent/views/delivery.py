"""Delivery errors: which addresses cannot be written to, what receivers said, and lifting a quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consent.forms.delivery import DeliveryFilterForm, LiftQuarantineForm, ReviewForm
from consent.models import DeliveryEvent
from consent.selectors.delivery import (
    HEADERS,
    Asked,
    Show,
    bounce_rows,
    bounces,
    entries_of,
    event_in,
    facts_of,
    invalid,
    invalid_rows,
    quarantined,
    quarantined_rows,
    rows_of,
    waiting,
    waiting_groups,
)
from consent.selectors.delivery import exported as exported_rows
from consent.services.feedback.delivery import accept, dismiss
from contacts.access import EDIT, EXPORT, Access, access_for
from contacts.downloads import asked_format, download
from contacts.errors import RegisterError
from contacts.models import Block, StatusHistory
from contacts.models.block import BlockQuerySet
from contacts.selectors.contacts import Chip
from contacts.selectors.entries import in_words
from contacts.selectors.keyset import page_of
from contacts.services.blocks import lift, noes_of_blocks
from contacts.services.exports import log_export
from contacts.views.rendering import project_page
from contacts.vocabulary import Reason

SECTION = "delivery"
MOST_AT_ONCE = 5_000
MOST_SHOWN = 20
FORM = ["GET", "HEAD", "POST"]


@require_safe
def delivery(request: HttpRequest, project_slug: str) -> HttpResponse:
    """One of the tabs: what is quarantined, not valid, bounced lately, or waits."""
    access = access_for(request.user, project_slug)
    form = DeliveryFilterForm(request.GET, zone=access.project.zone)
    is_sound = form.is_valid()
    asked = form.asked if is_sound else Asked(Show(form.cleaned_data.get("show") or Show.QUARANTINED))
    context: dict[str, Any] = {
        "form": form,
        "show": asked.show,
        "tabs": _tabs(access, asked.show),
        "may_export": is_sound and access.may(EXPORT),
        "is_narrowed": asked.is_narrowed,
    }
    if is_sound:
        context |= {
            "query": form.query(),
            "chips": [Chip(name, form.in_words(name), form.query(but=name)) for name in form.in_force],
            "clear_url": f"{_list(access)}?show={asked.show}",
            **_rows(request, access, form, asked),
        }
    return project_page(request, access, "consent/delivery.html", context, section=SECTION)


def _rows(request: HttpRequest, access: Access, form: DeliveryFilterForm, asked: Asked) -> dict[str, Any]:
    project, cursor = access.project, request.GET.get("cursor", "")
    if asked.show == Show.WAITING:
        return {"groups": waiting_groups(project)}
    rows: Sequence[Any]
    if asked.show == Show.QUARANTINED:
        page = page_of(quarantined(project, asked), order=["-id"], cursor=cursor)
        rows = quarantined_rows(page.rows, access)
    elif asked.show == Show.INVALID:
        page = page_of(invalid(project, asked).select_related("contact"), order=["-id"], cursor=cursor)
        rows = invalid_rows(page.rows, access)
    else:
        page = page_of(bounces(project, asked), order=["-occurred_at", "-id"], cursor=cursor)
        rows = bounce_rows(page.rows, project)
    lifts_all = bool(rows) and asked.show == Show.QUARANTINED and access.may_edit and asked.is_narrowed
    return {
        "rows": rows,
        "lift_all_url": f"{_url(access, 'delivery_lift')}?{form.query(all='1')}" if lifts_all else "",
        "previous_url": f"?{form.query(cursor=page.previous)}" if page.previous else "",
        "next_url": f"?{form.query(cursor=page.next)}" if page.next else "",
    }


def _tabs(access: Access, current: Show) -> list[dict[str, Any]]:
    """The tabs; that of what waits only where something does."""
    waits = waiting(access.project).exists()
    shown = [show for show in Show if show != Show.WAITING or waits or current == Show.WAITING]
    return [{"label": show.label, "url": f"{_list(access)}?show={show}", "current": show == current} for show in shown]


@require_POST
def delivery_export(request: HttpRequest, project_slug: str) -> HttpResponseBase:
    """The tab that ``filters`` (a query string of the page) means, as a file. Raises RegisterError."""
    access = access_for(request.user, project_slug, needs=EXPORT)
    form = DeliveryFilterForm(QueryDict(request.POST.get("filters", "")), zone=access.project.zone)
    if not form.is_valid():
        raise RegisterError(next(str(error) for errors in form.errors.values() for error in errors))
    asked = form.asked
    number, header = rows_of(access.project, asked).count(), HEADERS[asked.show]
    file_format = asked_format(request, rows=number, columns=len(header))
    names = ["show", *form.in_force]
    log_export(access.project, subject="delivery errors", filters=names, rows=number, actor=access.actor)
    name = f"{access.project.slug}-{asked.show}-{timezone.localdate():%Y-%m-%d}"
    return download(file_format, name, header, exported_rows(access.project, asked))


@require_safe
def delivery_event(request: HttpRequest, project_slug: str, event_number: int) -> HttpResponse:
    """One event: what the receiver said, and what was done."""
    access = access_for(request.user, project_slug)
    event = event_in(access.project, event_number)
    if event is None:
        raise Http404
    [row] = bounce_rows([event], access.project)
    context = {"row": row, "facts": facts_of(row), "entries": in_words(entries_of(event)[:50], access)}
    return project_page(request, access, "consent/delivery_event.html", context, section=SECTION)


@require_http_methods(FORM)
def delivery_lift(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Let addresses be written to again: those that were ticked, or all of a domain and a time."""
    access = access_for(request.user, project_slug, needs=EDIT)
    data = request.POST if request.method == "POST" else request.GET
    chosen, filters = _chosen(access, data)
    form = LiftQuarantineForm(request.POST if request.method == "POST" else None)
    number = len(chosen[: MOST_AT_ONCE + 1].values_list("pk"))
    if not number:
        return _nothing_to_lift(request, access, form)
    is_too_many = number > MOST_AT_ONCE
    if form.is_valid() and not is_too_many:
        origin = access.origin(request_id=form.request_number, reason=Reason.REACHABLE, note=form.cleaned_data["note"])
        try:
            change = lift(chosen, origin=origin, recorded_in=access.project, shown=request.POST.get("shown"))
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _lifted(change.recorded))
            return redirect(_list(access))
    context = {
        "form": form,
        "number": number,
        "is_too_many": is_too_many,
        "most": MOST_AT_ONCE,
        "rows": quarantined_rows(list(chosen.order_by("-pk")[:MOST_SHOWN]), access),
        "more": max(number - MOST_SHOWN, 0),
        "shown": "" if is_too_many else noes_of_blocks(chosen),
        "blocks": [] if filters else list(chosen.values_list("pk", flat=True)),
        "carried": {"all": "1", **{name: str(filters.cleaned_data[name]) for name in filters.in_force}}
        if filters
        else {},
        "list_url": f"{_list(access)}?{filters.query()}" if filters else _list(access),
    }
    return project_page(request, access, "consent/delivery_lift.html", context, section=SECTION)


def _chosen(access: Access, data: QueryDict) -> tuple[BlockQuerySet, DeliveryFilterForm | None]:
    """The quarantines that a request means. Without a domain or a time nobody can have meant all there are."""
    here = quarantined(access.project, Asked())
    if data.get("all"):
        form = DeliveryFilterForm(data, zone=access.project.zone)
        if not form.is_valid() or not form.asked.is_narrowed:
            raise Http404
        return quarantined(access.project, form.asked), form
    texts = list(dict.fromkeys(data.getlist("block")))[:MOST_AT_ONCE]
    if not all(text.isascii() and text.isdigit() and len(text) < 19 for text in texts):
        raise Http404
    numbers = [int(text) for text in texts]
    if Block.objects.filter(pk__in_set=numbers, project=access.project).count() != len(set(numbers)):
        raise Http404
    return here.filter(pk__in_set=numbers), None


def _nothing_to_lift(request: HttpRequest, access: Access, form: LiftQuarantineForm) -> HttpResponse:
    """Nothing was chosen; or this request lifted it before."""
    done = 0
    if form.is_bound and form.is_valid():
        before = StatusHistory.objects.filter(project=access.project, request_id=form.request_number)
        done = before.count()
    if done:
        messages.success(request, _lifted(done))
    else:
        messages.warning(request, _("Nothing was lifted. Tick what should be lifted first."))
    return redirect(_list(access))


def _lifted(number: int) -> str:
    return ngettext("%(number)d quarantine lifted.", "%(number)d quarantines lifted.", number) % {"number": number}


@require_http_methods(FORM)
def delivery_review(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Decide about bounces that wait: those of a domain up to the newest that was shown, or a single one."""
    access = access_for(request.user, project_slug, needs=EDIT)
    data = request.POST if request.method == "POST" else request.GET
    events = _reviewed(access, data)
    form = ReviewForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        done = _decide(access, form, events)
        if done:
            messages.success(request, done)
        else:
            messages.warning(request, _("Nothing of this waits any more: somebody decided."))
        return redirect(f"{_list(access)}?show={Show.WAITING if waiting(access.project).exists() else Show.BOUNCES}")
    shown = list(events.order_by("-occurred_at", "-pk")[:MOST_SHOWN])
    number = events.values("fingerprint").distinct().count()
    context = {
        "form": form,
        "rows": bounce_rows(shown, access.project),
        "number": number,
        "more": max(events.count() - MOST_SHOWN, 0),
        "is_burst": bool(shown) and all(event.believed for event in shown),
        "domain": data.get("domain", "")[:255],
        "asked": {name: data[name] for name in ("domain", "burst", "newest", "event") if name in data},
        "list_url": f"{_list(access)}?show={Show.WAITING}",
    }
    return project_page(request, access, "consent/delivery_review.html", context, section=SECTION)


def _decide(access: Access, form: ReviewForm, events: QuerySet[DeliveryEvent]) -> str:
    """What was decided, in a sentence; empty where nothing waited any more."""
    if form.cleaned_data["decision"] == ReviewForm.ACCEPT:
        number = accept(events, origin=access.origin(request_id=form.request_number))
        told = ngettext("%(number)d bounce accepted: the address is quarantined.",
                        "%(number)d bounces accepted: the addresses are quarantined.", number)  # fmt: skip
    else:
        number = dismiss(events, actor=access.actor)
        told = ngettext("%(number)d bounce dismissed. Nothing was changed.",
                        "%(number)d bounces dismissed. Nothing was changed.", number)  # fmt: skip
    return told % {"number": number} if number else ""


def _reviewed(access: Access, data: QueryDict) -> QuerySet[DeliveryEvent]:
    """The events that wait and that a request means."""
    events = waiting(access.project)
    if "event" in data:
        return events.filter(pk=_number(data.get("event", "")))
    if "domain" not in data or "\0" in data["domain"]:
        raise Http404
    return events.filter(
        domain=data["domain"], believed=data.get("burst") == "1", pk__lte=_number(data.get("newest", ""))
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404
    return int(text)


def _url(access: Access, name: str) -> str:
    return reverse(f"consent:{name}", args=[access.project.slug])


def _list(access: Access) -> str:
    return _url(access, "delivery")
