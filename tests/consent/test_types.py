"""Communication types: adding, changing, ordering and archiving what a project sends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from consent.models import CommunicationType, Consent, ConsentHistory
from consent.services.consents import grant, withdraw
from consent.services.types import (
    ConsentsConcerned,
    OnlyAdministrative,
    TypeNameTaken,
    TypeSettings,
    TypeWithoutChannel,
    add_type,
    change_type,
)
from consent.vocabulary import Basis, ImpliedBy
from contacts.models import Project, User
from tests.consent.saying import by_form, by_import
from tests.factories import CommunicationTypeFactory, ContactFactory
from tests.origins import by_link

pytestmark = pytest.mark.django_db
CENTRE = "/p/newsletter/consent/"
ADD = f"{CENTRE}types/add/"
MONTHS = {"inquiry_months": "6", "purchase_months": "24", "membership_months": "24"}


@pytest.fixture
def topic(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Newsletter", channels=["email", "sms"], position=1)


def entered(**changes: Any) -> dict[str, Any]:
    """What an admin enters."""
    return {
        "name": "Newsletter", "description": "Once a month.", "name_fr": "Infolettre", "description_fr": "",
        "channels": ["email", "sms"], "consent": "express", "despite_opt_out": "", "double_opt_in": "on",
        "is_public": "on", "after": "", "confirmed": "", **MONTHS, **changes,
    }  # fmt: skip


def edit(topic: CommunicationType) -> str:
    return f"{CENTRE}types/{topic.pk}/"


def archive(topic: CommunicationType) -> str:
    return f"{edit(topic)}archive/"


def agree(topic: CommunicationType, channel: str = "email", number: int = 1) -> None:
    for _number in range(number):
        contact = ContactFactory(project=topic.project, email="a@example.org", sms="+14185550137")
        grant(contact.as_set(), topic, channel, origin=by_form())


def imply(topic: CommunicationType) -> None:
    contact = ContactFactory(project=topic.project, email="b@example.org")
    until = timezone.now() + timedelta(days=30)
    grant(
        contact.as_set(), topic, "email", origin=by_import(), basis=Basis.IMPLIED, implied_by=ImpliedBy.PURCHASE,
        implied_until=until,
    )  # fmt: skip


def test_admin_adds_a_type(client: Client, admin: User, topic: CommunicationType) -> None:
    client.force_login(admin)
    changes = entered(name="Shop offers", consent="implied", purchase_months="12", after=str(topic.pk))
    response = client.post(ADD, changes, follow=True)

    added = CommunicationType.objects.get(name="Shop offers")
    assert (added.slug, added.position, added.channels) == ("shop-offers", 2, ["email", "sms"])
    assert added.translations == {"fr": {"name": "Infolettre"}}
    assert (added.accepts_implied, added.administrative, added.double_opt_in, added.is_public) == (
        True, False, True, True,
    )  # fmt: skip
    assert (added.inquiry_months, added.purchase_months, added.membership_months) == (6, 12, 24)
    assert "“Shop offers” is added." in response.text


def test_confirmation_changes_nothing(client: Client, admin: User, topic: CommunicationType) -> None:
    client.force_login(admin)
    before = list(CommunicationType.objects.values())
    for address in (ADD, edit(topic), archive(topic)):
        assert client.get(address).status_code == 200
        assert client.head(address).status_code == 200
    assert list(CommunicationType.objects.values()) == before


def test_same_request_twice_adds_one(client: Client, admin: User) -> None:
    client.force_login(admin)
    client.post(ADD, entered())
    answer = client.post(ADD, entered())
    assert "has a communication type of this name already" in answer.text
    assert CommunicationType.objects.count() == 1


def test_admin_changes_a_type(client: Client, admin: User, topic: CommunicationType) -> None:
    client.force_login(admin)
    answer = client.get(edit(topic))
    assert 'value="Newsletter"' in answer.text
    client.post(edit(topic), entered(name="Monthly news", channels=["push", "email", "sms"], is_public=""))
    topic.refresh_from_db()
    assert (topic.name, topic.slug.startswith("newsletter"), topic.channels) == (
        "Monthly news", True, ["email", "sms", "push"],
    )  # fmt: skip
    assert topic.is_public is False


def test_order(client: Client, admin: User, project: Project, topic: CommunicationType) -> None:
    second = CommunicationTypeFactory(project=project, name="Events", position=2)
    third = CommunicationTypeFactory(project=project, name="Offers", position=3)
    client.force_login(admin)
    client.post(edit(third), entered(name="Offers", after=""))
    assert [found.name for found in CommunicationType.objects.all()] == ["Offers", "Newsletter", "Events"]
    client.post(edit(third), entered(name="Offers", after=str(second.pk)))
    assert [found.name for found in CommunicationType.objects.all()] == ["Newsletter", "Events", "Offers"]
    page = client.get(edit(second)).text
    assert f'<option value="{topic.pk}" selected>' in page


@pytest.mark.parametrize("user", ["viewer", "editor"])
def test_only_admins_change_types(
    client: Client, request: pytest.FixtureRequest, topic: CommunicationType, user: str
) -> None:
    client.force_login(request.getfixturevalue(user))
    for address in (ADD, edit(topic), archive(topic)):
        assert client.get(address).status_code == 403
        assert client.post(address, entered(name="Other")).status_code == 403
    topic.refresh_from_db()
    assert (topic.name, topic.archived_at) == ("Newsletter", None)


def test_stranger_finds_nothing(client: Client, stranger: User, topic: CommunicationType) -> None:
    client.force_login(stranger)
    for address in (ADD, edit(topic), archive(topic)):
        assert client.post(address, entered(name="Other")).status_code == 404


def test_bad_ids(client: Client, admin: User, other_project: Project) -> None:
    elsewhere = CommunicationTypeFactory(project=other_project)
    client.force_login(admin)
    for number in (elsewhere.pk, 0, 999_999, 2**63, 10**30):
        for address in (f"{CENTRE}types/{number}/", f"{CENTRE}types/{number}/archive/"):
            assert client.get(address).status_code == 404
            assert client.post(address, entered()).status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "Enter a name, for example"),
        ({"name": "A\x00B"}, "characters that cannot be stored"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"name_fr": "x" * 101}, "at most 100 characters"),
        ({"description": "x" * 1_001}, "at most 1000 characters"),
        ({"channels": []}, "Choose one channel at least."),
        ({"channels": ["pigeon"]}, "pigeon"),
        ({"consent": "guessed"}, "Choose one of the list."),
        ({"consent": "implied", "inquiry_months": ""}, "Enter a number of months from 1 to 120."),
        ({"consent": "implied", "purchase_months": "0"}, "Enter a number of months from 1 to 120."),
        ({"consent": "implied", "membership_months": "9" * 30}, "Enter a number of months from 1 to 120."),
        ({"despite_opt_out": "Recalls"}, "Only an administrative type can be sent in spite of opt-outs."),
        ({"after": str(2**63)}, str(2**63)),
        ({"confirmed": "x" * 65}, "Ensure this value has at most 64"),
    ],
)
def test_bad_input_is_refused_in_words(
    client: Client, admin: User, topic: CommunicationType, changes: dict[str, Any], words: str
) -> None:
    client.force_login(admin)
    for address in (ADD, edit(topic)):
        answer = client.post(address, entered(**{"description_fr": "Reste.", **changes}))
        assert answer.status_code == 200
        assert words in answer.text
        assert "Reste." in answer.text
        assert "<title>Error:" in answer.text
    assert CommunicationType.objects.get().name == "Newsletter"


def test_names_of_all_scripts(client: Client, admin: User) -> None:
    client.force_login(admin)
    for name in ("نشرة أخبار", "会报 🎉", "Ünïcode"):
        client.post(ADD, entered(name=name))
    found = CommunicationType.objects.order_by("pk")
    assert [topic.name for topic in found] == ["نشرة أخبار", "会报 🎉", "Ünïcode"]
    assert [topic.slug for topic in found] == ["type", "type-2", "unicode"]


def test_services_refuse_what_no_door_may(project: Project, topic: CommunicationType) -> None:
    with pytest.raises(TypeWithoutChannel):
        add_type(project, TypeSettings("Other", channels=()))
    with pytest.raises(OnlyAdministrative):
        add_type(project, TypeSettings("Other", despite_opt_out="Recalls"))
    with pytest.raises(TypeNameTaken):
        add_type(project, TypeSettings("NEWSLETTER"))
    assert add_type(project, TypeSettings("Recalls", administrative=True, despite_opt_out="Law")).ignores_opt_outs


def test_languages_follow_the_centre(client: Client, admin: User, project: Project, topic: CommunicationType) -> None:
    """The name itself is in the centre's language; the others are asked for beside it, unknown ones stay."""
    client.force_login(admin)
    client.post(f"{CENTRE}settings/", {"default_language": "fr"})
    CommunicationType.objects.update(translations={"de": {"name": "Rundbrief"}, "en": {"name": "Old"}})
    page = client.get(edit(topic)).text
    assert 'name="name_en"' in page and 'name="name_fr"' not in page
    client.post(edit(topic), {**entered(name="Infolettre"), "name_en": "Newsletter"})
    topic.refresh_from_db()
    assert topic.translations == {"de": {"name": "Rundbrief"}, "en": {"name": "Newsletter"}}
    assert [topic.name_in(code) for code in ("en", "fr", "de")] == ["Newsletter", "Infolettre", "Rundbrief"]


def test_an_administrative_switch_says_whom_it_concerns(client: Client, admin: User, topic: CommunicationType) -> None:
    agree(topic, number=2)
    contact = ContactFactory(project=topic.project, email="c@example.org")
    withdraw(contact.as_set(), topic, "email", origin=by_link())
    client.force_login(admin)

    answer = client.post(edit(topic), entered(consent="administrative"))
    assert "This changes who may be sent to. Nothing is saved yet." in answer.text
    assert "also to 1 who took back their consent" in answer.text
    topic.refresh_from_db()
    assert topic.administrative is False

    confirmed = answer.context["form"].data["confirmed"]
    entries = ConsentHistory.objects.count()
    client.post(edit(topic), entered(consent="administrative", confirmed=confirmed))
    topic.refresh_from_db()
    assert topic.administrative is True
    assert ConsentHistory.objects.count() == entries
    assert Consent.objects.filter(is_withdrawn=True).count() == 1


def test_a_stale_confirmation_asks_again(client: Client, admin: User, topic: CommunicationType) -> None:
    agree(topic)
    CommunicationType.objects.update(administrative=True)
    client.force_login(admin)
    answer = client.post(edit(topic), entered())
    assert "there is 1 consent that counts" in answer.text
    confirmed = answer.context["form"].data["confirmed"]
    CommunicationType.objects.update(administrative=False)
    agree(topic)
    CommunicationType.objects.update(administrative=True)
    answer = client.post(edit(topic), entered(confirmed=confirmed))
    assert "Something changed since you looked. Nothing is saved yet." in answer.text
    assert "there are 2 consents that count" in answer.text
    assert CommunicationType.objects.get().administrative is True


def test_consequences_of_other_changes(project: Project, topic: CommunicationType) -> None:
    CommunicationType.objects.update(accepts_implied=True)
    topic.refresh_from_db()
    imply(topic)
    agree(topic, "sms")

    def said(**changes: Any) -> tuple[str, ...]:
        settings = {"channels": ("email", "sms"), "accepts_implied": True, **changes}
        with pytest.raises(ConsentsConcerned) as caught:
            change_type(topic, TypeSettings("Newsletter", **settings))
        return caught.value.consequences

    [sentence] = said(accepts_implied=False)
    assert sentence.startswith("1 consent is implied and counts no longer")
    [sentence] = said(channels=("email",))
    assert sentence.startswith("SMS: 1 consent stays in the history")
    assert len(said(channels=("email",), accepts_implied=False)) == 2
    changed = change_type(
        topic, TypeSettings("News", channels=("email", "sms"), accepts_implied=True, inquiry_months=3)
    )
    assert (changed.name, changed.inquiry_months) == ("News", 3)


def test_nothing_to_confirm_where_nobody_is_concerned(topic: CommunicationType) -> None:
    settings = TypeSettings("Newsletter", channels=("email",), accepts_implied=True)
    assert change_type(topic, settings).channels == ["email"]
    with pytest.raises(ConsentsConcerned) as caught:
        change_type(topic, TypeSettings("Newsletter", administrative=True))
    assert "whether they agreed or not" in caught.value.consequences[0]


def test_archive_and_bring_back(client: Client, admin: User, topic: CommunicationType) -> None:
    agree(topic)
    client.force_login(admin)
    page = client.get(archive(topic)).text
    assert "Archive Newsletter?" in page and "1 contact agreed" in page
    for _time in range(2):
        client.post(archive(topic))
    topic.refresh_from_db()
    assert topic.archived_at is not None
    archived_at = topic.archived_at
    client.post(archive(topic))
    topic.refresh_from_db()
    assert topic.archived_at == archived_at
    assert "1 archived type" in client.get(CENTRE).text
    assert Consent.objects.filter(is_express=True).count() == 1

    assert "Bring back Newsletter?" in client.get(archive(topic)).text
    client.post(archive(topic), {"bring_back": "1"})
    topic.refresh_from_db()
    assert topic.archived_at is None
