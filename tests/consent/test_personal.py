"""What a contact sees and changes of their own data, and who else does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.signing import Signer
from django.test import Client
from django.utils import timezone

from consent.models import ErasureRequest, MailedLink
from consent.services import consents, mailing
from consent.services.personal import email_of, mail_personal_link, pass_for
from consent.vocabulary import LinkPurpose, RequestState
from contacts.models import ChannelStatus, Contact, Project, StatusHistory
from contacts.services.blocks import suppress
from contacts.services.erasure import erase
from contacts.services.merging import merge
from contacts.services.opt_outs import opt_out
from contacts.services.register import change_address
from contacts.services.status import deactivate
from contacts.vocabulary import ActorKind, Aspect, Channel, Method, Reason
from tests.consent.mail import Inbox, inbox, link_in, part
from tests.contacts.imported import imported
from tests.factories import CommunicationTypeFactory, ContactFactory, RelationalRowFactory, by_the_system
from tests.origins import ADMIN, EDITOR, asked, by, by_complaint, by_link

__all__ = ["inbox"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(
        project=project, key="HM-204817", first_name="Amélie", last_name="Roy", language="en",
        notes="Called about her ticket.", attributes={"City": "Halifax"},
        email="amelie@example.org", sms="+1 418 555 0137",
    )  # fmt: skip


@pytest.fixture
def link(contact: Contact) -> MailedLink:
    return mailed(contact)


def mailed(contact: Contact) -> MailedLink:
    assert mail_personal_link(contact, language="en")
    return MailedLink.objects.filter(contact=contact, purpose=LinkPurpose.PERSONAL).latest("pk")


def url(link: MailedLink) -> str:
    return f"/c/data/{mailing.link_token(link)}/"


def opened(client: Client, link: MailedLink, **fields: str) -> Any:
    """The page behind the button of a link, and its pass."""
    response = client.post(url(link), fields)
    assert response.status_code == 200
    response.access = response.context["pass"]
    return response


def act(client: Client, link: MailedLink, access: str, action: str, **fields: str) -> Any:
    return client.post(url(link), {"pass": access, "action": action, **fields})


def everything() -> list[Any]:
    models = (Contact, ChannelStatus, StatusHistory, ErasureRequest, MailedLink)
    return [sorted(map(repr, model.objects.values_list())) for model in models]


# The link


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing_and_shows_nothing(client: Client, link: MailedLink, method: str) -> None:
    before = everything()
    for _time in range(3):
        response = getattr(client, method)(url(link))
        assert response.status_code == 200
        assert "Roy" not in response.content.decode()
        assert not response.cookies
    assert everything() == before


def test_the_button_shows_what_is_held(client: Client, link: MailedLink) -> None:
    page = opened(client, link).content.decode()
    for words in (
        "Amélie",
        "Roy",
        "HM-204817",
        "amelie@<wbr>",
        "+1 418-555-0137",
        "Halifax",
        "Called about her ticket.",
    ):
        assert words in page.replace("amelie<wbr>@", "amelie@<wbr>")
    link.refresh_from_db()
    assert link.used_at is not None


@pytest.mark.parametrize("slash", ["/", ""])
def test_no_redirect_with_or_without_a_slash(client: Client, link: MailedLink, slash: str) -> None:
    assert client.post(url(link).rstrip("/") + slash).status_code == 200


def test_the_link_works_once(client: Client, link: MailedLink) -> None:
    opened(client, link)
    for response in (client.post(url(link)), client.get(url(link))):
        assert response.status_code == 410
        page = response.content.decode()
        assert "It works once, and was used." in page
        assert "Roy" not in page


def test_nothing_is_kept_anywhere(client: Client, link: MailedLink) -> None:
    response = opened(client, link)
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert not response.cookies


def test_after_thirty_minutes_it_is_over(client: Client, link: MailedLink) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        for response in (client.get(url(link)), client.post(url(link))):
            assert (response.status_code, "It worked for thirty minutes." in response.content.decode()) == (410, True)
    link.refresh_from_db()
    assert link.used_at is None


def test_a_new_link_can_be_asked_for(client: Client, contact: Contact, link: MailedLink) -> None:
    opened(client, link)
    page = client.post(url(link), {"action": "again"})
    assert page.status_code == 200
    assert "A new link is on its way" in page.content.decode()
    assert MailedLink.objects.filter(contact=contact, purpose=LinkPurpose.PERSONAL).count() == 2
    for _time in range(5):
        again = client.post(url(link), {"action": "again"})
        assert "A new link is on its way" in again.content.decode()
    assert MailedLink.objects.filter(contact=contact).count() == mailing.SHARE


@pytest.mark.parametrize("text", ["x", "a.b.c", "é", "-" * 300, "%00", "../etc"])
def test_a_link_that_is_none(client: Client, contact: Contact, text: str) -> None:
    for response in (client.get(f"/c/data/{text}/"), client.post(f"/c/data/{text}/", {"pass": text})):
        assert response.status_code == 404


def test_a_cut_or_changed_link(client: Client, link: MailedLink) -> None:
    token = mailing.link_token(link)
    for text in (token[:-1], token[1:], token.swapcase()):
        assert client.post(f"/c/data/{text}/").status_code == 404
    link.refresh_from_db()
    assert link.used_at is None


def test_a_link_for_something_else_shows_no_data(client: Client, contact: Contact) -> None:
    for purpose in set(LinkPurpose.values) - {LinkPurpose.PERSONAL}:
        address = email_of(contact)
        assert address
        other = mailing.mail_link(
            contact.project, purpose=purpose, address=address, contact=contact, language="en", asked={},
            lasts=timedelta(days=1),
        )  # fmt: skip
        assert other
        assert client.post(url(other)).status_code == 404


def test_without_an_address_nothing_is_mailed(project: Project) -> None:
    assert not mail_personal_link(ContactFactory(project=project, sms="+14185550199"), language="en")
    assert not MailedLink.objects.exists()


def test_in_the_language_of_the_contact(client: Client, contact: Contact, link: MailedLink) -> None:
    Contact.objects.filter(pk=contact.pk).update(language="fr")
    response = opened(client, link)
    assert '<html lang="fr">' in response.content.decode()
    in_english = act(client, link, response.access, "see", lang="en")
    assert '<html lang="en">' in in_english.content.decode()
    assert 'name="lang" value="en"' in in_english.content.decode()


# The pass


def test_the_pass_opens_the_page_again(client: Client, link: MailedLink) -> None:
    access = opened(client, link).access
    assert act(client, link, access, "see").status_code == 200
    assert act(client, link, access, "no such thing").status_code == 200


@pytest.mark.parametrize("action", ["see", "name", "email", "phone", "erase", "json", "html"])
def test_nothing_without_the_pass(client: Client, link: MailedLink, action: str) -> None:
    access = opened(client, link).access
    forged = Signer(key="another key of at least 32 characters", sep=".", salt="sendable.personal")
    before = everything()
    fields = {"first_name": "Eve", "address": "eve@example.org"}
    for text in ("", "x", "é\x00", access[:-1], access.swapcase(), "x" * 10_000, forged.sign_object([1, 2, "3", "4"])):
        assert act(client, link, text, action, **fields).status_code == 410
    assert everything() == before


def test_a_pass_is_over_with_the_link(client: Client, link: MailedLink) -> None:
    access = opened(client, link).access
    before = everything()
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert act(client, link, access, "name", first_name="Eve").status_code == 410
        assert act(client, link, access, "json").status_code == 410
    assert everything() == before


def test_a_pass_is_for_its_own_link_and_contact(client: Client, project: Project, link: MailedLink) -> None:
    other = mailed(ContactFactory(project=project, first_name="Bea", email="bea@example.org"))
    mine, theirs = opened(client, link).access, opened(client, other).access
    assert act(client, other, mine, "json").status_code == 410
    assert act(client, link, theirs, "json").status_code == 410


def test_a_pass_of_a_link_that_was_not_used_is_none(client: Client, contact: Contact, link: MailedLink) -> None:
    assert act(client, link, pass_for(link, contact), "json").status_code == 410


def test_a_pass_of_another_use_is_none(client: Client, link: MailedLink) -> None:
    access = opened(client, link).access
    MailedLink.objects.filter(pk=link.pk).update(used_at=timezone.now() + timedelta(seconds=1))
    assert act(client, link, access, "see").status_code == 410


def test_another_address_on_file_ends_it(client: Client, contact: Contact, link: MailedLink) -> None:
    unused, access = mailed(contact), opened(client, link).access
    change_address(contact, "email", "new@example.org", origin=by(EDITOR))
    assert act(client, link, access, "see").status_code == 410
    assert client.post(url(unused)).status_code == 410
    again = client.post(url(unused), {"action": "again"})
    assert "A new link is on its way" in again.content.decode()
    assert MailedLink.objects.filter(contact=contact).count() == 2


def test_the_same_address_written_otherwise_does_not(client: Client, contact: Contact, link: MailedLink) -> None:
    access = opened(client, link).access
    change_address(contact, "email", "Amelie@Example.org", origin=by(EDITOR))
    assert act(client, link, access, "see").status_code == 200


def test_nobody_is_there_after_an_erasure(client: Client, contact: Contact, link: MailedLink) -> None:
    access, unused = opened(client, link).access, mailed(contact)
    erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=True)
    assert act(client, link, access, "see").status_code == 404
    assert client.post(url(unused)).status_code == 404


def test_who_was_merged_is_the_other_one_now(client: Client, project: Project, contact: Contact) -> None:
    survivor = ContactFactory(project=project, key="HM-1", first_name="Amélie-Anne", email="amelie@example.org")
    link, unused = mailed(contact), mailed(contact)
    access = opened(client, link).access
    merge(survivor, contact, origin=by(ADMIN))
    held = act(client, link, access, "see").context["held"]
    assert (held.record.key, [record.key for record in held.merged]) == ("HM-1", ["HM-204817"])
    assert opened(client, unused).context["held"].record.key == "HM-1"


def test_a_merge_into_somebody_with_another_address_ends_it(client: Client, project: Project, contact: Contact) -> None:
    survivor = ContactFactory(project=project, key="HM-1", email="other@example.org")
    link = mailed(contact)
    access = opened(client, link).access
    merge(survivor, contact, origin=by(ADMIN))
    assert act(client, link, access, "see").status_code == 410


# What is held


def test_all_of_it(client: Client, project: Project, contact: Contact) -> None:
    topic = CommunicationTypeFactory(project=project, name="Newsletter")
    proof = {"form": 3, "version": 2, "wording": "Yes, send it.", "ip": "192.0.2.7", "user_agent": "Firefox"}
    consents.grant(contact.as_set(), topic, Channel.EMAIL, origin=by_link(evidence=proof))
    consents.withdraw(contact.as_set(), topic, Channel.SMS, origin=asked(note="By telephone."))
    deactivate(contact.as_set(), origin=asked(note="Angry about the fees."))
    opt_out(contact.as_set(), "sms", origin=by_link())
    row = RelationalRowFactory(contact=contact, values={"number": "7001"})
    row.table.columns = [{"key": "number", "label": "Order"}]
    row.table.save()
    imported(project, "number,email\nHM-204817,amelie@example.org", targets=["key", "email"])
    link = mailed(contact)
    access = opened(client, link).access
    for page in (act(client, link, access, "see"), act(client, link, access, "html")):
        text = page.content.decode()
        for words in (
            "Newsletter", "You agreed on", "You said no on", "Yes, send it.", "192.0.2.7", "Firefox", "By telephone.",
            "Angry about the fees.", "Opted out of SMS", "7001", "A link to your data", "Inactive: nothing is sent",
            "noted by us", "line 2",
        ):  # fmt: skip
            assert words in text, words
        assert "Edgar Editor" not in text
    data = json.loads(act(client, link, access, "json").content)
    assert data["record"]["notes"] == "Called about her ticket."
    assert [(one["communication_type"], one["channel"], one["state"]) for one in data["opt_ins"]] == [
        ("Newsletter", "email", "express"), ("Newsletter", "sms", "withdrawn"),
    ]  # fmt: skip
    assert data["tables"] == [{"name": "Orders", "columns": ["Order"], "rows": [["7001"]]}]
    assert "Edgar Editor" not in json.dumps(data)


def test_downloads_are_files(client: Client, link: MailedLink) -> None:
    access = opened(client, link).access
    for kind, content_type in (("json", "application/json"), ("html", "text/html; charset=utf-8")):
        response = act(client, link, access, kind)
        assert response["Content-Type"] == content_type
        assert re.fullmatch(
            rf'attachment; filename="your-data-\d{{4}}-\d\d-\d\d\.{kind}"', response["Content-Disposition"]
        )
        assert response["Cache-Control"] == "no-store"


def test_what_was_typed_is_text_in_the_file(client: Client, project: Project) -> None:
    contact = ContactFactory(project=project, first_name="<script>alert(1)</script>", email="x@example.org")
    link = mailed(contact)
    access = opened(client, link).access
    for action in ("see", "html"):
        assert "<script" not in act(client, link, access, action).content.decode()


def test_never_somebody_elses(client: Client, project: Project, contact: Contact) -> None:
    """A family shares the address and the number: the link is for one of them."""
    twin = ContactFactory(
        project=project, key="HM-OTHER", first_name="Bertrand", notes="Owes us.", email="amelie@example.org",
        sms="+14185550137", attributes={"City": "Truro"},
    )  # fmt: skip
    deactivate(twin.as_set(), origin=asked(note="Bertrand called."))
    opt_out(twin.as_set(), "email", origin=by_link(evidence={"ip": "198.51.100.9"}))
    suppress(
        [email_of(twin)], organization=project.organization, recorded_in=project, contact=twin, origin=by_complaint()
    )
    RelationalRowFactory(contact=twin, values={"number": "9009"})
    mailed(twin)
    imported(
        project, "number,first,email\nHM-OTHER,Bertrand,amelie@example.org", targets=["key", "first_name", "email"]
    )
    link = mailed(contact)
    access = opened(client, link).access
    data = json.loads(act(client, link, access, "json").content)
    for text in (act(client, link, access, "see").content.decode(), json.dumps(data)):
        for words in ("HM-OTHER", "Bertrand", "Owes us.", "198.51.100.9", "9009", "Truro"):
            assert words not in text, words
    [email] = [address for address in data["addresses"] if address["channel"] == "email"]
    assert (email["opted_out"], email["suppressed"]) == (True, True)
    assert len(data["mails"]) == 1 and data["imports"] == []


def test_queries_do_not_grow(client: Client, contact: Contact, django_assert_max_num_queries: Any) -> None:
    link = mailed(contact)
    access = opened(client, link).access
    for number in range(60):
        deactivate(contact.as_set(), origin=asked(note=f"call {number}"))
        RelationalRowFactory(contact=contact, table__project=contact.project, table__slug=f"t-{number}")
    with django_assert_max_num_queries(32):
        page = act(client, link, access, "see")
    assert "The download has all of it." in page.content.decode()
    assert len(page.context["held"].history) == 30
    with django_assert_max_num_queries(32):
        data = json.loads(act(client, link, access, "json").content)
    assert len(data["history"]) >= 60 and len(data["tables"]) == 60


# Correcting


def test_name_and_language(client: Client, contact: Contact, link: MailedLink) -> None:
    access = opened(client, link).access
    page = act(client, link, access, "name", first_name=" Améline 🌊 ", last_name="روي", language="fr")
    contact.refresh_from_db()
    assert (contact.first_name, contact.last_name, contact.language) == ("Améline 🌊", "روي", "fr")
    assert (contact.notes, contact.attributes) == ("Called about her ticket.", {"City": "Halifax"})
    assert '<html lang="fr">' in page.content.decode()


@pytest.mark.parametrize(
    "fields",
    [
        {"first_name": "a\x00b"}, {"last_name": "x" * 151}, {"language": "klingon"}, {"language": "é" * 500},
        {"first_name": "\x07"},
    ],
)  # fmt: skip
def test_a_bad_name_is_refused_at_its_field(
    client: Client, contact: Contact, link: MailedLink, fields: dict[str, str]
) -> None:
    access = opened(client, link).access
    page = act(client, link, access, "name", **{"first_name": "Ann", **fields})
    assert page.status_code == 200
    assert page.context["name_form"].errors.keys() == fields.keys()
    assert "<details open>" in page.content.decode() and "Error:" in page.content.decode()
    contact.refresh_from_db()
    assert contact.first_name == "Amélie"


def test_a_language_that_we_do_not_speak_stays(client: Client, project: Project) -> None:
    contact = ContactFactory(project=project, language="mi", email="m@example.org")
    link = mailed(contact)
    access = opened(client, link).access
    act(client, link, access, "name", first_name="Mere", language="mi")
    contact.refresh_from_db()
    assert (contact.first_name, contact.language) == ("Mere", "mi")


# Another email address


def asked_for(client: Client, contact: Contact, address: str, link: MailedLink | None = None) -> MailedLink:
    link = link or mailed(contact)
    page = act(client, link, opened(client, link).access, "email", address=address)
    assert "A link is on its way to" in page.content.decode()
    return MailedLink.objects.filter(purpose=LinkPurpose.NEW_ADDRESS).latest("pk")


def new_url(link: MailedLink) -> str:
    return f"/c/address/{mailing.link_token(link)}/"


def test_a_new_address_counts_once_it_is_confirmed(client: Client, contact: Contact) -> None:
    link = asked_for(client, contact, "New@Example.org")
    assert email_of(contact).key == "amelie@example.org"  # type: ignore[union-attr]
    for look in (client.get, client.head):
        assert look(new_url(link)).status_code == 200
    assert email_of(contact).key == "amelie@example.org"  # type: ignore[union-attr]
    page = client.post(new_url(link))
    assert (page.status_code, "Your address is changed" in page.content.decode()) == (200, True)
    assert email_of(contact).key == "new@example.org"  # type: ignore[union-attr]
    entry = StatusHistory.objects.filter(contact=contact, aspect=Aspect.ADDRESS).latest("pk")
    assert (entry.from_value, entry.to_value) == ("amelie@example.org", "New@example.org")
    assert (entry.method, entry.actor_kind, entry.reason) == (Method.FORM, ActorKind.CONTACT, Reason.OWN_REQUEST)
    assert entry.detail.evidence["ip"] == "127.0.0.1"
    assert "token" not in str(entry.detail.evidence) and mailing.link_token(link) not in str(entry.detail.evidence)
    told = MailedLink.objects.get(purpose=LinkPurpose.ADDRESS_CHANGED)
    assert (told.address, told.contact_id) == ("amelie@example.org", contact.pk)


def test_confirmed_twice_is_confirmed_once(client: Client, contact: Contact) -> None:
    link = asked_for(client, contact, "new@example.org")
    client.post(new_url(link))
    before = StatusHistory.objects.count()
    assert "Your address is changed" in client.post(new_url(link)).content.decode()
    assert client.get(new_url(link)).status_code == 410
    assert StatusHistory.objects.count() == before


def test_what_was_asked_for_first_is_void_when_another_address_came(client: Client, contact: Contact) -> None:
    first = asked_for(client, contact, "first@example.org")
    second = asked_for(client, contact, "second@example.org")
    client.post(new_url(second))
    assert client.post(new_url(first)).status_code == 410
    assert email_of(contact).key == "second@example.org"  # type: ignore[union-attr]


def test_an_old_request_for_a_new_address_is_over(client: Client, contact: Contact) -> None:
    link = asked_for(client, contact, "new@example.org")
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        assert client.post(new_url(link)).status_code == 410
    assert email_of(contact).key == "amelie@example.org"  # type: ignore[union-attr]


def test_after_an_erasure_it_is_nobodys(client: Client, contact: Contact) -> None:
    link = asked_for(client, contact, "new@example.org")
    erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=True)
    assert client.post(new_url(link)).status_code == 404


def test_nobody_learns_whether_an_address_is_known(client: Client, project: Project, contact: Contact) -> None:
    """Neither one that somebody has, nor one that said no and had its share."""
    known = ContactFactory(project=project, email="known@example.org")
    opt_out(known.as_set(), "email", origin=by_link())
    pages = []
    for _time in range(3):
        link = mailed(contact)
        access = opened(client, link).access
        for address in ("known@example.org", "nobody@example.org"):
            text = act(client, link, access, "email", address=address).context["done"]
            pages.append(text.replace(address, "…"))
    assert len(set(pages)) == 1


@pytest.mark.parametrize("address", ["", "x", "a@b", "a\x00@example.org", "x" * 400, "Amelie@example.org"])
def test_an_address_that_is_none_or_the_same(client: Client, link: MailedLink, address: str) -> None:
    page = act(client, link, opened(client, link).access, "email", address=address)
    assert page.context["email_form"].errors["address"]
    assert not MailedLink.objects.filter(purpose=LinkPurpose.NEW_ADDRESS).exists()


def test_an_address_with_a_block_stays_blocked(client: Client, project: Project, contact: Contact) -> None:
    other = ContactFactory(project=project, email="new@example.org")
    mailed = asked_for(client, contact, "new@example.org")
    suppress([email_of(other)], organization=project.organization, origin=by_complaint())
    client.post(new_url(mailed))
    row = ChannelStatus.objects.get(contact=contact, channel="email")
    assert (row.address, row.suppressed) == ("new@example.org", True)


def test_one_form_sent_twice_mails_one_link(client: Client, link: MailedLink) -> None:
    page = opened(client, link)
    number = str(page.context["email_form"]["request_id"].value())
    for _time in range(2):
        act(client, link, page.access, "email", address="new@example.org", request_id=number)
    assert MailedLink.objects.filter(purpose=LinkPurpose.NEW_ADDRESS).count() == 1


# Another number


def test_a_number_counts_at_once_and_the_email_address_is_told(
    client: Client, contact: Contact, link: MailedLink
) -> None:
    page = opened(client, link)
    number = str(page.context["phone_form"]["request_id"].value())
    for _time in range(2):
        act(client, link, page.access, "phone", address="+1 418 555 0199", request_id=number)
    assert ChannelStatus.objects.get(contact=contact, channel="sms").address_key == "+14185550199"
    entry = StatusHistory.objects.filter(contact=contact, aspect=Aspect.ADDRESS).latest("pk")
    assert (entry.channel, entry.method, entry.actor_kind) == ("sms", Method.FORM, ActorKind.CONTACT)
    told = MailedLink.objects.get(purpose=LinkPurpose.ADDRESS_CHANGED)
    assert (told.address, told.asked) == ("amelie@example.org", {"channel": "sms"})


def test_a_number_is_removed(client: Client, contact: Contact, link: MailedLink) -> None:
    page = act(client, link, opened(client, link).access, "phone", address=" ")
    assert "Your number is removed." in page.content.decode()
    assert ChannelStatus.objects.get(contact=contact, channel="sms").address == ""


@pytest.mark.parametrize("address", ["12", "call me", "+1 418 555 0137", "x" * 400, "4\x001"])
def test_a_number_that_is_none_or_the_same(client: Client, contact: Contact, link: MailedLink, address: str) -> None:
    page = act(client, link, opened(client, link).access, "phone", address=address)
    assert page.context["phone_form"].errors["address"]
    assert not MailedLink.objects.filter(purpose=LinkPurpose.ADDRESS_CHANGED).exists()


# Being erased


def test_asking_to_be_erased(client: Client, contact: Contact, link: MailedLink) -> None:
    access = opened(client, link).access
    for _time in range(2):
        page = act(client, link, access, "erase")
        assert "Your request to be erased is noted." in page.content.decode()
    request = ErasureRequest.objects.get()
    assert (request.contact_id, request.project_id, request.state) == (
        contact.pk,
        contact.project_id,
        RequestState.OPEN,
    )
    assert "You asked on" in page.content.decode()
    assert Contact.objects.filter(pk=contact.pk).exists()


# By real mail


def test_the_whole_way_by_mail(client: Client, contact: Contact, inbox: Inbox, work_off: Callable[[], int]) -> None:
    mail_personal_link(contact, language="en")
    work_off()
    first = inbox.only()
    assert first["To"] == "amelie@example.org"
    page = client.post(link_in(first))
    assert "HM-204817" in page.content.decode() and "HM-204817" not in part(first, "plain")
    client.post(link_in(first), {"pass": page.context["pass"], "action": "email", "address": "new@example.org"})
    work_off()
    second = inbox.mails[1]
    assert second["To"] == "new@example.org"
    assert client.get(link_in(second)).status_code == 200
    assert client.post(link_in(second)).status_code == 200
    work_off()
    third = inbox.mails[2]
    assert third["To"] == "amelie@example.org"
    assert "new@example.org" not in part(third, "plain")
    assert email_of(contact).key == "new@example.org"  # type: ignore[union-attr]


def test_the_words_of_a_changed_number(
    client: Client, contact: Contact, link: MailedLink, inbox: Inbox, work_off: Callable[[], int]
) -> None:
    act(client, link, opened(client, link).access, "phone", address="+14185550199")
    work_off()
    text = part(inbox.mails[-1], "plain")
    assert "The number to which" in text and "0199" not in text


def test_another_project_has_its_own(client: Client, contact: Contact, other_project: Project) -> None:
    twin = ContactFactory(project=other_project, key="ELSEWHERE", email="amelie@example.org")
    link = mailed(contact)
    text = act(client, link, opened(client, link).access, "json").content.decode()
    assert "ELSEWHERE" not in text and twin.project.name not in text


def test_by_the_system_is_nobodys_name(client: Client, project: Project) -> None:
    contact = ContactFactory(project=project, email="s@example.org", origin=by_the_system(note="first list"))
    link = mailed(contact)
    entry = opened(client, link).context["held"].history[-1]
    assert (entry.how, entry.note) == ("by the system", "first list")
