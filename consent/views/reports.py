"""Spam reports, for admins: what came, what was done, and what waits for their decision."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from consent.models import SpamReport
from consent.selectors.spam_reports import (
    as_it_came,
    described,
    entries_of,
    facts_of,
    other_reports,
    report_in,
    waiting_reports,
    what_followed,
)
from consent.services.feedback.reports import ReportDecided, accept, dismiss
from contacts.access import ADMINISTER, Access, access_for
from contacts.forms.base import ChangeForm
from contacts.selectors.entries import in_words
from contacts.selectors.keyset import page_of
from contacts.views.rendering import project_page

SECTION = "reports"


@require_safe
def spam_reports(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Reports that wait, the oldest first, and below those that do not, the newest first."""
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    waiting = page_of(waiting_reports(access.project), order=("id",), cursor=request.GET.get("waiting", ""))
    others = page_of(
        other_reports(access.project), order=("-received_at", "-id"), cursor=request.GET.get("reports", "")
    )
    rows = described([*waiting.rows, *others.rows], access.project)
    context = {
        "waiting": waiting,
        "others": others,
        "waiting_rows": rows[: len(waiting.rows)],
        "other_rows": rows[len(waiting.rows) :],
    }
    return project_page(request, access, "consent/spam_reports.html", context, section=SECTION)


@require_safe
def spam_report(request: HttpRequest, project_slug: str, report_number: int) -> HttpResponse:
    """One report: whom it names, what was done, and the report as it came."""
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    report = _report(access, report_number)
    [row] = described([report], access.project)
    context = {
        "row": row,
        "followed": what_followed(row),
        "facts": facts_of(row, access.project),
        "entries": in_words(entries_of(report)[:200], access),
        "as_it_came": as_it_came(report),
    }
    return project_page(request, access, "consent/spam_report.html", context, section=SECTION)


@require_http_methods(["GET", "HEAD", "POST"])
def spam_report_accept(request: HttpRequest, project_slug: str, report_number: int) -> HttpResponse:
    """Do what a report asks for that nobody has to believe."""

    def change(report: SpamReport, access: Access, form: ChangeForm) -> str:
        accept(report, origin=access.origin(request_id=form.request_number))
        return _("The report is accepted, and the address is blocked.")

    return _decide(request, project_slug, report_number, "consent/spam_report_accept.html", change)


@require_http_methods(["GET", "HEAD", "POST"])
def spam_report_dismiss(request: HttpRequest, project_slug: str, report_number: int) -> HttpResponse:
    def change(report: SpamReport, access: Access, _form: ChangeForm) -> str:
        dismiss(report, actor=access.actor)
        return _("The report is dismissed. Nothing was changed.")

    return _decide(request, project_slug, report_number, "consent/spam_report_dismiss.html", change)


def _decide(
    request: HttpRequest,
    project_slug: str,
    report_number: int,
    template: str,
    change: Callable[[SpamReport, Access, ChangeForm], str],
) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    report = _report(access, report_number)
    form = ChangeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            done = change(report, access, form)
        except ReportDecided:
            report.refresh_from_db()  # the page tells what was decided
        else:
            messages.success(request, done)
            return redirect("consent:spam_report", project_slug, report.pk)
    [row] = described([report], access.project)
    context = {"form": form, "row": row, "followed": what_followed(row)}
    return project_page(request, access, template, context, section=SECTION)


def _report(access: Access, number: int) -> SpamReport:
    report = report_in(access.project, number)
    if report is None:
        raise Http404
    return report
