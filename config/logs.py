"""Logs without personal data: only what is on a list is written, and never a query string, a body or a value.

An exception is written as its type and the lines that it passed, since its message may hold a name or an address
(a database names the values of a broken constraint). Records of libraries are written without their arguments.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
import uuid
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "logger", "request_id", "method", "route", "status", "milliseconds",
        "user", "project", "rows", "subject", "code", "exception", "command",
    }
)  # fmt: skip

log = structlog.get_logger("sendable.request")


def only_allowed(logger: Any, name: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Drop what is not on the list: a name or an address cannot slip in as a keyword."""
    return {key: value for key, value in event.items() if key in ALLOWED}


def without_values(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write the exception of an event as types and lines, and whatever was given as its text not at all."""
    raised = event.pop("exc_info", None)
    event.pop("exception", None)
    event.pop("stack_info", None)
    if raised is True:
        raised = sys.exc_info()
    if isinstance(raised, tuple):
        raised = raised[1]
    if isinstance(raised, BaseException):
        event["exception"] = outline(raised)
    return event


def without_arguments(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of a library's record keep the text as it stands in the library, before values were put into it."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        event["event"] = str(record.msg)
        event["logger"] = record.name
    return event


def outline(exception: BaseException) -> str:
    """The types of an exception and of its causes, each with the lines it passed; no message and no value."""
    chain: list[BaseException] = []
    following: BaseException | None = exception
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return "\n".join(_outline_of_one(part) for part in reversed(chain))


def _outline_of_one(exception: BaseException) -> str:
    lines = [
        f"  {frame.f_code.co_filename}:{number} {frame.f_code.co_name}"
        for frame, number in traceback.walk_tb(exception.__traceback__)
    ]
    return "\n".join([f"{type(exception).__module__}.{type(exception).__qualname__}", *lines])


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    without_values,
]


def logging_settings(*, level: str, as_json: bool) -> dict[str, Any]:
    """Django's LOGGING: everything to standard error, as JSON in production."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *_SHARED,
            only_allowed,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    renderer: Any = structlog.processors.JSONRenderer() if as_json else plain
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structlog": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                "foreign_pre_chain": [without_arguments, *_SHARED],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structlog"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own handlers would write, and mail, what a request held.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # SQL and its values, whatever LOG_LEVEL says.
            "django.db.backends": {"level": "INFO"},
            # Paths may hold a query string, and what was searched is personal data.
            "django.request": {"level": "CRITICAL"},
            "django.server": {"level": "CRITICAL"},
            "django.security": {"level": "CRITICAL"},
            # The worker tells of its tasks itself, without their arguments.
            "django_tasks": {"level": "CRITICAL"},
        },
    }


def request_log(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """One line a request: the route (never the path), the status, the time it took, the user's number."""
    got_request_exception.connect(_uncaught, dispatch_uid="sendable.request_log")

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
            # What the request has looked up itself: a line of the log is no reason to ask the database.
            user=getattr(getattr(request, "_cached_user", None), "pk", None),
        )
        return response

    return middleware


def _uncaught(**signal: Any) -> None:
    """Every exception that became a page of Django's (500) has its line, with the request's id."""
    log.error("uncaught_exception", exc_info=True)
