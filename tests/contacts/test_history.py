"""The status history of a project: what it shows, to whom, and how it is filtered."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.addresses import normalise
from contacts.models import Contact, Membership, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Actor, Authorization, Origin
from contacts.services.blocks import suppress
from contacts.services.erasure import erase
from contacts.services.opt_outs import opt_out
from contacts.services.status import activate, deactivate
from contacts.services.undo import undo
from contacts.vocabulary import ActorKind, AuthorizationSource, Channel, Method, Reason, Says, Weight
from tests.factories import ContactFactory, StatusHistoryFactory, by_the_system, today


def page(client: Client, project: Project, **filters: str) -> Any:
    return client.get(reverse("contacts:history", args=[project.slug]), filters)


def shown(response: Any) -> list[int]:
    return [entry.id for day in response.context["days"] for entry in day.entries]


def ids(**filters: Any) -> list[int]:
    return list(StatusHistory.objects.filter(**filters).newest_first().values_list("pk", flat=True))


def by_link(**fields: Any) -> Origin:
    return Origin(Method.OPT_OUT_LINK, THE_CONTACT, **fields)


def by_user(user: User, **fields: Any) -> Origin:
    return Origin(Method.MANUAL, Actor(ActorKind.USER, user.pk, user.name, Weight.OWN, True), **fields)


def test_admin_sees_every_entry_newest_first(client: Client, project: Project, admin: User) -> None:
    contact = ContactFactory(project=project, first_name="Amélie", last_name="Roy", email="roy@example.org")
    deactivate(contact.as_set(), origin=by_user(admin, reason=Reason.VERBAL_REQUEST, note="Called the front desk."))
    client.force_login(admin)
    response = page(client, project)
    assert shown(response) == ids(project=project)
    html = response.content.decode()
    assert "Amélie Roy" in html and "Deactivated" in html and "Called the front desk." in html and "Ada Admin" in html


@pytest.mark.parametrize("who", ["viewer", "editor"])
def test_only_admins_may_review_the_whole_history(
    client: Client, project: Project, who: str, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(who))
    response = page(client, project)
    assert response.status_code == 403
    assert "Only an admin of this project may do this." in response.content.decode()


def test_organization_admin_may(client: Client, project: Project, organization_admin: User) -> None:
    client.force_login(organization_admin)
    assert page(client, project).status_code == 200


def test_stranger_finds_nothing(client: Client, project: Project, stranger: User) -> None:
    client.force_login(stranger)
    assert page(client, project).status_code == 404


def test_another_project_stays_out(client: Client, project: Project, other_project: Project, admin: User) -> None:
    ContactFactory(project=other_project, email="somebody@example.org")
    client.force_login(admin)
    assert shown(page(client, project)) == []
    assert "Nothing has happened yet." in page(client, project).content.decode()


def test_looking_changes_nothing(client: Client, project: Project, admin: User) -> None:
    ContactFactory(project=project)
    before = StatusHistory.objects.count()
    client.force_login(admin)
    address = reverse("contacts:history", args=[project.slug])
    assert client.head(address).status_code == 200
    assert client.post(address).status_code == 405
    assert StatusHistory.objects.count() == before


def test_days_are_those_of_the_project(client: Client, project: Project, admin: User) -> None:
    """Two in the morning UTC is still the evening before in Toronto."""
    contact = ContactFactory(project=project)
    late = StatusHistoryFactory(contact=contact, occurred_at=datetime(2024, 3, 5, 2, tzinfo=UTC))
    early = StatusHistoryFactory(contact=contact, occurred_at=datetime(2024, 3, 4, 3, tzinfo=UTC))
    client.force_login(admin)
    response = page(client, project, until="2024-12-31")
    assert [day.day for day in response.context["days"]] == [date(2024, 3, 4), date(2024, 3, 3)]
    assert "Monday 4 March 2024" in response.content.decode()
    assert shown(page(client, project, since="2024-03-04", until="2024-03-04")) == [late.pk]
    assert shown(page(client, project, since="2024-03-03", until="2024-03-03")) == [early.pk]


def test_filters(client: Client, project: Project, admin: User, editor: User) -> None:
    one = ContactFactory(project=project, key="HM-1", last_name="Roy", email="roy@example.org")
    two = ContactFactory(project=project, key="HM-2", last_name="Zinck", email="zinck@example.org", sms="+14165550137")
    deactivate(one.as_set(), origin=by_user(editor, reason=Reason.OTHER, note="Duplicate."))
    opt_out(two.as_set(), Channel.SMS, origin=by_link())
    client.force_login(admin)
    cases: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({"method": "opt_out_link"}, {"method": Method.OPT_OUT_LINK}),
        ({"by": f"user:{editor.pk}"}, {"actor_number": editor.pk}),
        ({"by": "contact"}, {"actor_kind": ActorKind.CONTACT}),
        ({"channel": "sms"}, {"channel": Channel.SMS}),
        ({"aspect": "opt_out"}, {"aspect": "opt_out"}),
        ({"weight": "2"}, {"weight": Weight.OWN}),
        ({"weight": "0"}, {"weight": Weight.OURS}),
        ({"contact": "HM-1"}, {"contact": one}),
        ({"contact": "ZINCK@example.org"}, {"contact": two}),
        ({"contact": "Zin"}, {"contact": two}),
        ({"contact": "HM-2", "channel": "sms", "method": "opt_out_link"}, {"contact": two, "weight": Weight.OWN}),
    ]
    for asked, meant in cases:
        expected = ids(project=project, **meant)
        assert expected, asked
        assert shown(page(client, project, **asked)) == expected, asked


def test_filter_by_one_request(client: Client, project: Project, admin: User) -> None:
    contacts = [ContactFactory(project=project) for _number in range(2)]
    change = deactivate(
        Contact.objects.filter(pk__in=[contact.pk for contact in contacts]), origin=by_user(admin, reason=Reason.OTHER)
    )
    client.force_login(admin)
    response = page(client, project, request=str(change.request_id))
    assert shown(response) == ids(request_id=change.request_id)
    assert len(shown(response)) == 2


def test_late_entries_are_marked_and_found(client: Client, project: Project, admin: User) -> None:
    contact = ContactFactory(project=project)
    deactivate(contact.as_set(), origin=by_user(admin, reason=Reason.VERBAL_REQUEST))
    authorization = Authorization(AuthorizationSource.WRITTEN, "Ticket 5521", today())
    activate(contact.as_set(), origin=by_user(admin, reason=Reason.AUTHORIZED), authorization=authorization)
    long_ago = timezone.now() - timedelta(days=400)
    deactivate(contact.as_set(), origin=by_user(admin, reason=Reason.WRITTEN_REQUEST, occurred_at=long_ago))
    client.force_login(admin)
    response = page(client, project, late="1")
    assert shown(response) == [StatusHistory.objects.newest_first()[0].pk]
    assert "Kept, and changed nothing" in response.content.decode()
    assert "Only late entries" in [chip["label"] for chip in response.context["chips"]]


def test_confirmed_and_voided_entries_are_marked(client: Client, project: Project, admin: User) -> None:
    contact = ContactFactory(project=project)
    deactivate(contact.as_set(), origin=by_user(admin, reason=Reason.VERBAL_REQUEST))
    deactivate(contact.as_set(), origin=by_user(admin, reason=Reason.WRITTEN_REQUEST))
    slip = StatusHistory.objects.filter(reason=Reason.WRITTEN_REQUEST)
    undo(slip, origin=by_user(admin))
    void = StatusHistory.objects.get(says=Says.VOID)
    client.force_login(admin)
    html = page(client, project).content.decode()
    assert "Recorded once more; it held already." in html
    assert f"Taken back by entry {void.pk}." in html


def test_entries_of_an_erased_contact_stay_readable(client: Client, project: Project, admin: User) -> None:
    contact = ContactFactory(project=project, last_name="Verschwindibus", email="gone@example.org")
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    erase(contact.as_set(), origin=by_the_system(), requested_by_contact=True)
    client.force_login(admin)
    html = page(client, project).content.decode()
    assert "Erased contact" in html and "Opted out of email" in html
    assert "Verschwindibus" not in html and "gone@example.org" not in html


def test_entry_about_an_address_of_nobody(client: Client, project: Project, admin: User) -> None:
    suppress(
        [normalise(Channel.EMAIL, "nobody@example.org")],
        organization=project.organization,
        recorded_in=project,
        origin=by_user(admin, reason=Reason.OTHER),
    )
    client.force_login(admin)
    assert "nobody@example.org" in page(client, project).content.decode()


def test_actors_are_members_and_whoever_acted(client: Client, project: Project, admin: User, editor: User) -> None:
    contact = ContactFactory(project=project)
    deactivate(contact.as_set(), origin=by_user(editor, reason=Reason.OTHER))
    Membership.objects.filter(user=editor).delete()
    client.force_login(admin)
    choices = dict(page(client, project).context["form"].fields["by"].widget.choices)
    assert choices[f"user:{editor.pk}"] == "Edgar Editor"
    assert choices[f"user:{admin.pk}"] == "Ada Admin"
    assert shown(page(client, project, by=f"user:{editor.pk}"))


def test_chips_remove_their_filter_alone(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    response = page(client, project, method="manual", since="2024-01-02", cursor="")
    chips = {chip["label"]: chip["remove_url"] for chip in response.context["chips"]}
    assert chips == {"From 2 Jan 2024": "?method=manual", "Manual": "?since=2024-01-02"}
    assert "No entry matches these filters." in response.content.decode()


def test_pages_lead_through_everything_once(client: Client, project: Project, admin: User) -> None:
    contact = ContactFactory(project=project)
    moment = timezone.now()
    for number in range(120):
        StatusHistoryFactory(contact=contact, occurred_at=moment - timedelta(minutes=number // 3))
    client.force_login(admin)
    address, seen = f"{reverse('contacts:history', args=[project.slug])}?aspect=active", []
    previous = []
    for _turn in range(3):
        response = client.get(address)
        previous.append(response)
        seen += shown(response)
        older = response.context["older_url"]
        assert "aspect=active" in older or not older
        address = address.partition("?")[0] + older
    assert seen == ids(project=project, aspect="active") and not older
    back = client.get(address.partition("?")[0] + previous[2].context["newer_url"])
    assert shown(back) == shown(previous[1])


BAD = [
    {"since": "yesterday"}, {"since": "0001-01-01"}, {"until": "9999-12-31"}, {"method": "telepathy"},
    {"by": "user:"}, {"by": "user:99999999999999999999"}, {"by": "nobody"}, {"by": "\x00"}, {"channel": "fax"},
    {"weight": "12"}, {"weight": "x"}, {"aspect": "mood"}, {"contact": "a\x00b"}, {"contact": "x" * 400},
    {"request": "not-a-uuid"}, {"since": "2024-05-02", "until": "2024-05-01"},
]  # fmt: skip


@pytest.mark.parametrize("filters", BAD, ids=lambda filters: "-".join(filters))
def test_bad_filters_are_named_and_nothing_is_shown(
    client: Client, project: Project, admin: User, filters: dict[str, str]
) -> None:
    ContactFactory(project=project)
    client.force_login(admin)
    response = page(client, project, **filters)
    assert response.status_code == 200
    assert response.context["form"].errors and shown(response) == []


@pytest.mark.parametrize(
    "filters", [{"contact": "😀"}, {"contact": "محمد"}, {"by": "user:9223372036854775"}, {"x": "y"}]
)
def test_unusual_filters_find_nothing_or_are_passed_over(
    client: Client, project: Project, admin: User, filters: dict[str, str]
) -> None:
    client.force_login(admin)
    response = page(client, project, **filters)
    assert response.status_code == 200 and not response.context["form"].errors


@pytest.mark.parametrize("cursor", ["garbage", "W10", "\x00", "bnVsbA", "Im5hYiI", "WyJuIiwgImEiLCAiYiJd"])
def test_bad_place_is_refused_in_words(client: Client, project: Project, admin: User, cursor: str) -> None:
    client.force_login(admin)
    response = page(client, project, cursor=cursor)
    assert response.status_code == 400
    assert "This address names no page of the list." in response.content.decode()


def test_too_many_contacts_ask_for_more_letters(
    client: Client, project: Project, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.selectors.history.MOST_CONTACTS", 2)
    for _number in range(3):
        ContactFactory(project=project, last_name="Roy")
    client.force_login(admin)
    assert "More than 2 contacts match." in page(client, project, contact="Roy").content.decode()


def test_queries_do_not_grow(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    ContactFactory(project=project, email="one@example.org")
    counts = []
    for _turn in range(2):
        with CaptureQueriesContext(connection) as queries:
            page(client, project)
        counts.append(len(queries))
        for number in range(30):
            contact = ContactFactory(project=project, email=f"more{number}@example.org")
            deactivate(contact.as_set(), origin=by_user(admin, reason=Reason.OTHER, note="x"))
    assert counts[0] == counts[1]
