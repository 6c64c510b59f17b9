"""The least that stores a POST of the web service: a Django view without middleware that runs the statements itself.

They are those that ours runs, as ``recording`` wrote them down, with the values of each request put in.
"""

from __future__ import annotations

import json
import os
import pickle
import uuid
from pathlib import Path
from typing import Any

import environ
from django.conf import settings

if not settings.configured:
    settings.configure(
        DATABASES={"default": {**environ.Env().db_url("DATABASE_URL"), "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}},
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="nothing is signed with it",
        USE_TZ=True,
        USE_I18N=False,
        LOGGING_CONFIG=None,
    )

from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone

STATEMENTS: dict[str, list[tuple[str, tuple[Any, ...]]]] = pickle.loads(
    Path(os.environ["BENCH_STATEMENTS"]).read_bytes()
)


def deactivate(request: HttpRequest, contact: int) -> HttpResponse:
    return _run("deactivate", contact, json.loads(request.body))


def consents(request: HttpRequest) -> HttpResponse:
    sent = json.loads(request.body)
    return _run("consents", sent["contact"], sent)


def _run(what: str, contact: int, sent: dict[str, Any]) -> HttpResponse:
    now: dict[str, Any] = {"contact": contact, "contacts": [contact], "moment": timezone.now(), "new": uuid.uuid4()}
    with transaction.atomic(), connection.cursor() as cursor:
        for sql, values in STATEMENTS[what]:
            cursor.execute(sql, [now[name] if name else value for name, value in values])
            found = cursor.fetchall() if cursor.description else []
            if found and sql.startswith("INSERT"):
                now["made"] = found[0][0]
    return HttpResponse(json.dumps({"id": contact, "sent": sent, "found": str(found)}), content_type="application/json")


urlpatterns = [path("api/v1/contacts/<int:contact>/deactivate", deactivate), path("api/v1/consents", consents)]
application = get_wsgi_application()
