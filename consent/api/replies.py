"""Text messages that people send back, as an SMS gateway hands them over."""

from __future__ import annotations

from typing import Any, Literal

from ninja import Field, Router, Schema

from consent.models import InboundReply
from consent.services.feedback.replies import answer_to, holders_of, take_text
from consent.vocabulary import ReplyOutcome
from contacts.api.door import ApiRequest, Scoped
from contacts.api.reading import Moment
from contacts.vocabulary import ApiScope

router = Router(tags=["Feedback"])


class TextIn(Schema, extra="forbid"):
    """A text message that came in."""

    from_: str = Field(
        alias="from", max_length=320, examples=["+14185550137"],
        description="The number of the sender. Without a country code it is one of the project's country.",
    )  # fmt: skip
    to: str = Field("", max_length=320, examples=["36111"], description="Your own number, to which it was sent.")
    text: str = Field(max_length=10_000, examples=["STOP"])
    id: str = Field(
        "", max_length=255, examples=["SM4711"],
        description="The gateway's number of the message: with it (or an `Idempotency-Key`) a message counts once, "
        "however often it is sent.",
    )  # fmt: skip
    occurred_at: Moment | None = Field(None, description="When it was sent, where that was before now.")


class ReplyOut(Schema):
    """What was done, and what to send back."""

    id: int = Field(examples=[29])
    action: Literal["stopped", "started", "help", "waiting", "none"] = Field(
        description="`stopped`: the number is on the suppression list of the organization. `started`: what a STOP had "
        "put there is lifted. `help`: send `reply` back. `waiting`: it may mean stop, and a user decides. `none`: "
        "nothing was changed."
    )
    reply: str | None = Field(
        examples=["Harbour Museum, 1 Quay Street. Reply STOP to stop."],
        description="The text to send back; null where there is none.",
    )
    contacts: list[int] = Field(examples=[[4711]], description="The contacts of the project who have the number.")


_ACTIONS = {
    ReplyOutcome.STOPPED: "stopped", ReplyOutcome.STARTED: "started", ReplyOutcome.HELPED: "help",
    ReplyOutcome.WAITING: "waiting",
}  # fmt: skip


@router.post("inbound-sms", response=ReplyOut, auth=Scoped(ApiScope.REPORT), operation_id="report_text_message")
def inbound_sms(request: ApiRequest, sent: TextIn) -> object:
    """Hand over a text message that somebody sent back.

    STOP, UNSUBSCRIBE, ARRÊT and their like block the number in the whole organization, whether or not a contact has
    it. START lifts what a STOP set, and nothing else. HELP and AIDE are answered with who sends. What may mean stop
    waits for a user.
    """
    header = request.headers.get("Idempotency-Key", "")
    key = f"id {sent.id}" if sent.id else f"key {header}" if header else ""
    reply = take_text(
        request.api.project, sender=sent.from_, recipient=sent.to, text=sent.text, key=key,
        occurred_at=sent.occurred_at, actor=request.api.actor,
    )  # fmt: skip
    return _shown(reply)


def _shown(reply: InboundReply) -> dict[str, Any]:
    return {
        "id": reply.pk,
        "action": _ACTIONS.get(ReplyOutcome(reply.outcome), "none"),
        "reply": answer_to(reply),
        "contacts": holders_of(reply),
    }
