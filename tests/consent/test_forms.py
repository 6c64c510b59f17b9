"""Setting up public forms: list, adding, changing in versions, what to copy."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from consent.models import CommunicationType, Form, FormVersion
from consent.services.forms import BadOrigin, Content, create_form
from consent.vocabulary import FormKind
from contacts.models import Project, User
from tests.consent.forms import TEXTS, form_of, submission, version_of
from tests.factories import CommunicationTypeFactory

pytestmark = pytest.mark.django_db
LIST = "/p/newsletter/consent/forms/"
ADD = f"{LIST}add/"


@pytest.fixture
def topic(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Newsletter")


def entered(topic: CommunicationType, **changes: Any) -> dict[str, Any]:
    """What an admin enters for a new form."""
    return {
        "name": "Home page", "kind": "subscribe", "is_open": "on", "fields_asked": ["first_name"],
        "offers": [f"{topic.pk}-email"], "title_en": "Our news", "wording_en": "Yes.\r\nSend me this.",
        "embedded_by": "https://www.example.org\n\nhttps://shop.example.org:8443/\n", **changes,
    }  # fmt: skip


def edit(form: Form) -> str:
    return f"{LIST}{form.pk}/"


def test_admin_adds_a_form(client: Client, admin: User, topic: CommunicationType) -> None:
    client.force_login(admin)
    response = client.post(ADD, entered(topic), follow=True)

    form = Form.objects.get()
    assert (form.name, form.slug, form.kind, form.is_open) == ("Home page", "newsletter-home-page", "subscribe", True)
    version = FormVersion.objects.get()
    assert version.texts == {
        "en": {"title": "Our news", "introduction": "", "wording": "Yes.\nSend me this.", "thanks": ""}
    }
    assert (version.number, version.fields, version.author_label) == (1, ["first_name"], "Ada Admin")
    assert version.offers == [{"type": topic.pk, "channels": ["email"]}]
    assert version.embedded_by == ["https://www.example.org", "https://shop.example.org:8443"]
    page = response.text
    assert "“Home page” is added." in page
    assert "http://127.0.0.1:8000/f/newsletter-home-page" in page and "&lt;iframe" in page


def test_looking_changes_nothing(client: Client, admin: User, topic: CommunicationType) -> None:
    client.force_login(admin)
    for method in (client.get, client.head):
        assert method(ADD, entered(topic)).status_code == 200
    assert not Form.objects.exists()


def test_a_change_makes_a_version_and_the_same_again_none(
    client: Client, admin: User, project: Project, topic: CommunicationType
) -> None:
    form = form_of(project, topic, fields=["first_name"], texts={"en": TEXTS["en"]}).form
    client.force_login(admin)
    sent = entered(
        topic, introduction_en="Welcome.", thanks_en="Merci bien.", wording_en="Yes, send me this.", embedded_by="",
        name="Other name",
    )  # fmt: skip
    assert "“Other name” is saved.<" in client.post(edit(form), sent, follow=True).text
    assert FormVersion.objects.count() == 1

    response = client.post(edit(form), {**sent, "wording_en": "I agree."}, follow=True)
    assert "“Other name” is saved as version 2." in response.text
    wordings = FormVersion.objects.order_by("number").values_list("texts__en__wording", flat=True)
    assert list(wordings) == ["Yes, send me this.", "I agree."]


def test_kind_and_address_stay(client: Client, admin: User, project: Project, topic: CommunicationType) -> None:
    form = form_of(project, topic).form
    client.force_login(admin)
    client.post(edit(form), entered(topic, kind="update", name="New name"))

    form.refresh_from_db()
    assert (form.kind, form.slug, form.name) == ("subscribe", "our-news", "New name")


def test_somebody_elses_change_is_told(client: Client, admin: User, project: Project, topic: CommunicationType) -> None:
    version = form_of(project, topic)
    client.force_login(admin)
    shown = client.get(edit(version.form)).text.partition('name="shown" value="')[2].partition('"')[0]
    version_of(version.form, topic, texts={"en": {**TEXTS["en"], "title": "Theirs"}})
    response = client.post(edit(version.form), entered(topic, shown=shown, title_en="Mine"))
    assert "Somebody else changed this form meanwhile." in response.text and "Mine" in response.text
    assert FormVersion.objects.count() == 2

    shown = response.text.partition('name="shown" value="')[2].partition('"')[0]
    assert client.post(edit(version.form), entered(topic, shown=shown, title_en="Mine")).status_code == 302


def test_a_form_is_closed(client: Client, admin: User, project: Project, topic: CommunicationType) -> None:
    version = form_of(project, topic)
    client.force_login(admin)
    client.post(edit(version.form), entered(topic, is_open=""))

    assert Client().get("/f/our-news/").status_code == 410


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "Enter a name"),
        ({"name": "x" * 101}, "100"),
        ({"name": "a\0b"}, "characters"),
        ({"kind": "other"}, "Choose a kind of the list."),
        ({"title_en": ""}, "Enter a title"),
        ({"title_fr": "Nos nouvelles"}, "Enter what people agree to"),
        ({"wording_en": "x" * 2_001}, "2"),
        ({"offers": []}, "Offer one communication type at least."),
        ({"offers": ["99-email"]}, "Something is not offered any more."),
        ({"fields_asked": ["password"]}, "Choose from the list."),
        ({"embedded_by": "http://www.example.org"}, "not the origin of a site"),
        ({"embedded_by": "www.example.org"}, "not the origin of a site"),
        ({"embedded_by": "https://www.example.org/page"}, "not the origin of a site"),
        ({"embedded_by": "https://*.example.org"}, "not the origin of a site"),
        ({"embedded_by": "https://a.example.org; script-src *"}, "not the origin of a site"),
        ({"embedded_by": "https://[::1"}, "not the origin of a site"),
        ({"embedded_by": "https://a.example.org:99999999"}, "not the origin of a site"),
        ({"embedded_by": "\n".join(f"https://a{n}.example.org" for n in range(21))}, "too many sites"),
    ],
)
def test_bad_input(client: Client, admin: User, topic: CommunicationType, changes: dict[str, Any], words: str) -> None:
    client.force_login(admin)
    response = client.post(ADD, entered(topic, **{"introduction_en": "Kept 🎈 محمد", **changes}))

    assert response.status_code == 200 and words in response.text
    assert "Kept 🎈 محمد" in response.text
    assert not Form.objects.exists()


def test_it_needs_texts(client: Client, admin: User, topic: CommunicationType) -> None:
    client.force_login(admin)
    response = client.post(ADD, entered(topic, title_en="", wording_en=" "))

    assert "Enter the texts in one language at least." in response.text and not Form.objects.exists()


def test_sms_needs_the_number(client: Client, admin: User, topic: CommunicationType) -> None:
    client.force_login(admin)
    sent = entered(topic, offers=[f"{topic.pk}-sms"])
    assert "has to ask for the number" in client.post(ADD, sent).text
    client.post(ADD, {**sent, "fields_asked": ["sms"]})

    assert FormVersion.objects.get().offers == [{"type": topic.pk, "channels": ["sms"]}]


def test_an_update_form_asks_for_no_number_and_may_offer_nothing(
    client: Client, admin: User, topic: CommunicationType
) -> None:
    client.force_login(admin)
    client.post(ADD, entered(topic, kind="update", offers=[], fields_asked=["last_name", "sms"]))

    assert FormVersion.objects.get().fields == ["last_name"]


def test_what_is_copied_can_be_sent(client: Client, admin: User, project: Project, topic: CommunicationType) -> None:
    version = form_of(project, topic, texts={"en": {**TEXTS["en"], "wording": "A & <b>"}})
    client.force_login(admin)
    page = client.get(edit(version.form)).text

    assert "A &amp;amp; &amp;lt;b&amp;gt;" in page
    for name in submission(version, topic):
        assert f"name=&quot;{name}&quot;" in page


def test_earlier_versions_can_be_looked_at(
    client: Client, viewer: User, project: Project, topic: CommunicationType
) -> None:
    version = form_of(project, topic)
    version_of(version.form, topic, texts={"fr": {**TEXTS["fr"], "wording": "Autre."}})
    client.force_login(viewer)
    first, second = (client.get(f"{edit(version.form)}versions/{number}/").text for number in (1, 2))

    assert "Yes, send me this." in first and "Newsletter" in first and "Shown from" in first
    assert "Autre." in second and "Shown since" in second


def test_the_list(client: Client, viewer: User, project: Project, topic: CommunicationType) -> None:
    client.force_login(viewer)
    assert "No forms yet" in client.get(LIST).text
    form_of(project, topic)
    page = client.get(LIST).text

    assert "Our news" in page and "/f/our-news" in page and "Add form" not in page


def test_queries_do_not_grow(
    client: Client, admin: User, project: Project, topic: CommunicationType, django_assert_num_queries: Any
) -> None:
    client.force_login(admin)
    form_of(project, topic)
    client.get(LIST)
    with django_assert_num_queries(6):
        client.get(LIST)
    for number in range(4):
        version = form_of(project, topic, slug=f"form-{number}")
        version_of(version.form, topic)
    with django_assert_num_queries(6):
        client.get(LIST)


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_admins_change_forms(
    client: Client, request: pytest.FixtureRequest, project: Project, topic: CommunicationType, role: str
) -> None:
    form = form_of(project, topic).form
    client.force_login(request.getfixturevalue(role))
    for path in (ADD, edit(form)):
        assert client.get(path).status_code == 403
        assert client.post(path, entered(topic)).status_code == 403


def test_a_stranger_finds_nothing(client: Client, stranger: User, project: Project, topic: CommunicationType) -> None:
    form = form_of(project, topic).form
    client.force_login(stranger)
    for path in (LIST, ADD, edit(form), f"{edit(form)}versions/1/"):
        assert client.get(path).status_code == 404


def test_bad_numbers(
    client: Client, admin: User, project: Project, other_project: Project, topic: CommunicationType
) -> None:
    form = form_of(project, topic).form
    foreign = form_of(other_project, slug="theirs").form
    client.force_login(admin)
    for path in (
        f"{LIST}{2**63}/",
        f"{LIST}0/",
        edit(foreign),
        f"{edit(form)}versions/{2**63}/",
        f"{edit(form)}versions/2/",
    ):
        assert client.get(path).status_code == 404


def test_two_forms_of_one_name_have_two_addresses(project: Project, topic: CommunicationType) -> None:
    content = Content(TEXTS, ["first_name"], {topic.pk: ["email"]})
    slugs = [
        create_form(
            project, name="Nouvelles d’été 🎈", kind=FormKind.SUBSCRIBE, is_open=True, content=content, author=""
        ).slug
        for _time in range(3)
    ]
    assert slugs == ["newsletter-nouvelles-dete", "newsletter-nouvelles-dete-2", "newsletter-nouvelles-dete-3"]


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:8080", "HTTPS://WWW.Example.ORG"])
def test_origins_that_may(project: Project, topic: CommunicationType, origin: str) -> None:
    content = Content(TEXTS, [], {topic.pk: ["email"]}, [origin])
    form = create_form(project, name="A", kind=FormKind.SUBSCRIBE, is_open=True, content=content, author="")
    assert form.versions.get().embedded_by == [origin.lower()]


def test_an_origin_of_nothing(project: Project, topic: CommunicationType) -> None:
    content = Content(TEXTS, [], {topic.pk: ["email"]}, ["https://"])
    with pytest.raises(BadOrigin):
        create_form(project, name="A", kind=FormKind.SUBSCRIBE, is_open=True, content=content, author="")
