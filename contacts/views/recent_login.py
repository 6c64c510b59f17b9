"""What deletes for good asks for a recent log-in: the password, or what stands for it, given a short while ago."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from allauth.account import app_settings
from allauth.account.internal.flows.login import get_authentication_records
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest
from django.urls import reverse


def logged_in_recently(request: HttpRequest) -> bool:
    """Did the user log in, or confirm that it is them, within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds?"""
    moments = [record["at"] for record in get_authentication_records(request, request.user)]
    return bool(moments) and time.time() - max(moments) < app_settings.REAUTHENTICATION_TIMEOUT


def confirm_url(request: HttpRequest, back_to: str = "") -> str:
    """Where the user confirms that it is them, and comes back from to this page, or to another."""
    return f"{reverse('account_reauthenticate')}?{urlencode({REDIRECT_FIELD_NAME: back_to or request.path})}"
