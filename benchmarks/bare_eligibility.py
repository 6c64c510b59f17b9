"""The least that answers whether something may be sent to many addresses: a Django view without middleware.

It runs the same two statements as ``contacts.selectors.may_send``, and puts addresses into small letters, no more.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from base64 import urlsafe_b64encode
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
        DATA_UPLOAD_MAX_MEMORY_SIZE=12 * 1024 * 1024,
    )

from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

NAME, SECRET = os.environ["FINGERPRINT_KEYS"].split(":", 1)
CONDITIONS = (
    "active", "has_address", "valid_address", "not_quarantined", "not_suppressed", "not_opted_out", "consent"
)  # fmt: skip
_TOKEN = """
SELECT t.scopes, p.id, p.organization_id FROM contacts_apitoken t
JOIN contacts_project p ON p.id = t.project_id WHERE t.digest = %s
"""
_TOPIC = "SELECT id FROM consent_communicationtype WHERE project_id = %s AND slug = %s AND archived_at IS NULL"
_CONTACTS = """
SELECT s.address_key, s.contact_active, s.address <> '', s.is_valid, NOT s.quarantined, NOT s.suppressed,
    NOT s.opted_out, NOT coalesce(c.is_withdrawn, false) AND coalesce(c.is_express, false)
FROM contacts_channelstatus s
LEFT JOIN consent_consent c ON c.channel_status_id = s.id AND c.communication_type_id = %s
WHERE s.project_id = %s AND s.channel = %s AND s.address_key = ANY(%s::text[])
"""
_BLOCKS = """
SELECT fingerprint, kind FROM contacts_block
WHERE organization_id = %s AND (project_id = %s OR project_id IS NULL) AND is_on AND channel = %s
    AND fingerprint = ANY(%s::text[])
"""
_BROKEN = {"quarantine": "not_quarantined", "suppression": "not_suppressed", "opt_out": "not_opted_out"}


def ask(request: HttpRequest) -> HttpResponse:
    asked = json.loads(request.body)
    keys = {text: text.strip().lower() for text in asked["addresses"]}
    wanted = list(dict.fromkeys(keys.values()))
    digest = hashlib.sha256(request.headers["Authorization"].removeprefix("Bearer ").encode()).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(_TOKEN, [digest])
        scopes, project, organization = cursor.fetchone()
        if "send-check" not in scopes:
            return HttpResponse(status=403)
        cursor.execute(_TOPIC, [project, asked["communication_type"]])
        topic = cursor.fetchone()[0]
        cursor.execute(_CONTACTS, [topic, project, asked["channel"], wanted])
        found: dict[str, list[str]] = {}
        for key, *met in cursor.fetchall():
            found[key] = [name for name, is_met in zip(CONDITIONS, met, strict=True) if not is_met]
        marks = {_mark(asked["channel"], key): key for key in wanted if key not in found}
        cursor.execute(_BLOCKS, [organization, project, asked["channel"], list(marks)])
        broken: dict[str, list[str]] = {}
        for mark, kind in cursor.fetchall():
            broken.setdefault(marks[mark], ["unknown"]).append(_BROKEN[kind])
    results = [_told(text, key, found, broken) for text in asked["addresses"] for key in [keys[text]]]
    return HttpResponse(json.dumps({"results": results}), content_type="application/json")


def _told(text: str, key: str, found: dict[str, list[str]], broken: dict[str, list[str]]) -> dict[str, Any]:
    if key in found:
        return {"address": text, "known": True, "sendable": not found[key], "reasons": found[key]}
    return {"address": text, "known": False, "sendable": False, "reasons": broken.get(key, ["unknown"])}


def _mark(channel: str, key: str) -> str:
    made = hmac.digest(SECRET.encode(), f"{channel}\x00{key}".encode(), "sha256")
    return f"{NAME}:{urlsafe_b64encode(made).decode().rstrip('=')}"


urlpatterns = [path("api/v1/eligibility", ask)]
application = get_wsgi_application()
