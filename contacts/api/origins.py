"""Where a change by the web service comes from, and why it was refused, in the words of this door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.access import ApiAccess
from contacts.api.shapes import ReasonIn
from contacts.errors import AuthorizationRequired
from contacts.moments import refuse_future
from contacts.origin import Origin
from contacts.services.change import Change
from contacts.vocabulary import ApiScope, Reason, Weight


def origin_of(access: ApiAccess, sent: ReasonIn) -> Origin:
    """The origin of a no. Raises InTheFuture."""
    if sent.requested_on is not None:
        refuse_future(sent.requested_on, access.project.zone, now=timezone.now())
    return access.origin(**sent.fields())


def authorized(access: ApiAccess, note: str) -> Origin:
    """The origin of a yes that relies on the contact's word."""
    return access.origin(reason=Reason.AUTHORIZED, note=note)


def done(change: Change, access: ApiAccess) -> Change:
    """The change of a set of one; raises its refusal, in terms of scopes."""
    with refusing(access):
        return change.or_raise()


@contextmanager
def refusing(access: ApiAccess) -> Iterator[None]:
    """Refuse what weighs too much in terms of scopes, since a program has no role."""
    try:
        yield
    except AuthorizationRequired as error:
        raise in_terms_of_scopes(error, access) from error


def in_terms_of_scopes(error: AuthorizationRequired, access: ApiAccess) -> AuthorizationRequired:
    """The refusal with what a program can do about it."""
    may_authorize = access.may(ApiScope.AUTHORIZE)
    if error.weight <= Weight.OWN and not may_authorize:
        remedy = _("Send the contact's authorization, with a token that has the scope “authorize”.")
    elif error.weight <= Weight.OWN:
        remedy = _("Send the contact's authorization.")
    else:
        remedy = _("An admin of the organization can do it in the pages. No token can.")
    return AuthorizationRequired(error.message, remedy=remedy, weight=error.weight, field="authorization")
