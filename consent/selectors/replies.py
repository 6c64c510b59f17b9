"""Replies that people sent, as users see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.models import InboundReply
from consent.vocabulary import ReplyOutcome
from contacts.access import Access
from contacts.extension_points import EvidenceLink, evidence_links
from contacts.models import Contact, Project
from contacts.models.ledger import StatusHistory, StatusHistoryQuerySet
from contacts.vocabulary import Channel, Method

_GLYPHS = {ReplyOutcome.STOPPED: "no", ReplyOutcome.WAITING: "late", ReplyOutcome.STARTED: "ok"}


@dataclass(frozen=True, slots=True)
class ReplyInWords:
    """A reply, from whom, and what was done. ``contact`` is the oldest of those who had the address when it came
    (None: nobody had, or they were erased). ``may_stop``: a user can still say that it means stop."""

    reply: InboundReply
    contact: Contact | None
    channel: str
    outcome: str
    glyph: str
    waits: bool
    may_stop: bool

    @property
    def who(self) -> str:
        """From whom it came, in the shortest words."""
        if self.contact is not None:
            return self.contact.name
        return self.reply.address or _("an address that is kept no more")


def waiting_replies(project: Project) -> QuerySet[InboundReply]:
    return InboundReply.objects.filter(project=project, outcome=ReplyOutcome.WAITING)


def other_replies(project: Project) -> QuerySet[InboundReply]:
    return InboundReply.objects.filter(project=project).exclude(outcome=ReplyOutcome.WAITING)


def reply_in(project: Project, number: int) -> InboundReply | None:
    reply = InboundReply.objects.filter(project=project, pk=number).first() if number < 2**63 else None
    if reply is not None:
        reply.project = project
    return reply


def described(replies: Sequence[InboundReply], project: Project) -> list[ReplyInWords]:
    """Replies (a page of them) with their contacts, in one query."""
    numbers = {reply.contact_id for reply in replies if reply.contact_id}
    contacts = Contact.objects.filter(project=project).in_bulk(numbers)
    found = []
    for reply in replies:
        contact = contacts.get(reply.contact_id or 0)
        if contact is not None:
            contact.project = project
        found.append(_in_words(reply, contact))
    return found


def _in_words(reply: InboundReply, contact: Contact | None) -> ReplyInWords:
    outcome = ReplyOutcome(reply.outcome)
    return ReplyInWords(
        reply=reply,
        contact=contact,
        channel=str(Channel(reply.channel).label),
        outcome=str(outcome.label),
        glyph=_GLYPHS.get(outcome, "na"),
        waits=outcome == ReplyOutcome.WAITING,
        may_stop=outcome in (ReplyOutcome.WAITING, ReplyOutcome.NOTHING, ReplyOutcome.DISMISSED),
    )


def what_followed(row: ReplyInWords) -> str:
    """What was done, or why nothing was, in a sentence."""
    if row.reply.outcome == ReplyOutcome.STOPPED and row.reply.channel != Channel.SMS:
        return _("Everything from this project was stopped for whoever has the address.")
    told = {
        ReplyOutcome.STOPPED: _(
            "The number was put on the suppression list of the organization. START lifts that again."
        ),
        ReplyOutcome.STARTED: _("What a STOP had set was lifted. Any other no stands."),
        ReplyOutcome.HELPED: _("The answer says who sends here. Nothing was changed."),
        ReplyOutcome.WAITING: _("It may mean stop. Nothing was changed yet."),
        ReplyOutcome.NOTHING: _("Nothing was changed."),
        ReplyOutcome.DISMISSED: _("Nothing was changed."),
    }
    return told[ReplyOutcome(row.reply.outcome)]


def what_stopping_does(row: ReplyInWords) -> str:
    """What happens when a user says that it means stop."""
    if row.reply.channel == Channel.SMS:
        return _(
            "The number goes on the suppression list of the whole organization, for every contact who has it or "
            "comes to it. Other channels stay as they are. Only an admin of the organization, or a START from the "
            "same number, lifts it."
        )
    return _(
        "Every contact who has the address becomes inactive, and the address is opted out in this project. Only an "
        "admin activates them again, with their authorization."
    )


def entries_of(reply: InboundReply) -> StatusHistoryQuerySet:
    """What the history holds because of a reply."""
    return StatusHistory.objects.filter(project=reply.project_id, request_id=reply.request_id).order_by("-pk")


def register() -> None:
    """Let entries of the history lead to the reply that caused them; called once at start-up."""
    methods = (Method.SMS, Method.MAIL)
    evidence_links.add(EvidenceLink("reply", gettext_lazy("Reply"), 20, _url, methods, _behind))


def _behind(entry: StatusHistory) -> int | None:
    written = InboundReply.objects.filter(contact=entry.contact_id, request_id=entry.request_id)
    return written.values_list("pk", flat=True).first()


def _url(access: Access, value: object) -> str:
    return reverse("consent:reply", args=[access.project.slug, value]) if isinstance(value, int) else ""
