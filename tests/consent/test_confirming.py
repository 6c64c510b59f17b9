"""Double opt-in: asked of an address, and kept once the person confirms."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from consent.models import CommunicationType, Consent, ConsentHistory, MailedLink
from consent.services import confirming, consents
from consent.vocabulary import Word
from contacts.addresses import normalise
from contacts.eligibility import Question, verdicts
from contacts.models import Contact, Project, StatusHistory
from contacts.services import blocks, opt_outs, status
from contacts.services.erasure import erase
from contacts.vocabulary import Cause, Channel
from tests.factories import CommunicationTypeFactory, ContactFactory
from tests.origins import EDITOR, by, by_complaint, by_link

pytestmark = pytest.mark.django_db
ADDRESS = normalise(Channel.EMAIL, "ada@example.org")
EVIDENCE = {"form": 7, "version": 2, "wording": "Yes, send me the newsletter.", "language": "en", "ip": "192.0.2.1"}


@pytest.fixture
def newsletter(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Newsletter", slug="newsletter")


@pytest.fixture
def offers(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Offers", slug="offers")


def ask(project: Project, *topics: CommunicationType, **changes: Any) -> MailedLink:
    wanted: dict[str, Any] = {
        "address": ADDRESS, "offers": [(topic, Channel.EMAIL) for topic in topics], "details": {},
        "evidence": EVIDENCE, "language": "en", **changes,
    }  # fmt: skip
    confirming.ask_to_confirm(project, **wanted)
    return MailedLink.objects.latest("pk")


def known(project: Project, **fields: Any) -> Contact:
    return ContactFactory(project=project, email=ADDRESS.shown, **fields)


def receives(contact: Contact, topic: CommunicationType, channel: str = Channel.EMAIL) -> bool:
    return verdicts([contact.pk], Question(channel, communication_type=topic))[contact.pk].sendable


def test_nobody_is_added_before_they_confirm(project: Project, newsletter: CommunicationType) -> None:
    link = ask(project, newsletter)

    assert not Contact.objects.exists() and not ConsentHistory.objects.exists()
    assert link.expires_at - link.created_at == timedelta(days=7)


def test_somebody_new_confirms(project: Project, newsletter: CommunicationType) -> None:
    details = {"first_name": "Ada", "last_name": "Lovelace", "language": "fr", "sms": "+14185550137"}
    link = ask(project, newsletter, details=details)

    done = confirming.confirm(link, {"ip": "192.0.2.9"})

    contact = Contact.objects.get()
    assert done.contact == contact and done.agreed == [(newsletter, Channel.EMAIL)] and not done.held_back
    assert (contact.key, contact.first_name, contact.last_name, contact.language) == (
        "ada@example.org", "Ada", "Lovelace", "fr",
    )  # fmt: skip
    addresses = dict(contact.channel_statuses.values_list("channel", "address"))
    assert addresses == {"email": "ada@example.org", "sms": "+1 418-555-0137"}
    assert receives(contact, newsletter)
    entry = ConsentHistory.objects.get(word=Word.GRANTED)
    assert (entry.weight, entry.method, entry.actor_kind, entry.basis) == (2, "form", "contact", "express")
    assert entry.detail.evidence == {**EVIDENCE, "confirmed_ip": "192.0.2.9"}


def test_somebody_known_confirms(project: Project, newsletter: CommunicationType) -> None:
    contact = known(project, first_name="Ada", last_name="")

    done = confirming.confirm(ask(project, newsletter, details={"first_name": "Rude", "last_name": "Lovelace"}))

    contact.refresh_from_db()
    assert done.contact == contact and Contact.objects.count() == 1
    assert (contact.first_name, contact.last_name) == ("Ada", "Lovelace")
    assert receives(contact, newsletter)


def test_what_waits_is_in_the_history_of_who_is_known(project: Project, newsletter: CommunicationType) -> None:
    contact = known(project)
    link = ask(project, newsletter)
    assert not ConsentHistory.objects.exists()

    confirming.note_pending(link.pk)
    confirming.note_pending(link.pk)

    entry = ConsentHistory.objects.get()
    assert (entry.word, entry.contact_id, entry.to_state) == (Word.PENDING, contact.pk, "pending")


def test_what_a_page_asks_of_its_contact_waits_at_once(project: Project, newsletter: CommunicationType) -> None:
    contact = known(project)
    ask(project, newsletter, contact=contact)

    assert ConsentHistory.objects.get().word == Word.PENDING


def test_a_link_is_used_once(project: Project, newsletter: CommunicationType) -> None:
    link = ask(project, newsletter)
    confirming.confirm(link)

    with pytest.raises(confirming.LinkOver):
        confirming.confirm(MailedLink.objects.get(pk=link.pk))
    assert ConsentHistory.objects.filter(word=Word.GRANTED).count() == 1


def test_two_links_of_one_address_are_one_contact(project: Project, newsletter: CommunicationType) -> None:
    first, second = ask(project, newsletter), ask(project, newsletter)

    assert confirming.confirm(first).contact == confirming.confirm(second).contact
    assert Contact.objects.count() == 1


def test_it_lifts_an_own_no_for_what_was_asked(
    project: Project, newsletter: CommunicationType, offers: CommunicationType
) -> None:
    contact = known(project)
    for topic in (newsletter, offers):
        consents.grant(contact.as_set(), topic, Channel.EMAIL, origin=by_link())
    status.deactivate(contact.as_set(), origin=by_link())
    opt_outs.opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())

    done = confirming.confirm(ask(project, newsletter))

    contact.refresh_from_db()
    assert contact.is_active and not done.held_back
    assert receives(contact, newsletter)
    assert not receives(contact, offers)


def test_a_withdrawal_of_the_same_type_is_lifted(project: Project, newsletter: CommunicationType) -> None:
    contact = known(project)
    consents.withdraw(contact.as_set(), newsletter, Channel.EMAIL, origin=by_link())

    confirming.confirm(ask(project, newsletter))

    assert receives(contact, newsletter)


def test_what_we_stopped_ourselves_takes_nothing_else_back(
    project: Project, newsletter: CommunicationType, offers: CommunicationType
) -> None:
    contact = known(project)
    consents.grant(contact.as_set(), offers, Channel.EMAIL, origin=by_link())
    status.deactivate(contact.as_set(), origin=by(EDITOR))

    confirming.confirm(ask(project, newsletter))

    assert receives(contact, newsletter) and receives(contact, offers)


def test_over_a_complaint_nothing_goes(project: Project, newsletter: CommunicationType) -> None:
    contact = known(project)
    link = ask(project, newsletter)
    complaint = by_complaint()
    status.deactivate(contact.as_set(), origin=complaint)
    blocks.suppress([ADDRESS], organization=project.organization, cause=Cause.COMPLAINT, origin=complaint)

    done = confirming.confirm(link)

    assert done.held_back == [(newsletter, Channel.EMAIL)]
    assert not receives(contact, newsletter)
    assert Consent.objects.get().is_express
    asked_before = MailedLink.objects.count()
    confirming.ask_to_confirm(
        project, address=ADDRESS, offers=[(newsletter, Channel.EMAIL)], details={}, evidence={}, language="en"
    )
    assert MailedLink.objects.count() == asked_before


def test_after_an_erasure_the_person_comes_back(project: Project, newsletter: CommunicationType) -> None:
    contact = known(project)
    opt_outs.opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    erase(contact.as_set(), origin=by_link(), requested_by_contact=True)

    done = confirming.confirm(ask(project, newsletter))

    assert not done.held_back
    assert receives(done.contact, newsletter)


def test_a_key_of_somebody_else_stays_theirs(project: Project, newsletter: CommunicationType) -> None:
    other = ContactFactory(project=project, key="ada@example.org", email="grace@example.org")

    done = confirming.confirm(ask(project, newsletter))

    assert done.contact != other
    assert done.contact.key == "ada@example.org (2)"
    assert not receives(other, newsletter)


def test_a_no_on_a_number_that_nobody_proved_stays(project: Project, newsletter: CommunicationType) -> None:
    other = ContactFactory(project=project, sms="+1 418-555-0137")
    opt_outs.opt_out(other.as_set(), Channel.SMS, origin=by_link())
    link = ask(project, offers=[(newsletter, Channel.SMS)], details={"sms": "418 555-0137"})
    project.default_country = "CA"
    project.save()

    done = confirming.confirm(MailedLink.objects.get(pk=link.pk))

    assert done.held_back == [(newsletter, Channel.SMS)]
    assert not receives(done.contact, newsletter, Channel.SMS)


def test_of_two_with_the_address_the_one_who_is_named_by_it_agrees(
    project: Project, newsletter: CommunicationType
) -> None:
    first = known(project)
    second = known(project, key="ada@example.org")

    assert confirming.confirm(ask(project, newsletter)).contact == second
    assert confirming.confirm(ask(project, newsletter, contact=first)).contact == first


def test_a_type_that_is_archived_meanwhile_is_left_out(project: Project, newsletter: CommunicationType) -> None:
    link = ask(project, newsletter)
    CommunicationType.objects.update(archived_at=link.created_at)

    assert confirming.confirm(link).agreed == []
    assert not ConsentHistory.objects.exists()


def test_entries_say_that_the_person_did_it(project: Project, newsletter: CommunicationType) -> None:
    contact = known(project)
    status.deactivate(contact.as_set(), origin=by_link())
    confirming.confirm(ask(project, newsletter))

    entry = StatusHistory.objects.filter(says="yes", contact=contact).latest("pk")
    assert (entry.method, entry.reason, entry.weight) == ("form", "own_request", 2)
