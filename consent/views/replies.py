"""Replies: what may mean stop and waits for a user, and what was done with all others."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from consent.models import InboundReply
from consent.selectors.replies import (
    described,
    entries_of,
    other_replies,
    reply_in,
    waiting_replies,
    what_followed,
    what_stopping_does,
)
from consent.services.feedback.replies import ReplyDecided, accept, answer_to, dismiss
from contacts.access import EDIT, Access, access_for
from contacts.forms.base import ChangeForm
from contacts.selectors.entries import in_words
from contacts.selectors.keyset import page_of
from contacts.views.rendering import project_page

SECTION = "replies"


@require_safe
def replies(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Replies that wait, the oldest first, and below those that do not, the newest first."""
    access = access_for(request.user, project_slug)
    waiting = page_of(waiting_replies(access.project), order=("id",), cursor=request.GET.get("waiting", ""))
    others = page_of(
        other_replies(access.project), order=("-received_at", "-id"), cursor=request.GET.get("replies", "")
    )
    rows = described([*waiting.rows, *others.rows], access.project)
    context = {
        "waiting": waiting,
        "others": others,
        "waiting_rows": rows[: len(waiting.rows)],
        "other_rows": rows[len(waiting.rows) :],
    }
    return project_page(request, access, "consent/replies.html", context, section=SECTION)


@require_safe
def reply(request: HttpRequest, project_slug: str, reply_number: int) -> HttpResponse:
    """One reply: what was written, and what followed."""
    access = access_for(request.user, project_slug)
    found = _reply(access, reply_number)
    [row] = described([found], access.project)
    context = {
        "row": row,
        "followed": what_followed(row),
        "answer": answer_to(found) or "",
        "entries": in_words(entries_of(found)[:200], access),
    }
    return project_page(request, access, "consent/reply.html", context, section=SECTION)


@require_http_methods(["GET", "HEAD", "POST"])
def reply_accept(request: HttpRequest, project_slug: str, reply_number: int) -> HttpResponse:
    """It means stop."""

    def change(found: InboundReply, access: Access, form: ChangeForm) -> str:
        accept(found, origin=access.origin(request_id=form.request_number))
        return _("Stopped, as the contact’s own word.")

    return _decide(request, project_slug, reply_number, "consent/reply_accept.html", change)


@require_http_methods(["GET", "HEAD", "POST"])
def reply_dismiss(request: HttpRequest, project_slug: str, reply_number: int) -> HttpResponse:
    """It does not mean stop."""

    def change(found: InboundReply, access: Access, _form: ChangeForm) -> str:
        dismiss(found, actor=access.actor)
        return _("The reply is dismissed. Nothing was changed.")

    return _decide(request, project_slug, reply_number, "consent/reply_dismiss.html", change)


def _decide(
    request: HttpRequest,
    project_slug: str,
    reply_number: int,
    template: str,
    change: Callable[[InboundReply, Access, ChangeForm], str],
) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=EDIT)
    found = _reply(access, reply_number)
    form = ChangeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            done = change(found, access, form)
        except ReplyDecided:
            found.refresh_from_db()  # the page tells what was decided
        else:
            messages.success(request, done)
            return redirect("consent:replies", project_slug)
    [row] = described([found], access.project)
    context = {"form": form, "row": row, "consequence": what_stopping_does(row)}
    return project_page(request, access, template, context, section=SECTION)


def _reply(access: Access, number: int) -> InboundReply:
    found = reply_in(access.project, number)
    if found is None:
        raise Http404
    return found
