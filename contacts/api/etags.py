"""``ETag`` and ``If-Match`` (RFC 9110, 8.8.3 and 13.1.1): no one overwrites what they have not seen."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags
from django.utils.translation import gettext_lazy as _

from contacts.access import ApiRefusal
from contacts.api.writing import ExactEncoder


class Changed(ApiRefusal):
    code = "changed_since"
    status = 412
    message = _("It was changed since: its ETag is another one.")
    remedy = _("Get it again, and send the change with the new ETag.")


def etag_of(shape: Any) -> str:
    """The strong ETag of what is shown."""
    text = json.dumps(shape, cls=ExactEncoder, sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def require_match(request: HttpRequest, shape: Any) -> None:
    """Raise Changed where the request was made for another state (``If-Match``). The caller holds the locks."""
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*":
        return
    if etag_of(shape) not in parse_etags(wanted):
        raise Changed


def with_etag(response: HttpResponse, shape: Any) -> None:
    response.headers["ETag"] = etag_of(shape)
