"""The example client of the documentation, against a server."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from contacts.models import Contact, Project, StatusHistory
from contacts.services.tokens import create_token
from contacts.vocabulary import ApiScope
from tests.consent import feedback_reports as shapes
from tests.factories import ContactFactory

FILE = Path(__file__).resolve().parent.parent.parent / "docs/integrate/client.py"


def module() -> Any:
    spec = importlib.util.spec_from_file_location("sendable_client", FILE)
    assert spec and spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


example = module()


@pytest.fixture
def client(live_server: LiveServer, project: Project) -> Any:
    _token, text = create_token(project, name="Example", scopes=ApiScope.values)
    return example.Sendable(live_server.url, text, attempts=2)


@pytest.mark.django_db(transaction=True)
def test_from_a_contact_to_its_end(client: Any, project: Project) -> None:
    sent = {"key": "K-1001", "channels": {"email": {"address": "ann@example.org"}}}
    contact = client.post("contacts", sent, key="one")
    assert client.post("contacts", sent, key="one") == contact
    asked = ["ann@example.org", "nobody@example.org"]
    assert client.may_send(asked) == {"ann@example.org": True, "nobody@example.org": False}

    report = shapes.rfc_5965("ann@example.org", {})
    assert client.report_spam(report)["outcome"] == "suppressed"
    client.report_spam(report)
    assert client.may_send(asked[:1]) == {"ann@example.org": False}
    assert StatusHistory.objects.filter(contact=contact["id"], aspect="active", says="no").count() == 1

    gone = {"confirm": "K-1001", "requested_by_contact": True}
    assert client.delete(f"contacts/{contact['id']}", gone)["method"] == "api"
    assert not Contact.objects.filter(key="K-1001").exists()


@pytest.mark.django_db(transaction=True)
def test_every_item_of_a_list(client: Any, project: Project) -> None:
    for number in range(5):
        ContactFactory(project=project, key=f"K-{number}")
    assert [contact["key"] for contact in client.all("contacts", limit=2)] == [
        "K-0", "K-1", "K-2", "K-3", "K-4",
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_no_is_an_exception_with_its_code(client: Any) -> None:
    with pytest.raises(example.Refused) as refused:
        client.post("contacts", {"key": "K-1", "channels": {"email": {"address": "nobody"}}})
    assert (refused.value.status, refused.value.code) == (422, "invalid_address")
    assert "name@example.org" in str(refused.value)


class Busy(BaseHTTPRequestHandler):
    """Is busy at first, and notes by which keys it was asked."""

    keys: list[str | None] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        is_busy = len(self.keys) < 3
        self.send_response(503 if is_busy else 201)
        if is_busy:
            self.send_header("Retry-After", "0")
        body = json.dumps({"status": 503, "code": "not_available"} if is_busy else {"id": 1}).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def busy() -> Iterator[HTTPServer]:
    Busy.keys = []
    server = HTTPServer(("127.0.0.1", 0), Busy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_sends_again_with_the_same_key(busy: HTTPServer) -> None:
    client = example.Sendable(f"http://127.0.0.1:{busy.server_port}", "x", attempts=3)
    assert client.post("contacts", {"key": "K-1"}) == {"id": 1}
    assert len(Busy.keys) == 3 and len(set(Busy.keys)) == 1 and Busy.keys[0]


def test_it_does_not_try_for_ever(busy: HTTPServer) -> None:
    client = example.Sendable(f"http://127.0.0.1:{busy.server_port}", "x", attempts=2)
    with pytest.raises(example.Refused) as refused:
        client.post("contacts", {"key": "K-1"})
    assert refused.value.code == "not_available"
    assert len(Busy.keys) == 2
