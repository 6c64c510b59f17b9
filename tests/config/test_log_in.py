"""Log-in by email and password, a second step for who wants it, a new password by mail."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core import mail
from django.test import Client
from django.urls import reverse

from contacts.models import User
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

LOG_IN = "/accounts/login/"
NEW = "an even longer passphrase"


def log_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post(LOG_IN, {"login": email, "password": password, **more})


def is_logged_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


@pytest.mark.parametrize("write", [str, str.upper, str.title, lambda email: f"  {email} "])
def test_logs_in_whatever_the_case(client: Client, editor: User, write: Callable[[str], str]) -> None:
    response = log_in(client, write(editor.email))
    assert response.status_code == 302
    assert is_logged_in(client)


def test_goes_where_the_user_wanted(client: Client, editor: User) -> None:
    response = log_in(client, editor.email, next="/p/newsletter/history/")
    assert response.headers["Location"] == "/p/newsletter/history/"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_never_goes_to_another_site(client: Client, editor: User, elsewhere: str) -> None:
    assert log_in(client, editor.email, next=elsewhere).headers["Location"] == "/"


def test_wrong_password_says_the_same_as_unknown_address(client: Client, editor: User) -> None:
    wrong = log_in(client, editor.email, "not this one")
    unknown = log_in(client, "nobody@example.org")
    for response in (wrong, unknown):
        assert response.status_code == 200
        assert "No account has this email address and password." in response.content.decode()
        assert "<title>Error: Log in" in response.content.decode()
    assert not is_logged_in(client)


def test_empty_form_says_what_to_do(client: Client) -> None:
    page = client.post(LOG_IN, {}).content.decode()
    assert "Enter your email address, for example name@example.org." in page
    assert "Enter your password." in page


@pytest.mark.parametrize("email", ["a\x00b@example.org", "x" * 5000, "‮@example.org", "😀@example.org", "'; --"])
def test_odd_addresses_are_an_answer_in_words(client: Client, email: str) -> None:
    response = log_in(client, email)
    assert response.status_code == 200
    assert "field-error" in response.content.decode() or "No account has" in response.content.decode()


def test_password_is_not_shown_again(client: Client, editor: User) -> None:
    assert b"not this one" not in log_in(client, editor.email, "not this one").content


def test_closed_account(client: Client, editor: User) -> None:
    User.objects.filter(pk=editor.pk).update(is_active=False)
    response = client.post(LOG_IN, {"login": editor.email, "password": PASSWORD}, follow=True)
    assert "This account is closed" in response.content.decode()
    assert not is_logged_in(client)


def test_attempts_are_limited(client: Client, editor: User) -> None:
    for _attempt in range(5):
        log_in(client, editor.email, "guess")
    response = log_in(client, editor.email)
    assert "Too many attempts. Wait five minutes" in response.content.decode()
    assert not is_logged_in(client)


def test_requests_of_one_address_are_limited(client: Client) -> None:
    answers = [client.post(LOG_IN, {}) for _request in range(31)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert "Too many attempts" in answers[-1].content.decode()


def test_log_out_asks_first(client: Client, editor: User) -> None:
    client.force_login(editor)
    page = client.get("/accounts/logout/")
    assert "Log out?" in page.content.decode()
    assert is_logged_in(client)
    response = client.post("/accounts/logout/")
    assert response.headers["Location"] == LOG_IN
    assert not is_logged_in(client)


def test_session_ends_with_the_browser_unless_asked_otherwise(client: Client, editor: User) -> None:
    log_in(client, editor.email)
    assert client.session.get_expire_at_browser_close()
    other = Client()
    log_in(other, editor.email, remember="on")
    assert not other.session.get_expire_at_browser_close()


class TestNewPassword:
    def test_by_mail(self, client: Client, editor: User) -> None:
        response = client.post("/accounts/password/reset/", {"email": editor.email.upper()}, follow=True)
        assert "Look into your mail" in response.content.decode()
        [letter] = mail.outbox
        assert letter.to == [editor.email]
        assert letter.subject == "Choose a new password for Sendable"
        [link] = re.findall(r"http://testserver(\S+)", letter.body)

        form = client.get(link, follow=True)
        assert "Choose a new password" in form.content.decode()
        to = form.redirect_chain[-1][0]
        refused = client.post(to, {"password1": "short", "password2": "short"})
        assert "at least 10 characters" in refused.content.decode()
        done = client.post(to, {"password1": NEW, "password2": NEW}, follow=True)
        assert "Your new password is saved" in done.content.decode()
        assert log_in(Client(), editor.email, NEW).status_code == 302
        assert "was changed with a link" in mail.outbox[-1].body

        used = Client().get(link, follow=True)
        assert "This link does not work any more" in used.content.decode()

    def test_of_an_account_that_has_none_yet(self, client: Client, editor: User) -> None:
        """Members are added without a password, and choose it with the link."""
        editor.set_unusable_password()
        editor.save()
        client.post("/accounts/password/reset/", {"email": editor.email})
        assert len(mail.outbox) == 1

    def test_unknown_address_gets_the_same_page_and_no_mail(self, client: Client) -> None:
        response = client.post("/accounts/password/reset/", {"email": "stranger@example.org"}, follow=True)
        assert "Look into your mail" in response.content.decode()
        assert mail.outbox == []

    def test_change_wants_the_current_one(self, client: Client, editor: User) -> None:
        client.force_login(editor)
        fields = {"oldpassword": "not this one", "password1": NEW, "password2": NEW}
        refused = client.post("/accounts/password/change/", fields)
        assert "This is not your password." in refused.content.decode()
        client.post("/accounts/password/change/", {**fields, "oldpassword": PASSWORD})
        assert is_logged_in(client)
        editor.refresh_from_db()
        assert editor.check_password(NEW)
        assert "If this was not you" in mail.outbox[-1].body

    def test_mail_server_that_fails_undoes_nothing(self, client: Client, editor: User, settings: Any) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
        client.force_login(editor)
        fields = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
        assert client.post("/accounts/password/change/", fields).status_code == 302
        editor.refresh_from_db()
        assert editor.check_password(NEW)


class TestSecondStep:
    @pytest.mark.django_db(transaction=True)
    def test_app_is_added_with_its_code(self, client: Client, editor: User) -> None:
        log_in(client, editor.email)
        asked = client.get("/accounts/2fa/totp/activate/", follow=True)
        assert "Is it you?" in asked.content.decode()
        form = client.post(asked.redirect_chain[-1][0], {"password": PASSWORD}, follow=True)
        [secret] = re.findall(r'<span class="key">(\w+)</span>', form.content.decode())
        assert 'src="data:image/svg+xml;base64,' in form.content.decode()
        wrong = client.post("/accounts/2fa/totp/activate/", {"code": "1"})
        assert "This code is not right." in wrong.content.decode()
        codes = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)}, follow=True)
        assert codes.content.decode().count("<li>") >= 10
        assert "An authenticator app was added" in mail.outbox[-1].body

    def test_log_in_asks_for_the_code(self, client: Client, editor: User) -> None:
        secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
        TOTP.activate(editor, secret)
        [recovery, *_more] = RecoveryCodes.activate(editor).get_unused_codes()
        response = client.post(LOG_IN, {"login": editor.email, "password": PASSWORD}, follow=True)
        assert "The second step" in response.content.decode()
        assert not is_logged_in(client)
        assert client.get("/p/newsletter/").status_code == 302
        refused = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
        assert "This code is not right." in refused.content.decode()
        assert client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)}).status_code == 302
        assert is_logged_in(client)

        other = Client()
        other.post(LOG_IN, {"login": editor.email, "password": PASSWORD})
        assert other.post("/accounts/2fa/authenticate/", {"code": recovery}).status_code == 302

    def test_removal_wants_the_password_again(self, client: Client, editor: User) -> None:
        TOTP.activate(editor, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
        client.force_login(editor)
        response = client.post("/accounts/2fa/totp/deactivate/")
        assert response.headers["Location"].startswith("/accounts/reauthenticate/")
        assert Authenticator.objects.filter(user=editor).exists()

    def test_pages_of_keys(self, client: Client, editor: User) -> None:
        client.force_login(editor)
        assert "No security keys yet." in client.get("/accounts/2fa/webauthn/").content.decode()
        asked = client.get("/accounts/2fa/webauthn/add/", follow=True)
        page = client.post(asked.redirect_chain[-1][0], {"password": PASSWORD}, follow=True).content.decode()
        scripts = re.findall(r"<script(?![^>]* type=\"application/json\")[^>]*>([^<]*)</script>", page)
        assert len(scripts) >= 4
        assert set(scripts) == {""}
        bad = client.post("/accounts/2fa/webauthn/add/", {"name": "Blue", "credential": "{}"})
        assert bad.status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/accounts/email/", "/accounts/confirm-email/", "/accounts/confirm-email/abc/", "/accounts/login/code/confirm/"],
)
def test_what_is_not_offered_is_not_there(client: Client, editor: User, path: str) -> None:
    assert client.get(path).status_code == 404
    client.force_login(editor)
    assert client.get(path).status_code == 404


def test_nobody_signs_up(client: Client) -> None:
    assert "Nobody signs up here" in client.get(reverse("account_signup")).content.decode()
    client.post(reverse("account_signup"), {"email": "me@example.org", "password1": NEW})
    assert not User.objects.filter(email="me@example.org").exists()


def test_account_leads_to_its_pages(client: Client, editor: User) -> None:
    assert client.get("/accounts/").headers["Location"] == "/accounts/login/?next=/accounts/"
    client.force_login(editor)
    page = client.get("/accounts/", follow=True).content.decode()
    assert 'aria-current="page">Password' in page
    assert 'aria-current="page">Two-step log-in' in client.get("/accounts/2fa/").content.decode()
