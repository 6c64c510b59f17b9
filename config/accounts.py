"""Accounts are made by admins: nobody signs up. What log-in says and sends is in our words."""

from __future__ import annotations

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

log = structlog.get_logger("sendable.accounts")


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _(
            "No account has this email address and password. Check both, and type them again."
        ),
        "too_many_login_attempts": _("Too many attempts. Wait five minutes, then try again."),
        "rate_limited": _("Too many attempts. Wait a minute, then try again."),
        "incorrect_code": _("This code is not right. Enter the one that your app shows now."),
        "incorrect_password": _("This is not your password. Type it again."),
        "enter_current_password": _("This is not your password. Type it again."),
        "invalid_or_expired_key": _("This key was not accepted. Use another one, or an authentication code."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_notification_mail(self, template_prefix: str, user: AbstractBaseUser, *args: Any, **context: Any) -> None:
        """Tell a user what changed in their account. What has changed stays changed when the mail server fails."""
        try:
            super().send_notification_mail(template_prefix, user, *args, **context)
        except OSError:
            log.exception("notification_not_sent", subject=template_prefix)


class SecondStepAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("This code is not right. Enter the one that your app shows now."),
        "cannot_generate_recovery_codes": _("Set up an authenticator app or a security key first."),
    }
