"""An entry as a cause: by which way it came, and what it tells behind a colon."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.dates import long_day
from contacts.extension_points import Text
from contacts.models import StatusHistory
from contacts.models.ledger import LedgerEntry
from contacts.origin import OWN_DOORS
from contacts.vocabulary import AuthorizationSource, Method, Reason


def how(row: LedgerEntry, by: str) -> str:
    """By which way it came, as the end of a sentence. ``by`` is whose act it was, in words."""
    told = _HOW_BY_REASON.get(row.reason) or _HOW_BY_METHOD.get(row.method) or gettext_lazy("by %(name)s")
    return str(told) % {"name": by}


def clause(row: StatusHistory, by: str) -> str:
    """A no as the cause of inactivity, to stand behind a colon."""
    by_method, by_reason = _CLAUSE_BY_METHOD.get(row.method), _CLAUSE_BY_REASON.get(row.reason)
    through_own_door = row.method in OWN_DOORS and row.reason != Reason.STOP
    told = by_method if through_own_door else by_reason or by_method
    return str(told or gettext_lazy("our own decision, by %(name)s")) % {"name": by}


def authorized_by(row: LedgerEntry) -> str:
    """The authorization that a yes rests on, with its date."""
    told = str(_AUTHORIZED_BY[row.authorization_source])
    if row.authorization_on is None:
        return told
    return _("%(authorized)s of %(date)s") % {"authorized": told, "date": long_day(row.authorization_on)}


_HOW_BY_REASON: dict[str, Text] = {
    Reason.STOP: gettext_lazy("by replying STOP"),
    Reason.COMPLAINT: gettext_lazy("after a spam complaint"),
    Reason.VERBAL_REQUEST: gettext_lazy("on a verbal request, noted by %(name)s"),
    Reason.WRITTEN_REQUEST: gettext_lazy("on a written request, noted by %(name)s"),
    Reason.REPLACED: gettext_lazy("missing from the new list"),
    Reason.RETURNED: gettext_lazy("back in a new list"),
    Reason.NO_SUCH_ADDRESS: gettext_lazy("the address does not exist"),
    Reason.DELIVERY_ERRORS: gettext_lazy("after repeated delivery errors"),
    Reason.AUTHORIZED: gettext_lazy("with an authorization, by %(name)s"),
    Reason.ERASURE: gettext_lazy("kept after an erasure"),
    Reason.MERGED: gettext_lazy("in a merge, by %(name)s"),
}
_HOW_BY_METHOD: dict[str, Text] = {
    Method.OPT_OUT_LINK: gettext_lazy("with an opt-out link"),
    Method.FORM: gettext_lazy("with a form"),
    Method.MAIL: gettext_lazy("by mail"),
    Method.SMS: gettext_lazy("by SMS"),
    Method.SPAM_REPORT: gettext_lazy("after a spam complaint"),
    Method.IMPORT: gettext_lazy("in an import"),
    Method.BOUNCE: gettext_lazy("after a bounce"),
}
_CLAUSE_BY_REASON: dict[str, Text] = {
    Reason.STOP: gettext_lazy("replied STOP"),
    Reason.COMPLAINT: gettext_lazy("complained about spam"),
    Reason.VERBAL_REQUEST: gettext_lazy("asked to stop, a verbal request noted by %(name)s"),
    Reason.WRITTEN_REQUEST: gettext_lazy("asked to stop, a written request noted by %(name)s"),
    Reason.OWN_REQUEST: gettext_lazy("the contact’s own act"),
    Reason.REPLACED: gettext_lazy("missing from the new list"),
    Reason.ERASURE: gettext_lazy("kept after an erasure"),
}
_CLAUSE_BY_METHOD: dict[str, Text] = {
    Method.OPT_OUT_LINK: gettext_lazy("opted out with a link"),
    Method.FORM: gettext_lazy("opted out with a form"),
    Method.MAIL: gettext_lazy("opted out by mail"),
    Method.SMS: gettext_lazy("opted out by SMS"),
    Method.SPAM_REPORT: gettext_lazy("complained about spam"),
    Method.IMPORT: gettext_lazy("deactivated by an import"),
}
_AUTHORIZED_BY: dict[str, Text] = {
    AuthorizationSource.VERBAL: gettext_lazy("authorized by a verbal request"),
    AuthorizationSource.WRITTEN: gettext_lazy("authorized by a written request"),
    AuthorizationSource.FORM: gettext_lazy("authorized by a form"),
    AuthorizationSource.OTHER: gettext_lazy("authorized by the contact"),
}
