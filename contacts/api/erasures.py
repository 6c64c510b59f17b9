"""Receipts of who was erased."""

from __future__ import annotations

from django.http import Http404
from ninja import Field, Query, Router, Schema

from contacts.api.door import ApiRequest, Scoped, changes_nothing
from contacts.api.paging import Paged, listed
from contacts.api.reading import LARGEST_NUMBER, text
from contacts.api.shapes import Listed, ReceiptOut, receipts_out
from contacts.selectors.erasures import receipts_for_key, receipts_of
from contacts.vocabulary import ApiScope

router = Router(tags=["Erasures"])


class ReceiptFilters(Paged):
    contact: int | None = Field(None, ge=1, le=LARGEST_NUMBER, description="The number that the contact had.")


class KeyIn(Schema, extra="forbid"):
    key: text(254) = Field(min_length=1, examples=["K-1001"])  # type: ignore[valid-type]


@router.get("erasures", response=Listed[ReceiptOut], auth=Scoped(ApiScope.READ), operation_id="list_erasures")
def find(request: ApiRequest, filters: Query[ReceiptFilters]) -> object:
    """The receipts of contacts who were deleted, the newest first."""
    receipts = receipts_of(request.api.project)
    if filters.contact is not None:
        receipts = receipts.filter(contact_number=filters.contact)
    return listed(receipts, filters, receipts_out, order=["-erased_at", "-id"])


@router.get("erasures/{int:receipt_id}", response=ReceiptOut, auth=Scoped(ApiScope.READ), operation_id="get_erasure")
def get(request: ApiRequest, receipt_id: int) -> object:
    """One receipt."""
    receipts = receipts_of(request.api.project)
    found = receipts.filter(pk=receipt_id).first() if receipt_id <= LARGEST_NUMBER else None
    if found is None:
        raise Http404
    return receipts_out([found])[0]


@router.post("erasures/search", response=Listed[ReceiptOut], auth=Scoped(ApiScope.READ), operation_id="search_erasures")
@changes_nothing
def search(request: ApiRequest, sent: KeyIn) -> object:
    """The receipts of contacts who had this key. A receipt has no key in it, only its fingerprint; and a key is
    personal data, which has no place in addresses of pages."""
    return {"items": receipts_out(receipts_for_key(request.api.project, str(sent.key))), "next": None}
