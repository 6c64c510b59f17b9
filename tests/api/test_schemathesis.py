"""The whole web service against its own OpenAPI document: whatever is sent, the answer is one that the document names.

Schemathesis makes the requests: the document's examples, the bounds of every field, random ones (NUL, lone surrogates,
2**63 and far dates among them), and rows of requests in which one uses what another made or deleted. The same seed
makes the same requests. ``SCHEMATHESIS_EXAMPLES`` makes more of them, ``SCHEMATHESIS_SEED`` others.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.wsgi import get_wsgi_application
from django.db import connection, connections
from django.utils import timezone
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.transport.wsgi import WSGITransport

from consent.models import CommunicationType, ConsentHistory
from contacts.models import (
    Block,
    ChannelStatus,
    Contact,
    ErasureReceipt,
    ImportJob,
    Project,
    RelationalRow,
    StatusHistory,
)
from contacts.services.demo import seed_demo
from contacts.services.verify import differences
from tests.api.program import Program

SEED = int(os.environ.get("SCHEMATHESIS_SEED", "1"))
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "25" if os.environ.get("CI") == "true" else "10"))
CONTACTS = 60
AT_ONCE = 40
SURROGATE = "a lone surrogate"
TEXTS = [
    SURROGATE,
    "\0",
    "a\0b",
    "\u202egro.elpmaxe",
    "😀",
    "محمد",
    "' OR 1=1 --",
    "9999-12-31T23:59:59Z",
    "0001-01-01",
]
NUMBERS = [0, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**40]
NAMED_BY = {
    "contacts": ["path.contact_id", "query.contact", "body.contact", "body.other"],
    "entries": ["path.entry_id"],
    "blocks": ["path.block_id", "body.blocks[*]"],
    "receipts": ["path.receipt_id"],
    "imports": ["path.import_id"],
    "types": ["path.type_name", "query.communication_type", "body.communication_type"],
    "keys": ["query.key", "query.confirm", "body.confirm"],
    "addresses": ["query.address", "body.address", "body.addresses[*]", "body.channels.email.address"],
    "tables": ["query.table", "body.table"],
    "days": ["body.authorization.obtained_on", "body.requested_on"],
}


@pytest.fixture
def program(transactional_db: None, settings: Any, work_off: Callable[[], int]) -> Program:
    """A token with all scopes, in a project with something of everything."""
    settings.API_RATE = (10**9, 60)
    project = seed_demo(CONTACTS).project
    orders = project.relational_tables.get(slug="orders")
    orders.columns = [{"key": key, "label": key} for key in ("number", "total")]  # as the document's examples have it
    orders.save()
    program = Program(project)
    contacts = list(Contact.objects.in_project(project).values_list("pk", flat=True)[:12])
    for number in contacts:
        word = {"communication_type": "newsletter", "channel": "email", "word": "withdrawn"}
        program.send("consents", {"contact": number, **word})
        program.send(f"contacts/{number}/channels/email/opt-out", {"reason": "own_request"})
        program.send(f"contacts/{number}/deactivate", {"reason": "other"})
        program.send(f"contacts/{contacts[0]}/rows", {"table": "orders", "values": {"number": str(number)}})
    for mode in ("replace", "add_and_update"):
        sent = SimpleUploadedFile(f"{mode}.csv", f"key,email\nK-1,{mode}@example.org\nK-2,none\n".encode())
        number = program.post("/api/v1/imports", {"file": sent}).json()["id"]
        program.send(f"imports/{number}/check", {"kind": "contacts", "mode": mode})
        work_off()
    program.send(f"imports/{number}/run")
    work_off()
    return program


def there_are(project: Project) -> dict[str, list[Any]]:
    """What names the things of the project in a request."""
    contacts = Contact.objects.in_project(project)
    row = RelationalRow.objects.filter(contact__in=contacts).latest("pk")
    today = timezone.now().date()
    found = {
        "contacts": contacts.order_by("pk").values_list("pk"),
        "entries": StatusHistory.objects.filter(contact__in=contacts).order_by("-pk").values_list("pk"),
        "words": ConsentHistory.objects.filter(contact__in=contacts).order_by("-pk").values_list("pk"),
        "blocks": Block.objects.filter(project=project, is_on=True).order_by("pk").values_list("pk"),
        "receipts": ErasureReceipt.objects.filter(project=project).order_by("pk").values_list("pk"),
        "imports": ImportJob.objects.filter(project=project).order_by("pk").values_list("pk"),
        "owners": [(row.contact_id,)],
        "rows": RelationalRow.objects.filter(contact=row.contact_id).order_by("-pk").values_list("pk"),
        "types": CommunicationType.objects.filter(project=project).order_by("pk").values_list("slug"),
        "keys": contacts.order_by("pk").values_list("key"),
        "addresses": ChannelStatus.objects.filter(contact__in=contacts, channel="email").values_list("address"),
        "tables": [("orders",)],
        "days": [(f"{today - timedelta(days=days)}",) for days in range(3)],
    }
    return {name: [value for (value,) in values[:AT_ONCE] if value] for name, values in found.items()}


def configuration(program: Program) -> SchemathesisConfig:
    lists = {**there_are(program.token.project), "texts": TEXTS, "numbers": NUMBERS}

    def one_of(name: str, probability: float = 0.8) -> dict[str, Any]:
        return {"dictionary": name, "probability": probability}

    return SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "continue-on-failure": True,
            "auth": {"openapi": {"token": {"bearer": program.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ")}}},
            # What the document allows may contradict what is in the register.
            "checks": {"positive_data_acceptance": {"enabled": False}},
            "dictionaries": {name: {"values": values} for name, values in lists.items()},
            "parameters": {place: one_of(name) for name, places in NAMED_BY.items() for place in places},
            "operations": [
                {
                    "include-path-regex": "row_id",
                    "parameters": {"path.contact_id": one_of("owners"), "path.row_id": one_of("rows")},
                },
                {"include-path-regex": "consents/history/", "parameters": {"path.entry_id": one_of("words")}},
            ],
            "phases": {"coverage": {"unexpected-methods": ["put", "trace"]}},
            "generation": {
                "deterministic": True,
                "database": "none",
                "max-examples": EXAMPLES,
                "no-shrink": True,
                "dictionaries": {"string": one_of("texts", 0.1), "integer": one_of("numbers", 0.1)},
            },
        }
    )


@pytest.fixture
def application(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Iterable[bytes]]]:
    """The application, which gets lone surrogates where Schemathesis, which cannot send any, writes SURROGATE."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)
    answer = get_wsgi_application()
    used: dict[int, Any] = {}

    def run(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        used[id(connections["default"])] = connections["default"]  # each thread has its own
        for space in ("+", "%20"):
            written = SURROGATE.replace(" ", space)
            environ["QUERY_STRING"] = environ.get("QUERY_STRING", "").replace(written, "%ED%A0%80")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        body = body.replace(SURROGATE.encode(), b"\\ud800")
        environ.update({"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
        return answer(environ, start_response)

    yield run
    for left_behind in used.values():
        left_behind.inc_thread_sharing()
        left_behind.close()


@pytest.fixture
def wsgi_takes_no_options_of_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Schemathesis 4.32 hands those over in its probes without a token, and fails on them."""
    send = WSGITransport.send
    options = ("max_redirects", "verify", "cert", "proxies")

    def send_without(self: WSGITransport, case: Any, **given: Any) -> Any:
        return send(self, case, **{name: value for name, value in given.items() if name not in options})

    monkeypatch.setattr(WSGITransport, "send", send_without)


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
def test_every_answer_is_as_the_document_says(
    program: Program, application: Any, wsgi_takes_no_options_of_http: None
) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application, config=configuration(program))
    wrong: dict[str, str] = {}
    phases: set[str] = set()
    done: set[str] = set()
    statuses: set[int] = set()

    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            wrong[repr(event)] = ""
        if not isinstance(event, events.ScenarioFinished):
            continue
        for number, node in event.recorder.cases.items():
            label = node.value.operation.label
            response = event.recorder.find_response(case_id=number)
            if response is None:
                continue
            phases.add(event.phase.value)
            statuses.add(response.status_code)
            if response.status_code < 300:
                done.add(label)
            for check in event.recorder.checks.get(number, []):
                if check.status == Status.FAILURE and check.failure_info:
                    failure = check.failure_info.failure
                    what = f"{label}: {failure.title}. {failure.message}"
                    wrong.setdefault(what, check.failure_info.code_sample[:1_000])

    assert not wrong, "\n\n".join(f"{what}\n{how}" for what, how in wrong.items())
    assert phases == {"examples", "coverage", "fuzzing", "stateful"}
    assert {200, 201, 202, 204, 400, 401, 404, 405, 409, 422} <= statuses
    every = {found.ok().label for found in schema.get_all_operations()}
    assert len(done) >= len(every) * 0.8, sorted(every - done)
    assert [str(difference) for difference in differences()] == []
