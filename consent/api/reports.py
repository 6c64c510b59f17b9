"""Spam reports, as receivers send them or in JSON (DESIGN, rule 8)."""

from __future__ import annotations

import uuid
from contextlib import suppress
from email.message import Message
from typing import Any, Literal

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import Field, Router, Schema, Status
from ninja.errors import ValidationError
from pydantic import ValidationError as Invalid

from consent.incoming.arf import read_report
from consent.incoming.mime import LARGEST, Unreadable, read_message
from consent.models import SpamReport
from consent.services.feedback import reports
from consent.vocabulary import Door
from contacts.addresses import normalise
from contacts.api.door import ApiRequest, Scoped, largest_body
from contacts.api.reading import Moment, StrictParser, WrongMediaType, text
from contacts.api.shapes import ChannelName
from contacts.errors import InTheFuture, RegisterError
from contacts.vocabulary import ApiScope

router = Router(tags=["Feedback"])

MAIL = ("message/rfc822", "message/global")
PARTS = ("multipart/report", "multipart/mixed")


class NotSpamReport(RegisterError):
    code = "not_a_spam_report"
    message = _("This is the report of a delivery, and no spam report.")
    remedy = _("Hand delivery reports to the command receive_mail, or to the webhook of the provider.")


class ComplaintIn(Schema, extra="forbid"):
    """Somebody complained about what they got at an address."""

    channel: ChannelName = Field("email", examples=["email"])
    address: text(320) = Field(examples=["ann@example.org"])  # type: ignore[valid-type]
    occurred_at: Moment | None = Field(None, description="When, where that was before now.")


class SpamReportOut(Schema):
    """What became of a report."""

    id: int = Field(examples=[17])
    feedback_type: str = Field(examples=["abuse"], description="Empty where the report names none.")
    believed: bool = Field(description="It came through an authenticated door, as everything does here.")
    outcome: Literal["suppressed", "waiting", "no_match", "ignored", "dismissed"] = Field(
        description="`suppressed`: the addresses are on the suppression list, and the contacts are inactive unless the "
        "communication type says otherwise. `waiting`: an admin decides. `no_match`: nobody of the project was found. "
        "`ignored`: kept, and changes nothing. `dismissed`: it had come before, and an admin dismissed it."
    )
    contacts: list[int] = Field(examples=[[4711]], description="The contacts whom it is about.")


_MESSAGE = {"schema": {"type": "string", "description": "The report as it came, with its headers."}}
_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": ComplaintIn.model_json_schema()},
        **dict.fromkeys((*MAIL, "multipart/report"), _MESSAGE),
    },
}


@router.post(
    "spam-reports", response={202: SpamReportOut}, auth=Scoped(ApiScope.REPORT), operation_id="report_spam",
    openapi_extra={"requestBody": _BODY},
)  # fmt: skip
@largest_body(LARGEST)
def report_spam(request: ApiRequest) -> object:
    """Hand over a spam report.

    As a mail: the feedback report (RFC 5965) that a receiver sent, one of the shapes that are none, or the reported
    message itself. The contact is found by the headers that the message was sent with (`GET contacts/{id}/links`), else
    by the recipient that the report names. A report that comes twice changes nothing the second time. In JSON: the
    address of whoever complained.
    """
    is_json = request.content_type == "application/json"
    return Status(202, _shown(_complaint(request) if is_json else _report(request)))


def _complaint(request: ApiRequest) -> SpamReport:
    try:
        sent = ComplaintIn.model_validate(StrictParser().parse_body(request))
    except Invalid as error:
        raise ValidationError([{**found, "loc": ("body", "sent", *found["loc"])} for found in _told(error)]) from error
    project = request.api.project
    if sent.occurred_at and sent.occurred_at > timezone.now():
        raise InTheFuture(field="occurred_at")
    address = normalise(sent.channel, str(sent.address), country=project.default_country)
    return reports.complain(
        address, project=project, door=Door.API, actor=request.api.actor, occurred_at=sent.occurred_at,
        key=uuid.uuid4().hex,
    )  # fmt: skip


def _told(error: Invalid) -> list[dict[str, Any]]:
    return [dict(found) for found in error.errors(include_url=False, include_context=False, include_input=False)]


def _report(request: ApiRequest) -> SpamReport:
    report = read_report(_message(request), is_report=True)
    if report is None:
        raise NotSpamReport
    return reports.take(
        report, project=request.api.project, door=Door.API, believed=True, raw=request.body, actor=request.api.actor
    )


def _message(request: ApiRequest) -> Message:
    """The mail in the body. Of a multipart body the header of the request may be the only one."""
    if request.content_type in MAIL:
        return read_message(request.body)
    if request.content_type not in PARTS:
        raise WrongMediaType(
            _("Send the report as “Content-Type: message/rfc822” or “multipart/report”, or as JSON."),
        )
    with suppress(Unreadable):
        message = read_message(request.body)
        if message.get("Content-Type"):
            return message
    kind = " ".join(request.headers["Content-Type"].split())
    message = read_message(f"MIME-Version: 1.0\nContent-Type: {kind}\n\n".encode() + request.body)
    if not message.is_multipart():
        raise Unreadable(_("The boundary of the header Content-Type does not stand in the body."))
    return message


def _shown(report: SpamReport) -> dict[str, Any]:
    found = report.addresses.exclude(contact=None).order_by("contact_id").values_list("contact_id", flat=True)
    return {
        "id": report.pk,
        "feedback_type": report.feedback_type,
        "believed": report.believed,
        "outcome": report.outcome,
        "contacts": list(dict.fromkeys(found)),
    }
