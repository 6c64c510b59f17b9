"""Blocks on addresses: the suppression list and the others, of a project and of a whole organization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from contacts.access import EDIT, Access, access_for, organization_for
from contacts.errors import RegisterError
from contacts.forms.blocks import BOTH, HERE, LIFTED, BlockFilterForm, LiftForm, SuppressForm
from contacts.models import Block, Organization, Project, StatusHistory, User
from contacts.models.block import BlockQuerySet
from contacts.origin import Origin
from contacts.selectors.blocks import (
    BlockInWords,
    blocks_in_project,
    blocks_of_organization,
    in_words,
    on_addresses,
    staying_on,
    who_may_lift,
)
from contacts.selectors.contacts import Chip
from contacts.selectors.entries import words_of_organization
from contacts.selectors.keyset import page_of
from contacts.services.blocks import UTC, lift, noes_of_blocks, suppress
from contacts.services.change import Change
from contacts.views.rendering import organization_page, project_page
from contacts.vocabulary import BlockKind, Weight

MOST_AT_ONCE = 1_000
SAFE, FORM = ["GET", "HEAD"], ["GET", "HEAD", "POST"]


@dataclass(frozen=True, slots=True)
class Desk:
    """Whose list a page shows: that of a project (with ``access``), or of a whole organization."""

    user: User
    organization: Organization
    access: Access | None = None

    @property
    def project(self) -> Project | None:
        return self.access.project if self.access else None

    @property
    def zone(self) -> ZoneInfo:
        return self.project.zone if self.project else UTC

    @property
    def country(self) -> str:
        return self.project.default_country if self.project else ""

    @property
    def may_edit(self) -> bool:
        return self.access.may_edit if self.access else True

    @property
    def seen(self) -> BlockQuerySet:
        return blocks_in_project(self.project) if self.project else blocks_of_organization(self.organization)

    def words(self, blocks: list[Block]) -> list[BlockInWords]:
        return in_words(blocks, organization=self.organization, access=self.access)

    def origin(self, request_id: UUID, **fields: Any) -> Origin:
        if self.access:
            return self.access.origin(request_id=request_id, **fields)
        return Origin.manual(
            self.user, authority=Weight.COMPLAINT, may_undo_others=True, request_id=request_id, **fields
        )

    def url(self, name: str) -> str:
        """``blocks``, ``block_add`` or ``block_lift``, of the project or the organization."""
        if self.project:
            return reverse(f"contacts:{name}", args=[self.project.slug])
        return reverse(f"contacts:organization_{name}", args=[self.organization.slug])

    def page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        urls = {name: self.url(name) for name in ("blocks", "block_add", "block_lift")}
        context = {**context, "urls": urls, "may_edit": self.may_edit}
        if self.access:
            base = {"base": "base_project.html"}
            return project_page(request, self.access, template, {**context, **base}, section="blocks")
        base = {"base": "base_organization.html"}
        return organization_page(request, self.organization, template, {**context, **base}, section="blocks")


def _of_project(request: HttpRequest, project_slug: str, **needs: Any) -> Desk:
    access = access_for(request.user, project_slug, **needs)
    return Desk(access.user, access.project.organization, access)


def _of_organization(request: HttpRequest, organization_slug: str) -> Desk:
    organization = organization_for(request.user, organization_slug)
    assert isinstance(request.user, User)
    return Desk(request.user, organization)


@require_safe
def blocks(request: HttpRequest, project_slug: str) -> HttpResponse:
    return _list(request, _of_project(request, project_slug))


@require_http_methods(FORM)
def block_add(request: HttpRequest, project_slug: str) -> HttpResponse:
    return _add(request, _of_project(request, project_slug, needs=EDIT))


@require_http_methods(FORM)
def block_lift(request: HttpRequest, project_slug: str) -> HttpResponse:
    return _lift(request, _of_project(request, project_slug, needs=EDIT))


@require_safe
def organization_blocks(request: HttpRequest, organization_slug: str) -> HttpResponse:
    desk = _of_organization(request, organization_slug)
    return _history(request, desk) if request.GET.get("view") == "history" else _list(request, desk)


@require_http_methods(FORM)
def organization_block_add(request: HttpRequest, organization_slug: str) -> HttpResponse:
    return _add(request, _of_organization(request, organization_slug))


@require_http_methods(FORM)
def organization_block_lift(request: HttpRequest, organization_slug: str) -> HttpResponse:
    return _lift(request, _of_organization(request, organization_slug))


def _list(request: HttpRequest, desk: Desk) -> HttpResponse:
    form = BlockFilterForm(request.GET, country=desk.country, with_scope=desk.project is not None)
    is_sound = form.is_valid()
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    found = _filtered(desk, form, asked) if is_sound else Block.objects.none()
    page = page_of(found, order=["-id"], cursor=request.GET.get("cursor", ""))
    rows = desk.words(page.rows)
    chips = [
        Chip(name, _chip(form, name, value), _query(asked, but=name)) for name, value in asked.items() if name != "kind"
    ]
    kind = asked.get("kind", BlockKind.SUPPRESSION)
    context = {
        "form": form,
        "rows": rows,
        "chips": chips,
        "kind": kind,
        "kind_label": BlockKind(kind).label,
        "tabs": _tabs(desk, "" if "q" in asked else kind),
        "clear_url": f"{desk.url('blocks')}?{_query({'kind': kind})}",
        "searched": asked.get("q", ""),
        "is_blocked": any(row.is_on for row in rows),
        "who_may": who_may_lift(rows, desk.access) if desk.may_edit else [],
        "any_to_lift": desk.may_edit and any(row.may_lift for row in rows),
        "previous_url": _place(asked, page.previous),
        "next_url": _place(asked, page.next),
    }
    return desk.page(request, "contacts/blocks.html", context)


def _filtered(desk: Desk, form: BlockFilterForm, asked: dict[str, str]) -> BlockQuerySet:
    found = desk.seen
    if "q" in asked:
        found = on_addresses(found, form.addresses)
    if "q" not in asked or "kind" in asked:
        found = found.filter(kind=asked.get("kind", BlockKind.SUPPRESSION))
    if "channel" in asked:
        found = found.filter(channel=asked["channel"])
    if "cause" in asked:
        found = found.filter(cause=asked["cause"])
    if "scope" in asked:
        found = found.filter(project__isnull=asked["scope"] != HERE)
    state = asked.get("state", BOTH if "q" in asked else "")
    return found if state == BOTH else found.filter(is_on=state != LIFTED)


def _tabs(desk: Desk, current: str) -> list[dict[str, Any]]:
    labels = {
        BlockKind.SUPPRESSION: _("Suppression list"),
        BlockKind.OPT_OUT: _("Opt-outs"),
        BlockKind.QUARANTINE: _("Quarantine"),
    }
    tabs = [
        {"label": label, "url": f"{desk.url('blocks')}?kind={kind}", "current": kind == current}
        for kind, label in labels.items()
    ]
    if desk.project is None:
        url = f"{desk.url('blocks')}?view=history"
        tabs.append({"label": _("History"), "url": url, "current": current == "history"})
    return tabs


def _history(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What was done on the organization itself, which stands in no project's history."""
    entries = StatusHistory.objects.filter(organization=desk.organization, project__isnull=True)
    page = page_of(entries, order=["-recorded_at", "-id"], cursor=request.GET.get("cursor", ""))
    words = {
        entry.id: entry
        for entry in words_of_organization(StatusHistory.objects.filter(pk__in=[row.pk for row in page.rows]))
    }
    context = {
        "entries": [words[row.pk] for row in page.rows],
        "tabs": _tabs(desk, "history"),
        "previous_url": _place({"view": "history"}, page.previous),
        "next_url": _place({"view": "history"}, page.next),
    }
    return desk.page(request, "contacts/organization_history.html", context)


def _chip(form: BlockFilterForm, name: str, value: str) -> str:
    field = form.fields[name]
    shown = dict(getattr(field, "choices", ())).get(value, value)
    return _("%(label)s: %(value)s") % {"label": field.label, "value": shown}


def _query(asked: dict[str, str], *, but: str = "") -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in asked.items() if name != but})
    return query.urlencode()


def _place(asked: dict[str, str], cursor: str) -> str:
    return f"?{_query({**asked, 'cursor': cursor})}" if cursor else ""


def _add(request: HttpRequest, desk: Desk) -> HttpResponse:
    started = {"addresses": request.GET.get("address", "")[:320], "channel": request.GET.get("channel", "")}
    data = request.POST if request.method == "POST" else None
    form = SuppressForm(data, zone=desk.zone, country=desk.country, initial=started)
    if form.is_valid():
        said = {name: form.cleaned_data[name] for name in ("reason", "requested_on", "note")}
        try:
            change = suppress(
                form.wanted,
                organization=desk.organization,
                project=desk.project,
                cause=form.cause,
                origin=desk.origin(form.request_number, **said),
            )
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _listed(change))
            return redirect(desk.url("blocks"))
    return desk.page(request, "contacts/block_add.html", {"form": form})


def _listed(change: Change) -> str:
    number = change.recorded
    return ngettext(
        "%(number)d address is on the suppression list.", "%(number)d addresses are on the suppression list.", number
    ) % {"number": number}


def _lift(request: HttpRequest, desk: Desk) -> HttpResponse:
    data = request.POST if request.method == "POST" else request.GET
    chosen = _chosen(desk, data)
    if not chosen:
        messages.warning(request, _("Nothing was lifted. Tick what should be lifted first."))
        return redirect(desk.url("blocks"))
    own = Block.objects.filter(pk__in=[block.pk for block in chosen], project=desk.project)
    shown = noes_of_blocks(own)
    rows = desk.words(chosen)
    opening = [row for row in rows if row.may_lift]
    form = LiftForm(
        request.POST if request.method == "POST" else None,
        zone=desk.zone,
        needs_authorization="source" in request.POST or any(row.weight for row in opening),
        needs_note=any(row.weight == Weight.OURS for row in opening),
    )
    if form.is_valid():
        try:
            change = lift(
                own,
                origin=desk.origin(form.request_number, note=form.cleaned_data["note"]),
                authorization=form.authorization(),
                recorded_in=desk.project,
                shown=request.POST.get("shown"),
            )
        except RegisterError as error:
            form.refuse(error)
        else:
            return _lifted(request, desk, rows, change)
    context = {
        "form": form,
        "shown": shown,
        "opening": opening,
        "refused": [row for row in rows if not row.may_lift],
        "who_may": who_may_lift(rows, desk.access),
        "staying": desk.words(staying_on(desk.seen, [block for block in chosen if block.is_on])),
        "with_opt_outs": any(row.kind == BlockKind.OPT_OUT for row in opening),
    }
    return desk.page(request, "contacts/block_lift.html", context)


def _lifted(request: HttpRequest, desk: Desk, rows: list[BlockInWords], change: Change) -> HttpResponse:
    number = change.recorded
    words = ngettext("%(number)d block lifted.", "%(number)d blocks lifted.", number) % {"number": number}
    if not change.skipped:
        messages.success(request, words)
        return redirect(desk.url("blocks"))
    names = {row.id: row for row in rows}
    skipped = [{"why": str(group.error), "rows": [names[pk] for pk in group.ids]} for group in change.skipped]
    return desk.page(request, "contacts/block_lift_done.html", {"words": words, "number": number, "skipped": skipped})


def _chosen(desk: Desk, data: QueryDict) -> list[Block]:
    """The blocks that a request names. One that this page cannot see does not exist."""
    texts = list(dict.fromkeys(data.getlist("block")))[:MOST_AT_ONCE]
    if not all(text.isascii() and text.isdigit() and len(text) < 19 for text in texts):
        raise Http404
    found = list(desk.seen.filter(pk__in=[int(text) for text in texts]).order_by("-pk"))
    if len(found) != len({int(text) for text in texts}):
        raise Http404
    return found
