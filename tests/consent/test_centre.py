"""The consent centre's page for users, and its settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from consent.demo.logo import logo
from consent.models import Centre, CommunicationType
from consent.services.centre import LogoRefused, picture_type
from consent.services.consents import grant, withdraw
from contacts.models import Project, User
from contacts.services.status import deactivate
from tests.consent.saying import by_form
from tests.factories import CommunicationTypeFactory, ContactFactory
from tests.origins import asked, by_link

pytestmark = pytest.mark.django_db
CENTRE = "/p/newsletter/consent/"
SETTINGS = f"{CENTRE}settings/"


@pytest.fixture
def topic(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(
        project=project, name="Newsletter", description="Once a month.", channels=["email", "sms"]
    )


def entered(**changes: Any) -> dict[str, Any]:
    return {
        "is_open": "on", "sender_name": "Maison du livre", "contact_email": "privacy@example.org",
        "with_colour": "on", "colour": "#0B5C7A", "introduction_en": "You decide.", "introduction_fr": "",
        "default_language": "en", **changes,
    }  # fmt: skip


def picture(content: bytes, name: str = "logo.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="image/png")


def test_any_member_sees_types_with_their_numbers(client: Client, viewer: User, topic: CommunicationType) -> None:
    first, second, third = (
        ContactFactory(project=topic.project, email=f"{name}@example.org", sms="+14185550137") for name in "abc"
    )
    for contact in (first, second, third):
        grant(contact.as_set(), topic, "email", origin=by_form())
    grant(first.as_set(), topic, "sms", origin=by_form())
    withdraw(second.as_set(), topic, "email", origin=by_link())
    deactivate(third.as_set(), origin=asked())
    CommunicationTypeFactory(project=topic.project, name="Receipts", channels=["email"], administrative=True)

    client.force_login(viewer)
    answer = client.get(CENTRE)
    assert answer.status_code == 200
    rows = {row.topic.name: row for row in answer.context["rows"]}
    assert [(cell.channel, cell.agreed) for cell in rows["Newsletter"].cells] == [("email", 2), ("sms", 1)]
    assert [(cell.is_sent, cell.agreed) for cell in rows["Receipts"].cells] == [(True, None), (False, None)]
    assert "None: administrative" in answer.text
    assert f"{CENTRE}types/add/" not in answer.text
    assert f"{CENTRE}audience/?type={topic.slug}&amp;channel=email" in answer.text


def test_a_new_project_is_told_what_a_type_is(client: Client, viewer: User, admin: User) -> None:
    client.force_login(viewer)
    answer = client.get(CENTRE).text
    assert "No communication type yet" in answer
    assert "Closed." in answer and "types/add/" not in answer
    client.force_login(admin)
    assert f"{CENTRE}types/add/" in client.get(CENTRE).text


def test_strangers_find_nothing(client: Client, stranger: User, project: Project) -> None:
    client.force_login(stranger)
    for address in (CENTRE, SETTINGS):
        assert client.get(address).status_code == 404
    assert client.post(SETTINGS, entered()).status_code == 404


def test_queries_do_not_grow(
    client: Client, viewer: User, topic: CommunicationType, django_assert_max_num_queries: Any
) -> None:
    client.force_login(viewer)
    client.get(CENTRE)
    with django_assert_max_num_queries(9) as few:
        client.get(CENTRE)
    for number in range(6):
        other = CommunicationTypeFactory(project=topic.project, name=f"Type {number}")
        contact = ContactFactory(project=topic.project, email=f"{number}@example.org")
        grant(contact.as_set(), other, "email", origin=by_form())
    with django_assert_max_num_queries(len(few)):
        client.get(CENTRE)


def test_admin_sets_up_the_centre(client: Client, admin: User, project: Project) -> None:
    client.force_login(admin)
    answer = client.post(SETTINGS, entered(logo=picture(logo())), follow=True)
    assert "The consent centre is saved." in answer.text
    centre = Centre.objects.get(project=project)
    assert (centre.is_open, centre.sender_name, centre.contact_email) == (
        True, "Maison du livre", "privacy@example.org",
    )  # fmt: skip
    assert (centre.colour, centre.logo_type, bytes(centre.logo)) == ("#0b5c7a", "image/png", logo())
    assert centre.introduction == {"en": "You decide."}
    assert "/c/logo/newsletter" in answer.text
    assert "Open." in client.get(CENTRE).text


def test_looking_changes_nothing(client: Client, admin: User, project: Project) -> None:
    client.force_login(admin)
    assert client.get(SETTINGS).status_code == 200
    assert client.head(SETTINGS).status_code == 200
    assert not Centre.objects.exists()


def test_the_logo_stays_until_it_is_removed(client: Client, admin: User, project: Project) -> None:
    client.force_login(admin)
    client.post(SETTINGS, entered(logo=picture(logo())))
    client.post(SETTINGS, entered(sender_name="Other", with_colour=""))
    centre = Centre.objects.get(project=project)
    assert (centre.sender_name, centre.colour, bytes(centre.logo)) == ("Other", "", logo())
    client.post(SETTINGS, entered(remove_logo="on", is_open="", stops_everything="on", default_language="fr"))
    centre.refresh_from_db()
    assert (bytes(centre.logo), centre.logo_type) == (b"", "")
    assert (centre.is_open, centre.stops_everything, centre.default_language) == (False, True, "fr")


@pytest.mark.parametrize("user", ["viewer", "editor"])
def test_only_admins_set_it_up(client: Client, request: pytest.FixtureRequest, user: str) -> None:
    client.force_login(request.getfixturevalue(user))
    assert client.get(SETTINGS).status_code == 403
    assert client.post(SETTINGS, entered()).status_code == 403
    assert not Centre.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "not a picture that browsers show"),
        (b"GIF", "not a picture that browsers show"),
        (b"%PDF-1.7", "not a picture that browsers show"),
        (logo() + b"\0" * 20_000, "too large: at most 20 kB"),
        (b"", "The file is empty."),
    ],
)
def test_a_logo_is_judged_by_its_content(
    client: Client, admin: User, project: Project, content: bytes, words: str
) -> None:
    client.force_login(admin)
    answer = client.post(SETTINGS, entered(logo=picture(content)))
    assert answer.status_code == 200
    assert words in answer.text
    assert 'value="Maison du livre"' in answer.text
    assert not Centre.objects.exists()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0" + b"x" * 20 + b"\xff\xd9", "image/jpeg"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"GIF89a\x01\0\x01\0", "image/gif"),
        (logo(), "image/png"),
    ],
)
def test_pictures_that_browsers_show(content: bytes, kind: str) -> None:
    assert picture_type(content) == kind
    with pytest.raises(LogoRefused):
        picture_type(b"x" + content)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "Write a colour like #0b5c7a."),
        ({"colour": "#0b5c7a;} body{display:none"}, "Write a colour like #0b5c7a."),
        ({"contact_email": "privacy"}, "Enter an email address like privacy@example.org."),
        ({"sender_name": "A\x00"}, "characters that cannot be stored"),
        ({"sender_name": "x" * 101}, "at most 100 characters"),
        ({"introduction_fr": "x" * 1_001}, "at most 1000 characters"),
        ({"default_language": "xx"}, "Choose a language of the list."),
    ],
)
def test_bad_input_is_refused_in_words(client: Client, admin: User, changes: dict[str, str], words: str) -> None:
    client.force_login(admin)
    answer = client.post(SETTINGS, entered(**{"introduction_en": "Stays here.", **changes}))
    assert answer.status_code == 200
    assert words in answer.text
    assert "Stays here." in answer.text
    assert not Centre.objects.exists()
