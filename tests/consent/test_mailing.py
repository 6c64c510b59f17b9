"""Mailed links: what arrives, how often, and what becomes of a mail that was not sent."""

from __future__ import annotations

import smtplib
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from consent.models import Centre, MailedLink
from consent.services import consents, mailing
from consent.vocabulary import LinkPurpose
from contacts.addresses import Address, normalise
from contacts.extension_points import chores
from contacts.models import Project
from contacts.services import blocks, opt_outs, status
from contacts.vocabulary import Cause, Channel
from tests.consent.mail import Inbox, inbox, link_in, part
from tests.factories import CommunicationTypeFactory, ContactFactory
from tests.origins import by_complaint, by_link

__all__ = ["inbox"]
pytestmark = pytest.mark.django_db
ADDRESS = normalise(Channel.EMAIL, "Ada@example.org")


def mail(project: Project, **changes: Any) -> MailedLink | None:
    wanted: dict[str, Any] = {
        "purpose": LinkPurpose.CONFIRM, "address": ADDRESS, "language": "en", "asked": {},
        "lasts": timedelta(days=7), **changes,
    }  # fmt: skip
    return mailing.mail_link(project, **wanted)


def sent(project: Project, **changes: Any) -> MailedLink:
    link = mail(project, **changes)
    assert link is not None
    return link


@pytest.fixture
def organization_in_words(project: Project) -> None:
    project.organization.postal_address = "12, rue du Quai\nQuébec"
    project.organization.save()
    Centre.objects.create(project=project, sender_name="Librairie <Été>", contact_email="privacy@example.org")


def test_what_arrives(project: Project, organization_in_words: None, inbox: Inbox, work_off: Callable[[], int]) -> None:
    topic = CommunicationTypeFactory(project=project, name="News & more")
    link = sent(project, asked={"offers": [[topic.pk, "email"]], "details": {"first_name": "WIN http://bad.example"}})
    assert work_off() == 1

    found = inbox.only()
    assert found["To"] == "Ada@example.org"
    assert found["From"] == '"Librairie <Été>" <sendable@localhost>'
    assert found["Reply-To"] == "privacy@example.org"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["Subject"] == "Please confirm: Librairie <Été>"
    assert found["Message-ID"].endswith("@127.0.0.1>")
    assert [piece.get_content_type() for piece in found.iter_parts()] == ["text/plain", "text/html"]
    text, page = part(found, "plain"), part(found, "html")
    for words in ("News & more", "Librairie <Été>", "12, rue du Quai", "seven days", "privacy@example.org"):
        assert words in text
    assert "News &amp; more" in page and "Librairie &lt;Été&gt;" in page and "<img" not in page
    assert "bad.example" not in text + page
    assert mailing.link_of(link_in(found).rstrip("/").rpartition("/")[2], LinkPurpose.CONFIRM) == link
    link.refresh_from_db()
    assert link.sent_at and link.attempts == 1


def test_a_mail_in_french(
    project: Project, organization_in_words: None, inbox: Inbox, work_off: Callable[[], int]
) -> None:
    topic = CommunicationTypeFactory(project=project, name="News", translations={"fr": {"name": "Nouvelles"}})
    sent(project, language="fr", asked={"offers": [[topic.pk, "email"]]})
    work_off()

    text = part(inbox.only(), "plain")
    assert "Nouvelles" in text and "sept jours" in text
    assert '<html lang="fr">' in part(inbox.only(), "html")


@pytest.mark.parametrize("purpose", LinkPurpose.values)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_purpose_has_its_mail(project: Project, purpose: str, language: str) -> None:
    link = sent(project, purpose=purpose, language=language, asked={"answer": "We must keep it until 2030."})
    message = mailing.message_of(link)

    assert message.subject and str(message.body).strip() and "{" not in str(message.body)
    assert bool(mailing.url_of(link)) == (purpose in mailing.ASKED_FOR)


def test_the_task_names_nobody(project: Project) -> None:
    link = sent(project)

    assert DBTaskResult.objects.get().args_kwargs == {"args": [link.pk], "kwargs": {}}


def test_three_in_a_day(project: Project, other_project: Project) -> None:
    assert [mail(project) is not None for _ in range(4)] == [True, True, True, False]
    assert mail(project, address=normalise(Channel.EMAIL, "grace@example.org"))
    assert mail(project, address=normalise(Channel.EMAIL, "ADA@EXAMPLE.org")) is None
    assert mail(other_project) and mail(project, purpose=LinkPurpose.PERSONAL)
    MailedLink.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    assert mail(project)


def said_no(how: str, project: Project) -> Address:
    contact = ContactFactory(project=project, email=ADDRESS.shown)
    if how == "switch":
        status.deactivate(contact.as_set(), origin=by_link())
    elif how == "channel":
        opt_outs.opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    elif how == "type":
        topic = CommunicationTypeFactory(project=project)
        consents.withdraw(contact.as_set(), topic, Channel.EMAIL, origin=by_link())
    else:
        blocks.opt_out_addresses([ADDRESS], project=project, origin=by_link())
    return ADDRESS


@pytest.mark.parametrize("how", ["switch", "channel", "type", "address"])
def test_one_a_day_after_a_no(project: Project, how: str) -> None:
    said_no(how, project)

    assert [mail(project) is not None for _ in range(2)] == [True, False]


def test_none_after_a_complaint(project: Project) -> None:
    blocks.suppress([ADDRESS], organization=project.organization, cause=Cause.COMPLAINT, origin=by_complaint())

    assert mail(project) is None
    assert mail(project, purpose=LinkPurpose.NEW_ADDRESS) is None
    assert mail(project, purpose=LinkPurpose.PERSONAL)


def test_the_same_request_is_one_mail(project: Project) -> None:
    number = uuid.uuid4()

    assert mail(project, request_id=number) == mail(project, request_id=number)
    assert MailedLink.objects.count() == DBTaskResult.objects.count() == 1


def test_links_are_read_back(project: Project) -> None:
    link = sent(project)
    token = mailing.link_token(link)

    assert mailing.link_of(token, LinkPurpose.CONFIRM) == link
    assert mailing.link_of(token, LinkPurpose.PERSONAL) is None
    for wrong in (token[:-1], token[1:], token.swapcase(), "", "é" * 30, "x" * 3000, "\0"):
        assert mailing.link_of(wrong, LinkPurpose.CONFIRM) is None


def test_keys_of_links_are_rotated(project: Project, settings: Any) -> None:
    link = sent(project)
    token = mailing.link_token(link)
    settings.LINK_KEYS = ["another-key-of-links-in-mails-now", *settings.LINK_KEYS]

    assert mailing.link_of(token, LinkPurpose.CONFIRM) == link
    settings.LINK_KEYS = settings.LINK_KEYS[:1]
    assert mailing.link_of(token, LinkPurpose.CONFIRM) is None


def test_a_link_is_used_once_and_in_time(project: Project) -> None:
    link, late = sent(project), sent(project)

    assert mailing.use(link) and not mailing.use(MailedLink.objects.get(pk=link.pk))
    with time_machine.travel(late.expires_at + timedelta(seconds=1)):
        assert not mailing.use(late)


def test_a_mail_is_sent_once(project: Project, inbox: Inbox, work_off: Callable[[], int]) -> None:
    link = sent(project)
    work_off()
    mailing.send(link.pk)

    assert len(inbox.mails) == 1


def test_two_workers_do_not_both_send_it(project: Project, inbox: Inbox) -> None:
    link = sent(project)
    mailing.leases.take(f"mail:{link.pk}", "another", now=timezone.now(), period=timedelta(minutes=1))
    mailing.send(link.pk)

    assert not inbox.mails


def test_what_was_erased_or_has_expired_is_not_sent(project: Project, inbox: Inbox) -> None:
    link, gone = sent(project), sent(project)
    MailedLink.objects.filter(pk=link.pk).update(expires_at=timezone.now())
    gone_number = gone.pk
    gone.delete()
    for number in (link.pk, gone_number):
        mailing.send(number)

    assert not inbox.mails


def test_what_a_server_does_not_take_now_is_sent_again(project: Project, inbox: Inbox) -> None:
    inbox.refusal = "451 try again later"
    link = sent(project)
    DBTaskResult.objects.all().delete()
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        mailing.send(link.pk)
    link.refresh_from_db()
    assert link.attempts == 1 and link.sent_at is None

    assert mailing.send_again(timezone.now()) == []
    soon = timezone.now() + timedelta(seconds=70)
    assert mailing.send_again(soon) == [link.pk]
    assert mailing.send_again(soon) == []  # it is in the queue
    inbox.refusal = ""
    mailing.send(link.pk)
    assert len(inbox.mails) == 1
    DBTaskResult.objects.all().delete()
    assert mailing.send_again(soon) == []


def test_what_a_server_never_takes_is_given_up(project: Project, inbox: Inbox, work_off: Callable[[], int]) -> None:
    inbox.refusal = "550 no such user"
    sent(project)
    work_off()

    assert mailing.send_again(timezone.now() + timedelta(days=2)) == []


def test_tries_become_rarer_and_end(project: Project) -> None:
    link = sent(project)
    DBTaskResult.objects.all().delete()
    for attempts, hours in ((5, 5), (7, 25)):
        MailedLink.objects.update(attempts=attempts)
        assert mailing.send_again(link.created_at + timedelta(hours=hours - 2)) == []
        assert mailing.send_again(link.created_at + timedelta(hours=hours)) == [link.pk]
        DBTaskResult.objects.all().delete()
    MailedLink.objects.update(attempts=len(mailing.TRIES))
    assert mailing.send_again(link.created_at + timedelta(days=3)) == []


def test_old_links_are_forgotten(project: Project) -> None:
    kept, old = sent(project), sent(project)
    MailedLink.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(days=31))

    assert mailing.purge(timezone.now()) == 1
    assert list(MailedLink.objects.all()) == [kept]


def test_the_workers_do_it() -> None:
    assert {"send_mails_again", "purge_links"} <= {chore.key for chore in chores}
