"""Who may knock at which door: a row for every path that there is, and one expected answer for everybody.

Paths come from the resolver, so that a new one without a row fails here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from consent.models import ConsentHistory, WebhookEndpoint
from consent.services.consents import grant
from consent.services.requests import ask_erasure
from contacts.models import Membership, Organization, OrganizationAdmin, Project, StatusHistory, User
from contacts.services.tokens import create_token
from tests.consent.bounces import bounced
from tests.consent.feedback_reports import waiting_report
from tests.consent.forms import form_of
from tests.consent.saying import by_form
from tests.consent.texts import waiting_reply
from tests.contacts.imported import checked
from tests.factories import (
    BlockFactory,
    CommunicationTypeFactory,
    ContactFactory,
    ErasureReceiptFactory,
    RelationalRowFactory,
)

pytestmark = pytest.mark.django_db

OK, NOTHING_CHOSEN, NOT_HERE, REFUSED, NO_SUCH_METHOD = 200, 302, 404, 403, 405
EVERYBODY = ("viewer", "editor", "admin", "organization_admin")


@dataclass(frozen=True)
class House:
    """One of everything, in the project and in another one."""

    organization: Organization
    project: Project
    ids: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """Who is refused at a path and how, and what everybody else of the project is answered who looks at it."""

    ids: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    refused_to_send: tuple[str, ...] = ()
    refusal: int = REFUSED
    get: int = OK
    posts: bool = True


VIEW = Row(posts=False)
EDIT = Row(refused=("viewer",))
ADMINISTER = Row(refused=("viewer", "editor"))
ORGANIZATION = Row(refused=("viewer", "editor", "admin"), refusal=NOT_HERE)


def about(row: Row, *ids: str, **changes: Any) -> Row:
    return Row(**{**row.__dict__, "ids": ids, **changes})


OF_A_PROJECT: dict[str, Row] = {
    "overview": VIEW,
    "contact_list": VIEW,
    "contact_export": Row(refused=("viewer", "editor"), get=NO_SUCH_METHOD),
    "contact_add": EDIT,
    "bulk_pasted": EDIT,
    "bulk_deactivate": EDIT,
    "bulk_activate": EDIT,
    "bulk_delete": Row(refused=("viewer", "editor")),
    "contact": about(VIEW, "contact_id"),
    "contact_edit": about(EDIT, "contact_id"),
    "deactivate": about(EDIT, "contact_id"),
    "activate": about(EDIT, "contact_id"),
    "delete": about(EDIT, "contact_id", refused=("viewer", "editor")),
    "opt_out": about(EDIT, "contact_id", "channel"),
    "lift_opt_out": about(EDIT, "contact_id", "channel"),
    "validity": about(EDIT, "contact_id", "channel"),
    "row_add": about(EDIT, "contact_id", "table_slug"),
    "rows_export": about(Row(refused=("viewer", "editor"), get=NO_SUCH_METHOD), "contact_id", "table_slug"),
    "row_edit": about(EDIT, "contact_id", "row_id"),
    "row_remove": about(EDIT, "contact_id", "row_id"),
    "duplicates": VIEW,
    "merge": about(EDIT, get=NOTHING_CHOSEN),
    "history": about(ADMINISTER, posts=False),
    "history_export": about(ADMINISTER, get=NO_SUCH_METHOD),
    "entry": about(VIEW, "entry_id"),
    "undo": about(EDIT, "entry_id"),
    "imports": about(EDIT, posts=False),
    "import_add": EDIT,
    "import": about(EDIT, "import_id", posts=False),
    "import_columns": about(EDIT, "import_id"),
    "import_start": about(EDIT, "import_id", get=NOTHING_CHOSEN),
    "import_stop": about(EDIT, "import_id", get=NO_SUCH_METHOD),
    "import_resume": about(EDIT, "import_id", get=NO_SUCH_METHOD),
    "import_discard": about(EDIT, "import_id"),
    "import_undo": about(EDIT, "import_id", get=NOTHING_CHOSEN),
    "import_rows": about(EDIT, "import_id", posts=False, get=NOT_HERE),
    "import_rejected": about(Row(refused=("viewer", "editor"), get=NO_SUCH_METHOD), "import_id"),
    "import_absent": about(EDIT, "import_id", posts=False, get=NOTHING_CHOSEN),
    "import_absent_export": about(Row(refused=("viewer", "editor"), get=NO_SUCH_METHOD), "import_id"),
    "blocks": VIEW,
    "block_add": EDIT,
    "block_lift": about(EDIT, get=NOTHING_CHOSEN),
    "erasures": Row(refused_to_send=("viewer", "editor")),
    "erasure": about(VIEW, "receipt_id"),
    "members": about(ADMINISTER, posts=False),
    "member_add": ADMINISTER,
    "member_edit": about(ADMINISTER, "membership_id"),
    "member_remove": about(ADMINISTER, "membership_id"),
    "settings": ADMINISTER,
    "api_tokens": about(ADMINISTER, posts=False),
    "api_token_add": ADMINISTER,
    "api_token_revoke": about(ADMINISTER, "token_id"),
    "table_add": ADMINISTER,
    "table_edit": about(ADMINISTER, "table_id"),
    "table_remove": about(ADMINISTER, "table_id"),
    "consent:grant": about(EDIT, "contact_id", "type_id", "channel"),
    "consent:withdraw": about(EDIT, "contact_id", "type_id", "channel"),
    "consent:entry": about(VIEW, "contact_id", "opt_in_id"),
    "consent:undo": about(EDIT, "contact_id", "opt_in_id"),
    "consent:receipt": about(VIEW, "contact_id"),
    "consent:receipt_json": about(Row(refused=("viewer", "editor"), get=NO_SUCH_METHOD), "contact_id"),
    "consent:centre": VIEW,
    "consent:centre_settings": ADMINISTER,
    "consent:opt_ins": VIEW,
    "consent:expiring": VIEW,
    "consent:type_add": ADMINISTER,
    "consent:type_edit": about(ADMINISTER, "type_id"),
    "consent:type_archive": about(ADMINISTER, "type_id"),
    "consent:forms": VIEW,
    "consent:form_add": ADMINISTER,
    "consent:form_edit": about(ADMINISTER, "form_id"),
    "consent:form_version": about(VIEW, "form_id", "number"),
    "consent:requests": VIEW,
    "consent:request_refuse": about(Row(refused=("viewer", "editor")), "request_number"),
    "consent:delivery": VIEW,
    "consent:delivery_export": Row(refused=("viewer", "editor"), get=NO_SUCH_METHOD),
    "consent:delivery_event": about(VIEW, "event_number"),
    "consent:delivery_lift": about(EDIT, get=NOTHING_CHOSEN),
    "consent:delivery_review": about(EDIT, get=NOT_HERE),
    "consent:replies": VIEW,
    "consent:reply": about(VIEW, "reply_number"),
    "consent:reply_accept": about(EDIT, "reply_number"),
    "consent:reply_dismiss": about(EDIT, "reply_number"),
    "consent:spam_reports": about(ADMINISTER, posts=False),
    "consent:spam_report": about(ADMINISTER, "report_number", posts=False),
    "consent:spam_report_accept": about(ADMINISTER, "report_number"),
    "consent:spam_report_dismiss": about(ADMINISTER, "report_number"),
    "consent:endpoints": about(ADMINISTER, posts=False),
    "consent:endpoint_add": ADMINISTER,
    "consent:endpoint": about(ADMINISTER, "endpoint_id"),
    "consent:endpoint_rotate": about(ADMINISTER, "endpoint_id"),
    "consent:endpoint_remove": about(ADMINISTER, "endpoint_id"),
    "consent:audience": VIEW,
    "consent:audience_contacts": VIEW,
    "consent:audience_export": Row(refused=("viewer", "editor"), get=NO_SUCH_METHOD),
}
OF_AN_ORGANIZATION: dict[str, Row] = {
    "organization": about(ORGANIZATION, posts=False),
    "organization_settings": ORGANIZATION,
    "project_add": ORGANIZATION,
    "organization_admin_add": ORGANIZATION,
    "organization_admin_remove": about(ORGANIZATION, "admin_id"),
    "organization_blocks": about(ORGANIZATION, posts=False),
    "organization_block_add": ORGANIZATION,
    "organization_block_lift": about(ORGANIZATION, get=NOTHING_CHOSEN),
}
# Reached without a project: (answer to nobody, answer to a user).
OF_NOBODY = {"healthz": (200, 200), "patterns": (200, 200), "contacts:choose_project": (302, 302)}
# Reached by contacts with a link: an address that leads nowhere, and the answer to everybody.
OF_CONTACTS: dict[str, tuple[dict[str, str], int]] = {
    "consent:confirm": ({"token": "cut"}, NOT_HERE),
    "consent:personal": ({"token": "cut"}, NOT_HERE),
    "consent:new_address": ({"token": "cut"}, NOT_HERE),
    "consent:public_form": ({"slug": "nowhere"}, NOT_HERE),
    "consent:opt_out": ({"token": "cut"}, NOT_HERE),
    "consent:resubscribe": ({"token": "cut"}, NOT_HERE),
    "consent:choices": ({"token": "cut"}, NOT_HERE),
    "consent:ask_personal": ({"token": "cut"}, NOT_HERE),
    "consent:webhook": ({"endpoint_key": "00000000-0000-4000-8000-000000000000"}, NOT_HERE),
    "consent:webhook_inbound": ({"endpoint_key": "00000000-0000-4000-8000-000000000000"}, NOT_HERE),
}
# What their pages load: the same for everybody, and tested in tests/consent/test_theme.py.
OF_THEIR_PAGES = ("consent:theme", "consent:logo")
GLOBAL_IDS = (
    "contact_id", "entry_id", "receipt_id", "membership_id", "admin_id", "row_id", "table_id", "import_id", "type_id",
    "opt_in_id", "form_id", "request_number", "endpoint_id", "report_number",
    "reply_number", "token_id", "event_number",
)  # fmt: skip


def all_paths(patterns: list[Any] | None = None, namespace: str = "", route: str = "") -> Iterator[tuple[str, str]]:
    """Name and route of every path; those of the log-in are tested with it, those for programs in tests/api."""
    for item in get_resolver().url_patterns if patterns is None else patterns:
        here = f"{route}{item.pattern}"
        if isinstance(item, URLResolver):
            yield from all_paths(
                item.url_patterns, f"{namespace}{item.namespace}:" if item.namespace else namespace, here
            )
        elif isinstance(item, URLPattern) and not here.startswith(("accounts/", "api/")):
            yield f"{namespace}{item.name}", here


def test_every_path_has_a_row() -> None:
    rows = {full(name) for name in (*OF_A_PROJECT, *OF_AN_ORGANIZATION)} | {*OF_NOBODY, *OF_CONTACTS, *OF_THEIR_PAGES}
    assert {name for name, _route in all_paths()} - {"patterns"} == rows - {"patterns"}


@pytest.fixture
def house(
    project: Project, organization: Organization, viewer: User, editor: User, admin: User, organization_admin: User
) -> House:
    contact = ContactFactory(project=project, email="reader@example.org", sms="+14185550137")
    BlockFactory(organization=organization)
    row = RelationalRowFactory(contact=contact)
    topic = CommunicationTypeFactory(project=project, slug="newsletter")
    grant(contact.as_set(), topic, "email", origin=by_form())
    return House(
        organization,
        project,
        {
            "contact_id": contact.pk,
            "channel": "email",
            "entry_id": StatusHistory.objects.filter(contact=contact)[0].pk,
            "receipt_id": ErasureReceiptFactory(project=project).pk,
            "membership_id": Membership.objects.get(user=viewer).pk,
            "admin_id": OrganizationAdmin.objects.get(user=organization_admin).pk,
            "import_id": checked(project, "key\nC-1\n").pk,
            "row_id": row.pk,
            "table_id": row.table_id,
            "table_slug": row.table.slug,
            "type_id": topic.pk,
            "form_id": form_of(project, topic).form_id,
            "number": 1,
            "request_number": ask_erasure(contact).pk,
            "event_number": bounced(project, "nobody@example.org").pk,
            "reply_number": waiting_reply(project).pk,
            "token_id": create_token(project, name="Shop", scopes=["read"])[0].pk,
            "report_number": waiting_report(project, "reader@example.org").pk,
            "endpoint_id": WebhookEndpoint.objects.create(project=project, provider="postmark").pk,
            "opt_in_id": ConsentHistory.objects.get(contact=contact).pk,
        },
    )


@pytest.fixture
def person(request: pytest.FixtureRequest) -> Callable[[str], User]:
    return request.getfixturevalue


def full(name: str) -> str:
    """A row's name as the resolver knows it: the register's own stand without their namespace."""
    return name if ":" in name else f"contacts:{name}"


def path_of(name: str, row: Row, house: House, **changes: Any) -> str:
    place = (
        {"project_slug": house.project.slug} if name in OF_A_PROJECT else {"organization_slug": house.organization.slug}
    )
    return reverse(full(name), kwargs={**place, **{key: house.ids[key] for key in row.ids}, **changes})


def state() -> str:
    """All that the register holds, as one text: changes when anything does."""
    digest = hashlib.sha256()
    for model in [*apps.get_app_config("contacts").get_models(), *apps.get_app_config("consent").get_models()]:
        if model is not User:
            digest.update(repr(sorted(map(repr, model._default_manager.values_list()))).encode())
    return digest.hexdigest()


ROWS = [*OF_A_PROJECT.items(), *OF_AN_ORGANIZATION.items()]
BY_NAME = pytest.mark.parametrize(("name", "row"), ROWS, ids=[name for name, _row in ROWS])


@BY_NAME
def test_each_path_answers_each_person(
    client: Client, house: House, person: Callable[[str], User], name: str, row: Row
) -> None:
    """Looking changes nothing for anybody; sending changes nothing for who may not."""
    path = path_of(name, row, house)
    before = state()
    answer = client.get(path)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, reverse("account_login"))
    assert client.post(path, {"request_id": "", "reason": "other"}).status_code == 401
    for who in EVERYBODY:
        client.force_login(person(who))
        is_refused = who in row.refused
        looking = row.refusal if is_refused and row.get != NO_SUCH_METHOD else row.get
        assert (who, client.get(path).status_code) == (who, looking)
        assert (who, client.head(path).status_code) == (who, looking)
        if is_refused or who in row.refused_to_send or not row.posts:
            sending = row.refusal if row.posts else NO_SUCH_METHOD
            sent = client.post(path, {"contact": [house.ids["contact_id"]], "reason": "other", "note": "x"})
            assert (who, sent.status_code) == (who, sending)
    assert state() == before


@BY_NAME
def test_a_stranger_finds_nothing(client: Client, house: House, stranger: User, name: str, row: Row) -> None:
    client.force_login(stranger)
    path = path_of(name, row, house)
    before = state()
    if row.get != NO_SUCH_METHOD:
        assert client.get(path).status_code == NOT_HERE
    if row.posts:
        assert client.post(path).status_code == NOT_HERE
    assert state() == before


WITH_IDS = [(name, row) for name, row in ROWS if set(row.ids) & set(GLOBAL_IDS)]


@pytest.mark.parametrize(("name", "row"), WITH_IDS, ids=[name for name, _row in WITH_IDS])
def test_ids_of_another_project_and_of_nothing_are_not_found(
    client: Client, house: House, stranger: User, other_project: Project, name: str, row: Row
) -> None:
    """A member of both projects reaches each row through its own project alone."""
    OrganizationAdmin.objects.create(organization=other_project.organization, user=stranger)
    OrganizationAdmin.objects.create(organization=house.organization, user=stranger)
    client.force_login(stranger)
    elsewhere = {"project_slug": other_project.slug}
    if name in OF_AN_ORGANIZATION:
        elsewhere = {"organization_slug": other_project.organization.slug}
    unknown = [dict.fromkeys(set(row.ids) & set(GLOBAL_IDS), number) for number in (0, 10**9, 2**63, 10**40)]
    before = state()
    for changes in [elsewhere, *unknown]:
        path = path_of(name, row, house, **changes)
        if row.get != NO_SUCH_METHOD:
            assert (path, client.get(path).status_code) == (path, NOT_HERE)
        if row.posts:
            sent = client.post(path, {"reason": "other", "note": "x"})
            assert (path, sent.status_code) == (path, NOT_HERE)
    assert state() == before


@pytest.mark.parametrize("name", sorted(OF_NOBODY))
def test_paths_without_a_project(client: Client, nobody: User, admin: User, name: str) -> None:
    if name not in dict(all_paths()):
        return
    to_nobody, to_a_user = OF_NOBODY[name]
    assert client.get(reverse(name)).status_code == to_nobody
    client.force_login(admin)
    assert client.get(reverse(name)).status_code == to_a_user


@pytest.mark.parametrize("name", sorted(OF_CONTACTS))
def test_paths_of_contacts(client: Client, house: House, admin: User, name: str) -> None:
    """A log-in opens nothing more, none is asked for, and what comes from other sites is answered as well."""
    kwargs, status = OF_CONTACTS[name]
    path, before = reverse(name, kwargs=kwargs), state()
    client.handler.enforce_csrf_checks = True
    for who in (None, admin):
        if who:
            client.force_login(who)
        assert (client.get(path).status_code, client.head(path).status_code) == (status, status)
        assert client.post(path, headers={"Origin": "https://elsewhere.example"}).status_code == status
    assert state() == before
