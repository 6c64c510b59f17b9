"""What a request is kept as proof of, beside what its page says."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

LONGEST_AGENT = 300


def evidence_of(request: HttpRequest, **particulars: Any) -> dict[str, Any]:
    """``ip`` and ``user_agent`` of a request, where they are known, with what else is to be kept: which ``page`` (never
    its token), in which ``language``."""
    agent = _plain(request.headers.get("User-Agent", ""), LONGEST_AGENT)
    found = {**particulars, "ip": ip_of(request), "user_agent": agent}
    return {name: value for name, value in found.items() if value not in ("", None)}


def ip_of(request: HttpRequest) -> str:
    """The address that a request came from, as our own proxy tells it where there is one."""
    told = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if getattr(settings, "ALLAUTH_TRUSTED_PROXY_COUNT", 0) and told:
        return _plain(told.rpartition(",")[2].strip(), 45)
    return _plain(request.META.get("REMOTE_ADDR", ""), 45)


def _plain(text: str, longest: int) -> str:
    return "".join(character for character in text if character.isprintable())[:longest]
