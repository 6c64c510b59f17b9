"""May I send? Of one contact, with why; of thousands of addresses at once."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii
from typing import Annotated, Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import Field, Query, Router, Schema
from pydantic import AfterValidator, WithJsonSchema

from consent.api.topics import ABOUT_TYPE, Asked, TypeGiven, question_of
from consent.selectors.explained import explained
from contacts.access import ApiRefusal
from contacts.api.door import ApiRequest, Scoped, changes_nothing, largest_body
from contacts.api.reading import Moment
from contacts.api.shapes import ChannelName
from contacts.selectors.may_send import Answer, may_send
from contacts.vocabulary import ApiScope

router = Router(tags=["May I send?"])

MOST_ADDRESSES = 10_000
LARGEST_QUESTION = 8 * 1024 * 1024


class NotThereThen(ApiRefusal):
    code = "not_in_register_then"
    status = 404
    message = gettext_lazy("The contact was not in the register at that moment.")


class EligibilityAsked(Schema):
    channel: ChannelName = "email"
    communication_type: Asked = ""
    at: Moment | None = Field(None, description="What held at this moment. Left out: now.")
    known_at: Moment | None = Field(
        None, description="What was known at this moment: entries that were recorded later are left out."
    )


class ConditionOut(Schema):
    """One condition for sending, in the order in which they are tested."""

    key: str = Field(examples=["not_opted_out"])
    met: bool
    label: str = Field(examples=["Opted out of email"], description="In words, as it is met or not.")
    entry: int | None = Field(
        examples=[8811],
        description="The entry of the history behind it (for `consent`: of the opt-in history). Null where there is "
        "none, or where it stands in another project's.",
    )


class EligibilityOut(Schema):
    """`sendable` is true where every condition is met."""

    sendable: bool
    conditions: list[ConditionOut]


@router.get(
    "contacts/{int:contact_id}/eligibility", response=EligibilityOut, auth=Scoped(ApiScope.SEND_CHECK),
    operation_id="explain_eligibility",
)  # fmt: skip
def explain_one(request: ApiRequest, contact_id: int, asked: Query[EligibilityAsked]) -> object:
    """May this contact be sent to, and why: every condition with the entry that caused it.

    Needs the scope `send-check`, and no other. With `at` and `known_at` about the past: what held then, as it was
    known then.
    """
    contact = request.api.contact(contact_id)
    question = question_of(
        request.api.project, asked.channel, asked.communication_type, at=asked.at, known_at=asked.known_at
    )
    found = explained(contact, question)
    if found is None:
        raise NotThereThen
    verdict, entries = found
    return {
        "sendable": verdict.sendable,
        "conditions": [
            {"key": outcome.key, "met": outcome.met, "label": str(outcome.label), "entry": entries.get(outcome.key)}
            for outcome in verdict.outcomes
        ],
    }


def _texts(sent: Any) -> Any:
    """Look at thousands of addresses in passing: what cannot be an address is answered, and refused it is not."""
    if not isinstance(sent, list) or not all(isinstance(text, str) for text in sent):
        raise ValueError(_("Send a list of addresses, each as a text."))
    if not 1 <= len(sent) <= MOST_ADDRESSES:
        raise ValueError(_("Send 1 to %(most)d addresses.") % {"most": MOST_ADDRESSES})
    return sent


_ADDRESSES = {
    "type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_ADDRESSES,
    "examples": [["ann@example.org", "nobody@example.org", "no address"]],
}  # fmt: skip


class BulkIn(Schema, extra="forbid"):
    channel: ChannelName = Field(examples=["email"])
    communication_type: TypeGiven | None = Field(None, description=ABOUT_TYPE, examples=["newsletter"])
    addresses: Annotated[Any, AfterValidator(_texts), WithJsonSchema(_ADDRESSES)]


class MaySend(Schema):
    """The answer for one address, as it was sent."""

    address: str = Field(examples=["ann@example.org"])
    known: bool = Field(description="Whether a contact of the project has the address.")
    sendable: bool
    reasons: list[str] = Field(
        examples=[["not_opted_out", "consent"]],
        description="The keys of the conditions that are not met: `active`, `has_address`, `valid_address`, "
        "`not_quarantined`, `not_suppressed`, `not_opted_out`, `consent`; for types that are sent in spite of "
        "opt-outs `not_stopped`. `invalid_address` for what is no address of the channel; `unknown` for one that no "
        "contact of the project has, with the conditions that blocks on it break.",
    )


class BulkOut(Schema):
    results: list[MaySend]


@router.post("eligibility", response=BulkOut, auth=Scoped(ApiScope.SEND_CHECK), operation_id="check_eligibility")
@largest_body(LARGEST_QUESTION)
@changes_nothing
def ask_many(request: ApiRequest, sent: BulkIn) -> HttpResponse:
    """May something be sent to these addresses (10,000 at most)? It changes nothing.

    One result for each address, in the order of the request and as it was sent. Of several contacts with one address
    any may be sent to; where none may, it is told what the one lacks who lacks least. Ask at the moment of sending:
    an answer holds for no longer than nobody says no. Needs the scope `send-check`, and no other.
    """
    question = question_of(request.api.project, sent.channel, sent.communication_type)
    texts: list[str] = sent.addresses
    return HttpResponse(_written(texts, may_send(request.api.project, question, texts)), content_type=JSON)


JSON = "application/json; charset=utf-8"


def _written(texts: list[str], answers: dict[str, Answer]) -> str:
    """``BulkOut`` as JSON. There are few different answers, so each is put into words once."""
    words = {answer: _told(answer) for answer in set(answers.values())}
    written = [f'{{"address": {encode_basestring_ascii(text)}, {words[answers[text]]}}}' for text in texts]
    return f'{{"results": [{", ".join(written)}]}}'


def _told(answer: Answer) -> str:
    reasons = ", ".join(f'"{reason}"' for reason in answer.reasons)
    known, sendable = str(answer.known).lower(), str(answer.sendable).lower()
    return f'"known": {known}, "sendable": {sendable}, "reasons": [{reasons}]'
