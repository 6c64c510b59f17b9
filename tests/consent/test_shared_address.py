"""Several contacts at one address: a withdrawal through it holds for all of them, whatever lists say later."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from consent.models import CommunicationType, ConsentHistory
from consent.services import links
from consent.services.choosing import Wish, choose
from consent.services.consents import RefusedAtAddress, grant
from consent.services.links import Scope
from consent.tokens import read, token_for
from consent.vocabulary import Basis, ImpliedBy
from contacts.eligibility import Question, eligible
from contacts.models import ChannelStatus, Contact, Project
from contacts.services.verify import differences
from contacts.vocabulary import Channel
from tests.consent.links import open_centre
from tests.consent.saying import by_form, by_import
from tests.factories import CommunicationTypeFactory, ContactFactory
from tests.imports import import_text
from tests.origins import ADMIN, EDITOR, authorized, by, by_link

pytestmark = pytest.mark.django_db

EMAIL = "family@example.org"


@pytest.fixture
def news(project: Project) -> CommunicationType:
    open_centre(project)
    return CommunicationTypeFactory(project=project, slug="news", accepts_implied=True)


@pytest.fixture
def ann(project: Project, news: CommunicationType) -> Contact:
    return subscriber(project, news, "ANN")


@pytest.fixture
def bob(project: Project, news: CommunicationType) -> Contact:
    return subscriber(project, news, "BOB")


def subscriber(project: Project, news: CommunicationType, key: str) -> Contact:
    contact = ContactFactory(project=project, key=key, email=EMAIL)
    grant(contact.as_set(), news, Channel.EMAIL, origin=by_form())
    return contact


def row_of(contact: Contact) -> ChannelStatus:
    return ChannelStatus.objects.get(contact=contact, channel=Channel.EMAIL)


def who_gets(news: CommunicationType) -> set[str]:
    found = eligible(Contact.objects.in_project(news.project), Question(Channel.EMAIL, news))
    return set(found.values_list("key", flat=True))


def test_a_link_stops_the_type_at_its_address(
    client: Client, ann: Contact, bob: Contact, news: CommunicationType, other_project: Project
) -> None:
    elsewhere = subscriber(other_project, CommunicationTypeFactory(project=other_project), "ANN")
    token = token_for(row_of(ann), news)
    for _press in range(2):
        assert client.post(f"/u/{token}", {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert who_gets(news) == set()
    assert ConsentHistory.objects.filter(word="withdrawn").count() == 2
    assert not ConsentHistory.objects.filter(contact=elsewhere, word="withdrawn").exists()
    assert not list(differences())


def test_a_link_says_nothing_of_who_never_agreed(ann: Contact, project: Project, news: CommunicationType) -> None:
    ContactFactory(project=project, key="CLEO", email=EMAIL)
    links.stop(links.what_stops(read(token_for(row_of(ann), news))), Scope.TYPE, origin=by_link())
    assert ConsentHistory.objects.filter(word="withdrawn").count() == 1


def test_the_consent_centre_does_so_too(ann: Contact, bob: Contact, news: CommunicationType) -> None:
    moved = {f"type-{news.pk}-email": Wish(was_on=True, is_on=False)}
    choose(ann, moved, evidence={}, language="en", request_id=uuid.uuid4())
    assert who_gets(news) == set()


def test_a_list_does_not_opt_in_a_second_record_of_who_said_no(
    ann: Contact, project: Project, news: CommunicationType
) -> None:
    links.stop(links.what_stops(read(token_for(row_of(ann), news))), Scope.TYPE, origin=by_link())
    text = f"key,email,News\nSHOP-7,{EMAIL},yes\n"
    import_text(project, text, targets=["key", "email", "consent:news:email"])
    assert Contact.objects.filter(key="SHOP-7").exists()
    assert who_gets(news) == set()


def test_nor_do_clerks_and_purchases(ann: Contact, project: Project, news: CommunicationType) -> None:
    links.stop(links.what_stops(read(token_for(row_of(ann), news))), Scope.TYPE, origin=by_link())
    twin = ContactFactory(project=project, key="TWIN", email=EMAIL)
    change = grant(twin.as_set(), news, Channel.EMAIL, origin=by(EDITOR))
    with pytest.raises(RefusedAtAddress):
        change.or_raise()
    until = timezone.now() + timedelta(days=100)
    grant(
        twin.as_set(), news, Channel.EMAIL, origin=by_import(), basis=Basis.IMPLIED, implied_by=ImpliedBy.PURCHASE,
        implied_until=until,
    )  # fmt: skip
    assert who_gets(news) == set()
    grant(twin.as_set(), news, Channel.EMAIL, origin=by(ADMIN), authorization=authorized())
    assert who_gets(news) == {"TWIN"}


def test_their_own_act_opts_them_in(ann: Contact, bob: Contact, news: CommunicationType) -> None:
    links.stop(links.what_stops(read(token_for(row_of(ann), news))), Scope.TYPE, origin=by_link())
    grant(bob.as_set(), news, Channel.EMAIL, origin=by_form())
    assert who_gets(news) == {"BOB"}
