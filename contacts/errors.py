"""What the register refuses, each with words for people and a code for programs. Knows no HTTP."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class RegisterError(Exception):
    """A refusal: ``code`` for programs, ``message`` for people, ``remedy`` what to do about it.

    Nothing has changed when one is raised: services raise inside their transaction.
    """

    code = "refused"
    message: str | Promise = _("The register refused this.")
    remedy: str | Promise = ""
    field: str = ""

    def __init__(
        self, message: str | Promise | None = None, *, remedy: str | Promise | None = None, field: str | None = None
    ) -> None:
        if message is not None:
            self.message = message
        if remedy is not None:
            self.remedy = remedy
        if field is not None:
            self.field = field
        super().__init__(self.code)

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.message, self.remedy) if part)


class NotAllowed(RegisterError):
    """The user is known and sees the thing, and may not do this to it."""

    code = "not_allowed"
    message = _("You may not do this.")


class AuthorizationRequired(RegisterError):
    """A no of a person stands, and the word offered does not weigh enough to lift it. ``weight`` is that of the no."""

    code = "authorization_required"
    message = _("Only an admin may lift what the contact decided themselves.")
    field = "source"

    def __init__(self, message: str | Promise | None = None, *, weight: int = 2, **words: Any) -> None:
        super().__init__(message, **words)
        self.weight = weight


class AuthorizationTooOld(RegisterError):
    """The authorization is dated before the day of the no that it should lift."""

    code = "authorization_too_old"
    message = _("The contact said no after that date.")
    remedy = _("Enter an authorization that is not older than the contact's last no.")
    field = "obtained_on"


class InTheFuture(RegisterError):
    code = "in_the_future"
    message = _("This date is in the future.")
    remedy = _("Enter today's date or an earlier one.")


class StaleConfirmation(RegisterError):
    """What was confirmed is no longer what would happen."""

    code = "stale_confirmation"
    message = _("Something changed since you looked.")
    remedy = _("Check the page again.")


class ConfirmationMismatch(RegisterError):
    code = "confirmation_mismatch"
    message = _("The key does not match.")
    field = "key"


class InvalidAddress(RegisterError):
    code = "invalid_address"
    message = _("This is not an address that can be written to.")
    field = "address"


class InvalidText(RegisterError):
    code = "invalid_text"
    message = _("This text has characters that cannot be stored.")
    remedy = _("Remove control characters and type it again.")


class ContactGone(RegisterError):
    """Somebody erased the contact between the look and the change."""

    code = "contact_gone"
    message = _("This contact has been deleted meanwhile.")


class ContactMerged(RegisterError):
    """Somebody merged the contact into another one between the look and the change."""

    code = "contact_merged"
    message = _("This contact has been merged into another one meanwhile.")
    remedy = _("Open the other one: the old key finds it.")


class KeyTaken(RegisterError):
    code = "key_taken"
    message = _("Another contact of this project has this key already.")
    remedy = _("Use another key, or open that contact.")
    field = "key"


class CannotUndo(RegisterError):
    code = "cannot_undo"
    message = _("This can no longer be taken back.")


class NothingToDo(RegisterError):
    code = "nothing_to_do"
    message = _("There is nothing to change.")
