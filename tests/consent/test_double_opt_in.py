"""From a form to a confirmed opt-in: through the queue, a real mail server, and the page behind the mail's link."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from django.db import connection
from django.test import Client

from consent.models import Centre, CommunicationType, ConsentHistory, MailedLink
from consent.services import confirming, mailing
from consent.vocabulary import LinkPurpose, Word
from contacts.addresses import normalise
from contacts.models import Block, Contact, Project, StatusHistory
from contacts.services import blocks
from contacts.vocabulary import Cause, Channel
from tests.consent.forms import form_of, submission
from tests.consent.mail import Inbox, inbox, link_in
from tests.factories import CommunicationTypeFactory, ContactFactory, OrganizationFactory, ProjectFactory
from tests.origins import by_complaint

__all__ = ["inbox"]
pytestmark = pytest.mark.django_db
ADDRESS = normalise(Channel.EMAIL, "ada@example.org")


@pytest.fixture
def newsletter(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Newsletter")


def everything() -> tuple[int, ...]:
    tables = (Contact, ConsentHistory, StatusHistory, Block)
    return (*(model.objects.count() for model in tables), MailedLink.objects.filter(used_at__isnull=False).count())


def asked(project: Project, topic: CommunicationType, **changes: object) -> str:
    """The path of the link that somebody new is mailed."""
    wanted = {"address": ADDRESS, "offers": [(topic, Channel.EMAIL)], "language": "en", **changes}
    confirming.ask_to_confirm(project, **wanted)  # type: ignore[arg-type]
    return f"/c/confirm/{mailing.link_token(MailedLink.objects.latest('pk'))}"


def test_from_the_form_to_the_confirmation(
    client: Client, project: Project, newsletter: CommunicationType, inbox: Inbox, work_off: Callable[[], int]
) -> None:
    version = form_of(project, newsletter)
    Centre.objects.create(project=project)
    client.post("/f/our-news/", submission(version, newsletter, first_name="Ada"))
    work_off()
    path = link_in(inbox.only())
    before = everything()

    for look in (client.get(path), client.head(path), client.get(path, headers={"Purpose": "prefetch"})):
        assert look.status_code == 200 and not look.cookies
        assert look["Cache-Control"] == "no-store" and look["Referrer-Policy"] == "no-referrer"
    page = client.get(path).text
    assert "Newsletter" in page and "Yes, send me this." in page and "a•••••@example.org" in page
    assert "ada@example.org" not in page and "Ada" not in page
    assert everything() == before

    done = Client(enforce_csrf_checks=True).post(path, headers={"User-Agent": "Phone 2"}, REMOTE_ADDR="192.0.2.9")
    assert done.status_code == 200 and "From now on" in done.text and "Newsletter" in done.text
    assert "Choose what you receive" in done.text and not done.cookies
    contact = Contact.objects.get()
    entry = ConsentHistory.objects.get(word=Word.GRANTED, contact=contact)
    evidence = entry.detail.evidence
    assert (evidence["wording"], evidence["version"], evidence["confirmed_ip"]) == (
        "Yes, send me this.",
        1,
        "192.0.2.9",
    )
    assert evidence["confirmed_user_agent"] == "Phone 2"

    after = everything()
    assert "Confirmed already" in client.post(path).text and "Confirmed already" in client.get(path).text
    assert everything() == after


def test_in_french(client: Client, project: Project, newsletter: CommunicationType) -> None:
    path = asked(project, newsletter, language="fr")

    assert '<html lang="fr">' in client.get(path).text
    assert '<html lang="en">' in client.get(path, {"lang": "en"}).text
    assert '<html lang="fr">' in client.post(path, {"lang": "fr"}).text


def test_a_link_that_has_expired(client: Client, project: Project, newsletter: CommunicationType) -> None:
    path = asked(project, newsletter)
    with time_machine.travel(MailedLink.objects.get().expires_at + timedelta(minutes=1)):
        for answer in (client.get(path), client.post(path)):
            assert answer.status_code == 410 and "ask for it again" in answer.text
    assert not Contact.objects.exists()


@pytest.mark.parametrize("token", ["nothing", "a.b.c", "x" * 900, "%00", "%C3%A9.1", "WzEsImEiXQ.abc"])
def test_a_link_that_leads_nowhere(client: Client, db: None, token: str) -> None:
    for answer in (client.get(f"/c/confirm/{token}"), client.post(f"/c/confirm/{token}/")):
        assert answer.status_code == 404 and "copy all of it" in answer.text


def test_a_link_for_something_else(client: Client, project: Project) -> None:
    link = mailing.mail_link(
        project, purpose=LinkPurpose.PERSONAL, address=ADDRESS, language="en", asked={}, lasts=timedelta(minutes=30)
    )
    assert link
    assert client.post(f"/c/confirm/{mailing.link_token(link)}").status_code == 404


def test_over_a_complaint_the_page_says_what_to_do(
    client: Client, project: Project, newsletter: CommunicationType
) -> None:
    Centre.objects.create(project=project, contact_email="privacy@example.org")
    path = asked(project, newsletter)
    blocks.suppress([ADDRESS], organization=project.organization, cause=Cause.COMPLAINT, origin=by_complaint())
    page = client.post(path).text

    assert "We kept your answer" in page and "privacy@example.org" in page
    for secret in ("complain", "suppress", "spam"):
        assert secret not in page.lower()
    assert ConsentHistory.objects.get().word == Word.GRANTED


def test_what_is_not_offered_any_more(client: Client, project: Project, newsletter: CommunicationType) -> None:
    path = asked(project, newsletter)
    CommunicationType.objects.update(archived_at=MailedLink.objects.get().created_at)

    assert "not offered any more" in client.get(path).text


def test_only_look_and_confirm(client: Client, project: Project, newsletter: CommunicationType) -> None:
    assert client.put(asked(project, newsletter)).status_code == 405


def test_queries_do_not_grow(
    client: Client, project: Project, django_assert_max_num_queries: Callable[..., object]
) -> None:
    topics = [CommunicationTypeFactory(project=project) for _ in range(6)]
    path = asked(project, topics[0], offers=[(topic, Channel.EMAIL) for topic in topics])
    with django_assert_max_num_queries(5):  # type: ignore[attr-defined]
        client.get(path)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("links", [1, 2])
def test_at_the_same_moment(links: int) -> None:
    project = ProjectFactory(organization=OrganizationFactory())
    topic = CommunicationTypeFactory(project=project)
    paths = [asked(project, topic) for _link in range(links)]
    start = Barrier(4)

    def post(number: int) -> int:
        try:
            start.wait()
            return Client().post(paths[number % links]).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(post, range(4))) == [200] * 4
    assert Contact.objects.count() == 1
    assert ConsentHistory.objects.filter(word=Word.GRANTED).count() == links


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_ask_for_one_address() -> None:
    project = ProjectFactory(organization=OrganizationFactory())
    topic = CommunicationTypeFactory(project=project)
    version = form_of(project, topic)
    ContactFactory(project=project, email=ADDRESS.shown)
    start = Barrier(8)

    def post(number: int) -> int:
        try:
            start.wait()
            return Client().post("/f/our-news/", submission(version, topic)).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(post, range(8))) == {200}
    assert MailedLink.objects.count() == 3
