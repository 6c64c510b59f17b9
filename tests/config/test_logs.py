"""What people typed, who they are and what went wrong with them reaches no log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.db import IntegrityError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from config.logs import logging_settings
from config.urls import urlpatterns as of_production
from contacts.models import User

pytestmark = pytest.mark.django_db

SECRET = "Oriane-Quetzal"


def breaking(request: HttpRequest) -> HttpResponse:
    name = SECRET
    try:
        raise ValueError(f"{name} is not a number")
    except ValueError as error:
        raise LookupError(f"{name} was not found") from error


def breaking_a_constraint(request: HttpRequest) -> HttpResponse:
    User.objects.create_user(f"{SECRET}@example.org", "x")
    User.objects.create_user(f"{SECRET}@example.org", "x")
    return HttpResponse()


urlpatterns = [*of_production, path("breaking/", breaking), path("constraint/", breaking_a_constraint)]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the log of production writes, as it writes it."""
    stream = io.StringIO()
    made = logging_settings(level="INFO", as_json=True)["formatters"]["structlog"]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=made["processors"], foreign_pre_chain=made["foreign_pre_chain"])
    )
    root = logging.getLogger()
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.fixture
def visitor(editor: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(editor)
    return client


def test_request_is_one_line_without_values(visitor: Client, editor: User, written: io.StringIO) -> None:
    visitor.post(f"/p/newsletter/contacts/add/?q={SECRET}", {"key": SECRET, "first_name": SECRET})
    [line] = lines(written)
    assert line["route"] == "p/<slug:project_slug>/contacts/add/"
    assert (line["method"], line["user"], line["logger"]) == ("POST", editor.pk, "sendable.request")
    assert {"status", "milliseconds", "request_id", "timestamp", "level", "event"} < line.keys()
    assert SECRET not in written.getvalue()


def test_address_that_leads_nowhere_is_not_written(visitor: Client, written: io.StringIO) -> None:
    visitor.get(f"/{SECRET}/")
    visitor.get("/", headers={"host": f"{SECRET}.example.org"})
    assert lines(written)
    assert SECRET.lower() not in written.getvalue().lower()


@pytest.mark.urls(__name__)
def test_exception_has_its_types_and_lines_and_no_values(visitor: Client, written: io.StringIO) -> None:
    assert visitor.get(f"/breaking/?q={SECRET}").status_code == 500
    uncaught, request = lines(written)
    assert uncaught["event"] == "uncaught_exception"
    assert uncaught["request_id"] == request["request_id"]
    assert request["status"] == 500
    assert "builtins.ValueError" in uncaught["exception"]
    assert "builtins.LookupError" in uncaught["exception"]
    assert "test_logs.py:" in uncaught["exception"]
    assert " breaking" in uncaught["exception"]
    assert SECRET not in written.getvalue()


@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True)
def test_broken_constraint_does_not_write_its_values(visitor: Client, written: io.StringIO) -> None:
    assert visitor.get("/constraint/").status_code == 500
    assert "IntegrityError" in written.getvalue()
    assert SECRET.lower() not in written.getvalue().lower()


def test_what_is_not_on_the_list_is_dropped(written: io.StringIO) -> None:
    log = structlog.get_logger("sendable.test")
    log.info("told", rows=3, email=SECRET, _hidden=SECRET, stack_info=True)
    [line] = lines(written)
    assert line["rows"] == 3
    assert SECRET not in written.getvalue()


def test_caught_exception_is_written_without_its_message(written: io.StringIO) -> None:
    log = structlog.get_logger("sendable.test")
    try:
        raise IntegrityError(SECRET)
    except IntegrityError:
        log.exception("caught", exception=SECRET)
    assert "django.db.utils.IntegrityError" in lines(written)[0]["exception"]
    assert SECRET not in written.getvalue()


def test_library_is_written_without_its_arguments(written: io.StringIO) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("library").exception("Could not send to %s", SECRET)
    [line] = lines(written)
    assert line["event"] == "Could not send to %s"
    assert "ValueError" in line["exception"]
    assert SECRET not in written.getvalue()


def test_statements_are_not_written(written: io.StringIO, settings: Any) -> None:
    settings.DEBUG = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [SECRET])
    assert SECRET not in written.getvalue()
