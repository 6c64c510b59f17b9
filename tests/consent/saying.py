"""What consents of tests come from, in a word each."""

from __future__ import annotations

from typing import Any

from contacts.origin import THE_CONTACT, Actor, Origin
from contacts.vocabulary import ActorKind, Method, Reason

AN_IMPORT = Actor(ActorKind.IMPORT, 7, "list.csv")


def by_form(**fields: Any) -> Origin:
    """The person's own act, in a form: weight 2."""
    return Origin(Method.FORM, THE_CONTACT, Reason.OWN_REQUEST, **fields)


def by_import(**fields: Any) -> Origin:
    """A row of a file: our own word, unless its reason says whose."""
    return Origin(Method.IMPORT, AN_IMPORT, fields.pop("reason", Reason.OTHER), **fields)
