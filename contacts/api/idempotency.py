"""``Idempotency-Key``: a POST that is sent again changes nothing again, and gets the same answer
(draft-ietf-httpapi-idempotency-key-header).

The answer is written in the transaction of the change. So a process that dies leaves both or neither, and no moment
exists in which a retry could find a change without its answer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.access import ApiRefusal
from contacts.errors import ContactGone
from contacts.models import ApiToken, IdempotentRequest
from contacts.services.idempotency import KEPT, contacts_named, erased_since

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_CONTACT = re.compile(r"/contacts/([0-9]+)/")
_BLOCKS = re.compile(r"/blocks(/|$)")  # their answers name addresses, and not whose they are
_HEADERS = ("Content-Type", "ETag", "Location")


class BadKey(ApiRefusal):
    code = "bad_idempotency_key"
    status = 400
    message = _("An Idempotency-Key has 1 to 255 visible ASCII characters.")
    remedy = _("Send a random UUID, and the same one for a retry.")


class KeyReused(ApiRefusal):
    code = "idempotency_key_reused"
    status = 422
    message = _("This Idempotency-Key was used for another request.")
    remedy = _("Use a new key for a new request, and the old one only to send the same request again.")


class StillRunning(ApiRefusal):
    code = "request_in_progress"
    status = 409
    message = _("A request with this Idempotency-Key is being worked on.")
    remedy = _("Send it again in a second: it gets the answer of the first.")
    headers = {"Retry-After": "1"}


def once(
    request: HttpRequest, token: ApiToken, key: str, run: Callable[[], HttpResponseBase], *, changes: bool
) -> HttpResponseBase:
    """Answer a request that has a key: as before where it was answered, else by running it.

    What changes nothing (``changes`` false) is run again, since its answer may no longer hold. Raises BadKey,
    KeyReused, StillRunning; ContactGone where the answer tells of somebody who was erased since.
    """
    if not _KEY.fullmatch(key):
        raise BadKey
    name = _digest(settings.SECRET_KEY, "key", str(token.pk), key)
    body = _body(request)
    sent = _digest(key, request.method or "", request.get_full_path(), request.content_type or "", body)
    with transaction.atomic():
        _claim(name)
        now = timezone.now()
        before = IdempotentRequest.objects.filter(token=token, key_digest=name).first()
        if before and before.created_at <= now - KEPT:
            before.delete()
            before = None
        if before and not hmac.compare_digest(before.request_digest, sent):
            raise KeyReused
        if before and changes:
            return _again(request, before, key, body)
        with transaction.atomic():
            answer = run()
            if answer.status_code >= 400:
                transaction.set_rollback(True)
        if before is None and answer.status_code < 500:
            IdempotentRequest.objects.create(
                token=token, key_digest=name, request_digest=sent, created_at=now,
                answer=_kept(answer, key, body) if changes else b"",
            )  # fmt: skip
        return answer


def _claim(name: str) -> None:
    """Be the only one with this key until the transaction ends: a process that dies lets go of it at once.

    On SQLite a transaction is the only writer, and others wait for it.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int(name[:15], 16)])
            if not cursor.fetchone()[0]:
                raise StillRunning


def _digest(key: str, *parts: str | bytes) -> str:
    made = hmac.new(key.encode(), digestmod="sha256")
    for part in parts:
        text = part.encode(errors="surrogatepass") if isinstance(part, str) else part
        made.update(len(text).to_bytes(8, "big") + text)
    return made.hexdigest()


def _body(request: HttpRequest) -> bytes:
    """What was sent; of a form with files a digest of that, whatever border a client drew between its parts."""
    if request.content_type != "multipart/form-data":
        return request.body
    made = hashlib.sha256()
    fields = sorted((name, value) for name, values in request.POST.lists() for value in values)
    made.update(json.dumps(fields).encode())
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            made.update(json.dumps([name, file.name, file.size]).encode())
            for chunk in file.chunks():
                made.update(chunk)
            file.seek(0)
    return made.digest()


def _cipher(key: str, body: bytes) -> Fernet:
    secret = bytes.fromhex(_digest(settings.SECRET_KEY, "answer", key, body))
    return Fernet(base64.urlsafe_b64encode(secret))


def _kept(answer: HttpResponseBase, key: str, body: bytes) -> bytes:
    assert isinstance(answer, HttpResponse)
    headers = {name: answer.headers[name] for name in _HEADERS if name in answer.headers}
    text = json.dumps([answer.status_code, headers, answer.content.decode()])
    return _cipher(key, body).encrypt(text.encode())


def _again(request: HttpRequest, before: IdempotentRequest, key: str, body: bytes) -> HttpResponse:
    try:
        text = _cipher(key, body).decrypt(bytes(before.answer))
    except InvalidToken as error:  # the SECRET_KEY was changed since: whether it was done is all that is known
        raise KeyReused from error
    status, headers, content = json.loads(text)
    named = set(contacts_named(json.loads(content or "null")))
    in_path = _CONTACT.search(request.path)
    if in_path:
        named.add(int(in_path[1]))
    of_whoever_has_it = _BLOCKS.search(request.path) is not None
    if erased_since(before, None if of_whoever_has_it else named):
        raise ContactGone
    return HttpResponse(content, status=status, headers={**headers, "Idempotent-Replayed": "true"})
