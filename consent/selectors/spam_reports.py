"""Spam reports, as admins see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.incoming.arf import moment_of
from consent.models import CommunicationType, ReportedAddress, SpamReport
from consent.services.feedback.reports import TOPIC
from consent.vocabulary import Door, FoundBy, ReportOutcome
from contacts.access import Access
from contacts.dates import clock, long_day
from contacts.extension_points import EvidenceLink, evidence_links
from contacts.models import Contact, Project
from contacts.models.ledger import StatusHistory, StatusHistoryQuerySet
from contacts.selectors.entry import Fact
from contacts.vocabulary import Channel, Method

LONGEST_SHOWN = 20_000
FORMS = {
    "arf": gettext_lazy("Feedback report"),
    "jmrp": gettext_lazy("Outlook’s junk mail report"),
    "forwarded": gettext_lazy("The reported message, forwarded"),
    "original": gettext_lazy("The reported message itself"),
    "json": gettext_lazy("Complaint by address"),
    "provider": gettext_lazy("Complaint told by the mail provider"),
}
_SAID = {
    "user-agent": gettext_lazy("Made by"),
    "source-ip": gettext_lazy("Sent from"),
    "reported-domain": gettext_lazy("About the domain"),
    "reporting-mta": gettext_lazy("Reporting server"),
    "arrival-date": gettext_lazy("Message arrived"),
    "received-date": gettext_lazy("Message arrived"),
    "incidents": gettext_lazy("Incidents"),
    "auth-failure": gettext_lazy("Failed authentication"),
    "delivery-result": gettext_lazy("Delivery"),
}


@dataclass(frozen=True, slots=True)
class NamedBy:
    """Somebody whom a report names: a contact, one who was erased, or an address that nobody had."""

    address: str
    channel: str
    contact: Contact | None
    number: int | None
    found_by: str


@dataclass(frozen=True, slots=True)
class ReportInWords:
    """A report, whom it names, and what was done. ``waits`` for an admin to decide."""

    report: SpamReport
    named: tuple[NamedBy, ...]
    form: str
    feedback_type: str
    outcome: str
    glyph: str
    waits: bool


def waiting_reports(project: Project) -> QuerySet[SpamReport]:
    return _rows(project).filter(outcome=ReportOutcome.WAITING)


def other_reports(project: Project) -> QuerySet[SpamReport]:
    return _rows(project).exclude(outcome=ReportOutcome.WAITING)


def _rows(project: Project) -> QuerySet[SpamReport]:
    return SpamReport.objects.filter(project=project).defer("raw")


def report_in(project: Project, number: int) -> SpamReport | None:
    return SpamReport.objects.filter(project=project, pk=number).first() if number < 2**63 else None


def described(reports: Sequence[SpamReport], project: Project) -> list[ReportInWords]:
    """Reports (a page of them) with whom they name, in two queries."""
    rows = list(ReportedAddress.objects.filter(report__in=reports).order_by("pk"))
    contacts = Contact.objects.filter(project=project).in_bulk({row.contact_id for row in rows if row.contact_id})
    named: dict[int, list[NamedBy]] = {}
    for row in rows:
        contact = contacts.get(row.contact_id or 0)
        if contact is not None:
            contact.project = project
        named.setdefault(row.report_id, []).append(
            NamedBy(
                address=row.address or "",
                channel=str(Channel(row.channel).label),
                contact=contact,
                number=row.contact_id,
                found_by=str(FoundBy(row.found_by).label),
            )
        )
    return [_in_words(report, named.get(report.pk, [])) for report in reports]


_GLYPHS = {ReportOutcome.SUPPRESSED: "no", ReportOutcome.WAITING: "late"}


def _in_words(report: SpamReport, named: list[NamedBy]) -> ReportInWords:
    return ReportInWords(
        report=report,
        named=tuple(named),
        form=str(FORMS.get(report.form, report.form)),
        feedback_type=report.feedback_type or _("not said"),
        outcome=str(ReportOutcome(report.outcome).label),
        glyph=_GLYPHS.get(ReportOutcome(report.outcome), "na"),
        waits=report.outcome == ReportOutcome.WAITING,
    )


def what_followed(row: ReportInWords) -> str:
    """What was done, or why nothing was, in a sentence."""
    report = row.report
    if report.outcome == ReportOutcome.SUPPRESSED:
        return _("The address is on the suppression list of the organization. Only one of its admins may lift that.")
    if report.outcome == ReportOutcome.DISMISSED:
        return _("Nothing was changed.")
    if report.outcome == ReportOutcome.IGNORED:
        return _("Nothing was changed: only reports of abuse are complaints.")
    if report.outcome == ReportOutcome.NO_MATCH:
        if report.believed and row.named:
            return _("Nobody in this project has the address. It is blocked all the same, for whoever comes to it.")
        return _("It names nobody of this project, or made them unreadable. Nothing was changed.")
    if not report.believed:
        return _("Anybody can send a report like this: it carries no token of ours, and did not come through the API.")
    if report.feedback_type:
        return _("It asks for something else than a complaint, or about a message of somebody else.")
    return _("It does not say of which type it is.")


def facts_of(row: ReportInWords, project: Project) -> list[Fact]:
    """What the report is and says, without whom it names."""
    report = row.report
    number = report.details.get(TOPIC)
    topic = CommunicationType.objects.filter(project=project, pk=int(number)).first() if number else None
    said = [
        Fact(str(_SAID[name]), _said(name, str(report.details[name]))) for name in _SAID if report.details.get(name)
    ]
    facts = [
        Fact(_("Shape"), row.form),
        Fact(_("Type"), row.feedback_type),
        Fact(_("Came by"), str(Door(report.door).label)),
        Fact(_("Believed"), _("Yes") if report.believed else _("No")),
        Fact(_("Communication type"), topic.name_in() if topic else ""),
        *said,
    ]
    return [fact for fact in facts if fact.value]


def _said(name: str, value: str) -> str:
    """A field of the report; its dates as all others are shown."""
    moment = moment_of(value) if name.endswith("-date") else None
    return f"{long_day(moment)}, {clock(moment)}" if moment else value


def entries_of(report: SpamReport) -> StatusHistoryQuerySet:
    """What the history holds because of a report."""
    return StatusHistory.objects.filter(project=report.project_id, request_id=report.request_id).order_by("-pk")


def as_it_came(report: SpamReport) -> str:
    """The beginning of the report as text; nothing where it is kept no more."""
    raw = bytes(report.raw or b"")[:LONGEST_SHOWN]
    return raw.replace(b"\r\n", b"\n").decode("utf-8", errors="replace").replace("\0", "")


def register() -> None:
    """Let entries of the history lead to the report that caused them; called once at start-up."""
    methods = (Method.SPAM_REPORT,)
    evidence_links.add(EvidenceLink("report", gettext_lazy("Spam report"), 10, _url, methods, _behind))


def _behind(entry: StatusHistory) -> int | None:
    named = ReportedAddress.objects.filter(contact=entry.contact_id, report__request_id=entry.request_id)
    return named.values_list("report", flat=True).first()


def _url(access: Access, value: object) -> str:
    if not access.may_administer or not isinstance(value, int):
        return ""
    return reverse("consent:spam_report", args=[access.project.slug, value])
