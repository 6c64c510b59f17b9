"""The page "API tokens": making one, whose text is shown once, and revoking it."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from contacts.models import ApiToken, Project, User
from contacts.services.tokens import PREFIX, create_token, token_of
from contacts.vocabulary import ApiScope
from tests.factories import PASSWORD, today

pytestmark = pytest.mark.django_db
PAGE = "/p/newsletter/settings/tokens/"
ADD = f"{PAGE}add/"
REQUEST = "b1b0a9d2-3c53-4f7a-8a6b-6f5d5e0f0a11"


def made(project: Project, **fields: Any) -> ApiToken:
    token, _text = create_token(project, **{"name": "Shop", "scopes": [ApiScope.READ], **fields})
    return token


def shown(answer: Any) -> str:
    [text] = re.findall(rf"{PREFIX}[\w-]+", answer.content.decode())
    return html.unescape(text)


def test_an_admin_makes_a_token_that_works(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    sent = {"name": "Shop 🛒", "scopes": ["read", "report"], "expires_on": "2999-12-31", "request_id": REQUEST}

    answer = client.post(ADD, sent)

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    token = token_of(shown(answer))
    assert token is not None
    assert (token.project, token.name, token.scopes, token.created_by) == (
        project,
        "Shop 🛒",
        ["read", "report"],
        admin,
    )
    assert token.expires_at is not None
    assert token.expires_at.astimezone(project.zone).date().isoformat() == "2999-12-31"
    ask = Client(headers={"Authorization": f"Bearer {shown(answer)}"})
    assert ask.get("/api/v1/contacts").status_code == 200


def test_the_text_is_shown_once(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    text = shown(client.post(ADD, {"name": "Shop", "scopes": ["read"]}))

    page = client.get(PAGE).content.decode()

    assert text not in page
    assert text[-4:] in page
    assert PREFIX not in page


def test_looking_makes_nothing(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    token = made(project)

    for path in (PAGE, ADD, f"{PAGE}{token.pk}/revoke/"):
        assert client.get(path).status_code == client.head(path).status_code == 200
    assert ApiToken.objects.usable(timezone.now()).count() == 1


def test_the_same_form_twice_makes_one_token(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    sent = {"name": "Shop", "scopes": ["read"], "request_id": REQUEST}
    client.post(ADD, sent)

    answer = client.post(ADD, sent, follow=True)

    assert ApiToken.objects.count() == 1
    assert "made already" in answer.content.decode()


def test_the_text_is_not_kept_in_the_session(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    text = shown(client.post(ADD, {"name": "Shop", "scopes": ["read"], "request_id": REQUEST}))

    assert text not in repr(dict(client.session.items()))


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"scopes": ["read"]}, "Give the token a name"),
        ({"name": "a" * 101, "scopes": ["read"]}, "100"),
        ({"name": "Shop\x07", "scopes": ["read"]}, "cannot be stored"),
        ({"name": "Shop"}, "Tick at least one"),
        ({"name": "Shop", "scopes": ["everything"]}, "Choose among these"),
        ({"name": "Shop", "scopes": ["read"], "expires_on": "2020-01-01"}, "in the future"),
        ({"name": "Shop", "scopes": ["read"], "expires_on": "soon"}, "Enter a date"),
    ],
)
def test_bad_input_stays_in_the_form(
    client: Client, project: Project, admin: User, sent: dict[str, Any], says: str
) -> None:
    client.force_login(admin)

    answer = client.post(ADD, sent)

    assert answer.status_code == 200
    assert says in html.unescape(answer.content.decode())
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("scope", ["erase", "authorize"])
def test_a_token_that_may_do_grave_things_asks_for_a_recent_log_in(
    client: Client, project: Project, admin: User, scope: str
) -> None:
    client.force_login(admin)
    sent = {"name": "Cleaner", "scopes": ["read", scope], "request_id": REQUEST}

    answer = client.post(ADD, sent)

    assert answer.status_code == 403
    page = html.unescape(answer.content.decode())
    assert f"/accounts/reauthenticate/?next={PAGE.replace('/', '%2F')}add%2F" in page
    assert "Cleaner" in page
    assert not ApiToken.objects.exists()

    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.post(ADD, sent).status_code == 200
    assert set(ApiToken.objects.get().scopes) == {"read", scope}


def test_the_list_leads_to_what_the_web_service_can_do(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    assert 'href="/api/v1/docs"' in client.get(PAGE).content.decode()


def test_today_is_a_last_day(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    client.post(ADD, {"name": "Shop", "scopes": ["read"], "expires_on": today().isoformat()})

    assert ApiToken.objects.get().is_usable(timezone.now())


def test_revoking_ends_it_at_once(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    token, text = create_token(project, name="Shop", scopes=[ApiScope.READ])
    path = f"{PAGE}{token.pk}/revoke/"

    assert client.post(path).status_code == 302
    assert client.post(path).status_code == 302

    token.refresh_from_db()
    assert token.revoked_at is not None
    assert Client(headers={"Authorization": f"Bearer {text}"}).get("/api/v1/contacts").status_code == 401
    assert "It was revoked on" in client.get(path).content.decode()


def test_the_list_tells_what_each_may_and_whether_it_works(client: Client, project: Project, admin: User) -> None:
    made(project, name="Shop", scopes=[ApiScope.READ, ApiScope.ERASE], by=admin)
    old = made(project, name="Old", expires_at=timezone.now() + timedelta(days=1))
    ApiToken.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(days=1))
    client.force_login(admin)

    page = client.get(PAGE).content.decode()

    for words in ("Shop", "erase", "Ada Admin", "Works", "Expired", "Never"):
        assert words in page


def test_who_may_not(client: Client, project: Project, viewer: User, editor: User, stranger: User) -> None:
    token = made(project)
    for user, status in ((viewer, 403), (editor, 403), (stranger, 404)):
        client.force_login(user)
        for path in (PAGE, ADD, f"{PAGE}{token.pk}/revoke/"):
            assert (user.name, path, client.get(path).status_code) == (user.name, path, status)
        assert client.post(ADD, {"name": "Shop", "scopes": ["read"]}).status_code == status
        assert client.post(f"{PAGE}{token.pk}/revoke/").status_code == status
    assert ApiToken.objects.usable(timezone.now()).count() == 1


def test_ids_of_others_and_of_nothing(client: Client, project: Project, admin: User, other_project: Project) -> None:
    client.force_login(admin)
    for number in (made(other_project).pk, 0, 10**9, 2**63, 10**40):
        assert client.post(f"{PAGE}{number}/revoke/").status_code == 404
    assert ApiToken.objects.usable(timezone.now()).count() == 1


def test_queries_do_not_grow(client: Client, project: Project, admin: User, django_assert_max_num_queries: Any) -> None:
    client.force_login(admin)
    for number in range(30):
        made(project, name=f"Shop {number}")
    with django_assert_max_num_queries(10):
        assert client.get(PAGE).status_code == 200
    assert client.get(f"{PAGE}?tokens=garbage").status_code == 400
