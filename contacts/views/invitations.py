"""The mail to somebody for whom an account was made: a link to choose a password, as for a forgotten one."""

from __future__ import annotations

from smtplib import SMTPException

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import send_mail
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.models import User
from contacts.services.members import Welcome


def invite(request: HttpRequest, user: User, place: str) -> bool:
    """Send the link; ``place`` is the project or organization that waits. False when the mail could not go out."""
    token = default_token_generator.make_token(user)
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": token})
    message = render_to_string(
        "contacts/mail/invitation.txt",
        {
            "place": place,
            "inviter": request.user,
            "link": request.build_absolute_uri(path),
            "days": settings.PASSWORD_RESET_TIMEOUT // 86_400,
            "again": request.build_absolute_uri(reverse("account_reset_password")),
        },
    )
    subject = _("Your account for %(place)s") % {"place": place}
    try:
        send_mail(subject, message, None, [user.email])
    except (SMTPException, OSError):
        return False
    return True


def welcome_in_words(request: HttpRequest, welcome: Welcome, place: str) -> tuple[bool, str]:
    """Send the invitation where an account was made, and say what happened. False with words of warning.

    The words name nobody, as messages travel in a cookie.
    """
    if not welcome.is_new_account:
        return True, _("Added. They log in with the account that they have already; no mail was sent.")
    if invite(request, welcome.user, place):
        return True, _("Added. They got a mail with a link to choose a password.")
    return False, _(
        "Added, but the mail could not be sent. They get a link themselves with “Forgot your password?” "
        "on the log-in page."
    )
