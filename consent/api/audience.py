"""Who may receive what: streamed, since it may be everybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from ninja import Field, Query, Router, Schema

from consent.api.topics import Asked, question_of
from consent.models import CommunicationType
from consent.selectors.audience import ELIGIBLE, exported, recipients
from contacts.api.door import ApiRequest, Scoped
from contacts.api.reading import Moment
from contacts.api.shapes import ChannelName
from contacts.downloads import CSV, download
from contacts.errors import RegisterError
from contacts.services.exports import log_export
from contacts.vocabulary import ApiScope

router = Router(tags=["May I send?"])


class UnknownReason(RegisterError):
    code = "unknown_reason"
    message = _("There is no such reason.")
    remedy = _("Send eligible, excluded, same_address, or the key of a condition.")
    field = "reason"


class AudienceAsked(Schema):
    channel: ChannelName = "email"
    communication_type: Asked = ""
    at: Moment | None = Field(None, description="As it was at this moment. Left out: now.")
    reason: str = Field(
        ELIGIBLE,
        max_length=50,
        description="`eligible`; `excluded`; `same_address` (eligible, and reached by an older contact's address); or "
        "the key of a condition: those for whom it is the first one that is not met.",
    )
    format: Literal["jsonl", "csv"] = "jsonl"


_CONTENT = {
    "responses": {
        200: {
            "description": "One JSON object a line (or CSV with `format=csv`), by contact.",
            "content": {
                "application/jsonl": {
                    "schema": {"type": "string"},
                    "example": '{"contact": 4711, "key": "K-1001", "first_name": "Ann", "last_name": "Archer", '
                    '"language": "en", "address": "ann@example.org", "sendable": true, "reasons": [], '
                    '"opt_out": "https://sendable.example.org/u/…", '
                    '"consent_centre": "https://sendable.example.org/c/…"}\n',
                },
                "text/csv": {"schema": {"type": "string"}},
            },
        }
    }
}


@router.get("audience", auth=Scoped(ApiScope.READ), operation_id="stream_audience", openapi_extra=_CONTENT)
def audience(request: ApiRequest, asked: Query[AudienceAsked]) -> HttpResponseBase:
    """Who may receive a communication type on a channel, with an opt-out link each; or who may not, and why.

    The answer is that of one moment, however long the reading takes, and comes line by line. Of the eligible each
    address is named once. A line of JSON is `{contact, key, first_name, last_name, language, address, sendable,
    reasons, opt_out, consent_centre}`; CSV has the columns of the export of the page.
    """
    access = request.api
    question = question_of(access.project, asked.channel, asked.communication_type, at=asked.at)
    names = ["channel", "communication_type", "at", "reason"]
    filters = [name for name in names if getattr(asked, name) not in ("", None)]
    try:
        if asked.format == CSV:
            found = exported(access.project, question, asked.reason)
            log_export(access.project, subject="audience", filters=filters, rows=found.number, actor=access.actor)
            return download(CSV, _name(access.project.slug, question, asked), found.header, found.rows)
        lines = recipients(access.project, question, asked.reason)
    except LookupError as error:
        raise UnknownReason from error
    log_export(access.project, subject="audience", filters=filters, rows=lines.number, actor=access.actor)
    return StreamingHttpResponse(_lines(lines.rows), content_type="application/jsonl; charset=utf-8")


def _name(slug: str, question: Any, asked: AudienceAsked) -> str:
    topic = question.communication_type
    about = topic.slug if isinstance(topic, CommunicationType) else "any"
    return f"{slug}-{about}-{asked.channel}-{asked.reason.replace('_', '-')}"


def _lines(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n"
