"""Tokens of the web service, as admins see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from contacts.models import ApiToken
from contacts.vocabulary import ApiScope


@dataclass(frozen=True, slots=True)
class TokenInWords:
    """A token: what it may do, and whether it still opens anything. ``hint`` is the end of its text."""

    id: int
    name: str
    hint: str
    scopes: tuple[tuple[str, str], ...]
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    is_usable: bool
    state: str


def in_words(token: ApiToken, now: datetime) -> TokenInWords:
    labels = dict(ApiScope.choices)
    return TokenInWords(
        id=token.pk,
        name=token.name,
        hint=token.hint,
        scopes=tuple((scope, str(labels.get(scope, scope))) for scope in token.scopes),
        created_at=token.created_at,
        created_by=token.created_by_label,
        last_used_at=token.last_used_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        is_usable=token.is_usable(now),
        state=_("Works") if token.is_usable(now) else _("Revoked") if token.revoked_at else _("Expired"),
    )
