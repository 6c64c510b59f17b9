"""Logs without personal data: only what is on this list is written, and never a query string or a body."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "logger", "request_id", "method", "route", "status", "milliseconds",
        "user", "project", "rows", "subject", "code", "exception", "command",
    }
)  # fmt: skip


def only_allowed(logger: Any, name: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Drop what is not on the list: a name or an address cannot slip in as a keyword."""
    return {key: value for key, value in event.items() if key in ALLOWED or key.startswith("_")}


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_settings(*, level: str, as_json: bool) -> dict[str, Any]:
    """Django's LOGGING: everything to standard error, as JSON in production."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            only_allowed,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structlog": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                "foreign_pre_chain": _SHARED,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structlog"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Paths may hold a query string, and what was searched is personal data.
            "django.request": {"level": "CRITICAL"},
            "django.server": {"level": "CRITICAL"},
            "django.security": {"level": "CRITICAL"},
        },
    }


def request_log(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """One line a request: the route (never the path), the status, the time it took, the user's number."""
    log = structlog.get_logger("sendable.request")

    def middleware(request: HttpRequest) -> HttpResponse:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=uuid.uuid4().hex)
        started = time.perf_counter()
        response = get_response(request)
        match = request.resolver_match
        log.info(
            "request",
            method=request.method,
            route=match.route if match else None,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - started) * 1000),
            user=getattr(getattr(request, "user", None), "pk", None),
        )
        return response

    return middleware
