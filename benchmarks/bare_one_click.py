"""The least that stores a one-click opt-out: a Django view without middleware that runs the statements itself.

It verifies the link, finds whom it is about, locks them, looks whether their own no stands, and writes the entry, its
proof and the projection: the same rows as ``consent.services.links.stop``.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
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
        LINK_KEYS=[os.environ["LINK_KEYS"]],
        LOGGING_CONFIG=None,
    )

from django.core.signing import Signer
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

CHANNELS = ("email", "sms", "push")
_FIND = """
SELECT s.id, s.contact_id, p.organization_id, t.id, EXISTS (SELECT 1 FROM contacts_channelstatus o
    WHERE o.fingerprint = s.fingerprint AND o.project_id = s.project_id AND o.channel = s.channel
        AND o.contact_id <> s.contact_id) FROM contacts_channelstatus s
JOIN contacts_project p ON p.id = s.project_id JOIN contacts_contact c ON c.id = s.contact_id
LEFT JOIN consent_centre n ON n.project_id = p.id
LEFT JOIN consent_communicationtype t ON t.id = %(type)s AND t.project_id = p.id
WHERE (c.id = %(contact)s OR c.id = (SELECT merged_into_id FROM contacts_contact WHERE id = %(contact)s))
    AND s.channel = %(channel)s AND s.fingerprint = %(fingerprint)s AND c.project_id = %(project)s AND n.is_open
"""
_LOCK = "SELECT id, last_entry_at FROM contacts_contact WHERE id = %(person)s FOR NO KEY UPDATE"
_STANDS = """
SELECT 1 FROM consent_consenthistory n
WHERE contact_id = %(person)s AND communication_type_id = %(type)s AND channel = %(channel)s AND says = 'no'
    AND weight = 2 AND method = 'opt_out_link'
    AND NOT EXISTS (SELECT 1 FROM consent_consenthistory v WHERE v.voids = n.id)
    AND NOT EXISTS (SELECT 1 FROM consent_consenthistory y WHERE y.contact_id = n.contact_id
        AND y.communication_type_id = n.communication_type_id AND y.channel = n.channel AND y.says = 'yes'
        AND y.weight >= 2 AND y.word_at > n.occurred_at
        AND NOT EXISTS (SELECT 1 FROM consent_consenthistory v WHERE v.voids = y.id))
"""
_CONSENT = """
INSERT INTO consent_consent (organization_id, project_id, contact_id, channel_status_id, communication_type_id, channel,
    is_withdrawn, is_express)
VALUES (%(organization)s, %(project)s, %(person)s, %(row)s, %(type)s, %(channel)s, false, false)
ON CONFLICT DO NOTHING
"""
_BEFORE = """
SELECT id, is_withdrawn, is_express, implied_until > now(), clock_timestamp() FROM consent_consent
WHERE contact_id = %(person)s AND communication_type_id = %(type)s AND channel = %(channel)s
"""
_ENTRY = """
INSERT INTO consent_consenthistory (organization_id, project_id, contact_id, channel, weight, occurred_at, recorded_at,
    method, actor_kind, actor_label, reason, authorization_source, detail_digest, request_id, salt,
    communication_type_id, word, says, basis, implied_by, from_state, to_state)
VALUES (%(organization)s, %(project)s, %(person)s, %(channel)s, 2, %(now)s, %(now)s, 'opt_out_link', 'contact', '',
    'own_request', '', %(digest)s, %(request)s, gen_random_uuid(), %(type)s, 'withdrawn', 'no', '', '', %(was)s,
    'withdrawn') RETURNING id
"""
_DETAIL = """
INSERT INTO consent_consentdetail (entry_id, note, authorization_reference, evidence, salt)
VALUES (%(entry)s, '', '', %(evidence)s, %(salt)s)
"""
_PROJECTION = (
    "UPDATE consent_consent SET is_withdrawn = true, withdrawn_at = %(now)s, last_entry_at = %(now)s "
    "WHERE id = %(consent)s",
    "UPDATE contacts_contact SET last_entry_at = %(now)s WHERE id = %(person)s",
)
_OTHERS = """
SELECT channel FROM consent_consent WHERE contact_id = %(person)s AND communication_type_id = %(type)s
    AND channel <> %(channel)s AND NOT is_withdrawn AND (is_express OR implied_until > now())
"""


def opt_out(request: HttpRequest, token: str) -> HttpResponse:
    parts = Signer(key=settings.LINK_KEYS[0], sep=".", salt="sendable.links").unsign_object(token)
    named = dict(zip(("project", "contact", "channel", "fingerprint", "type", "sending"), parts, strict=True))
    named["channel"] = CHANNELS[named["channel"]]
    if request.POST["List-Unsubscribe"] != "One-Click":
        return HttpResponse(status=400)
    with transaction.atomic(), connection.cursor() as cursor:
        _stop(cursor, named, request)
    return HttpResponse("<h1>Stopped</h1>")


def _stop(cursor: Any, named: dict[str, Any], request: HttpRequest) -> None:
    cursor.execute(_FIND, named)
    named["row"], named["person"], named["organization"], named["type"], _is_shared = cursor.fetchone()
    cursor.execute(_LOCK, named)
    cursor.execute(_STANDS, named)
    if cursor.fetchone():
        return
    cursor.execute(_CONSENT, named)
    cursor.execute(_BEFORE, named)
    named["consent"], withdrawn, express, implied, named["now"] = cursor.fetchone()
    named["was"] = "withdrawn" if withdrawn else "express" if express else "implied" if implied else "none"
    evidence = {"page": "/u/", "ip": request.META["REMOTE_ADDR"], "language": "en",
                "user_agent": request.META.get("HTTP_USER_AGENT", "")}  # fmt: skip
    salt = uuid.uuid4()
    text = json.dumps(["", "", evidence], sort_keys=True)
    named |= {"salt": salt, "request": uuid.uuid4(), "evidence": json.dumps(evidence)}
    named["digest"] = hashlib.sha256(salt.bytes + text.encode()).hexdigest()
    cursor.execute(_ENTRY, named)
    named["entry"] = cursor.fetchone()[0]
    cursor.execute(_DETAIL, named)
    for statement in _PROJECTION:
        cursor.execute(statement, named)
    cursor.execute(_OTHERS, named)
    cursor.fetchall()


urlpatterns = [path("u/<str:token>", opt_out)]
application = get_wsgi_application()
