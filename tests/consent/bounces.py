"""Bounces of tests, as a provider tells them."""

from __future__ import annotations

from typing import Any

from consent.models import DeliveryEvent
from consent.services.feedback.delivery import Told, take
from consent.vocabulary import DeliveryKind, Door
from contacts.models import Project
from contacts.origin import THE_SYSTEM


def bounced(project: Project, address: str, *, believed: bool = True, **fields: Any) -> DeliveryEvent:
    """A bounce that says, unless it is told otherwise, that the address does not exist."""
    told: dict[str, Any] = {"status": "5.1.1", "reply": f"550 5.1.1 <{address}> unknown", **fields}
    key = told.pop("key", f"{address} {told}")
    bounce = Told(DeliveryKind.BOUNCED, key, address, **told)
    return take(project, [bounce], door=Door.MAIL, believed=believed, actor=THE_SYSTEM)[0]
