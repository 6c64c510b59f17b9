"""How much a token may ask (RateLimit header fields for HTTP, draft-ietf-httpapi-ratelimit-headers)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache

from contacts.models import ApiToken


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of a window: requests, and seconds until it starts anew."""

    limit: int
    window: int
    left: int
    reset: int

    @property
    def is_spent(self) -> bool:
        return self.left < 0

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Policy": f'"token";q={self.limit};w={self.window}',
            "RateLimit": f'"token";r={max(self.left, 0)};t={self.reset}',
        }


def spend(token: ApiToken) -> Budget:
    """Count one request of a token. The cache counts, so several processes need one that they share."""
    limit, window = settings.API_RATE
    now = int(time.time())
    start = now - now % window
    name = f"api:{token.pk}:{start}"
    cache.add(name, 0, timeout=window * 2)
    try:
        used = cache.incr(name)
    except ValueError:  # the cache threw it away meanwhile
        used = 1
    return Budget(limit, window, limit - used, start + window - now)
