"""The overview of a project: counts, ways, users, the newest changes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.eligibility import Question, project_audience, project_audiences
from contacts.forms.overview import PeriodForm
from contacts.models import Contact, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Origin
from contacts.selectors.overview import (
    FIVE_WAYS,
    Deactivations,
    Period,
    Way,
    changed_today,
    deactivations,
    month_after,
    usual_period,
)
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.services.undo import undo
from contacts.templatetags.charts import spark_bars, spark_width
from contacts.vocabulary import ActorKind, Aspect, Channel, Method, Reason, Says, Weight
from tests.factories import ContactFactory, ProjectFactory, StatusHistoryFactory, UserFactory

TORONTO = ZoneInfo("America/Toronto")
YEAR = Period(date(2025, 12, 1), date(2026, 11, 1), TORONTO)


def address(project: Project, query: str = "") -> str:
    return reverse("contacts:overview", args=[project.slug]) + query


def words(response: object) -> str:
    """The page's text without tags, with single spaces."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())  # type: ignore[attr-defined]


def by_link() -> Origin:
    return Origin(Method.OPT_OUT_LINK, THE_CONTACT, Reason.OWN_REQUEST, evidence={"message": "Spring offers"})


def by_hand(user: User, **fields: object) -> Origin:
    return Origin.manual(user, authority=Weight.REPORTED, reason=Reason.VERBAL_REQUEST, **fields)


def off(contact: Contact, method: str, at: datetime, **fields: object) -> StatusHistory:
    """A bare entry that switched the contact off."""
    return StatusHistoryFactory(
        contact=contact,
        says=Says.NO,
        from_value=fields.pop("from_value", "active"),
        to_value="inactive",
        method=method,
        occurred_at=at,
        **fields,
    )


def way(found: Deactivations, method: Method) -> Way:
    [wanted] = [way for way in found.ways if way.method == method]
    return wanted


def test_viewer_sees_how_many_are_active_and_inactive(client: Client, project: Project, viewer: User) -> None:
    for _contact in range(4):
        ContactFactory(project=project)
    deactivate(ContactFactory(project=project).as_set(), origin=by_link())
    client.force_login(viewer)
    text = words(client.get(address(project)))
    assert "Contacts 5 " in text
    assert "Active 4 80.0 % of contacts" in text
    assert "Inactive 1 20.0 % of contacts" in text


def test_channels_have_number_share_and_the_largest_reason(client: Client, project: Project, viewer: User) -> None:
    for number in range(3):
        ContactFactory(project=project, email=f"reader{number}@example.org")
    gone = ContactFactory(project=project, email="gone@example.org", sms="+14185550137")
    opt_out(gone.as_set(), Channel.EMAIL, origin=by_link())
    client.force_login(viewer)
    response = client.get(address(project))
    text = words(response)
    assert "Email 3 75.0 % Opted out, 1" in text
    assert "SMS 1 25.0 % No number, 3" in text
    assert "Push 0 0.0 % No device, 4" in text
    assert f'href="{reverse("contacts:contact_list", args=[project.slug])}?reason=sms%3Ahas_address"' in (
        response.content.decode()
    )


def test_reason_links_to_a_list_of_just_those_counted(client: Client, project: Project, viewer: User) -> None:
    for number in range(3):
        deactivate(ContactFactory(project=project, email=f"r{number}@example.org").as_set(), origin=by_link())
    ContactFactory(project=project, email="stays@example.org")
    client.force_login(viewer)
    response = client.get(address(project))
    assert "Email 1 25.0 % Inactive, 3" in words(response)
    link = f"{reverse('contacts:contact_list', args=[project.slug])}?status=inactive"
    assert f'<a href="{link}">Inactive, 3</a>' in response.content.decode()
    listed = client.get(link).content.decode()
    assert [f"r{number}@example.org" in listed for number in range(3)] == [True, True, True]
    assert "stays@example.org" not in listed


def test_nobody_excluded_leaves_the_reason_out(client: Client, project: Project, viewer: User) -> None:
    ContactFactory(project=project, email="a@example.org", sms="+14185550137", push="device-1")
    client.force_login(viewer)
    text = words(client.get(address(project)))
    assert "Email 1 100.0 % –" in text


def test_audiences_of_all_channels_are_those_of_each(project: Project, other_project: Project) -> None:
    ContactFactory(project=project, email="a@example.org", sms="+14185550137")
    ContactFactory(project=project, email="b@example.org")
    ContactFactory(project=other_project, email="b@example.org", push="device")
    ContactFactory(project=project)
    deactivate(ContactFactory(project=project, push="device").as_set(), origin=by_link())
    deactivate(ContactFactory(project=project).as_set(), origin=by_link())
    opt_out(Contact.objects.filter(key__in=["b@example.org"]), Channel.EMAIL, origin=by_link())
    questions = [Question(channel) for channel in Channel]
    assert project_audiences(project, questions) == [project_audience(project, question) for question in questions]
    assert [audience.total for audience in project_audiences(project, questions)] == [5, 5, 5]


def test_deactivations_are_counted_by_method_and_month(project: Project) -> None:
    contact = ContactFactory(project=project)
    off(contact, Method.OPT_OUT_LINK, datetime(2026, 2, 3, tzinfo=UTC))
    off(contact, Method.OPT_OUT_LINK, datetime(2026, 2, 7, tzinfo=UTC))
    last = off(contact, Method.OPT_OUT_LINK, datetime(2026, 11, 20, tzinfo=UTC))
    off(contact, Method.IMPORT, datetime(2026, 7, 1, 12, tzinfo=UTC))
    found = deactivations(project, YEAR)
    assert found.total == 4
    link = way(found, Method.OPT_OUT_LINK)
    assert (link.number, link.latest_entry, link.latest_at) == (3, last.pk, last.recorded_at)
    assert link.over_time == (0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    assert way(found, Method.IMPORT).over_time == (0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)


def test_months_are_those_of_the_projects_time_zone(project: Project) -> None:
    contact = ContactFactory(project=project)
    off(contact, Method.FORM, datetime(2026, 3, 1, 2, tzinfo=UTC))  # still 28 February in Toronto
    off(contact, Method.FORM, datetime(2025, 12, 1, 2, tzinfo=UTC))  # November there: before the period
    off(contact, Method.FORM, datetime(2026, 12, 1, 2, tzinfo=UTC))  # still 30 November: in it
    found = way(deactivations(project, YEAR), Method.FORM)
    assert found.over_time == (0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1)


def test_confirmations_voided_entries_and_other_aspects_do_not_count(project: Project, editor: User) -> None:
    contact = ContactFactory(project=project, email="a@example.org")
    at = datetime(2026, 5, 5, tzinfo=UTC)
    off(contact, Method.MANUAL, at, from_value="inactive")
    StatusHistoryFactory(
        contact=contact, aspect=Aspect.OPT_OUT, says=Says.NO, channel="email", occurred_at=at,
        from_value="not_opted_out", to_value="opted_out", method=Method.OPT_OUT_LINK,
    )  # fmt: skip
    StatusHistoryFactory(
        contact=contact, says=Says.YES, occurred_at=at, from_value="inactive", to_value="active", method=Method.MANUAL
    )
    slip = off(contact, Method.MANUAL, at)
    StatusHistoryFactory(contact=contact, says=Says.VOID, voids=slip.pk, occurred_at=at + timedelta(hours=1))
    assert deactivations(project, YEAR).total == 0
    assert deactivations(project, YEAR).users == ()


def test_a_slip_taken_back_leaves_the_count(project: Project, editor: User) -> None:
    contact = ContactFactory(project=project)
    deactivate(contact.as_set(), origin=by_hand(editor))
    period = usual_period(project.zone)
    assert deactivations(project, period).total == 1
    entry = StatusHistory.objects.filter(contact=contact, says=Says.NO)
    undo(entry, origin=by_hand(editor)).or_raise()
    assert deactivations(project, period).total == 0


def test_another_projects_deactivations_stay_there(project: Project, other_project: Project) -> None:
    off(ContactFactory(project=other_project), Method.FORM, datetime(2026, 5, 5, tzinfo=UTC))
    assert deactivations(project, YEAR).total == 0


def test_five_ways_are_always_named_and_others_where_they_occur(project: Project) -> None:
    assert [way.method for way in deactivations(project, YEAR).ways] == list(FIVE_WAYS)
    contact = ContactFactory(project=project)
    off(contact, Method.API, datetime(2026, 5, 5, tzinfo=UTC))
    off(contact, Method.SMS, datetime(2026, 5, 6, tzinfo=UTC))
    assert [way.method for way in deactivations(project, YEAR).ways] == [*FIVE_WAYS, Method.API, Method.SMS]


def test_users_who_deactivated_by_hand_are_ranked(project: Project, editor: User, admin: User) -> None:
    for user, times in ((editor, 1), (admin, 2)):
        for _time in range(times):
            deactivate(ContactFactory(project=project).as_set(), origin=by_hand(user))
    deactivate(ContactFactory(project=project).as_set(), origin=by_link())
    found = deactivations(project, usual_period(project.zone))
    assert [(user.name, user.number) for user in found.users] == [("Ada Admin", 2), ("Edgar Editor", 1)]
    assert found.by_hand == 3


def test_user_goes_by_the_present_name_or_by_that_of_then(project: Project) -> None:
    contact = ContactFactory(project=project)
    renamed, at = UserFactory(name="New Name"), datetime(2026, 5, 5, tzinfo=UTC)
    person = {"actor_kind": ActorKind.USER, "actor_label": "Old Name"}
    off(contact, Method.MANUAL, at, actor_number=renamed.pk, **person)
    off(contact, Method.MANUAL, at, actor_number=2**40, actor_kind=ActorKind.USER, actor_label="Gone Since")
    assert {user.name for user in deactivations(project, YEAR).users} == {"New Name", "Gone Since"}


def test_many_users_are_summed_up_after_the_tenth(project: Project) -> None:
    contact = ContactFactory(project=project)
    for number in range(13):
        for _time in range(13 - number):
            off(
                contact, Method.MANUAL, datetime(2026, 5, 5, tzinfo=UTC),
                actor_number=10_000 + number, actor_kind=ActorKind.USER, actor_label=f"User {number:02}",
            )  # fmt: skip
    users = deactivations(project, YEAR).users
    assert [user.name for user in users][:2] == ["User 00", "User 01"]
    assert (len(users), users[-1].name, users[-1].number) == (11, "3 other users", 3 + 2 + 1)


def test_long_periods_are_drawn_by_year(project: Project) -> None:
    contact = ContactFactory(project=project)
    for year in (2023, 2025, 2025):
        off(contact, Method.FORM, datetime(year, 5, 5, tzinfo=UTC))
    found = deactivations(project, Period(date(2023, 1, 1), date(2026, 11, 1), TORONTO))
    assert found.by_year
    assert way(found, Method.FORM).over_time == (1, 0, 2, 0)


def test_changed_today_counts_contacts_and_who_did_it_themselves(project: Project, editor: User) -> None:
    before = changed_today(project)
    assert (before.changed, before.by_themselves) == (0, 0)
    contact = ContactFactory(project=project, email="a@example.org")
    deactivate(contact.as_set(), origin=by_link())
    deactivate(ContactFactory(project=project).as_set(), origin=by_hand(editor))
    today = changed_today(project)
    assert (today.changed, today.by_themselves) == (2, 1)


def test_yesterday_in_the_projects_zone_is_not_today(project: Project) -> None:
    contact = ContactFactory(project=project)
    with time_machine.travel(datetime(2030, 11, 24, 15, tzinfo=UTC), tick=False):
        off(contact, Method.FORM, datetime(2030, 11, 24, 4, 59, tzinfo=UTC))  # 23:59 the day before in Toronto
        assert changed_today(project).changed == 0
        off(contact, Method.FORM, datetime(2030, 11, 24, 5, 0, tzinfo=UTC))
        assert changed_today(project).changed == 1


def test_page_shows_ways_users_and_newest_changes(client: Client, project: Project, editor: User) -> None:
    contact = ContactFactory(project=project, first_name="Chantal", last_name="Lefebvre")
    deactivate(contact.as_set(), origin=by_hand(editor, note="Called."))
    deactivate(ContactFactory(project=project).as_set(), origin=by_link())
    client.force_login(editor)
    response = client.get(address(project))
    text = words(response)
    assert "2 deactivations" in text
    assert "Opt-out link in a message 1 50.0 %" in text
    assert "Manually, by a user 1 50.0 %" in text
    assert "Import of a new list 0 0.0 %" in text
    assert "Reply by SMS" not in text
    assert "Edgar Editor 1" in text
    assert re.search(r"Chantal Lefebvre\W+Deactivated", text)
    entry = StatusHistory.objects.get(contact=contact, says=Says.NO)
    assert f'href="{reverse("contacts:entry", args=[project.slug, entry.pk])}"' in response.content.decode()


def test_decisions_come_before_the_lines_of_an_import(client: Client, project: Project, viewer: User) -> None:
    contact = ContactFactory(project=project, first_name="Omar", last_name="Haddad")
    deactivate(contact.as_set(), origin=by_link())
    for number in range(10):
        ContactFactory(project=project, email=f"new{number}@example.org")
    client.force_login(viewer)
    assert re.search(r"Omar Haddad\W+Deactivated", words(client.get(address(project))))


def test_only_admins_are_led_to_the_whole_history(client: Client, project: Project, admin: User, editor: User) -> None:
    ContactFactory(project=project)
    client.force_login(admin)
    assert b"All of the status history" in client.get(address(project)).content
    client.force_login(editor)
    assert b"All of the status history" not in client.get(address(project)).content


def test_new_project_says_what_to_do(client: Client, project: Project, editor: User) -> None:
    client.force_login(editor)
    response = client.get(address(project))
    assert "No contacts yet Import a list or add one ." in words(response)
    assert f'href="{reverse("contacts:imports", args=[project.slug])}"' in response.content.decode()
    assert f'href="{reverse("contacts:contact_add", args=[project.slug])}"' in response.content.decode()


def test_new_project_offers_a_viewer_nothing_that_is_refused(client: Client, project: Project, viewer: User) -> None:
    client.force_login(viewer)
    response = client.get(address(project))
    assert "An editor of this project can import a list or add one." in words(response)
    assert reverse("contacts:contact_add", args=[project.slug]) not in response.content.decode()


def test_another_period_is_chosen_in_the_address(client: Client, project: Project, viewer: User) -> None:
    contact = ContactFactory(project=project)
    off(contact, Method.FORM, datetime(2024, 3, 5, 12, tzinfo=UTC))
    client.force_login(viewer)
    assert "Update form 0" in words(client.get(address(project)))
    text = words(client.get(address(project, "?since=2024-02&until=2024-04")))
    assert "February 2024 to April 2024, 1 deactivation" in text
    assert "Update form 1 100.0 %" in text


def test_one_month_is_called_by_its_name(client: Client, project: Project, viewer: User) -> None:
    ContactFactory(project=project)
    client.force_login(viewer)
    assert "March 2024, 0 deactivations" in words(client.get(address(project, "?since=2024-03&until=2024-03")))


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("since=2024-05&until=2024-03", "The period ends before it begins. Enter a later month, or swap the two."),
        ("since=2024-13", "Enter a month like 2026-11."),
        ("since=%00", "Enter a month like 2026-11."),
        ("since=99999999999999999999-01", "Enter a month like 2026-11."),
        ("until=9999-12", "This month is in the future. Enter this month or an earlier one."),
        ("since=0001-01", "Enter a month of the year 2000 or later."),
        ("since=👍&until=مرحبا", "Enter a month like 2026-11."),
    ],
)
def test_bad_period_is_named_and_the_usual_one_shown(
    client: Client, project: Project, viewer: User, query: str, error: str
) -> None:
    ContactFactory(project=project)
    client.force_login(viewer)
    response = client.get(address(project, f"?{query}"))
    assert response.status_code == 200
    assert error in words(response)
    assert "<title>Error:" in response.content.decode()
    last = usual_period(project.zone).last
    assert f"to {last:%B %Y}, 0 deactivations" in words(response)


def test_garbage_in_the_address_changes_nothing(client: Client, project: Project, viewer: User) -> None:
    ContactFactory(project=project)
    client.force_login(viewer)
    assert client.get(address(project, "?x=%00&since[]=1&%FF=%FE")).status_code == 200


def test_last_month_alone_asks_for_the_year_before_it() -> None:
    form = PeriodForm({"until": "2024-06"})
    period = form.period(TORONTO)
    assert (period.first, period.last) == (date(2023, 7, 1), date(2024, 6, 1))
    assert len(period.months) == 12


def test_first_month_alone_asks_for_all_since() -> None:
    period = PeriodForm({"since": "2020-01"}).period(TORONTO)
    assert (period.first, period.last) == (date(2020, 1, 1), usual_period(TORONTO).last)


def test_months_go_on_over_the_turn_of_a_year() -> None:
    assert month_after(date(2025, 12, 1)) == date(2026, 1, 1)
    assert month_after(date(2026, 1, 1), -1) == date(2025, 12, 1)
    assert month_after(date(2026, 11, 1), -11) == date(2025, 12, 1)


def test_period_begins_and_ends_with_days_in_its_zone() -> None:
    assert YEAR.start == datetime(2025, 12, 1, 5, tzinfo=UTC)
    assert YEAR.end == datetime(2026, 12, 1, 5, tzinfo=UTC)


def test_stranger_finds_nothing(client: Client, project: Project, stranger: User, nobody: User) -> None:
    for user in (stranger, nobody):
        client.force_login(user)
        assert client.get(address(project)).status_code == 404


def test_without_log_in_there_is_no_page(client: Client, project: Project) -> None:
    assert client.get(address(project)).status_code == 302


def test_page_is_only_read(client: Client, project: Project, admin: User) -> None:
    ContactFactory(project=project)
    client.force_login(admin)
    assert client.head(address(project)).status_code == 200
    assert client.post(address(project)).status_code == 405


def test_queries_do_not_grow_with_contacts_or_history(client: Client, project: Project, admin: User) -> None:
    def fill(number: int) -> None:
        for _contact in range(number):
            contact = ContactFactory(project=project, email=f"{Contact.objects.count()}@example.org")
            deactivate(contact.as_set(), origin=by_hand(admin))
            deactivate(contact.as_set(), origin=by_link())

    client.force_login(admin)
    counts = []
    for number in (2, 12):
        fill(number)
        with CaptureQueriesContext(connection) as queries:
            client.get(address(project))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 24


def test_few_bars_of_a_sparkline_stay_narrow_and_the_odd_one_is_marked() -> None:
    assert spark_width([1]) == spark_width([1] * 12) == 120
    assert spark_width([1] * 24) == 240
    bars = spark_bars([1, 0, 12, 2])
    assert [bar.is_peak for bar in bars] == [False, False, True, False]
    assert bars[2].height == "26.0"


def test_bare_organization_has_its_own_overview(client: Client, project: Project, admin: User) -> None:
    quiet = ProjectFactory(organization=project.organization, slug="quiet")
    ContactFactory(project=project)
    client.force_login(admin)
    assert client.get(address(quiet)).status_code == 404
