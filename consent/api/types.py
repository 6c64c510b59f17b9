"""Communication types: what a project sends, and what consent each needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404
from ninja import Field, Query, Router, Schema

from consent.api.topics import UnknownType, topic_of
from consent.models import CommunicationType
from contacts.api.door import ApiRequest, Scoped
from contacts.api.paging import Paged, listed
from contacts.api.shapes import ChannelName, Listed
from contacts.vocabulary import ApiScope

router = Router(tags=["Consents"])


class TypeOut(Schema):
    """A kind of sending. Nothing is sent under an archived one."""

    id: int = Field(examples=[7])
    slug: str = Field(examples=["newsletter"], description="Names it wherever a communication type is asked for.")
    name: str = Field(examples=["Newsletter"])
    description: str = Field(examples=["What is on, once a month"])
    channels: list[ChannelName] = Field(examples=[["email"]])
    administrative: bool = Field(description="Needs no consent.")
    needs_consent: bool
    accepts_implied: bool = Field(description="Implied consent is enough.")
    inquiry_months: int = Field(examples=[6], description="How long an inquiry implies consent.")
    purchase_months: int = Field(examples=[24])
    membership_months: int = Field(examples=[24], description="From its end.")
    double_opt_in: bool = Field(description="The opt-ins of the project's own forms are confirmed by email.")
    is_public: bool = Field(description="Contacts see it in the consent centre.")
    is_archived: bool


class TypesAsked(Paged):
    archived: bool = Field(False, description="With those that were archived.")


@router.get(
    "communication-types", response=Listed[TypeOut], auth=Scoped(ApiScope.READ),
    operation_id="list_communication_types",
)  # fmt: skip
def list_types(request: ApiRequest, asked: Query[TypesAsked]) -> object:
    """The communication types of the project, in the order of its pages."""
    types = CommunicationType.objects.in_project(request.api.project)
    rows = types if asked.archived else types.in_use()
    return listed(rows, asked, _shown, order=("position", "id"))


@router.get(
    "communication-types/{str:type_name}", response=TypeOut, auth=Scoped(ApiScope.READ),
    operation_id="get_communication_type",
)  # fmt: skip
def get_type(request: ApiRequest, type_name: str) -> object:
    """One communication type, by its slug or id."""
    try:
        return _type_out(topic_of(request.api.project, type_name, archived=True))
    except UnknownType:
        raise Http404 from None


def _shown(rows: Sequence[CommunicationType]) -> list[dict[str, Any]]:
    return [_type_out(row) for row in rows]


def _type_out(topic: CommunicationType) -> dict[str, Any]:
    names = (
        "slug", "name", "description", "channels", "administrative", "needs_consent", "accepts_implied",
        "inquiry_months", "purchase_months", "membership_months", "double_opt_in", "is_public",
    )  # fmt: skip
    held = {name: getattr(topic, name) for name in names}
    return {"id": topic.pk, **held, "is_archived": topic.is_archived}
