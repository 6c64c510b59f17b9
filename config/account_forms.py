"""The forms of log-in and account, in our words: labels instead of placeholders, errors that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.utils.translation import gettext_lazy as _


class InOurWords(forms.BaseForm):
    """Names a form's fields, and says for each what to type when it was left empty."""

    words: Mapping[str, tuple[Any, Any]] = {}
    help_texts: Mapping[str, Any] = {}
    use_required_attribute = False

    def __init__(self, *args: Any, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            if name in self.words:
                field.label, field.error_messages["required"] = self.words[name]
            if name in self.help_texts:
                field.help_text = self.help_texts[name]


_EMAIL = (_("Email address"), _("Enter your email address, for example name@example.org."))
_PASSWORD = (_("Password"), _("Enter your password."))
_NEW = {
    "password1": (_("New password"), _("Enter a new password.")),
    "password2": (_("New password again"), _("Enter the new password a second time.")),
}
_CODE = (_("Code"), _("Enter the code, for example 492039."))
_KEY_NAME = (_("Name of the key"), _("Enter a name that tells this key from others, for example “Blue key”."))


class LogIn(InOurWords, account.LoginForm):
    words = {"login": _EMAIL, "password": _PASSWORD, "remember": (_("Stay logged in on this device"), "")}
    help_texts = {"password": ""}


class ForgottenPassword(InOurWords, account.ResetPasswordForm):
    words = {"email": _EMAIL}


class NewPassword(InOurWords, account.ResetPasswordKeyForm):
    words = _NEW


class ChangePassword(InOurWords, account.ChangePasswordForm):
    words = {"oldpassword": (_("Current password"), _("Enter your current password.")), **_NEW}


class FirstPassword(InOurWords, account.SetPasswordForm):
    words = _NEW


class PasswordAgain(InOurWords, account.ReauthenticateForm):
    words = {"password": _PASSWORD}
    help_texts = {"password": ""}


class Code(InOurWords, mfa.AuthenticateForm):
    words = {"code": _CODE}
    help_texts = {"code": _("From your authenticator app, or one of your recovery codes.")}


class CodeAgain(InOurWords, mfa.ReauthenticateForm):
    words = {"code": _CODE}
    help_texts = {"code": _("From your authenticator app, or one of your recovery codes.")}


class FirstCode(InOurWords, ActivateTOTPForm):
    words = {"code": (_("Code that the app shows"), _("Enter the code that the app shows, for example 492039."))}


class AddKey(InOurWords, AddWebAuthnForm):
    words = {
        "name": _KEY_NAME,
        "credential": (_("Security key"), _("The key did not answer. Press “Add” and touch it when the browser asks.")),
    }


class RenameKey(InOurWords, EditWebAuthnForm):
    words = {"name": _KEY_NAME}
