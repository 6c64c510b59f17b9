"""Opt-ins by month, and implied consents that are about to end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from consent.models import CommunicationType, ConsentHistory
from consent.services.consents import ask, grant, withdraw
from consent.services.undo import undo
from consent.vocabulary import Basis, ImpliedBy
from contacts.models import Contact, Project, User
from tests.consent.saying import by_form, by_import
from tests.factories import CommunicationTypeFactory, ContactFactory
from tests.origins import EDITOR, by, by_link

pytestmark = pytest.mark.django_db
OPT_INS = "/p/newsletter/consent/opt-ins/"
EXPIRING = f"{OPT_INS}expiring/"


@pytest.fixture
def topic(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Offers", channels=["email", "sms"], accepts_implied=True)


def reader(project: Project, name: str = "reader") -> Contact:
    return ContactFactory(project=project, first_name=name, email=f"{name}@example.org", sms="+14185550137")


def imply(contact: Contact, topic: CommunicationType, days: int, channel: str = "email") -> None:
    """Consent that ends in so many days."""
    until = timezone.now() + timedelta(days=days)
    grant(
        contact.as_set(), topic, channel, origin=by_import(), basis=Basis.IMPLIED, implied_by=ImpliedBy.PURCHASE,
        implied_until=until,
    )  # fmt: skip


def names(answer: Any) -> list[str]:
    return [row.consent.contact.name for row in answer.context["page"].rows]


def test_opt_ins_and_withdrawals_that_changed_something(
    client: Client, viewer: User, project: Project, topic: CommunicationType
) -> None:
    first, second = reader(project, "Ada"), reader(project, "Bob")
    ask(first.as_set(), topic, "email", origin=by_form())
    grant(first.as_set(), topic, "email", origin=by_form())
    grant(first.as_set(), topic, "email", origin=by_form())
    withdraw(first.as_set(), topic, "email", origin=by_link())
    grant(second.as_set(), topic, "sms", origin=by(EDITOR))
    undo(ConsentHistory.objects.filter(contact=second), origin=by(EDITOR))
    imply(second, topic, 30)
    other = CommunicationTypeFactory(project=project, name="Other")
    grant(second.as_set(), other, "email", origin=by_form())

    client.force_login(viewer)
    answer = client.get(OPT_INS)
    found = answer.context["found"]
    assert len(found.months) == 12
    assert (found.months[-1].granted, found.months[-1].withdrawn) == (3, 1)
    assert {of.topic.name: (of.all_granted, of.all_withdrawn) for of in found.types} == {
        "Offers": (2, 1), "Other": (1, 0),
    }  # fmt: skip
    answer = client.get(OPT_INS, {"type": other.pk})
    assert (answer.context["found"].granted, answer.context["chosen"]) == (1, other)
    assert "Other, by month" in answer.text


def test_opt_ins_stand_in_the_month_in_which_they_were_written_down(
    client: Client, viewer: User, project: Project, topic: CommunicationType
) -> None:
    """Also where they happened earlier, so that no month changes when a list is imported later."""
    then = timezone.now() - timedelta(days=100)
    grant(reader(project).as_set(), topic, "email", origin=by_import(occurred_at=then))
    client.force_login(viewer)
    months = client.get(OPT_INS).context["found"].months
    assert [month.granted for month in months] == [0] * 11 + [1]


def test_administrative_types_have_no_opt_ins(client: Client, viewer: User, project: Project) -> None:
    CommunicationTypeFactory(project=project, administrative=True)
    client.force_login(viewer)
    assert "Nothing needs consent yet" in client.get(OPT_INS).text


def test_consents_that_end_soon(client: Client, viewer: User, project: Project, topic: CommunicationType) -> None:
    ada, bob, eve, fay = (reader(project, name) for name in ("Ada", "Bob", "Eve", "Fay"))
    imply(ada, topic, 20)
    imply(bob, topic, 10)
    imply(bob, topic, 80)
    imply(eve, topic, 15)
    grant(eve.as_set(), topic, "email", origin=by_form())
    imply(fay, topic, 12)
    withdraw(fay.as_set(), topic, "email", origin=by_link())
    imply(fay, topic, 50, "sms")

    client.force_login(viewer)
    answer = client.get(EXPIRING)
    assert names(answer) == ["Ada"]
    row = answer.context["page"].rows[0]
    assert (row.implied_by, row.days_left) == ("A purchase", 20)
    assert f"/p/newsletter/contacts/{ada.pk}/" in answer.text
    assert f"/p/newsletter/contacts/{ada.pk}/consents/entries/{row.entry}/" in answer.text
    assert names(client.get(EXPIRING, {"days": "60"})) == ["Ada", "Fay"]
    assert names(client.get(EXPIRING, {"days": "90"})) == ["Ada", "Fay", "Bob"]

    other = CommunicationTypeFactory(project=project, accepts_implied=True)
    assert names(client.get(EXPIRING, {"type": other.pk})) == []
    assert "No consent ends within 30 days" in client.get(EXPIRING, {"type": other.pk}).text
    assert names(client.get(EXPIRING, {"type": topic.pk})) == ["Ada"]


def test_what_accepts_no_implied_consent_is_left_out(
    client: Client, viewer: User, project: Project, topic: CommunicationType
) -> None:
    imply(reader(project), topic, 20)
    CommunicationType.objects.update(accepts_implied=False)
    client.force_login(viewer)
    answer = client.get(EXPIRING)
    assert names(answer) == []
    assert "No consent here can end" in answer.text


def test_pages_go_on_where_the_last_one_ended(
    client: Client, viewer: User, project: Project, topic: CommunicationType, django_assert_max_num_queries: Any
) -> None:
    client.force_login(viewer)
    imply(reader(project, "r0"), topic, 1)
    client.get(EXPIRING)
    with django_assert_max_num_queries(8) as few:
        client.get(EXPIRING)
    for number in range(1, 53):
        imply(reader(project, f"r{number}"), topic, 1 + number % 20)
    with django_assert_max_num_queries(len(few)):
        first = client.get(EXPIRING)
    assert len(names(first)) == 50
    second = client.get(EXPIRING, {"cursor": first.context["page"].next})
    assert sorted(names(first) + names(second)) == sorted(f"r{number}" for number in range(53))
    assert names(client.get(EXPIRING, {"cursor": second.context["page"].previous})) == names(first)


def test_queries_of_the_months_do_not_grow(
    client: Client, viewer: User, project: Project, topic: CommunicationType, django_assert_max_num_queries: Any
) -> None:
    client.force_login(viewer)
    client.get(OPT_INS)
    with django_assert_max_num_queries(8) as few:
        client.get(OPT_INS)
    for number in range(5):
        other = CommunicationTypeFactory(project=project, name=f"Type {number}")
        grant(reader(project, f"r{number}").as_set(), other, "email", origin=by_form())
    with django_assert_max_num_queries(len(few)):
        client.get(OPT_INS)


@pytest.mark.parametrize("address", [OPT_INS, EXPIRING])
@pytest.mark.parametrize(
    "query",
    [
        {"type": "x"}, {"type": str(2**63)}, {"type": "-1"}, {"type": "\x00"}, {"days": "31"}, {"days": "9" * 40},
        {"days": "\x00", "type": "é🎉"},
    ],
)  # fmt: skip
def test_garbage_is_left_out(
    client: Client, viewer: User, topic: CommunicationType, address: str, query: dict[str, str]
) -> None:
    client.force_login(viewer)
    assert client.get(address, query).status_code == 200


def test_a_bad_cursor_names_no_page(client: Client, viewer: User, topic: CommunicationType) -> None:
    client.force_login(viewer)
    for cursor in ("x", "é", "W10", "A" * 400):
        assert client.get(EXPIRING, {"cursor": cursor}).status_code == 400


def test_strangers_find_nothing(client: Client, stranger: User, topic: CommunicationType) -> None:
    client.force_login(stranger)
    for address in (OPT_INS, EXPIRING):
        assert client.get(address).status_code == 404


def test_another_projects_types_are_unknown(client: Client, viewer: User, other_project: Project) -> None:
    elsewhere = CommunicationTypeFactory(project=other_project, accepts_implied=True)
    imply(reader(other_project), elsewhere, 10)
    client.force_login(viewer)
    assert names(client.get(EXPIRING, {"type": elsewhere.pk})) == []
    assert client.get(OPT_INS, {"type": elsewhere.pk}).context["chosen"] is None
