"""The page that activates a contact: whose no falls to whom, and with which authorization."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from contacts.models import ChannelStatus, Contact, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Origin
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.vocabulary import Aspect, Method, Reason, Weight
from tests.factories import ContactFactory, MembershipFactory, by_the_system

BY_WEIGHT: dict[int, Origin] = {
    Weight.OURS: by_the_system(reason=Reason.OTHER),
    Weight.REPORTED: by_the_system(reason=Reason.VERBAL_REQUEST),
    Weight.OWN: Origin(Method.OPT_OUT_LINK, THE_CONTACT),
    Weight.COMPLAINT: Origin(Method.SPAM_REPORT, THE_CONTACT),
}


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(
        project=project,
        first_name="Amélie",
        last_name="Roy",
        key="HM-1",
        email="amelie@example.org",
        sms="+14185550137",
    )


def url(contact: Contact) -> str:
    return f"/p/{contact.project.slug}/contacts/{contact.pk}/activate/"


def said_no(contact: Contact, weight: int, **changes: Any) -> None:
    deactivate(contact.as_set(), origin=BY_WEIGHT[weight].saying(request_id=_new(), **changes))


def _new() -> Any:
    return by_the_system().request_id


def today(contact: Contact) -> str:
    return timezone.now().astimezone(contact.project.zone).date().isoformat()


def authorization(contact: Contact, **fields: Any) -> dict[str, Any]:
    return {"source": "written", "reference": "Ticket 5521", "obtained_on": today(contact), **fields}


def yeses(contact: Contact, aspect: str = Aspect.ACTIVE) -> list[StatusHistory]:
    entries = StatusHistory.objects.filter(contact=contact, aspect=aspect, says="yes")
    return list(entries.exclude(reason=Reason.CREATED).order_by("pk"))


def is_active(contact: Contact) -> bool:
    return Contact.objects.get(pk=contact.pk).is_active


def test_editor_activates(client: Client, contact: Contact, editor: User) -> None:
    said_no(contact, Weight.REPORTED)
    client.force_login(editor)
    response = client.post(url(contact), authorization(contact))
    assert response.status_code == 302
    assert response["Location"] == contact.get_absolute_url()
    assert is_active(contact)
    assert ChannelStatus.objects.filter(contact=contact, contact_active=False).count() == 0


def test_history_names_who_when_why(client: Client, contact: Contact, editor: User) -> None:
    said_no(contact, Weight.REPORTED)
    client.force_login(editor)
    client.post(url(contact), authorization(contact, source="verbal", reference="Rang on Monday"))
    [entry] = yeses(contact)
    assert (entry.method, entry.reason, entry.weight) == (Method.MANUAL, Reason.AUTHORIZED, Weight.REPORTED)
    assert (entry.actor_number, entry.actor_label) == (editor.pk, "Edgar Editor")
    assert (entry.authorization_source, entry.authorization_on.isoformat()) == ("verbal", today(contact))
    assert entry.detail.authorization_reference == "Rang on Monday"


MATRIX = [
    (role, weight, may)
    for role, authority in (("editor", 1), ("admin", 2), ("organization_admin", 3))
    for weight in Weight.values
    for may in [weight <= authority]
]


@pytest.mark.parametrize(("role", "weight", "may"), MATRIX)
def test_whose_no_falls_to_whom(
    client: Client, contact: Contact, request: pytest.FixtureRequest, role: str, weight: int, may: bool
) -> None:
    said_no(contact, weight)
    client.force_login(request.getfixturevalue(role))
    page = client.get(url(contact))
    assert page.status_code == 200
    assert ('name="reference"' in page.content.decode()) is may
    response = client.post(url(contact), authorization(contact))
    assert response.status_code == (302 if may else 403)
    assert is_active(contact) is may
    assert len(yeses(contact)) == may


def test_editor_reads_who_may_after_an_opt_out(client: Client, contact: Contact, editor: User, admin: User) -> None:
    said_no(contact, Weight.OWN)
    client.force_login(editor)
    page = client.get(url(contact)).content.decode()
    assert "Only an admin may activate a contact who opted out." in page
    assert "Ask Ada Admin." in page
    assert "Why this contact is inactive" in page


def test_admin_reads_who_may_after_a_complaint(
    client: Client, contact: Contact, admin: User, organization_admin: User
) -> None:
    said_no(contact, Weight.COMPLAINT)
    client.force_login(admin)
    page = client.get(url(contact)).content.decode()
    assert "Only an admin of the organization may activate a contact who complained about spam." in page
    assert "Ask Olga Owner." in page


def test_only_people_who_can_log_in_are_named(client: Client, contact: Contact, editor: User, admin: User) -> None:
    gone = MembershipFactory(project=contact.project, role="admin", user__name="Gone Away").user
    gone.is_active = False
    gone.save()
    said_no(contact, Weight.OWN)
    client.force_login(editor)
    page = client.get(url(contact)).content.decode()
    assert "Gone Away" not in page
    assert "Ask Ada Admin." in page


def test_admin_reads_that_the_contact_asked_to_stop(client: Client, contact: Contact, admin: User) -> None:
    said_no(contact, Weight.OWN)
    client.force_login(admin)
    page = client.get(url(contact)).content.decode()
    assert "Activate only if they have asked to start again." in page
    assert "You may, because you are an admin of this project." in page


def test_every_standing_cause_is_shown_strongest_first(client: Client, contact: Contact, admin: User) -> None:
    said_no(contact, Weight.OWN)
    said_no(contact, Weight.OURS, note="Duplicate of HM-2")
    client.force_login(admin)
    response = client.get(url(contact))
    assert [entry.weight for entry in response.context["activation"].causes] == [Weight.OWN, Weight.OURS]
    page = response.content.decode()
    assert "With an opt-out link" in page
    assert "“Duplicate of HM-2”" in page
    for entry in response.context["activation"].causes:
        assert f'<a href="/p/newsletter/history/{entry.id}/">' in page


def test_what_can_be_sent_again_and_what_stays_blocked(client: Client, contact: Contact, admin: User) -> None:
    opt_out(contact.as_set(), "sms", origin=Origin(Method.SMS, THE_CONTACT, reason=Reason.STOP))
    said_no(contact, Weight.OURS)
    client.force_login(admin)
    activation = client.get(url(contact)).context["activation"]
    assert [outlook.channel_label for outlook in activation.again] == ["Email"]
    assert [(outlook.channel_label, outlook.glyph, outlook.failing) for outlook in activation.blocked] == [
        ("SMS", "no", "Opted out"),
        ("Push", "na", "No device"),
    ]


def test_outlook_is_what_comes_true(client: Client, contact: Contact, admin: User) -> None:
    from contacts.eligibility import Question, explain

    opt_out(contact.as_set(), "sms", origin=by_the_system(reason=Reason.VERBAL_REQUEST))
    said_no(contact, Weight.OURS)
    client.force_login(admin)
    foreseen = {str(item.channel_label): True for item in client.get(url(contact)).context["activation"].again}
    client.post(url(contact), authorization(contact))
    verdicts = {"Email": explain(contact, Question("email")), "SMS": explain(contact, Question("sms"))}
    assert {name: True for name, verdict in verdicts.items() if verdict and verdict.sendable} == foreseen


def test_an_opt_out_stays_unless_it_is_ticked(client: Client, contact: Contact, admin: User) -> None:
    opt_out(contact.as_set(), "email", origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    said_no(contact, Weight.OWN)
    client.force_login(admin)
    page = client.get(url(contact)).content.decode()
    assert "The authorization also covers the opt-out of email of" in page
    assert 'value="email" id="id_covers_0"><label' in page
    client.post(url(contact), authorization(contact))
    assert is_active(contact)
    assert ChannelStatus.objects.get(contact=contact, channel="email").own_opt_out


def test_a_ticked_opt_out_is_lifted(client: Client, contact: Contact, admin: User) -> None:
    opt_out(contact.as_set(), "email", origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    opt_out(contact.as_set(), "sms", origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    said_no(contact, Weight.OWN)
    client.force_login(admin)
    client.post(url(contact), authorization(contact, covers=["email"]))
    out = dict(ChannelStatus.objects.filter(contact=contact).values_list("channel", "opted_out"))
    assert is_active(contact)
    assert out == {"email": False, "sms": True}
    assert len(yeses(contact, Aspect.OPT_OUT)) == 1


def test_an_editor_is_not_offered_what_only_an_admin_may_lift(client: Client, contact: Contact, editor: User) -> None:
    opt_out(contact.as_set(), "email", origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    said_no(contact, Weight.REPORTED)
    client.force_login(editor)
    assert 'name="covers"' not in client.get(url(contact)).content.decode()
    response = client.post(url(contact), authorization(contact, covers=["email"]))
    assert response.status_code == 200
    assert "This opt-out cannot be lifted here." in response.content.decode()
    assert not is_active(contact)


def test_an_authorization_older_than_the_opt_out_that_it_covers_does_nothing_half(
    client: Client, contact: Contact, admin: User
) -> None:
    long_ago = timezone.now() - timedelta(days=30)
    said_no(contact, Weight.OWN, occurred_at=long_ago)
    opt_out(contact.as_set(), "email", origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    day = (timezone.now() - timedelta(days=10)).date().isoformat()
    client.force_login(admin)
    response = client.post(url(contact), authorization(contact, obtained_on=day, covers=["email"]))
    assert response.status_code == 200
    assert "The contact said no after that date." in response.content.decode()
    assert not is_active(contact)
    assert not yeses(contact)
    assert client.post(url(contact), authorization(contact, obtained_on=day)).status_code == 302
    assert is_active(contact)


def test_authorization_dated_before_the_no_is_refused(client: Client, contact: Contact, admin: User) -> None:
    said_no(contact, Weight.OWN)
    day = timezone.now().astimezone(contact.project.zone).date() - timedelta(days=1)
    client.force_login(admin)
    response = client.post(url(contact), authorization(contact, obtained_on=day.isoformat()))
    page = response.content.decode()
    assert response.status_code == 200
    assert "The contact said no after that date. Enter an authorization that is not older" in page
    assert "Ticket 5521" in page
    assert not is_active(contact)


def test_authorization_of_the_day_of_the_no_counts(client: Client, contact: Contact, admin: User) -> None:
    said_no(contact, Weight.OWN)
    client.force_login(admin)
    assert client.post(url(contact), authorization(contact)).status_code == 302
    assert is_active(contact)


def test_authorization_in_the_future_is_refused(client: Client, contact: Contact, admin: User) -> None:
    said_no(contact, Weight.OURS)
    day = timezone.now().astimezone(contact.project.zone).date() + timedelta(days=1)
    client.force_login(admin)
    response = client.post(url(contact), authorization(contact, obtained_on=day.isoformat()))
    assert "This date is in the future." in response.content.decode()
    assert not is_active(contact)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"source": ""}, "Say how the contact allowed it."),
        ({"source": "telepathy"}, "Choose one of these ways."),
        ({"reference": ""}, "Say where the authorization can be found, for example “Ticket 5521”."),
        ({"reference": "   "}, "Say where the authorization can be found, for example “Ticket 5521”."),
        ({"reference": "a\x00b"}, "characters that cannot be stored"),
        ({"reference": "a\nb"}, "characters that cannot be stored"),
        ({"reference": "x" * 501}, "This is too long"),
        ({"obtained_on": ""}, "Enter the date on which the contact allowed it"),
        ({"obtained_on": "0001-01-01"}, "Enter a date like"),
        ({"obtained_on": "9999-12-31"}, "This date is in the future."),
        ({"obtained_on": "31/12/2020"}, "Enter a date like"),
        ({"covers": ["email"]}, "This opt-out cannot be lifted here."),
        ({"covers": ["fax"]}, "This opt-out cannot be lifted here."),
    ],
)
def test_bad_input_is_said_at_its_field(
    client: Client, contact: Contact, admin: User, fields: dict[str, Any], words: str
) -> None:
    said_no(contact, Weight.OURS)
    client.force_login(admin)
    response = client.post(url(contact), authorization(contact, **fields))
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not is_active(contact)


def test_nothing_is_filled_in_on_the_users_behalf_but_the_date(client: Client, contact: Contact, admin: User) -> None:
    opt_out(contact.as_set(), "email", origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    said_no(contact, Weight.OWN)
    client.force_login(admin)
    page = client.get(url(contact)).content.decode()
    assert " checked" not in page
    assert f'value="{today(contact)}"' in page


@pytest.mark.parametrize("method", ["get", "head"])
def test_confirmation_changes_nothing(client: Client, contact: Contact, admin: User, method: str) -> None:
    said_no(contact, Weight.OURS)
    client.force_login(admin)
    assert getattr(client, method)(url(contact), authorization(contact)).status_code == 200
    assert not is_active(contact)
    assert not yeses(contact)


def test_same_request_twice_adds_one_entry(client: Client, contact: Contact, admin: User) -> None:
    said_no(contact, Weight.OURS)
    client.force_login(admin)
    number = str(client.get(url(contact)).context["form"]["request_id"].value())
    for _attempt in range(2):
        sent = client.post(url(contact), authorization(contact, request_id=number))
        assert sent.status_code == 302
    assert len(yeses(contact)) == 1


def test_active_contact_is_active_already(client: Client, contact: Contact, admin: User) -> None:
    client.force_login(admin)
    for response in (client.get(url(contact)), client.post(url(contact), authorization(contact))):
        assert response.status_code == 200
        assert "Amélie Roy is active already" in response.content.decode()
    assert not yeses(contact)


def test_message_offers_undo_and_names_nobody(client: Client, contact: Contact, admin: User) -> None:
    said_no(contact, Weight.OURS)
    client.force_login(admin)
    response = client.post(url(contact), authorization(contact))
    [entry] = yeses(contact)
    [message] = map(str, get_messages(response.wsgi_request))
    way_back = f'<a href="/p/newsletter/history/{entry.pk}/undo/">Undo</a>'
    assert message == f"Activated. You can take it back within 24 hours. {way_back}"


def test_viewer_is_refused(client: Client, contact: Contact, viewer: User) -> None:
    said_no(contact, Weight.OURS)
    client.force_login(viewer)
    assert client.get(url(contact)).status_code == 403
    assert client.post(url(contact), authorization(contact)).status_code == 403
    assert not is_active(contact)


def test_stranger_finds_nothing(client: Client, contact: Contact, stranger: User, other_project: Project) -> None:
    said_no(contact, Weight.OURS)
    client.force_login(stranger)
    assert client.get(url(contact)).status_code == 404
    assert client.post(url(contact), authorization(contact)).status_code == 404
    elsewhere = f"/p/{other_project.slug}/contacts/{contact.pk}/activate/"
    assert client.post(elsewhere, authorization(contact)).status_code == 404
    assert not is_active(contact)


@pytest.mark.parametrize("number", ["0", str(2**63), "9" * 40])
def test_bad_id(client: Client, project: Project, admin: User, number: str) -> None:
    client.force_login(admin)
    assert client.get(f"/p/{project.slug}/contacts/{number}/activate/").status_code == 404


def test_queries_do_not_grow(client: Client, contact: Contact, admin: User, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    client.force_login(admin)
    for _times in range(2):
        said_no(contact, Weight.OWN)
        opt_out(contact.as_set(), "email", origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    with django_assert_max_num_queries(60) as few:
        client.get(url(contact))
    for _times in range(25):
        said_no(contact, Weight.OWN)
        opt_out(contact.as_set(), "email", origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    with django_assert_max_num_queries(len(few)):
        client.get(url(contact))
