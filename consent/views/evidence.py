"""What a request is kept as proof of, beside what its page says."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from consent.views.public import LONGEST_AGENT, ip_of


def evidence_of(request: HttpRequest, **particulars: Any) -> dict[str, Any]:
    """``ip`` and ``user_agent`` of a request, where they are known, with what else is to be kept."""
    agent = "".join(character for character in request.headers.get("User-Agent", "") if character.isprintable())
    found = {**particulars, "ip": ip_of(request), "user_agent": agent[:LONGEST_AGENT]}
    return {name: value for name, value in found.items() if value not in ("", None)}
