"""A public form: shown, sent, and what holds at once or only once confirmed."""

from __future__ import annotations

import uuid
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client

from consent.models import CommunicationType, ConsentHistory, Form, MailedLink
from consent.services import consents, submitting
from consent.services.mailing import link_token
from consent.vocabulary import Word
from contacts.addresses import normalise
from contacts.eligibility import Question, verdicts
from contacts.errors import StaleConfirmation
from contacts.models import Contact, Project
from contacts.services import blocks, opt_outs, status
from contacts.vocabulary import Cause, Channel
from tests.consent.forms import form_of, submission, version_of
from tests.factories import CommunicationTypeFactory, ContactFactory
from tests.origins import by_complaint, by_link

pytestmark = pytest.mark.django_db
PAGE = "/f/our-news/"


@pytest.fixture
def newsletter(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Newsletter", description="Once a month.")


@pytest.fixture
def quick(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Quick", double_opt_in=False)


def receives(contact: Contact, topic: CommunicationType) -> bool:
    return verdicts([contact.pk], Question(Channel.EMAIL, communication_type=topic))[contact.pk].sendable


def test_it_shows_what_its_version_says(client: Client, project: Project, newsletter: CommunicationType) -> None:
    form_of(project, newsletter)
    response = client.get(PAGE)

    page = response.text
    assert response.status_code == 200 and not response.cookies
    for words in ("Our news", "Welcome.", "Newsletter", "Once a month.", "Yes, send me this."):
        assert words in page
    assert " checked" not in page
    assert response["Cache-Control"] == "no-store" and response["Referrer-Policy"] == "no-referrer"
    assert len(page) < 20_000


def test_in_french(client: Client, project: Project, newsletter: CommunicationType) -> None:
    form_of(project, newsletter)

    page = client.get(PAGE, headers={"Accept-Language": "fr-CA"}).text
    assert "Nos nouvelles" in page and '<html lang="fr">' in page
    assert "Our news" in client.get(PAGE + "?lang=en", headers={"Accept-Language": "fr-CA"}).text


def test_in_a_language_that_it_has(client: Client, project: Project, newsletter: CommunicationType) -> None:
    form_of(project, newsletter, texts={"fr": {"title": "Nos nouvelles", "wording": "Oui."}})

    page = client.get(PAGE + "?lang=en").text
    assert "Nos nouvelles" in page and '<html lang="fr">' in page


def test_a_submission_is_asked_of_the_address(client: Client, project: Project, newsletter: CommunicationType) -> None:
    version = form_of(project, newsletter)
    response = client.post(
        PAGE, submission(version, newsletter, first_name="Ada", lang="fr"),
        headers={"User-Agent": "Browser 1", "Referer": "https://shop.example.org/news?session=secret"},
    )  # fmt: skip

    assert response.status_code == 200 and not response.cookies
    link = MailedLink.objects.get()
    assert (link.address, link.language, link.contact) == ("ada@example.org", "fr", None)
    assert link.asked["offers"] == [[newsletter.pk, "email"]]
    assert link.asked["details"] == {"language": "fr", "first_name": "Ada"}
    assert link.asked["evidence"] == {
        "form": version.form_id, "version": 1, "wording": "Oui, envoyez-moi cela.", "language": "fr",
        "page": "https://shop.example.org/news", "ip": "127.0.0.1", "user_agent": "Browser 1",
    }  # fmt: skip
    assert not Contact.objects.exists()


def test_the_answer_does_not_tell_who_is_known(
    client: Client, project: Project, newsletter: CommunicationType, quick: CommunicationType
) -> None:
    version = form_of(project, newsletter, quick)
    ContactFactory(project=project, email="known@example.org")
    no = ContactFactory(project=project, email="no@example.org")
    status.deactivate(no.as_set(), origin=by_link())
    blocks.suppress(
        [normalise(Channel.EMAIL, "complained@example.org")], organization=project.organization,
        cause=Cause.COMPLAINT, origin=by_complaint(),
    )  # fmt: skip
    answers = {
        client.post(PAGE, submission(version, newsletter, quick, email=f"{name}@example.org")).text
        for name in ("known", "unknown", "no", "complained", "no", "no")
    }

    assert len(answers) == 1


def test_what_needs_no_confirmation_holds_at_once(
    client: Client, project: Project, newsletter: CommunicationType, quick: CommunicationType
) -> None:
    version = form_of(project, newsletter, quick)
    client.post(PAGE, submission(version, newsletter, quick, first_name="Ada"))

    contact = Contact.objects.get()
    assert (contact.key, contact.first_name, contact.language) == ("ada@example.org", "Ada", "en")
    assert receives(contact, quick) and not receives(contact, newsletter)
    assert MailedLink.objects.get().asked["offers"] == [[newsletter.pk, "email"]]
    entry = ConsentHistory.objects.get()
    assert (entry.word, entry.weight, entry.method) == (Word.GRANTED, 2, "form")
    assert entry.detail.evidence["wording"] == "Yes, send me this."


def test_somebody_else_cannot_change_who_is_known(client: Client, project: Project, quick: CommunicationType) -> None:
    version = form_of(project, quick)
    contact = ContactFactory(project=project, email="ada@example.org", first_name="", last_name="Lovelace")
    client.post(PAGE, submission(version, quick, first_name="Rude", last_name="Rude"))

    contact.refresh_from_db()
    assert (contact.first_name, contact.last_name) == ("", "Lovelace")
    assert receives(contact, quick)


@pytest.mark.parametrize("how", ["switch", "channel", "type", "address"])
def test_over_a_no_it_is_asked_of_the_address(
    client: Client, project: Project, quick: CommunicationType, how: str
) -> None:
    version = form_of(project, quick)
    contact = ContactFactory(project=project, email="ada@example.org")
    if how == "switch":
        status.deactivate(contact.as_set(), origin=by_link())
    elif how == "channel":
        opt_outs.opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    elif how == "type":
        consents.withdraw(contact.as_set(), quick, Channel.EMAIL, origin=by_link())
    else:
        mark = normalise(Channel.EMAIL, "ada@example.org")
        blocks.opt_out_addresses([mark], project=project, origin=by_link())
    for _time in range(3):
        assert client.post(PAGE, submission(version, quick)).status_code == 200

    assert not receives(contact, quick)
    assert MailedLink.objects.count() == 1


def test_an_older_version_is_taken_at_its_word(
    client: Client, project: Project, newsletter: CommunicationType, quick: CommunicationType
) -> None:
    old = form_of(project, newsletter)
    texts = {"en": {"title": "New", "introduction": "", "wording": "Another wording.", "thanks": ""}}
    version_of(old.form, quick, texts=texts)
    client.post(PAGE, submission(old, newsletter))

    evidence = MailedLink.objects.get().asked["evidence"]
    assert (evidence["version"], evidence["wording"]) == (1, "Yes, send me this.")


@pytest.mark.parametrize("number", ["99", "-1", "x", "1" * 40, "²"])
def test_a_version_that_never_was_is_asked_anew(
    client: Client, project: Project, newsletter: CommunicationType, number: str
) -> None:
    version = form_of(project, newsletter)
    response = client.post(PAGE, submission(version, newsletter, version=number))

    assert response.status_code == 400
    assert "has changed meanwhile" in response.text and 'value="ada@example.org"' in response.text
    assert not MailedLink.objects.exists()


def test_a_form_of_another_site(client: Client, project: Project, newsletter: CommunicationType) -> None:
    version = form_of(project, newsletter)
    client = Client(enforce_csrf_checks=True)
    sent = submission(version, newsletter, version=None)

    assert client.post(PAGE, sent, headers={"Origin": "https://shop.example.org"}).status_code == 200
    assert client.post("/f/our-news", sent).status_code == 200
    assert MailedLink.objects.count() == 2


def test_in_a_frame_of_named_sites_alone(client: Client, project: Project, newsletter: CommunicationType) -> None:
    version = form_of(project, newsletter)
    response = client.get(PAGE)
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]

    version_of(version.form, newsletter, embedded_by=["https://a.example.org", "https://b.example.org:8443"])
    for response in (client.get(PAGE), client.post(PAGE, submission(version, newsletter))):
        policy = response["Content-Security-Policy"]
        assert "frame-ancestors https://a.example.org https://b.example.org:8443" in policy
        assert "default-src 'self'" in policy and "X-Frame-Options" not in response


def test_the_same_submission_twice_is_one(client: Client, project: Project, newsletter: CommunicationType) -> None:
    version = form_of(project, newsletter)
    sent = submission(version, newsletter, request_id=str(uuid.uuid4()))
    client.post(PAGE, sent)
    client.post(PAGE, sent)
    assert MailedLink.objects.count() == 1
    client.post(PAGE, {**sent, "first_name": "Ada"})
    assert MailedLink.objects.count() == 2


def test_who_falls_for_the_bait_is_answered_alike(
    client: Client, project: Project, newsletter: CommunicationType
) -> None:
    version = form_of(project, newsletter)
    sent = submission(version, newsletter)
    taken = client.post(PAGE, {**sent, "website": "https://spam.example"})

    assert taken.status_code == 200 and not MailedLink.objects.exists()
    assert taken.text == client.post(PAGE, sent).text


def test_nobody_is_flooded(client: Client, project: Project, newsletter: CommunicationType) -> None:
    version = form_of(project, newsletter)
    for _time in range(6):
        assert client.post(PAGE, submission(version, newsletter)).status_code == 200

    assert MailedLink.objects.count() == 3


def test_one_sender_cannot_send_for_ever(
    client: Client, project: Project, newsletter: CommunicationType, settings: Any
) -> None:
    version = form_of(project, newsletter)
    for number in range(20):
        client.post(PAGE, submission(version, newsletter, email=f"reader{number}@example.org"))
    response = client.post(PAGE, submission(version, newsletter))

    assert response.status_code == 429 and "Wait ten minutes" in response.text
    assert MailedLink.objects.count() == 20
    assert client.get(PAGE).status_code == 200
    other = client.post(PAGE, submission(version, newsletter), REMOTE_ADDR="192.0.2.77")
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"email": ""}, "Enter your email address"),
        ({"email": "ada at example.org"}, "Write it like name@example.org."),
        ({"email": "a\0da@example.org"}, "characters"),
        ({"email": "x" * 400 + "@example.org"}, "320"),
        ({"first_name": "A\x07da"}, "control characters"),
        ({"first_name": "x" * 151}, "150"),
        ({"language": "de"}, "Choose a language of the list."),
        ({"sms": "12"}, "Write it with the country code"),
    ],
)
def test_bad_input(
    client: Client, project: Project, newsletter: CommunicationType, changes: dict[str, str], words: str
) -> None:
    version = form_of(project, newsletter)
    response = client.post(PAGE, submission(version, newsletter, **{"last_name": "Lovelace 🎈 محمد", **changes}))

    assert response.status_code == 400 and words in response.text
    assert "Lovelace 🎈 محمد" in response.text and " checked" in response.text
    assert not MailedLink.objects.exists()


def test_nothing_ticked(client: Client, project: Project, newsletter: CommunicationType) -> None:
    version = form_of(project, newsletter)
    response = client.post(PAGE, submission(version))

    assert response.status_code == 400 and "Tick what you would like to receive." in response.text


def test_sms_needs_a_number(client: Client, project: Project, newsletter: CommunicationType) -> None:
    version = form_of(project, offers=[{"type": newsletter.pk, "channels": ["email", "sms"]}])
    box = {f"send-{newsletter.pk}-sms": "on"}
    assert "Enter your mobile number" in client.post(PAGE, submission(version, **box)).text

    client.post(PAGE, submission(version, sms="+1 418 555 0137", **box))
    link = MailedLink.objects.get()
    assert link.asked["offers"] == [[newsletter.pk, "sms"]] and link.asked["details"]["sms"] == "+1 418-555-0137"


def test_what_is_not_offered_cannot_be_had(
    client: Client, project: Project, other_project: Project, newsletter: CommunicationType, quick: CommunicationType
) -> None:
    foreign = CommunicationTypeFactory(project=other_project, double_opt_in=False)
    version = form_of(project, newsletter)
    response = client.post(PAGE, submission(version, quick, foreign))
    assert response.status_code == 400

    CommunicationType.objects.filter(pk=newsletter.pk).update(archived_at=version.created_at)
    assert "Newsletter" not in client.get(PAGE).text


def test_a_closed_form(client: Client, project: Project, newsletter: CommunicationType) -> None:
    version = form_of(project, newsletter)
    Form.objects.update(is_open=False)

    for response in (client.get(PAGE), client.post(PAGE, submission(version, newsletter))):
        assert response.status_code == 410 and "This form is closed" in response.text
    assert not MailedLink.objects.exists()


def test_no_such_form(client: Client, db: None) -> None:
    assert client.get("/f/nothing/").status_code == 404
    assert client.post("/f/nothing/").status_code == 404


def test_only_look_and_send(client: Client, project: Project, newsletter: CommunicationType) -> None:
    form_of(project, newsletter)

    assert client.head(PAGE).status_code == 200
    assert client.put(PAGE).status_code == 405


def test_a_body_that_is_no_form(client: Client, project: Project, newsletter: CommunicationType) -> None:
    form_of(project, newsletter)

    response = client.post(PAGE, b"\xff\x00garbage", content_type="multipart/form-data; boundary=x")
    assert response.status_code == 400


@pytest.mark.parametrize("is_confirmed", [True, False])
def test_nobody_agrees_for_the_number_of_somebody_who_said_no(
    client: Client, project: Project, is_confirmed: bool
) -> None:
    alerts = CommunicationTypeFactory(project=project, channels=["sms"], double_opt_in=is_confirmed)
    owner = ContactFactory(project=project, email="owner@example.org", sms="+14185550137")
    consents.withdraw(owner.as_set(), alerts, Channel.SMS, origin=by_link())
    version = form_of(project, offers=[{"type": alerts.pk, "channels": ["sms"]}])

    sent = {**submission(version, sms="+14185550137"), f"send-{alerts.pk}-sms": "on"}
    client.post(PAGE, sent)
    for link in MailedLink.objects.all():
        client.post(f"/c/confirm/{link_token(link)}/")

    other = Contact.objects.get(key="ada@example.org")
    question = Question(Channel.SMS, communication_type=alerts)
    assert not verdicts([other.pk], question)[other.pk].sendable


def test_a_no_that_is_said_while_a_form_is_sent_is_not_lifted(project: Project, quick: CommunicationType) -> None:
    version = form_of(project, quick)
    contact = ContactFactory(project=project, email="ada@example.org")
    address = normalise(Channel.EMAIL, "ada@example.org")
    read = submitting._at_once

    def told_meanwhile(*what: Any) -> Any:
        found = read(*what)
        consents.withdraw(contact.as_set(), quick, Channel.EMAIL, origin=by_link())
        return found

    with patch.object(submitting, "_at_once", told_meanwhile), pytest.raises(StaleConfirmation):
        submitting.subscribe(
            version, address=address, offers=[(quick, Channel.EMAIL)], details={}, evidence={}, language="en",
            request_id=uuid.uuid4(),
        )  # fmt: skip
