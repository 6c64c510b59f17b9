"""The list of contacts: what it shows, what its filters mean, what may be done from it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.eligibility import Question, conditions_for
from contacts.models import Contact, Project, StatusHistory, User
from contacts.origin import Origin
from contacts.services.blocks import quarantine
from contacts.services.opt_outs import opt_out
from contacts.services.register import set_validity
from contacts.services.status import deactivate
from contacts.vocabulary import Channel, Method
from tests.factories import BlockFactory, ContactFactory, MembershipFactory, by_the_system

pytestmark = pytest.mark.django_db


def list_url(project: Project) -> str:
    return reverse("contacts:contact_list", args=[project.slug])


def page(client: Client, project: Project, **query: Any) -> str:
    response = client.get(list_url(project), query)
    assert response.status_code == 200
    return response.content.decode()


def names(html: str) -> list[str]:
    return re.findall(r'class="name"><bdi>(.*?)</bdi>', html)


@pytest.fixture
def as_editor(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


def test_a_row_names_the_contact_their_verdicts_and_the_latest_change(project: Project, as_editor: Client) -> None:
    ContactFactory(
        project=project, key="K-1", first_name="Ada", last_name="Lovelace", email="ada@example.org",
        sms="+1 418 555 0137",
    )  # fmt: skip
    opt_out(Contact.objects.filter(key="K-1"), Channel.SMS, origin=Origin(Method.API, by_the_system().actor))
    last = StatusHistory.objects.latest("pk").recorded_at.astimezone(project.zone)
    html = page(as_editor, project)
    assert names(html) == ["Ada Lovelace"]
    cells = [" ".join(re.sub("<.*?>", " ", cell).split()) for cell in re.findall(r"<td.*?</td>", html, re.S)]
    assert cells == ["", "Yes", "Opted out", "– No device", f"Opted out of SMS API , {last:%-d %b %Y}"]
    assert "K-1</bdi> · <bdi>ada@example.org" in html


def test_a_viewer_who_may_not_send_sees_that(project: Project, client: Client) -> None:
    ContactFactory(project=project, email="ada@example.org")
    client.force_login(MembershipFactory(project=project, send_channels=[]).user)
    assert "Yes, not by you" in page(client, project)


def test_buttons_are_for_those_who_may(
    project: Project, client: Client, viewer: User, editor: User, admin: User
) -> None:
    ContactFactory(project=project)
    offered = {}
    for user in (viewer, editor, admin):
        client.force_login(user)
        html = page(client, project)
        offered[user] = {
            word
            for word in ("bulk/deactivate/", "bulk/activate/", "bulk/delete/", "contacts/export/", "contacts/add/",
                         'name="contact"')
            if word in html
        }  # fmt: skip
    edits = {"bulk/deactivate/", "bulk/activate/", "contacts/add/", 'name="contact"'}
    assert offered == {viewer: set(), editor: edits, admin: {*edits, "bulk/delete/", "contacts/export/"}}


def test_the_bulk_form_carries_the_filters(project: Project, as_editor: Client) -> None:
    contact = ContactFactory(project=project, last_name="Roy")
    html = page(as_editor, project, q="ro", status="active", cursor="", unknown="1")
    assert '<input type="hidden" name="filters" value="q=ro&amp;status=active">' in html
    assert f'name="contact" value="{contact.pk}"' in html


def test_a_stranger_finds_nothing_and_nobody_logs_in_first(client: Client, project: Project, stranger: User) -> None:
    assert client.get(list_url(project)).status_code == 302
    client.force_login(stranger)
    assert client.get(list_url(project)).status_code == 404


def test_contacts_of_other_projects_are_not_listed(project: Project, other_project: Project, as_editor: Client) -> None:
    ContactFactory(project=other_project, last_name="Elsewhere")
    assert "Elsewhere" not in page(as_editor, project)


def test_nothing_but_reading(project: Project, as_editor: Client) -> None:
    assert as_editor.post(list_url(project)).status_code == 405


def test_first_use_says_what_to_do(project: Project, as_editor: Client, viewer: User) -> None:
    html = page(as_editor, project)
    assert "No contacts yet" in html and "Import a list" in html
    as_editor.force_login(viewer)
    assert "An editor of this project can" in page(as_editor, project)


def test_no_match_offers_the_search_without_the_other_filters(project: Project, as_editor: Client) -> None:
    ContactFactory(project=project, last_name="Roy")
    html = page(as_editor, project, q="Roy", status="inactive")
    assert "No contact matches all 2 filters" in html
    assert f'href="{list_url(project)}?q=Roy"' in html
    assert "Erasures" in html
    assert "Show them without" not in page(as_editor, project, q="Nobody", status="inactive")


@pytest.fixture
def one_of_each(project: Project) -> dict[str, Contact]:
    """A contact for every condition of email that can fail, and one who may be written to."""
    made = {
        key: ContactFactory(project=project, key=key, last_name=key, email=f"{key.replace('_', '')}@example.org")
        for key in ("sendable", "active", "valid_address", "not_quarantined", "not_suppressed", "not_opted_out")
    }
    made["has_address"] = ContactFactory(project=project, key="has_address", last_name="has_address")
    deactivate(made["active"].as_set(), origin=by_the_system())
    set_validity(made["valid_address"], Channel.EMAIL, False, origin=by_the_system())
    quarantine(made["not_quarantined"].as_set(), Channel.EMAIL, origin=by_the_system())
    BlockFactory(organization=project.organization, address="notsuppressed@example.org")
    opt_out(made["not_opted_out"].as_set(), Channel.EMAIL, origin=by_the_system())
    return made


def test_each_registered_reason_finds_who_fails_it(
    project: Project, as_editor: Client, one_of_each: dict[str, Contact]
) -> None:
    for condition in conditions_for(Question(Channel.EMAIL)):
        if condition.key != "active":
            assert names(page(as_editor, project, reason=f"email:{condition.key}")) == [condition.key]
    assert names(page(as_editor, project, reason="email:sendable")) == ["sendable"]
    assert names(page(as_editor, project, reason="sms:sendable")) == []
    assert names(page(as_editor, project, status="inactive")) == ["active"]
    assert len(names(page(as_editor, project, status="active"))) == len(one_of_each) - 1


def test_filters_go_together(project: Project, as_editor: Client, one_of_each: dict[str, Contact]) -> None:
    assert names(page(as_editor, project, q="not", reason="email:not_opted_out", status="active")) == ["not_opted_out"]
    assert names(page(as_editor, project, q="not", reason="email:sendable")) == []


def test_method_and_period_are_those_of_the_last_change(project: Project, as_editor: Client) -> None:
    """Days are the project's: half past eleven in the evening in Toronto is the next day in UTC."""
    early = ContactFactory(project=project, last_name="Early")
    quiet = ContactFactory(project=project, last_name="Quiet")
    deactivate(early.as_set(), origin=Origin(Method.SPAM_REPORT, by_the_system().actor))
    early.as_set().update(last_entry_at=datetime(2026, 3, 11, 3, 30, tzinfo=UTC))
    quiet.as_set().update(last_entry_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    asked = {"changed_from": date(2026, 3, 10), "changed_to": date(2026, 3, 10)}
    assert names(page(as_editor, project, **asked)) == ["Early"]
    assert names(page(as_editor, project, changed_from=date(2026, 3, 11))) == []
    assert names(page(as_editor, project, changed_to=date(2026, 3, 9))) == ["Quiet"]
    assert names(page(as_editor, project, method="spam_report")) == ["Early"]
    assert names(page(as_editor, project, method="system")) == ["Quiet"]
    html = page(as_editor, project, **asked, method="spam_report")
    assert "Changed from 10 Mar 2026" in html and "Changed by: Spam report" in html


def test_a_chip_takes_its_own_filter_away(project: Project, as_editor: Client) -> None:
    ContactFactory(project=project, last_name="Roy")
    html = page(as_editor, project, q="Roy & Söhne", status="inactive", reason="email:has_address", order="change")
    chips = re.findall(r'class="chip" href="(.*?)">(.*?)<svg', html)
    assert chips == [
        ("?status=inactive&amp;reason=email%3Ahas_address&amp;order=change", "“Roy &amp; Söhne”"),
        ("?q=Roy+%26+S%C3%B6hne&amp;reason=email%3Ahas_address&amp;order=change", "Inactive"),
        ("?q=Roy+%26+S%C3%B6hne&amp;status=inactive&amp;order=change", "Email: no address"),
    ]
    assert f'href="{list_url(project)}">Clear filters' in html


@pytest.mark.parametrize(
    "query",
    [
        {"status": "zz"}, {"reason": "email:nonsense"}, {"reason": "fax:sendable"}, {"reason": "email"},
        {"method": "owl"}, {"changed_from": "yesterday"}, {"changed_to": "2026-02-30"}, {"changed_from": "0001-01-01"},
        {"changed_to": "9999-12-31"}, {"changed_from": "2026-03-02", "changed_to": "2026-03-01"},
        {"q": "a\x00b"}, {"q": "\x1b[2J"}, {"q": "x" * 5_000}, {"order": "random"},
    ],
)  # fmt: skip
def test_a_filter_that_means_nothing_is_named_and_lists_nobody(
    project: Project, as_editor: Client, query: dict[str, str]
) -> None:
    ContactFactory(project=project, last_name="Roy")
    html = page(as_editor, project, **query)
    assert 'class="notice no' in html and "Error:" in html
    assert names(html) == [] and "data-bulk" not in html


def test_filters_that_mean_nothing_are_not_exported_as_everybody(project: Project, client: Client, admin: User) -> None:
    ContactFactory(project=project)
    client.force_login(admin)
    assert 'name="filters" value="status=zz"' in page(client, project, status="zz")


@pytest.mark.parametrize("cursor", ["x", "bm9wZQ", "WyJuIl0", "\x00", "W10", "WyJuIixbXSxbXSxbXV0", "9" * 3000])
def test_a_bad_cursor_is_said_in_words(project: Project, as_editor: Client, cursor: str) -> None:
    response = as_editor.get(list_url(project), {"cursor": cursor})
    assert response.status_code == 400
    assert "This address names no page of the list." in response.content.decode()


def test_pages_follow_each_other_there_and_back(project: Project, as_editor: Client) -> None:
    for number in range(120):
        ContactFactory(project=project, last_name=f"N{number // 3:03}", first_name="same")
    for order in ("name", "change"):
        expected = [
            contact.pk
            for contact in Contact.objects.order_by(
                *(("last_name", "first_name", "id") if order == "name" else ("-last_entry_at", "-id"))
            )
        ]
        seen: list[int] = []
        url: str | None = f"{list_url(project)}?order={order}"
        last = ""
        while url:
            html = as_editor.get(url).content.decode()
            seen += [int(number) for number in re.findall(r'name="contact" value="(\d+)"', html)]
            following = re.search(r'href="(\?[^"]*)" rel="next"', html)
            url, last = following and list_url(project) + following[1].replace("&amp;", "&"), html
        assert seen == expected
        before = re.search(r'href="(\?[^"]*)" rel="prev"', last)
        assert before
        html = as_editor.get(list_url(project) + before[1].replace("&amp;", "&")).content.decode()
        assert [int(number) for number in re.findall(r'name="contact" value="(\d+)"', html)] == expected[50:100]


def test_sorting_is_told_to_everybody(project: Project, as_editor: Client) -> None:
    ContactFactory(project=project)
    assert 'aria-sort="ascending">Contact' in page(as_editor, project)
    assert 'aria-sort="descending">Latest change' in page(as_editor, project, order="change")


def test_htmx_gets_the_results_alone(project: Project, as_editor: Client) -> None:
    ContactFactory(project=project, last_name="Roy")
    response = as_editor.get(list_url(project), {"q": "Roy"}, headers={"HX-Request": "true"})
    html = response.content.decode()
    assert names(html) == ["Roy"] and "<html" not in html and 'role="search"' not in html
    assert response["Vary"].find("HX-Request") >= 0


def test_names_cannot_write_the_page(project: Project, as_editor: Client) -> None:
    ContactFactory(project=project, last_name="<script>alert(1)</script>", key="‮gnirts")
    html = page(as_editor, project)
    assert "<script>alert" not in html and '<bdi class="key">‮gnirts</bdi>' in html


def test_queries_do_not_grow(project: Project, as_editor: Client) -> None:
    def count(**query: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page(as_editor, project, **query)
        assert not [query["sql"] for query in queries if "COUNT(" in query["sql"].upper()]
        return len(queries)

    contact = ContactFactory(project=project, last_name="Roy", email="roy@example.org")
    searched, listed = count(q="roy", reason="email:sendable"), count()
    for number in range(30):
        ContactFactory(project=project, last_name=f"Roy{number}", email=f"roy{number}@example.org", sms="+14185550137")
    for _time in range(20):
        set_validity(contact, Channel.EMAIL, False, origin=by_the_system())
        set_validity(contact, Channel.EMAIL, True, origin=by_the_system())
    assert (count(q="roy", reason="email:sendable"), count()) == (searched, listed)
    assert listed <= 12
