"""Requests to be erased, as users see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from consent.models import ErasureRequest
from consent.vocabulary import RequestState
from contacts.access import DELETE, Access
from contacts.extension_points import ProfileSection, profile_sections
from contacts.models import Contact, ErasureReceipt, Project

# GDPR, article 12(3): one month; PIPEDA, principle 4.9.4, and Quebec's Act, section 32: thirty days.
ANSWERED_WITHIN = timedelta(days=30)
SOON = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class AskedErasure:
    """A request with whose it is (None: erased, then perhaps with the receipt) and until when it wants an answer.

    ``is_late`` when that is past, ``is_soon`` when it is within a week.
    """

    request: ErasureRequest
    contact: Contact | None
    receipt: ErasureReceipt | None
    answer_by: datetime
    is_late: bool
    is_soon: bool


def open_requests(project: Project) -> QuerySet[ErasureRequest]:
    return ErasureRequest.objects.filter(project=project, state=RequestState.OPEN)


def decided_requests(project: Project) -> QuerySet[ErasureRequest]:
    return ErasureRequest.objects.filter(project=project).exclude(state=RequestState.OPEN)


def described(requests: Sequence[ErasureRequest], project: Project) -> list[AskedErasure]:
    """Requests (a page of them) with their contacts or receipts, in two queries."""
    numbers = {request.contact_id for request in requests}
    contacts = Contact.objects.filter(project=project).in_bulk(numbers)
    receipts = {
        receipt.contact_number: receipt
        for receipt in ErasureReceipt.objects.filter(project=project, contact_number__in=numbers)
    }
    found = []
    for request in requests:
        contact = contacts.get(request.contact_id)
        if contact is not None:
            contact.project = project
        found.append(_described(request, contact, receipts.get(request.contact_id)))
    return found


def _described(request: ErasureRequest, contact: Contact | None, receipt: ErasureReceipt | None) -> AskedErasure:
    left = request.requested_at + ANSWERED_WITHIN - timezone.now()
    is_open = request.state == RequestState.OPEN
    return AskedErasure(
        request=request,
        contact=contact,
        receipt=receipt,
        answer_by=request.requested_at + ANSWERED_WITHIN,
        is_late=is_open and left < timedelta(0),
        is_soon=is_open and timedelta(0) <= left < SOON,
    )


def register() -> None:
    """Let the profile say that its contact asked to be erased; called once at start-up."""
    profile_sections.add(ProfileSection("erasure_request", 5, "consent/request_section.html", _on_profile))


def _on_profile(contact: Contact, access: Access, _channels: Sequence[Any]) -> dict[str, Any] | None:
    request = open_requests(access.project).filter(contact=contact).first()
    if request is None:
        return None
    return {"asked": _described(request, contact, None), "may_decide": access.may(DELETE)}
