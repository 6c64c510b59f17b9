"""What the tests of bulk actions share: sending the two forms, and comparing what is in the history."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.test import Client
from django.urls import reverse

from contacts.models import Contact, Project, StatusHistory


def url(action: str, project: Project) -> str:
    return reverse(f"contacts:bulk_{action}", args=[project.slug])


def choose(client: Client, project: Project, action: str, contacts: Iterable[Contact], **more: Any) -> Any:
    """The list's own POST: ticked boxes."""
    ids = [contact.pk for contact in contacts]
    return client.post(url(action, project), {"contact": ids, "filters": "", **more})


def confirm(client: Client, project: Project, action: str, page: Any, **fields: Any) -> Any:
    """The POST of the page that was shown, with what is filled in."""
    selection, plan = page.context["selection"], page.context["plan"]
    hidden: dict[str, Any] = {
        "filters": selection.query,
        "digest": plan.digest,
        "seen": plan.concerned.number,
        "request_id": str(uuid.uuid4()),
    }
    hidden |= {"everything": "1"} if selection.everything else {"contacts": selection.numbers}
    return client.post(url(action, project), {**hidden, **fields})


def ledger_of(contact: Contact) -> list[dict[str, Any]]:
    """What the history says of a contact, without what differs between any two acts."""
    return [
        {
            name: getattr(entry, name)
            for name in (
                "aspect", "says", "channel", "from_value", "to_value", "weight", "method", "actor_kind",
                "actor_number", "actor_label", "reason", "requested_on", "authorization_source", "authorization_on",
                "project_id", "organization_id", "block_id", "voids",
            )
        } | {
            "note": entry.detail.note if hasattr(entry, "detail") else "",
            "reference": entry.detail.authorization_reference if hasattr(entry, "detail") else "",
            "happened when recorded": entry.occurred_at == entry.recorded_at,
        }
        for entry in StatusHistory.objects.filter(contact=contact).order_by("pk")
    ]  # fmt: skip
