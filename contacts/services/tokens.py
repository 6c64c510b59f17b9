"""Tokens of the web service: made, shown once, used, revoked."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.errors import RegisterError
from contacts.models import ApiToken, Project, User
from contacts.services.prepared import PreparedObjects
from contacts.text import clean_text
from contacts.vocabulary import ApiScope

PREFIX = "sendable_"
DEFAULT_SCOPES = (ApiScope.READ, ApiScope.WRITE, ApiScope.SEND_CHECK, ApiScope.REPORT)
USE_NOTED_EVERY = timedelta(minutes=1)


class ScopesRefused(RegisterError):
    code = "scopes_refused"
    message = _("A token needs at least one scope, and knows these: %(scopes)s.") % {
        "scopes": ", ".join(ApiScope.values)
    }
    field = "scopes"


@transaction.atomic
def create_token(
    project: Project,
    *,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
    by: User | None = None,
) -> tuple[ApiToken, str]:
    """Make a token, and return it with its text, which is kept nowhere.

    Raises InvalidText for an unfit name, ScopesRefused, RegisterError for an end that is not in the future.
    """
    name = clean_text(name, max_length=100, field="name")
    if not name:
        raise RegisterError(_("Give the token a name, for example that of the program that uses it."), field="name")
    wanted = set(scopes)
    if not wanted or wanted - set(ApiScope.values):
        raise ScopesRefused
    now = timezone.now()
    if expires_at is not None and expires_at <= now:
        raise RegisterError(_("Choose an end that is in the future."), field="expires_at")
    text = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        project=project,
        name=name,
        scopes=[scope for scope in ApiScope.values if scope in wanted],
        digest=_digest(text),
        hint=text[-4:],
        created_by=by,
        created_by_label=by.get_full_name() if by else "",
        created_at=now,
        expires_at=expires_at,
    )
    return token, text


def revoke_token(token: ApiToken) -> bool:
    """End a token at once, and tell whether it was still good for anything."""
    now = timezone.now()
    changed = ApiToken.objects.usable(now).filter(pk=token.pk).update(revoked_at=now)
    token.refresh_from_db(fields=["revoked_at"])
    return bool(changed)


def token_of(text: str) -> ApiToken | None:
    """The token with this text, whether or not it is still usable, with its project."""
    if not text.startswith(PREFIX) or len(text) > 200:
        return None
    return _TOKEN.first(digest=_digest(text))


_TOKEN = PreparedObjects(
    ApiToken,
    lambda digest: ApiToken.objects.filter(digest=digest).order_by(),
    related=["project", "project__organization"],
    digest=str,
)


def note_use(token: ApiToken, now: datetime) -> None:
    """Remember that a token was used, to the minute."""
    if token.last_used_at is None or token.last_used_at < now - USE_NOTED_EVERY:
        long_ago = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
        ApiToken.objects.filter(long_ago, pk=token.pk).update(last_used_at=now)


def _digest(text: str) -> str:
    """The text has 256 random bits, so a bare hash of it tells nothing."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
