"""What a request is kept as proof of: the page, the address that it came from, and the browser."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

LONGEST_USER_AGENT = 300


def evidence_of(request: HttpRequest, **particulars: Any) -> dict[str, Any]:
    """``ip`` and ``user_agent`` of a request, where they are known, with what else is to be kept."""
    found = {
        **particulars,
        "ip": client_ip(request),
        "user_agent": _printable(request.headers.get("User-Agent", ""))[:LONGEST_USER_AGENT],
    }
    return {name: value for name, value in found.items() if value not in ("", None)}


def client_ip(request: HttpRequest) -> str:
    """The address that the request came from, behind a proxy that the settings trust as well; empty if unknown."""
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return ""


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
