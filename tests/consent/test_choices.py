"""The consent centre as contacts see it: switches that save what was moved, and nothing else."""

from __future__ import annotations

import re
import uuid
from typing import Any
from unittest.mock import patch

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent.models import Centre, CommunicationType, ConsentDetail, ConsentHistory, MailedLink
from consent.services.consents import withdraw
from consent.tokens import token_for
from consent.vocabulary import LinkPurpose
from contacts.addresses import normalise
from contacts.models import Contact, Project, StatusHistory
from contacts.services import blocks, opt_outs, register, status
from contacts.services.verify import differences
from contacts.vocabulary import Cause, Method, Weight
from tests.consent.links import (
    agree,
    is_withdrawn,
    may_get,
    newsletter,
    open_centre,
    post,
    row_of,
    said,
    subscriber,
    visitor,
)
from tests.factories import by_the_system
from tests.origins import asked, by_complaint, by_link

pytestmark = pytest.mark.django_db


@pytest.fixture
def centre(project: Project) -> Centre:
    return open_centre(project)


@pytest.fixture
def news(project: Project, centre: Centre) -> CommunicationType:
    """With double opt-in."""
    return newsletter(project, name="News", description="Once a month.")


@pytest.fixture
def events(project: Project, centre: Centre) -> CommunicationType:
    """Without."""
    return newsletter(project, slug="events", name="Events", double_opt_in=False)


@pytest.fixture
def contact(project: Project, news: CommunicationType, events: CommunicationType) -> Contact:
    """Receives News by email, and Events not."""
    return subscriber(project, news, sms="+14185550137")


def path_of(contact: Contact, channel: str = "email") -> str:
    return f"/c/{token_for(row_of(contact, channel))}"


def fields_of(text: str) -> dict[str, str]:
    """What a browser would send of a page's form, as it stands."""
    form = text.partition("<form")[2].partition("</form>")[0]
    found = {}
    for tag in re.findall(r"<input[^>]+>", form):
        at = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if at["type"] == "hidden" or ("checked" in tag and "disabled" not in tag):
            found[at["name"]] = at["value"]
    return found


def name_of(topic: CommunicationType, channel: str = "email") -> str:
    return f"type-{topic.pk}-{channel}"


def page(contact: Contact) -> str:
    answer = visitor().get(path_of(contact))
    assert answer.status_code == 200
    return answer.content.decode()


def save(contact: Contact, **moved: bool) -> str:
    """Move some switches of the page as it stands, and save."""
    return send(contact, move(fields_of(page(contact)), moved))


def move(fields: dict[str, str], moved: dict[str, bool]) -> dict[str, str]:
    for name, on in moved.items():
        fields.pop(name, None)
        if on:
            fields[name] = "on"
    return fields


def send(contact: Contact, fields: dict[str, str]) -> str:
    answer = post(visitor(), path_of(contact), fields)
    assert (answer.status_code, answer.cookies.keys()) == (200, {}.keys())
    return answer.content.decode()


def links(contact: Contact, purpose: LinkPurpose = LinkPurpose.CONFIRM) -> list[MailedLink]:
    return list(MailedLink.objects.filter(contact=contact, purpose=purpose))


def why(text: str, topic: CommunicationType, channel: str = "email") -> tuple[str, bool]:
    """What stands under a switch, and whether it can be moved."""
    part = text.partition(f'for="{name_of(topic, channel)}"')[2].partition("</label>")[0]
    words = re.search(r'class="why">([^<]*)<', part)
    return (words[1] if words else "", "disabled" not in part)


def test_page_shows_types_and_switches(contact: Contact, news: CommunicationType, project: Project) -> None:
    newsletter(project, slug="receipts", name="Receipts", administrative=True)
    newsletter(project, slug="hidden", name="Unseen", is_public=False)
    newsletter(project, slug="push", name="Nowhere", channels=["push"])
    text = page(contact)
    assert "Once a month." in text and "Receipts" in text
    assert "Unseen" not in text and "Nowhere" not in text
    names = re.findall(r'role="switch" name="([^"]+)"', text)
    types = CommunicationType.objects.filter(slug__in=["news", "events"]).order_by("name")
    assert names == [name_of(topic, channel) for topic in types for channel in ("email", "sms")]
    assert fields_of(text)[name_of(news)] == "on"


def test_looking_and_saving_nothing_change_nothing(contact: Contact) -> None:
    before = said()
    assert "Nothing was changed" in save(contact)
    assert said() == before


def test_off_is_a_withdrawal_of_their_own(contact: Contact, news: CommunicationType) -> None:
    text = save(contact, **{name_of(news): False})
    assert "Saved at" in text and "“News” is no longer sent to you (Email)." in text
    assert not may_get(contact, news)
    entry = ConsentHistory.objects.latest("pk")
    assert (entry.word, entry.method, entry.weight) == ("withdrawn", Method.FORM, Weight.OWN)
    evidence = ConsentDetail.objects.get(entry=entry).evidence
    assert (evidence["page"], evidence["wording"]) == ("http://testserver/c/", "News: Once a month.")


def test_on_without_double_opt_in_is_an_agreement_of_their_own(contact: Contact, events: CommunicationType) -> None:
    text = save(contact, **{name_of(events): True})
    assert "“Events” is sent to you from now on (Email)." in text
    assert may_get(contact, events)
    assert not links(contact)
    assert list(differences()) == []


def test_on_with_double_opt_in_waits_for_a_mail(contact: Contact, news: CommunicationType) -> None:
    text = save(contact, **{name_of(news, "sms"): True})
    assert "a mail is on its way" in text
    assert not may_get(contact, news, "sms")
    [link] = links(contact)
    assert (link.asked["offers"], link.address) == ([[news.pk, "sms"]], "ann@example.org")


def withdrawn(contact: Contact, events: CommunicationType) -> None:
    withdraw(contact.as_set(), events, "email", origin=by_link())


def opted_out(contact: Contact, events: CommunicationType) -> None:
    opt_outs.opt_out(contact.as_set(), "email", origin=by_link())


def stopped(contact: Contact, events: CommunicationType) -> None:
    status.deactivate(contact.as_set(), origin=by_link())


@pytest.mark.parametrize("no", [withdrawn, opted_out, stopped], ids=lambda no: no.__name__)
def test_on_after_a_no_of_their_own_waits_for_a_mail(contact: Contact, events: CommunicationType, no: Any) -> None:
    """Whoever the message was forwarded to cannot lift it."""
    no(contact, events)
    before = StatusHistory.objects.count()
    assert "a mail is on its way" in save(contact, **{name_of(events): True})
    assert not may_get(contact, events)
    assert [link.asked["offers"] for link in links(contact)] == [[[events.pk, "email"]]]
    assert StatusHistory.objects.count() == before


def test_agreement_that_a_no_keeps_off_is_shown_off(contact: Contact, news: CommunicationType) -> None:
    opted_out(contact, news)
    assert name_of(news) not in fields_of(page(contact))
    before = said()
    save(contact)
    assert said() == before


def test_why_a_channel_is_off(contact: Contact, news: CommunicationType, project: Project) -> None:
    other = subscriber(project, email="ann@example.org")
    opt_outs.opt_out(other.as_set(), "email", origin=by_link())
    assert why(page(contact), news) == ("Off: messages to this address were stopped.", True)
    opt_outs.opt_out(contact.as_set(), "email", origin=by_link())
    assert re.fullmatch(r"Off since you opted out on \d+ \w+ \d{4}\.", why(page(contact), news)[0])
    stop = {"organization": project.organization, "recorded_in": project, "origin": by_complaint()}
    phone = normalise("sms", "+14185550137")
    blocks.suppress([phone], cause=Cause.STOP, contact=contact, **stop)
    words, movable = why(page(contact), news, "sms")
    assert words.startswith("Off since you replied STOP on") and not movable
    blocks.suppress([normalise("email", "ann@example.org")], cause=Cause.COMPLAINT, contact=other, **stop)
    assert why(page(contact), news) == ("Off: messages to this address were stopped.", False)


def test_page_of_who_stopped_everything_says_since_when(contact: Contact, news: CommunicationType) -> None:
    assert "Everything is off" not in page(contact)
    status.deactivate(contact.as_set(), origin=asked())
    assert "Everything is off since" in page(contact)
    status.deactivate(contact.as_set(), origin=by_link())
    assert "Everything is off since you stopped it on" in page(contact)


def test_suppression_is_never_lifted_here(contact: Contact, events: CommunicationType, project: Project) -> None:
    address = normalise("email", "ann@example.org")
    blocks.suppress([address], organization=project.organization, recorded_in=project, origin=by_complaint())
    before = said()
    save(contact, **{name_of(events): True})
    assert (said(), links(contact)) == (before, [])


def test_without_an_email_address_a_mail_cannot_be_sent(project: Project, news: CommunicationType) -> None:
    contact = subscriber(project, email="", sms="+14185550137")
    path = path_of(contact, "sms")
    text = visitor().get(path).content.decode()
    words, movable = why(text, news, "sms")
    assert "no address of yours" in words and not movable
    before = said()
    post(visitor(), path, move(fields_of(text), {name_of(news, "sms"): True}))
    assert said() == before


# Once, and only what was moved


def test_double_click_writes_once(contact: Contact, news: CommunicationType, events: CommunicationType) -> None:
    fields = move(fields_of(page(contact)), {name_of(news): False, name_of(events): True, name_of(news, "sms"): True})
    send(contact, fields)
    after = said()
    send(contact, fields)
    assert said() == after
    assert len(links(contact)) == 1


def test_switch_that_changed_elsewhere_is_left_alone(
    contact: Contact, news: CommunicationType, events: CommunicationType
) -> None:
    """Two windows: the second one does not put back what the first one changed."""
    old = fields_of(page(contact))
    save(contact, **{name_of(news): False})
    send(contact, move(old, {name_of(events): True}))
    assert is_withdrawn(contact, news)
    assert may_get(contact, events)


def test_no_that_came_meanwhile_is_not_lifted(contact: Contact, events: CommunicationType) -> None:
    fields = move(fields_of(page(contact)), {name_of(events): True})
    withdraw(contact.as_set(), events, "email", origin=by_link())
    assert "a mail is on its way" in send(contact, fields)
    assert is_withdrawn(contact, events)


def test_off_that_is_off_meanwhile_is_still_their_no(
    contact: Contact, news: CommunicationType, events: CommunicationType
) -> None:
    fields = move(fields_of(page(contact)), {name_of(news): False})
    withdraw(contact.as_set(), news, "email", origin=asked())
    send(contact, fields)
    assert ConsentHistory.objects.latest("pk").weight == Weight.OWN


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"was-type-0-email": "on"},
        {"was-type-99999999999999999999-email": "on", "type-99999999999999999999-email": "on"},
        {"was-": "on", "was-was-": "off", "type-\x00": "on"},
        {"request_id": "nonsense", "was-type-x-y": "\ud800".encode("utf-16", "surrogatepass").decode("latin-1")},
    ],
)
def test_nonsense_is_nothing(contact: Contact, fields: dict[str, str]) -> None:
    before = said()
    assert "Nothing was changed" in send(contact, fields)
    assert said() == before


def test_switches_of_others_are_not_moved(contact: Contact, other_project: Project) -> None:
    foreign = newsletter(other_project, slug="foreign")
    name = name_of(foreign)
    before = said()
    assert "Nothing was changed" in send(contact, {f"was-{name}": "on"})
    assert "Nothing was changed" in send(contact, {f"was-{name}": "off", name: "on"})
    assert said() == before


def test_administrative_type_cannot_be_moved(contact: Contact, project: Project) -> None:
    name = name_of(newsletter(project, slug="receipts", administrative=True))
    before = said()
    assert "Nothing was changed" in send(contact, {f"was-{name}": "on"})
    assert said() == before


# Who sees it


def test_link_of_an_address_of_before_can_only_opt_out(contact: Contact, news: CommunicationType) -> None:
    path = path_of(contact)
    register.change_address(contact, "email", "new@example.org", origin=by_the_system())
    for answer in (visitor().get(path), post(visitor(), path, {f"was-{name_of(news)}": "on"})):
        text = answer.content.decode()
        assert "Stop all messages" in text and "new@" not in text and "switch" not in text
    assert may_get(contact, news)
    post(visitor(), f"{path}/personal/", {})
    post(visitor(), f"/u/{path[3:]}/again/", {})
    assert not MailedLink.objects.exists()


def test_closed_centre_shows_the_opt_out(contact: Contact, news: CommunicationType) -> None:
    Centre.objects.update(is_open=False)
    path = path_of(contact)
    for answer in (visitor().get(path), post(visitor(), path, {f"was-{name_of(news)}": "on"})):
        assert "Stop all messages from Maison du livre?" in answer.content.decode()
    assert may_get(contact, news)


def test_centre_stays_where_links_stop_everything(contact: Contact) -> None:
    Centre.objects.update(stops_everything=True)
    assert "What you receive" in page(contact)


def test_page_in_french(contact: Contact, news: CommunicationType, centre: Centre) -> None:
    CommunicationType.objects.update(translations={"fr": {"name": "Nouvelles", "description": "Une fois par mois."}})
    Centre.objects.update(introduction={"en": "You decide.", "fr": "Vous décidez."})
    text = visitor().get(f"{path_of(contact)}?lang=fr").content.decode()
    assert "Nouvelles" in text and "Vous décidez." in text and "Courriel" in text
    fields = move(fields_of(text), {name_of(news): False})
    saved = post(visitor(), f"{path_of(contact)}?lang=fr", fields).content.decode()
    assert "Nouvelles" in saved and 'lang="fr"' in saved
    evidence = ConsentDetail.objects.latest("pk").evidence
    assert (evidence["language"], evidence["wording"]) == ("fr", "Nouvelles: Une fois par mois.")


# Mails


def test_again_asks_by_mail_for_what_was_stopped(contact: Contact, news: CommunicationType) -> None:
    path = f"/u/{token_for(row_of(contact), news)}"
    post(visitor(), path, {"stop": "type"})
    answer = post(visitor(), f"{path}/again/", {"request_id": str(uuid.uuid4())})
    assert "Look into your mail" in answer.content.decode()
    assert [link.asked["offers"] for link in links(contact)] == [[[news.pk, "email"]]]
    assert not may_get(contact, news)


def test_again_after_everything_asks_for_what_they_had(
    contact: Contact, news: CommunicationType, events: CommunicationType
) -> None:
    agree(contact, events, "sms")
    path = f"/u/{token_for(row_of(contact))}"
    post(visitor(), path, {"stop": "project"})
    post(visitor(), f"{path}/again/", {})
    assert [sorted(link.asked["offers"]) for link in links(contact)] == [
        sorted([[news.pk, "email"], [events.pk, "sms"]])
    ]


@pytest.mark.parametrize("end", ["again", "personal"])
def test_answer_is_the_same_whether_a_mail_goes(contact: Contact, project: Project, end: str) -> None:
    answers = set()
    unknown = subscriber(project, email="", push="device-9")
    for who, channel in ((contact, "email"), (contact, "sms"), (unknown, "push")):
        place = "u" if end == "again" else "c"
        path = f"/{place}/{token_for(row_of(who, channel))}/{end}/"
        for _time in range(5):
            answer = post(visitor(), path, {})
            assert answer.status_code == 200
            answers.add(answer.content.decode().replace(path, ""))
    assert len(answers) == 1


def test_personal_link_goes_to_the_address_on_file(contact: Contact) -> None:
    number = str(uuid.uuid4())
    for _time in range(2):
        post(visitor(), f"{path_of(contact, 'sms')}/personal/", {"request_id": number})
    [link] = links(contact, LinkPurpose.PERSONAL)
    assert link.address == "ann@example.org"
    assert 29 * 60 < (link.expires_at - link.created_at).total_seconds() <= 30 * 60


def test_queries_do_not_grow(contact: Contact, project: Project) -> None:
    path = path_of(contact)
    visitor().get(path)
    with CaptureQueriesContext(connection) as few:
        visitor().get(path)
    for number in range(6):
        agree(contact, newsletter(project, slug=f"more-{number}"))
    with CaptureQueriesContext(connection) as many:
        visitor().get(path)
    assert len(few) == len(many)


def test_off_on_a_page_of_before_is_no_retry_once_it_is_on_again(contact: Contact, events: CommunicationType) -> None:
    agree(contact, events)
    fields = fields_of(visitor().get(path_of(contact)).text)
    fields.pop(f"type-{events.pk}-email")

    visitor().post(path_of(contact), fields)
    agree(contact, events)
    visitor().post(path_of(contact), fields)

    assert not may_get(contact, events)
    visitor().post(path_of(contact), fields)
    assert ConsentHistory.objects.filter(communication_type=events, word="withdrawn").count() == 2


def test_no_file_that_is_sent_is_kept(contact: Contact, news: CommunicationType) -> None:
    fields = fields_of(visitor().get(path_of(contact)).text)
    fields.pop(f"type-{news.pk}-email")
    with patch("django.core.files.uploadedfile.TemporaryUploadedFile.__init__", side_effect=AssertionError):
        file = SimpleUploadedFile("large.bin", b"x" * 5_000_000)
        visitor().post(path_of(contact), {"file": file, **fields})
    assert is_withdrawn(contact, news)
