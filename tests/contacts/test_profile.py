"""The contact's page: what it says, to whom, and at what cost."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.access import access_for
from contacts.addresses import normalise
from contacts.models import Contact, Membership, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Authorization, Origin
from contacts.selectors.channel_rows import ConditionRow
from contacts.selectors.profile import Asked, Profile, profile_of
from contacts.services.blocks import lift, quarantine, suppress
from contacts.services.opt_outs import lift_opt_out, opt_out
from contacts.services.register import change_address, set_validity
from contacts.services.status import activate, deactivate
from contacts.services.undo import undo
from contacts.vocabulary import AuthorizationSource, Cause, Channel, Method, Reason
from tests.factories import (
    ContactFactory,
    MembershipFactory,
    ProjectFactory,
    RelationalRowFactory,
    RelationalTableFactory,
    StatusHistoryFactory,
    by_the_system,
)

pytestmark = pytest.mark.django_db

TORONTO = ZoneInfo("America/Toronto")


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(
        project=project,
        key="HM-204817",
        first_name="Amélie",
        last_name="Gagnon-Roy",
        language="fr",
        notes="Prefers the afternoon.",
        attributes={"City": "Lévis"},
        email="amelie@example.org",
        sms="+1 418 555 0137",
    )


def text(client: Client, contact: Contact, user: User, **asked: str) -> str:
    """The page's words, without its tags."""
    client.force_login(user)
    response = client.get(contact.get_absolute_url(), asked)
    assert response.status_code == 200
    words = re.sub(r"<[^>]+>", " ", response.content.decode().partition("<main")[2])
    return html.unescape(re.sub(r"\s+", " ", words)).replace(" .", ".").replace("( ", "(").replace(" )", ")")


def profile(contact: Contact, user: User, **asked: str) -> Profile:
    contact.refresh_from_db()
    return profile_of(contact, access_for(user, contact.project.slug), Asked(**asked))


def condition(contact: Contact, user: User, channel: str, key: str) -> ConditionRow:
    row = next(row for row in profile(contact, user).channels if row.channel == channel)
    return next(condition for condition in row.conditions if condition.key == key)


def by_link(**fields: Any) -> Origin:
    return Origin(
        Method.OPT_OUT_LINK, THE_CONTACT, reason=Reason.OWN_REQUEST, evidence={"message": "Spring offers"}, **fields
    )


def authorization(covers: frozenset[str] = frozenset()) -> Authorization:
    return Authorization(AuthorizationSource.WRITTEN, "Ticket 5521", timezone.now().astimezone(TORONTO).date(), covers)


# What it says


def test_active(client: Client, contact: Contact, viewer: User) -> None:
    page = text(client, contact, viewer)

    assert "Amélie Gagnon-Roy HM-204817 French In the register since" in page
    assert "Active. Email and SMS may be sent." in page
    assert "City Lévis" in page and "Prefers the afternoon." in page


def test_active_with_a_channel_shut(client: Client, contact: Contact, viewer: User) -> None:
    opt_out(
        contact.as_set(), Channel.SMS, origin=by_link(occurred_at=datetime(2024, 10, 3, 18, 7, tzinfo=ZoneInfo("UTC")))
    )
    entry = StatusHistory.objects.get(contact=contact, aspect="opt_out")

    page = text(client, contact, viewer)

    assert "Active. Email may be sent; SMS may not." in page
    assert f"Opted out of SMS, 3 Oct 2024, 14:07, with an opt-out link in Spring offers (entry {entry.pk})." in page


def test_active_without_any_address(client: Client, project: Project, viewer: User) -> None:
    page = text(client, ContactFactory(project=project), viewer)

    assert "Active. Nothing can be sent: there is no address on any channel." in page


def test_inactive_by_a_link(client: Client, contact: Contact, viewer: User) -> None:
    deactivate(contact.as_set(), origin=by_link(occurred_at=datetime(2024, 3, 12, 15, tzinfo=ZoneInfo("UTC"))))
    entry = StatusHistory.objects.get(contact=contact, says="no")

    page = text(client, contact, viewer)

    assert "Inactive since 12 March 2024: opted out with a link in Spring offers." in page
    assert (
        f"Nothing is sent on any channel. Data, opt-ins and opt-outs are kept as they were (entry {entry.pk})." in page
    )


def test_cause_of_inactivity_is_the_strongest_no_that_stands(client: Client, contact: Contact, viewer: User) -> None:
    """A lighter word that came later does not hide whose word it is."""
    utc = ZoneInfo("UTC")
    deactivate(
        contact.as_set(),
        origin=by_the_system(reason=Reason.WRITTEN_REQUEST, occurred_at=datetime(2024, 2, 1, 15, tzinfo=utc)),
    )
    deactivate(contact.as_set(), origin=by_link(occurred_at=datetime(2024, 3, 12, 15, tzinfo=utc)))
    deactivate(
        contact.as_set(),
        origin=by_the_system(reason=Reason.VERBAL_REQUEST, occurred_at=datetime(2024, 4, 2, 15, tzinfo=utc)),
    )

    page = text(client, contact, viewer)

    assert "Inactive since 1 February 2024; on 12 March 2024: opted out with a link in Spring offers." in page
    assert "Also on 2 April 2024: asked to stop, a verbal request noted by the system" in page
    assert "Also on 1 February 2024: asked to stop, a written request noted by the system" in page


def test_a_lifted_or_voided_no_is_no_cause(contact: Contact, viewer: User, admin: User, project: Project) -> None:
    deactivate(contact.as_set(), origin=by_link())
    activate(contact.as_set(), origin=access_for(admin, project.slug).origin(), authorization=authorization())
    slip = access_for(admin, project.slug).origin(reason=Reason.VERBAL_REQUEST)
    deactivate(contact.as_set(), origin=slip)
    undo(StatusHistory.objects.filter(request_id=slip.request_id), origin=access_for(admin, project.slug).origin())
    deactivate(contact.as_set(), origin=access_for(admin, project.slug).origin(reason=Reason.OTHER))

    status = profile(contact, viewer).status

    assert "our own decision, by Ada Admin" in status.sentence
    assert len(status.lines) == 1


def test_channels_of_an_inactive_contact(contact: Contact, viewer: User) -> None:
    opt_out(contact.as_set(), Channel.SMS, origin=by_link())
    deactivate(contact.as_set(), origin=by_link())

    channels = profile(contact, viewer).channels

    assert [(row.channel, row.glyph, row.word, row.open) for row in channels] == [
        ("email", "no", "Inactive", True),
        ("sms", "no", "Inactive, and opted out", True),
        ("push", "no", "Inactive, and no device", False),
    ]


def test_may_be_sent_to_but_not_by_you(contact: Contact, project: Project, viewer: User) -> None:
    Membership.objects.filter(project=project, user=viewer).update(send_channels=["sms"])

    email, sms, push = profile(contact, viewer).channels

    assert (email.glyph, email.word) == ("grey", "May be sent to, not by you")
    assert (sms.glyph, sms.word) == ("ok", "May be sent to")
    assert (push.glyph, push.word) == ("na", "No device")
    assert profile(contact, viewer).status.sentence == "Email and SMS may be sent"


# The entry that caused each condition


def entry_of(contact: Contact, **about: str) -> int:
    return StatusHistory.objects.filter(contact=contact, **about).latest("pk").pk


def test_conditions_of_a_new_contact(contact: Contact, viewer: User) -> None:
    today = timezone.localtime(contact.created_at, TORONTO).strftime("%-d %b %Y")
    created, address = entry_of(contact, aspect="active"), entry_of(contact, aspect="address", channel="email")

    email = profile(contact, viewer).channels[0]

    assert [(row.key, row.met, row.cause, row.entry) for row in email.conditions] == [
        ("active", True, f"since {today}", created),
        ("has_address", True, f"since {today}", address),
        ("valid_address", True, f"since {today}", address),
        ("not_quarantined", True, "never quarantined", None),
        ("not_suppressed", True, "never listed", None),
        ("not_opted_out", True, "never opted out", None),
    ]


def test_conditions_without_an_address(contact: Contact, viewer: User) -> None:
    change_address(contact, Channel.SMS, "", origin=by_the_system())

    has_address = condition(contact, viewer, Channel.SMS, "has_address")

    assert (has_address.met, has_address.entry) == (False, entry_of(contact, aspect="address", channel="sms"))
    assert has_address.cause.startswith("removed ")
    assert condition(contact, viewer, Channel.PUSH, "has_address").cause == "none was ever given"


def test_validity_names_its_entry(contact: Contact, viewer: User) -> None:
    set_validity(contact, Channel.EMAIL, False, origin=by_the_system())
    not_valid = condition(contact, viewer, Channel.EMAIL, "valid_address")
    set_validity(contact, Channel.EMAIL, True, origin=by_the_system())
    valid = condition(contact, viewer, Channel.EMAIL, "valid_address")

    assert not_valid.cause.startswith("marked as not valid ") and not not_valid.met
    assert valid.cause.startswith("checked ") and valid.met
    assert valid.entry == entry_of(contact, aspect="validity") != not_valid.entry


def test_quarantine_and_its_lifting_name_their_entries(contact: Contact, viewer: User) -> None:
    quarantine(contact.as_set(), Channel.EMAIL, origin=by_the_system(reason=Reason.NO_SUCH_ADDRESS))
    shut = condition(contact, viewer, Channel.EMAIL, "not_quarantined")
    no = StatusHistory.objects.get(aspect="quarantine", says="no")
    lift(no.block.__class__.objects.filter(pk=no.block_id), origin=by_the_system(), recorded_in=contact.project)
    opened = condition(contact, viewer, Channel.EMAIL, "not_quarantined")

    assert (shut.met, shut.entry) == (False, no.pk)
    assert shut.cause.endswith("the address does not exist")
    assert (opened.met, opened.entry) == (True, StatusHistory.objects.get(aspect="quarantine", says="yes").pk)
    assert opened.cause.startswith("lifted ")


def test_own_opt_out_and_its_lifting_name_their_entries(
    contact: Contact, viewer: User, admin: User, project: Project
) -> None:
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    shut = condition(contact, viewer, Channel.EMAIL, "not_opted_out")
    lift_opt_out(
        contact.as_set(), Channel.EMAIL,
        origin=access_for(admin, project.slug).origin(), authorization=authorization(),
    )  # fmt: skip
    opened = condition(contact, viewer, Channel.EMAIL, "not_opted_out")

    assert (shut.met, shut.entry) == (False, entry_of(contact, aspect="opt_out", says="no"))
    assert (opened.met, opened.entry) == (True, entry_of(contact, aspect="opt_out", says="yes"))


def test_the_opt_out_that_stands_is_the_heaviest(contact: Contact, viewer: User) -> None:
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    own = entry_of(contact, aspect="opt_out")
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_the_system())

    assert condition(contact, viewer, Channel.EMAIL, "not_opted_out").entry == own


def test_opt_out_of_somebody_else_at_the_address(client: Client, contact: Contact, viewer: User) -> None:
    other = ContactFactory(project=contact.project, first_name="Marc", last_name="Roy", email="Amelie@example.org")
    opt_out(other.as_set(), Channel.EMAIL, origin=by_the_system())

    shut = condition(contact, viewer, Channel.EMAIL, "not_opted_out")
    page = text(client, contact, viewer)

    assert shut.entry == entry_of(other, aspect="opt_out")
    assert "by Marc Roy, who has the same address" in shut.cause
    assert "Also here Marc Roy has the same email address" in page
    assert "Marc Roy : Opted out of email" in page


def test_organization_block_shows_no_entry_of_another_project(
    client: Client, contact: Contact, project: Project, viewer: User
) -> None:
    elsewhere = ProjectFactory(organization=project.organization)
    neighbour = ContactFactory(
        project=elsewhere, first_name="Secret", last_name="Neighbour", email="amelie@example.org"
    )
    suppress(
        [normalise(Channel.EMAIL, "amelie@example.org")],
        organization=project.organization,
        recorded_in=elsewhere,
        contact=neighbour,
        cause=Cause.COMPLAINT,
        origin=by_the_system(reason=Reason.COMPLAINT, note="Told the other project."),
    )
    foreign = StatusHistory.objects.get(aspect="suppression")

    shut = condition(contact, viewer, Channel.EMAIL, "not_suppressed")
    page = text(client, contact, viewer)

    assert (shut.met, shut.entry) == (False, None)
    assert shut.cause.endswith("spam complaint, in the whole organization")
    assert f"entry {foreign.pk}" not in page and "Secret" not in page and "Told the other project" not in page


def test_organization_block_of_this_project_names_its_entry(contact: Contact, project: Project, viewer: User) -> None:
    suppress(
        [normalise(Channel.SMS, "+14185550137")], organization=project.organization, recorded_in=project,
        cause=Cause.STOP, contact=contact, origin=Origin(Method.SMS, THE_CONTACT, reason=Reason.STOP),
    )  # fmt: skip

    shut = condition(contact, viewer, Channel.SMS, "not_suppressed")

    assert shut.entry == entry_of(contact, aspect="suppression")
    assert shut.cause.endswith("by replying STOP, in the whole organization")


def test_nobody_of_another_project_is_named_as_neighbour(
    client: Client, contact: Contact, other_project: Project, viewer: User
) -> None:
    ContactFactory(project=other_project, first_name="Foreign", last_name="Person", email="amelie@example.org")

    assert "Foreign" not in text(client, contact, viewer)


# Tools


def tools(client: Client, contact: Contact, user: User) -> list[tuple[str, str]]:
    client.force_login(user)
    page = client.get(contact.get_absolute_url()).content.decode()
    return re.findall(r'role="button" href="[^"]+/([a-z]+)/">.*?</svg>(\w+)</a>', page, re.DOTALL)


def test_tools_by_role(client: Client, contact: Contact, viewer: User, editor: User, admin: User) -> None:
    edit, off, delete = ("edit", "Edit"), ("deactivate", "Deactivate"), ("delete", "Delete")

    assert tools(client, contact, viewer) == []
    assert tools(client, contact, editor) == [edit, off]
    assert tools(client, contact, admin) == [edit, off, delete]

    deactivate(contact.as_set(), origin=by_the_system())

    assert tools(client, contact, editor) == [edit, ("activate", "Activate")]


def test_viewer_who_may_delete_finds_the_door(client: Client, contact: Contact, project: Project) -> None:
    user = MembershipFactory(project=project, may_delete=True).user

    assert tools(client, contact, user) == [("delete", "Delete")]


def test_actions_on_a_channel(contact: Contact, viewer: User, editor: User, admin: User) -> None:
    def offered(user: User) -> list[str]:
        return [action.label for action in profile(contact, user).channels[0].actions]

    assert offered(viewer) == []
    assert offered(editor) == ["Opt out of email", "Mark as not valid"]

    set_validity(contact, Channel.EMAIL, False, origin=by_the_system())
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())

    assert offered(editor) == ["Mark as valid"]
    assert "Only an admin" in profile(contact, editor).channels[0].hint
    assert offered(admin) == ["Lift the opt-out", "Mark as valid"]


# Tabs and history


def test_no_empty_tab(contact: Contact, viewer: User, project: Project) -> None:
    RelationalTableFactory(project=project, name="Visits", slug="visits")
    orders = RelationalTableFactory(project=project, name="Orders", slug="orders")
    RelationalRowFactory(contact=contact, table=orders, values={"number": "A-1"})

    assert [(tab.label, tab.count) for tab in profile(contact, viewer).tabs] == [("Status history", 3), ("Orders", 1)]


def test_rows_of_a_table_page_by_page(client: Client, contact: Contact, viewer: User, project: Project) -> None:
    orders = RelationalTableFactory(project=project, name="Orders", slug="orders")
    for number in range(30):
        RelationalRowFactory(contact=contact, table=orders, values={"number": f"A-{number:02}"})
    RelationalRowFactory(contact=ContactFactory(project=project), table=orders, values={"number": "B-1"})

    page = text(client, contact, viewer, table="orders")
    shown = profile(contact, viewer, table="orders")

    assert "A-29" in page and "A-05" in page and "A-04" not in page and "B-1" not in page
    assert shown.history is None and shown.table is not None
    client.force_login(viewer)
    assert b"A-04" in client.get(shown.table.next_url.partition("#")[0]).content


def test_unknown_table_shows_the_history(contact: Contact, viewer: User) -> None:
    assert profile(contact, viewer, table="none-such").history is not None


def test_history_is_filtered_by_channel_and_aspect(client: Client, contact: Contact, viewer: User) -> None:
    def titles(**asked: str) -> list[str]:
        history = profile(contact, viewer, **asked).history
        assert history is not None
        return [entry.title for entry in history.entries]

    assert titles() == ["SMS number added", "Email address added", "Contact created"]
    assert titles(channel="sms") == ["SMS number added"]
    assert titles(aspect="active") == ["Contact created"]
    assert titles(channel="push") == []
    assert "Nothing of this kind has happened" in text(client, contact, viewer, channel="push")


def test_history_has_the_entries_of_its_addresses(contact: Contact, viewer: User, project: Project) -> None:
    """A block that nobody's entry put there is part of the story all the same."""
    suppress(
        [normalise(Channel.EMAIL, "amelie@example.org")], organization=project.organization, project=project,
        recorded_in=project, origin=by_the_system(),
    )  # fmt: skip

    history = profile(contact, viewer).history

    assert history is not None and history.entries[0].title == "Email address suppressed"


def test_history_page_by_page(client: Client, contact: Contact, viewer: User) -> None:
    for number in range(60):
        StatusHistoryFactory(contact=contact, occurred_at=timezone.now() - timedelta(hours=number + 1))
    seen: list[int] = []
    client.force_login(viewer)
    url = contact.get_absolute_url()
    while url:
        page = client.get(url.partition("#")[0])
        history = page.context["profile"].history
        seen += [entry.id for entry in history.entries]
        url = history.next_url

    assert len(seen) == len(set(seen)) == StatusHistory.objects.filter(contact=contact).count()


def test_marks_and_the_way_back(client: Client, contact: Contact, project: Project, admin: User, viewer: User) -> None:
    origin = access_for(admin, project.slug).origin(reason=Reason.VERBAL_REQUEST, note="By telephone.")
    deactivate(contact.as_set(), origin=origin)
    deactivate(contact.as_set(), origin=by_the_system())
    entry = entry_of(contact, says="no", method="manual")
    undo_url = f"/history/{entry}/undo/"

    client.force_login(admin)
    assert undo_url in client.get(contact.get_absolute_url()).content.decode()
    client.force_login(viewer)
    assert undo_url not in client.get(contact.get_absolute_url()).content.decode()
    assert "Recorded once more; it held already." in text(client, contact, viewer)

    undo(StatusHistory.objects.filter(pk=entry), origin=access_for(admin, project.slug).origin())

    page = text(client, contact, viewer)
    assert f"Taken back by entry {entry_of(contact, says='void')}." in page
    assert "“By telephone.”" in page


# Who, and what else


def test_stranger_and_bad_ids_find_nothing(
    client: Client, contact: Contact, stranger: User, viewer: User, other_project: Project
) -> None:
    client.force_login(stranger)
    assert client.get(contact.get_absolute_url()).status_code == 404
    assert client.get(f"/p/{other_project.slug}/contacts/{contact.pk}/").status_code == 404
    client.force_login(viewer)
    for number in (0, contact.pk + 1, 2**63, 10**30):
        assert client.get(f"/p/newsletter/contacts/{number}/").status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        {"channel": "pigeon", "aspect": "\x00"},
        {"channel": "email' OR 1=1", "table": "\x00"},
        {"aspect": "a" * 10_000, "table": "🦊" * 100},
    ],
)
def test_garbage_asks_for_nothing(client: Client, contact: Contact, viewer: User, asked: dict[str, str]) -> None:
    assert "Contact created" in text(client, contact, viewer, **asked)


def test_page_that_does_not_exist(client: Client, contact: Contact, viewer: User) -> None:
    client.force_login(viewer)
    for cursor in ("x", "\x00", "a" * 5_000):
        assert client.get(contact.get_absolute_url(), {"cursor": cursor}).status_code == 400


def test_only_looked_at(client: Client, contact: Contact, admin: User) -> None:
    client.force_login(admin)
    assert client.post(contact.get_absolute_url()).status_code == 405
    assert client.head(contact.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\u202eeilemA", "🦊 Fox", "أميلي"])
def test_names_as_they_come(client: Client, project: Project, viewer: User, name: str) -> None:
    contact = ContactFactory(project=project, first_name=name, attributes={name: name}, notes=name)
    client.force_login(viewer)

    page = client.get(contact.get_absolute_url()).content.decode()

    assert f"<h1>{html.escape(name)}</h1>" in page
    assert "<script>alert" not in page


def test_queries_do_not_grow(client: Client, contact: Contact, admin: User) -> None:
    """Ten entries or two thousand: the same questions to the database, and few rows back."""

    def cost() -> int:
        client.get(contact.get_absolute_url())  # whatever is asked once only has been asked
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(contact.get_absolute_url()).status_code == 200
        return len(queries)

    client.force_login(admin)
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    deactivate(contact.as_set(), origin=by_link())
    few = cost()
    now = timezone.now()
    StatusHistory.objects.bulk_create(
        StatusHistoryFactory.build(
            contact=contact, project=contact.project, organization=contact.organization,
            aspect=aspect, channel=channel, says=says, occurred_at=now - timedelta(minutes=number),
            recorded_at=now - timedelta(minutes=number),
        )
        for number in range(500)
        for aspect, channel, says in (
            ("active", "", "no"), ("active", "", "yes"), ("opt_out", "email", "no"), ("opt_out", "email", "yes"),
        )
    )  # fmt: skip

    assert cost() == few <= 32
    assert "Status history 1,000 +" in text(client, contact, admin).replace("1,000+", "1,000 +")
