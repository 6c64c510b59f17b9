"""Addresses as public pages show them: enough for their owner, too little for whom a message was forwarded to."""

from __future__ import annotations

from contacts.vocabulary import Channel

DOTS = "•••••"


def masked(channel: str, address: str) -> str:
    """``a•••••@example.org``, ``•••••37``; of a device nothing at all."""
    if channel == Channel.EMAIL:
        local, _at, domain = address.rpartition("@")
        return f"{local[0] if len(local) > 1 else ''}{DOTS}@{domain}"
    if channel == Channel.SMS:
        return f"{DOTS}{address[-2:]}"
    return DOTS
