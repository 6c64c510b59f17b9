"""The profile's table of what may be sent, and its tab of opt-ins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent.models import CommunicationType
from consent.selectors.matrix import Row, matrix_of
from consent.services.consents import ask, grant, withdraw
from consent.vocabulary import Basis, ImpliedBy
from contacts.access import access_for
from contacts.eligibility import Question, explain, explain_each
from contacts.models import Contact, Membership, Project, User
from contacts.selectors.channel_rows import facts_of, rows_of
from contacts.selectors.entries import entries_by_id
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.vocabulary import Channel, Role
from tests.consent.saying import by_form, by_import
from tests.factories import CommunicationTypeFactory, ContactFactory, MembershipFactory
from tests.origins import asked, by_link

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(
        project=project, first_name="Amélie", key="HM-1", email="amelie@example.org", sms="+14185550137"
    )


@pytest.fixture
def offers(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Offers", slug="offers", accepts_implied=True)


def imply(contact: Contact, topic: CommunicationType, days: int) -> None:
    grant(
        contact.as_set(), topic, "email", origin=by_import(), basis=Basis.IMPLIED, implied_by=ImpliedBy.PURCHASE,
        implied_until=timezone.now() + timedelta(days=days),
    )  # fmt: skip


def table(contact: Contact, user: User) -> list[Row]:
    access = access_for(user, contact.project.slug)
    contact.refresh_from_db()
    facts = facts_of(contact, access)
    return matrix_of(contact, access, rows_of(facts, access, entries_by_id(facts.entries, access)))


def cells(contact: Contact, user: User) -> dict[str, tuple[str, str, str]]:
    [row] = table(contact, user)
    return {
        channel: (cell.glyph, cell.word, cell.why.text)
        for channel, cell in zip(Channel.values, row.cells, strict=True)
    }  # fmt: skip


def today_in_words(contact: Contact) -> str:
    now = timezone.localtime(timezone.now(), contact.project.zone)
    return f"{now.day} {now:%b %Y}"


def test_each_verdict_has_its_basis(contact: Contact, offers: CommunicationType, editor: User) -> None:
    assert cells(contact, editor)["email"] == ("no", "No consent", "Nothing was ever said")
    assert cells(contact, editor)["push"] == ("na", "No device", "")
    ask(contact.as_set(), offers, "email", origin=by_form())
    assert cells(contact, editor)["email"][2].startswith("Not confirmed, asked ")
    imply(contact, offers, 30)
    assert cells(contact, editor)["email"][:2] == ("ok", "Yes")
    assert cells(contact, editor)["email"][2].startswith("Implied until ")
    grant(contact.as_set(), offers, "email", origin=by_form())
    assert cells(contact, editor)["email"] == ("ok", "Yes", f"Express since {today_in_words(contact)}")
    withdraw(contact.as_set(), offers, "email", origin=asked())
    assert cells(contact, editor)["email"] == ("no", "Withdrawn", f"On {today_in_words(contact)}")


def test_implied_consent_that_ended_says_when(contact: Contact, offers: CommunicationType, editor: User) -> None:
    imply(contact, offers, -1)
    glyph, word, why = cells(contact, editor)["email"]
    assert (glyph, word, why[:22]) == ("no", "No consent", "Implied consent ended ")


def test_implied_consent_is_not_enough_where_the_type_needs_more(
    contact: Contact, offers: CommunicationType, editor: User
) -> None:
    imply(contact, offers, 30)
    CommunicationType.objects.update(accepts_implied=False)
    assert cells(contact, editor)["email"] == ("no", "No consent", "Only implied, and it needs express consent")


def test_each_cell_leads_to_its_entry(contact: Contact, offers: CommunicationType, editor: User) -> None:
    grant(contact.as_set(), offers, "email", origin=by_form())
    opt_out(contact.as_set(), "sms", origin=by_link())
    [row] = table(contact, editor)
    email, sms, _push = row.cells
    entry = contact.consenthistory.get()
    assert (email.why.entry, email.why.url) == (
        entry.pk, f"/p/newsletter/contacts/{contact.pk}/consents/entries/{entry.pk}/"
    )  # fmt: skip
    block = contact.statushistory.filter(aspect="opt_out").get()
    assert (sms.word, sms.why.entry, sms.why.url) == ("Opted out", block.pk, f"/p/newsletter/history/{block.pk}/")


def test_what_needs_no_consent_and_what_is_not_sent(contact: Contact, project: Project, editor: User) -> None:
    CommunicationTypeFactory(project=project, name="Receipts", administrative=True, channels=["email"])
    CommunicationTypeFactory(project=project, name="Old", archived_at=timezone.now())
    [row] = table(contact, editor)
    assert (row.name, row.is_administrative) == ("Receipts", True)
    assert cells(contact, editor)["email"] == ("ok", "Yes", "Needs no consent")
    assert cells(contact, editor)["sms"] == ("na", "Not sent by SMS", "")


def test_the_first_failing_condition_is_the_word(contact: Contact, offers: CommunicationType, editor: User) -> None:
    grant(contact.as_set(), offers, "email", origin=by_form())
    deactivate(contact.as_set(), origin=by_link())
    assert cells(contact, editor)["email"][:2] == ("no", "Inactive")


def test_who_may_not_send_sees_that_others_may(contact: Contact, offers: CommunicationType, project: Project) -> None:
    grant(contact.as_set(), offers, "email", origin=by_form())
    user = MembershipFactory(project=project, role=Role.EDITOR).user
    Membership.objects.filter(user=user).update(send_channels=["sms"])
    assert cells(contact, user)["email"][:2] == ("you", "Yes, not by you")


def test_many_questions_at_once_are_answered_as_one_by_one(
    contact: Contact, offers: CommunicationType, project: Project
) -> None:
    grant(contact.as_set(), offers, "email", origin=by_form())
    opt_out(contact.as_set(), "email", origin=by_link())
    receipts = CommunicationTypeFactory(project=project, administrative=True, despite_opt_out="Tickets are needed.")
    moments: list[Any] = [None, timezone.now(), timezone.now() - timedelta(days=1)]
    questions = [
        Question(channel, communication_type=topic, at=at)
        for channel in Channel.values
        for topic in (None, offers, receipts)
        for at in moments
    ]
    assert explain_each(contact, questions) == [explain(contact, question) for question in questions]
    assert explain_each(contact, []) == []
    assert len(questions) * 3 > 60
    assert explain_each(contact, questions * 3) == explain_each(contact, questions) * 3


def test_queries_grow_neither_with_types_nor_with_history(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    client.force_login(editor)
    grant(contact.as_set(), offers, "email", origin=by_form())
    numbers = []
    for _size in range(2):
        for tab in ("", "?tab=consents"):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(contact.get_absolute_url() + tab).status_code == 200
            numbers.append(len(queries))
        for _more in range(5):
            topic = CommunicationTypeFactory(project=contact.project)
            grant(contact.as_set(), topic, "email", origin=by_form())
            withdraw(contact.as_set(), topic, "sms", origin=asked())
    assert numbers[:2] == numbers[2:]


def test_tab_shows_states_and_history(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    client.force_login(editor)
    grant(contact.as_set(), offers, "email", origin=by_form())
    withdraw(contact.as_set(), offers, "sms", origin=asked(note="No texts."))
    page = client.get(f"{contact.get_absolute_url()}?tab=consents")
    text = page.content.decode()
    for shown in ("Express consent", "When it is withdrawn", "Agreed to Offers by email", "“No texts.”"):
        assert shown in text
    by_channel = {row.channel_label: row for row in page.context["profile"].part.content["opt_ins"].rows}
    assert {label: row.word for label, row in by_channel.items()} == {"Email": "Express consent", "SMS": "Withdrawn"}
    assert by_channel["Email"].grant_url.endswith(f"/consents/{offers.pk}/email/grant/")
    assert "Status history" in text


def test_what_a_viewer_may_not_is_left_out(
    client: Client, contact: Contact, offers: CommunicationType, viewer: User
) -> None:
    client.force_login(viewer)
    page = client.get(f"{contact.get_absolute_url()}?tab=consents").content.decode()
    assert "/grant/" not in page
    assert "/withdraw/" not in page
    assert "/consents/receipt/" in page


def test_who_may_lift_it_stands_in_place_of_the_link(
    client: Client, contact: Contact, offers: CommunicationType, editor: User, admin: User
) -> None:
    withdraw(contact.as_set(), offers, "email", origin=by_link())
    client.force_login(editor)
    page = client.get(f"{contact.get_absolute_url()}?tab=consents").content.decode()
    assert "Ask Ada Admin." in page
    assert f"/consents/{offers.pk}/email/grant/" not in page
    assert f"/consents/{offers.pk}/email/withdraw/" in page


def test_history_comes_in_pages(client: Client, contact: Contact, offers: CommunicationType, editor: User) -> None:
    client.force_login(editor)
    for _entry in range(17):
        grant(contact.as_set(), offers, "email", origin=by_form())
    first = client.get(f"{contact.get_absolute_url()}?tab=consents").context["profile"].part.content["opt_ins"]
    second = client.get(first.older_url.removesuffix("#tab")).context["profile"].part.content["opt_ins"]
    numbers = [entry.id for entry in (*first.entries, *second.entries)]
    assert len(numbers) == 17
    assert numbers == sorted(numbers, reverse=True)
    assert not second.older_url


@pytest.mark.parametrize("query", ["tab=nothing", "tab=%00", "tab=consents&table=orders", "tab=" + "x" * 3000])
def test_an_unknown_tab_shows_the_status_history(
    client: Client, contact: Contact, offers: CommunicationType, viewer: User, query: str
) -> None:
    client.force_login(viewer)
    assert client.get(f"{contact.get_absolute_url()}?{query}").status_code == 200


def test_a_cursor_of_nowhere_is_refused(
    client: Client, contact: Contact, offers: CommunicationType, viewer: User
) -> None:
    client.force_login(viewer)
    assert client.get(f"{contact.get_absolute_url()}?tab=consents&cursor=nowhere").status_code == 400


def test_without_types_the_profile_has_neither(client: Client, contact: Contact, viewer: User) -> None:
    client.force_login(viewer)
    page = client.get(contact.get_absolute_url()).content.decode()
    assert "What may be sent" not in page
    assert "Opt-ins" not in page
