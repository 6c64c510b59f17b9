"""Opt-outs and suppressions that a file says: by the law of gates, none dropped, none twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from contacts.addresses import normalise
from contacts.models import Block, ChannelStatus, Contact, ImportJob, Project, StatusHistory
from contacts.models.ledger import StatusHistoryQuerySet
from contacts.services.blocks import suppress
from contacts.services.merging import merge
from contacts.services.opt_outs import lift_opt_out, opt_out
from contacts.services.verify import differences
from contacts.vocabulary import BlockKind, Cause, Says
from tests.clock import at
from tests.contacts.imported import counts, imported, row
from tests.factories import ContactFactory, ProjectFactory
from tests.origins import ADMIN, EDITOR, asked, authorized, by, by_link, days_ago

pytestmark = pytest.mark.django_db

COLUMNS = ["key", "email", "opt_out:email", "opt_out_on:email"]
HEADER = "number,email,out,out on"


@pytest.fixture(autouse=True)
def everything_follows_from_the_history(db: None) -> Iterator[None]:
    yield
    assert list(differences()) == []


def noes(**about: object) -> StatusHistoryQuerySet:
    return StatusHistory.objects.filter(says=Says.NO, method="import", **about).order_by("pk")


def is_out(key: str, channel: str = "email") -> bool:
    return ChannelStatus.objects.get(contact__key=key, channel=channel).opted_out


def ann(project: Project, **fields: str) -> Contact:
    return ContactFactory(project=project, key="ANN", email="ann@example.org", **fields)


# In a list of contacts


def test_rows_of_contacts_opt_out(project: Project) -> None:
    known = ann(project)
    job = imported(
        project,
        f"{HEADER}\nANN,ann@example.org,yes,\nBOB,bob@example.org,yes,\nCLEO,cleo@example.org,no,",
        targets=COLUMNS,
    )
    assert counts(job) == (2, 1, 0, 0)
    assert [is_out(key) for key in ("ANN", "BOB", "CLEO")] == [True, True, False]
    first, second = noes()
    assert (first.contact, first.line, first.weight, first.reason) == (known, 2, 1, "written_request")
    assert (second.line, second.request_id, second.actor_label) == (3, job.request_id, "Edgar Editor")


def test_a_date_is_the_end_of_that_day_in_the_project(project: Project) -> None:
    ann(project)
    imported(project, f"{HEADER}\nANN,ann@example.org,,2026-03-01", targets=COLUMNS)
    assert noes().get().occurred_at == datetime.fromisoformat("2026-03-01T23:59:59.999999-05:00")


def test_one_that_came_too_late_changes_nothing(project: Project) -> None:
    contact = ann(project)
    opt_out(contact.as_set(), "email", origin=asked(occurred_at=days_ago(40)))
    lift_opt_out(contact.as_set(), "email", origin=by(ADMIN), authorization=authorized()).or_raise()
    job = imported(project, f"{HEADER}\nANN,ann@example.org,,{days_ago(20).date()}", targets=COLUMNS)
    assert counts(job) == (0, 1, 0, 0)
    assert not is_out("ANN")
    entry = noes().get()
    assert entry.is_late and (entry.from_value, entry.to_value) == ("not_opted_out", "not_opted_out")


def test_one_that_is_later_than_the_yes_shuts(project: Project) -> None:
    contact = ann(project)
    opt_out(contact.as_set(), "email", origin=asked(occurred_at=days_ago(40)))
    word = authorized(days_ago(30).date())
    lift_opt_out(contact.as_set(), "email", origin=by(ADMIN), authorization=word).or_raise()
    imported(project, f"{HEADER}\nANN,ann@example.org,,{days_ago(20).date()}", targets=COLUMNS)
    assert is_out("ANN")


@pytest.mark.parametrize("bad", ["BOB,not an address,yes,", "BOB,bob@example.org,yes,someday", ",bob@example.org,yes,"])
def test_a_no_in_a_row_that_is_rejected_counts(project: Project, bad: str) -> None:
    ContactFactory(project=project, key="BOB", email="bob@example.org")
    job = imported(project, f"{HEADER}\n{bad}", targets=COLUMNS)
    assert counts(job) == (0, 0, 0, 1)
    assert is_out("BOB")
    assert row(job, 2).error.endswith("What it says of the opt-out was recorded.")


def test_a_no_of_somebody_rejected_and_unknown_lies_on_the_address(project: Project) -> None:
    job = imported(project, f"{HEADER}\n,bob@example.org,yes,", targets=COLUMNS)
    assert counts(job) == (0, 0, 0, 1)
    ContactFactory(project=project, key="BOB", email="bob@example.org")
    assert is_out("BOB")


def test_a_no_in_a_bad_row_counts_for_who_is_added_by_a_later_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.services.imports.running.CHUNK", 1)
    text = f"{HEADER}\nBOB,not an address,yes,\nANN,ann@example.org,,\nBOB,bob@example.org,,"
    job = imported(project, text, targets=COLUMNS)
    assert counts(job) == (2, 0, 0, 1)
    assert is_out("BOB") and not is_out("ANN")


def test_a_no_in_a_twin_counts(project: Project) -> None:
    text = f"{HEADER}\nANN,ann@example.org,,\nANN,ann@example.org,yes,"
    job = imported(project, text, targets=COLUMNS)
    assert counts(job) == (1, 0, 0, 1)
    assert is_out("ANN")
    assert noes().get().line == 3


def test_a_no_of_who_was_merged_is_that_of_who_stayed(project: Project) -> None:
    merge(ann(project), ContactFactory(project=project, key="OLD"), origin=by(EDITOR))
    imported(project, f"{HEADER}\nOLD,not an address,yes,", targets=COLUMNS)
    assert is_out("ANN")


@pytest.mark.parametrize(("days", "more"), [(10, 3), (40, 0)])
def test_the_same_file_again_says_only_what_can_be_taken_back(project: Project, days: int, more: int) -> None:
    """Undoing the first of two imports would drop a no that the second one says as well."""
    with at(days_ago(days)):
        ann(project)
        text = f"{HEADER}\nANN,ann@example.org,,2026-03-01\nBOB,bob@example.org,,2026-03-02\nBAD,,x,2026-03-03"
        imported(project, text, targets=COLUMNS)
    before = StatusHistory.objects.count()
    job = imported(project, text, targets=COLUMNS)
    assert counts(job)[:2] == (0, more)
    assert StatusHistory.objects.count() == before + more


def test_an_undated_no_is_not_said_again_where_one_stands_for_good(project: Project) -> None:
    opt_out(ann(project).as_set(), "email", origin=by_link())
    job = imported(project, f"{HEADER}\nANN,ann@example.org,yes,", targets=COLUMNS)
    assert counts(job) == (0, 0, 1, 0)
    assert not noes().exists()


@pytest.mark.parametrize(("hours", "outcome"), [(1, "updated"), (25, "unchanged")])
def test_an_undated_no_is_said_again_while_the_one_that_stands_can_be_taken_back(
    project: Project, hours: int, outcome: str
) -> None:
    with at(timezone.now() - timedelta(hours=hours)):
        opt_out(ann(project).as_set(), "email", origin=asked())
    job = imported(project, f"{HEADER}\nANN,ann@example.org,yes,", targets=COLUMNS)
    assert job.counts[outcome] == 1
    assert noes().count() == job.counts["updated"]


def test_adding_only_changes_nobody_and_hears_their_no(project: Project) -> None:
    ann(project, first_name="Ann")
    text = "number,email,first,out\nANN,new@example.org,Anna,yes\nBOB,bob@example.org,Bob,"
    job = imported(project, text, mode="add", targets=["key", "email", "first_name", "opt_out:email"])
    assert counts(job) == (1, 1, 0, 0)
    contact = Contact.objects.get(key="ANN")
    assert (contact.first_name, contact.channel_statuses.get().address) == ("Ann", "ann@example.org")
    assert is_out("ANN")


# Lists of opt-outs


LIST = ["email", "opt_out_on:email"]


def opted_out(project: Project, text: str, targets: list[str] | None = None, **options: str) -> ImportJob:
    return imported(project, text, kind="opt_outs", targets=targets or LIST, options=options)


def test_a_list_of_opt_outs_stops_whoever_has_the_address(project: Project, other_project: Project) -> None:
    ann(project)
    ContactFactory(project=project, key="TWO", email="Ann@Example.org")
    elsewhere = ContactFactory(project=other_project, key="THREE", email="ann@example.org")
    job = opted_out(project, "email,on\nANN@example.org,2026-03-01")
    assert counts(job) == (1, 0, 0, 0)
    assert is_out("ANN") and is_out("TWO")
    assert not elsewhere.channel_statuses.get().opted_out
    assert {entry.line for entry in noes()} == {2}


def test_an_address_that_nobody_has_is_blocked_for_whoever_comes(project: Project, other_project: Project) -> None:
    job = opted_out(project, "email,on\nlater@example.org,\nnone,")
    assert counts(job) == (1, 0, 0, 1)
    ContactFactory(project=project, key="LATE", email="later@example.org")
    assert is_out("LATE")
    ContactFactory(project=other_project, key="ELSE", email="later@example.org")
    assert not is_out("ELSE")


def test_found_by_the_key_on_every_channel(project: Project) -> None:
    ann(project, sms="+14185550137")
    job = opted_out(project, "number\nANN\nNOBODY", ["key"])
    assert counts(job) == (1, 0, 0, 1)
    assert [is_out("ANN", channel) for channel in ("email", "sms", "push")] == [True] * 3
    assert row(job, 3).error_code == "not_in_project"


def test_the_key_finds_who_has_another_address_by_now(project: Project) -> None:
    ann(project)
    opted_out(project, "number,email\nANN,before@example.org", ["key", "email"])
    assert is_out("ANN")
    assert Block.objects.filter(address="before@example.org", is_on=True, kind=BlockKind.OPT_OUT).exists()


def test_outcomes_of_a_list(project: Project) -> None:
    """Shut by it; asked for again; stands for good already; nothing but a twin."""
    opt_out(ann(project).as_set(), "email", origin=asked())
    opt_out(ContactFactory(project=project, email="own@example.org").as_set(), "email", origin=by_link())
    text = "email,on\nann@example.org,\nown@example.org,\nnew@example.org,\nNEW@example.org,"
    job = opted_out(project, text)
    assert counts(job) == (1, 1, 2, 0)
    assert [row(job, line).outcome for line in (2, 3, 4, 5)] == ["updated", "unchanged", "created", "unchanged"]
    twin = row(job, 5)
    assert (twin.error_code, twin.error) == ("duplicate", "The same address stands on line 4.")


def test_the_latest_date_of_an_address_counts(project: Project) -> None:
    ann(project)
    text = "email,on\nann@example.org,2026-03-01\nAnn@example.org,2026-03-03\nann@example.org,2026-03-02"
    job = opted_out(project, text)
    assert counts(job) == (1, 0, 2, 0)
    assert noes().get().line == 3
    assert "line 3" in row(job, 2).error and "line 3" in row(job, 4).error


@pytest.mark.parametrize(("days", "more"), [(10, 2), (40, 0)])
def test_the_same_list_again_says_only_what_can_be_taken_back(project: Project, days: int, more: int) -> None:
    with at(days_ago(days)):
        ann(project)
        text = "email,on\nann@example.org,2026-03-01\nnobody@example.org,2026-03-02\nbad,2026-03-02"
        opted_out(project, text)
    before = StatusHistory.objects.count()
    assert counts(opted_out(project, text)) == (0, more, 2 - more, 1)
    assert StatusHistory.objects.count() == before + more


def test_one_with_and_one_without_a_date_both_count(project: Project) -> None:
    """The date may be later than a no that stands for good, because of which the other is not recorded."""
    opt_out(ann(project).as_set(), "email", origin=by_link(occurred_at=days_ago(400)))
    job = opted_out(project, f"email,on\nann@example.org,\nann@example.org,{days_ago(10).date()}")
    assert counts(job) == (0, 1, 1, 0)
    assert noes().get().line == 3


@pytest.mark.parametrize(
    ("reason", "weight"), [("verbal_request", 1), ("written_request", 1), ("other", 0), ("complaint", 3)]
)
def test_the_reason_tells_the_weight(project: Project, reason: str, weight: int) -> None:
    ann(project)
    opted_out(project, "email,on\nann@example.org,", reason=reason)
    assert (noes().get().weight, noes().get().reason) == (weight, reason)


def test_a_bad_cell_drops_no_no(project: Project) -> None:
    ann(project)
    job = opted_out(project, "email,phone\nann@example.org,not a number", ["email", "sms"])
    assert counts(job) == (0, 0, 0, 1)
    assert is_out("ANN")


# Lists of addresses to suppress


def suppressed(project: Project, text: str, targets: list[str] | None = None, **options: str) -> ImportJob:
    return imported(project, text, kind="suppressions", targets=targets or LIST, options=options)


def is_suppressed(contact: Contact) -> bool:
    return contact.channel_statuses.get(channel="email").suppressed


def test_a_list_of_suppressions_blocks_in_the_project(project: Project) -> None:
    from tests.factories import ProjectFactory

    here, sibling = (
        ann(project),
        ContactFactory(project=ProjectFactory(organization=project.organization), email="ann@example.org"),
    )
    job = suppressed(project, "email,on\nann@example.org,2026-03-01\nnobody@example.org,")
    assert counts(job) == (2, 0, 0, 0)
    assert is_suppressed(here) and not is_suppressed(sibling)
    entry = noes(contact=None).first()
    assert entry and (entry.line, entry.weight, entry.reason, entry.block.cause) == (2, 0, "other", Cause.LISTED)  # type: ignore[union-attr]
    assert is_suppressed(ContactFactory(project=project, email="nobody@example.org"))


def test_of_the_whole_organization_where_it_is_said(project: Project) -> None:
    sibling = ann(ProjectFactory(organization=project.organization))
    suppressed(project, "email,on\nann@example.org,", scope="organization")
    assert is_suppressed(sibling)
    assert noes().get().project == project


@pytest.mark.parametrize(
    ("reason", "cause", "weight"),
    [
        ("complaint", "complaint", 3),
        ("verbal_request", "request", 1),
        ("written_request", "request", 1),
        ("other", "listed", 0),
    ],
)
def test_the_reason_tells_the_cause(project: Project, reason: str, cause: str, weight: int) -> None:
    suppressed(project, "email,on\nann@example.org,", reason=reason)
    assert (Block.objects.get().cause, noes().get().weight) == (cause, weight)


def test_outcomes_of_suppressions(project: Project) -> None:
    address = normalise("email", "ann@example.org")
    suppress([address], organization=project.organization, project=project, origin=by(EDITOR))
    text = "email,on\nann@example.org,\nbob@example.org,2026-03-01\nbob@example.org,2026-02-01\nbad,"
    job = suppressed(project, text)
    assert counts(job) == (1, 1, 1, 1)
    again = suppressed(project, text.replace("ann@example.org,\n", ""))
    assert counts(again) == (0, 1, 1, 1)


def test_the_addresses_of_who_has_the_key_are_suppressed(project: Project) -> None:
    contact = ann(project)
    job = suppressed(project, "number\nANN\nNOBODY", ["key"])
    assert counts(job) == (1, 0, 0, 1)
    assert is_suppressed(contact)


def test_a_chunk_is_worked_off_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins, contacts and strangers over the edges of chunks: what was previewed is what happens."""
    monkeypatch.setattr("contacts.services.imports.running.CHUNK", 3)
    monkeypatch.setattr("contacts.services.imports.noes.PLANNED_AT_ONCE", 4)
    monkeypatch.setattr("contacts.services.imports.asked.AT_ONCE", 2)
    for number in range(0, 20, 2):
        ContactFactory(project=project, email=f"p{number % 8}@example.org")
    lines = "\n".join(f"p{number % 14}@example.org,{'' if number % 3 else '2026-03-01'}" for number in range(30))
    job = opted_out(project, f"email,on\n{lines}")
    assert sum(counts(job)) == 30
    places = list(noes().values_list("contact", "block", "occurred_at", "line"))
    assert len(places) == len(set(places))
