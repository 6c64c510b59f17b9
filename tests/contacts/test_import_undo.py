"""Undoing an import: what it said is voided, what it wrote goes back, and nothing that happened since is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.errors import CannotUndo, NotAllowed
from contacts.models import (
    Block,
    ChannelStatus,
    Contact,
    ErasureReceipt,
    ImportJob,
    Project,
    RelationalRow,
    StatusHistory,
)
from contacts.origin import Actor
from contacts.services.erasure import erase
from contacts.services.imports import jobs, undoing, work
from contacts.services.merging import merge
from contacts.services.opt_outs import opt_out
from contacts.services.register import Details, change_address, set_validity, update_details
from contacts.services.status import activate, deactivate
from contacts.services.verify import differences
from contacts.vocabulary import Aspect, Says
from tests.clock import at
from tests.contacts.imported import checked, imported, started, worked
from tests.factories import ContactFactory, RelationalRowFactory, RelationalTableFactory
from tests.origins import ADMIN, EDITOR, ORGANIZATION_ADMIN, OTHER_EDITOR, asked, authorized, by, by_link

pytestmark = pytest.mark.django_db

TARGETS = ["key", "email", "first_name", "attribute:City", "notes", "opt_out:email"]
HEADER = "number,email,first,City,notes,out"


@pytest.fixture(autouse=True)
def everything_follows_from_the_history(db: None) -> Iterator[None]:
    yield
    assert list(differences()) == []


def undone(job: ImportJob, actor: Actor = EDITOR, **how: Any) -> ImportJob:
    undoing.begin(job, by(actor), **how)
    worked(job)
    assert job.state == "undone", job.error
    return job


def get(key: str) -> Contact:
    return Contact.objects.get(key=key)


def email_of(key: str) -> ChannelStatus:
    return ChannelStatus.objects.get(contact__key=key, channel="email")


def seen() -> list[Any]:
    """What the register holds, but for the history and moments."""
    people = Contact.objects.order_by("key").values_list(
        "key", "is_active", "first_name", "last_name", "language", "notes", "attributes"
    )
    columns = ("contact__key", "channel", "address", "is_valid", "own_opt_out", "opted_out", "suppressed")
    channels = ChannelStatus.objects.exclude(address="", own_opt_out=False).order_by("contact__key", "channel")
    return [list(people), list(channels.values_list(*columns)), RelationalRow.objects.count()]


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(
        project=project, key="ANN", email="ann@example.org", first_name="Ann", attributes={"City": "Oslo", "Size": "M"}
    )


ANNE = f"{HEADER}\nANN,anne@example.net,Anne,Bergen,a note,yes"


def test_everything_goes_back(project: Project, ann: Contact) -> None:
    before = seen()
    job = imported(project, ANNE, targets=TARGETS)
    assert seen() != before
    history = list(StatusHistory.objects.order_by("pk").values_list("pk", flat=True))
    undone(job, ADMIN)
    assert seen() == before
    assert list(StatusHistory.objects.order_by("pk").values_list("pk", flat=True))[: len(history)] == history
    assert job.counts["undone"] == {"entries": 1, "left": 0, "contacts": 1, "overlaps": 0}
    new = StatusHistory.objects.filter(pk__gt=history[-1])
    assert set(new.values_list("says", "method", "actor_label", "reason", "aspect")) == {
        ("void", "import", "Ada Admin", "slip", "opt_out"),
        ("value", "import", "Ada Admin", "slip", "address"),
    }
    assert {entry.request_id for entry in new} == {undoing.origin_of_undo(job).request_id} != {job.request_id}  # type: ignore[union-attr]


def test_the_preview_says_so_and_changes_nothing(project: Project, ann: Contact) -> None:
    job = imported(project, f"{ANNE}\nBOB,bob@example.org,Bob,,,yes", targets=TARGETS)
    before = StatusHistory.objects.count()
    found = undoing.preview(job, EDITOR)
    assert (found.entries, found.too_old, found.contacts, found.overlapping) == (2, 0, 1, 0)
    assert (found.created, found.untouched, found.relational, found.overlaps) == (1, 1, 0, ())
    assert StatusHistory.objects.count() == before


CHANGES: dict[str, Callable[[Contact], Any]] = {
    "first_name": lambda c: update_details(c, Details("Annie", "", "", "a note", {"City": "Bergen", "Size": "M"})),
    "City": lambda c: update_details(c, Details("Anne", "", "", "a note", {"City": "Rome", "Size": "M"})),
    "notes": lambda c: update_details(c, Details("Anne", "", "", "more", {"City": "Bergen", "Size": "M"})),
    "email": lambda c: change_address(c, "email", "annie@example.com", origin=by(OTHER_EDITOR)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_since_stays_and_is_listed(project: Project, ann: Contact, name: str) -> None:
    job = imported(project, ANNE, targets=TARGETS)
    CHANGES[name](get("ANN"))
    now = (get("ANN"), email_of("ANN").address)
    [overlap] = undoing.preview(job, EDITOR).overlaps
    assert (overlap.contact, overlap.line) == (ann.pk, 2)
    assert (overlap.attribute or overlap.name) == name
    assert overlap.by == ("Eve Editor" if name == "email" else "")
    undone(job)
    after = (get("ANN"), email_of("ANN").address)
    values = {
        "first_name": (now[0].first_name, after[0].first_name, "Ann"),
        "City": (now[0].attributes["City"], after[0].attributes["City"], "Oslo"),
        "notes": (now[0].notes, after[0].notes, ""),
        "email": (now[1], after[1], "ann@example.org"),
    }
    for field, (held, left, former) in values.items():
        assert left == (held if field == name else former)
    assert job.counts["undone"]["overlaps"] == 1


def test_what_others_said_since_stays(project: Project, ann: Contact) -> None:
    job = imported(project, ANNE, targets=TARGETS)
    opt_out(ann.as_set(), "email", origin=by_link())
    undone(job)
    assert email_of("ANN").own_opt_out
    deactivate(ann.as_set(), origin=asked())
    assert not get("ANN").is_active


def test_an_address_that_was_removed_comes_back_and_one_that_was_added_goes(project: Project) -> None:
    contact = ContactFactory(project=project, key="ANN", sms="+14185550137")
    job = imported(project, "number,email,phone\nANN,ann@example.org,+14185550199", targets=["key", "email", "sms"])
    undone(job)
    held = dict(contact.channel_statuses.values_list("channel", "address"))
    assert held == {"email": "", "sms": "+1 418-555-0137"}


def test_an_address_that_was_not_valid_is_not_valid_again(project: Project, ann: Contact) -> None:
    set_validity(ann, "email", False, origin=by(EDITOR))
    job = imported(project, ANNE, targets=TARGETS)
    assert email_of("ANN").is_valid
    undone(job)
    assert (email_of("ANN").address, email_of("ANN").is_valid) == ("ann@example.org", False)


def test_blocks_on_the_address_of_before_hold_again(project: Project, ann: Contact) -> None:
    opt_out(ContactFactory(project=project, key="TWO", email="ann@example.org").as_set(), "email", origin=by_link())
    job = imported(project, ANNE.replace(",yes", ","), targets=TARGETS)
    assert not email_of("ANN").opted_out
    undone(job)
    assert email_of("ANN").opted_out


def test_a_replacement_is_undone(project: Project) -> None:
    people = "number,email\nANN,ann@example.org\nBOB,bob@example.org"
    imported(project, people, targets=TARGETS[:2])
    imported(project, "number,email\nANN,ann@example.org", targets=TARGETS[:2], mode="replace")
    job = imported(project, "number,email\nBOB,bob@example.org", targets=TARGETS[:2], mode="replace")
    assert [get("ANN").is_active, get("BOB").is_active] == [False, True]
    assert undoing.preview(job, EDITOR).entries == 2
    undone(job)
    assert [get("ANN").is_active, get("BOB").is_active] == [True, False]


def test_a_replacement_is_undone_and_a_later_no_stays(project: Project) -> None:
    imported(project, "number,email\nANN,ann@example.org\nBOB,bob@example.org", targets=TARGETS[:2])
    job = imported(project, "number,email\nNEW,new@example.org", targets=TARGETS[:2], mode="replace")
    deactivate(get("ANN").as_set(), origin=by_link())
    activate(get("BOB").as_set(), origin=by(ADMIN), authorization=authorized()).or_raise()
    undone(job)
    assert [get("ANN").is_active, get("BOB").is_active] == [False, True]


@pytest.mark.parametrize("kind", ["opt_outs", "suppressions"])
@pytest.mark.parametrize("reason", ["written_request", "complaint", "other"])
def test_lists_of_noes_are_undone(project: Project, ann: Contact, kind: str, reason: str) -> None:
    before = seen()
    text = "email,on\nann@example.org,2026-03-01\nnobody@example.org,"
    job = imported(project, text, kind=kind, targets=["email", "opt_out_on:email"], options={"reason": reason})
    assert seen() != before
    undone(job)
    assert seen() == before
    assert not Block.objects.on().exists()


def test_a_list_for_the_whole_organization_is_undone_by_who_may(project: Project, ann: Contact) -> None:
    options = {"scope": "organization"}
    job = imported(
        project, "email\nann@example.org", kind="suppressions", targets=["email"], options=options,
        actor=ORGANIZATION_ADMIN,
    )  # fmt: skip
    assert undoing.preview(job, ADMIN).entries == 0
    assert undoing.preview(job, ADMIN).too_old == 1
    undone(job, ORGANIZATION_ADMIN)
    assert not email_of("ANN").suppressed


def test_relational_rows_are_taken_back(project: Project, ann: Contact) -> None:
    table = RelationalTableFactory(project=project, slug="orders")
    RelationalRowFactory(contact=ann, table=table)
    job = imported(project, "number,order\nANN,No. 17", targets=["key", "relational:orders:number"])
    assert RelationalRow.objects.count() == 2
    assert undoing.preview(job, EDITOR).relational == 1
    undone(job)
    assert RelationalRow.objects.filter(contact=ann).count() == 1
    assert job.counts["undone"]["relational"] == 1


# Contacts whom it added


TWO = f"{HEADER}\nBOB,bob@example.org,Bob,Rome,,yes\nCLEO,cleo@example.org,Cleo,,,"


def test_contacts_whom_it_added_stay_as_they_are(project: Project) -> None:
    job = undone(imported(project, TWO, targets=TARGETS))
    assert get("BOB").is_active and not email_of("BOB").opted_out
    assert "erased" not in job.counts["undone"]


def test_those_whom_nobody_touched_are_erased_on_request(project: Project) -> None:
    job = undone(imported(project, TWO, targets=TARGETS), ADMIN, erase_created=True)
    assert not Contact.objects.exists()
    assert job.counts["undone"]["erased"] == 2
    assert ErasureReceipt.objects.filter(actor_label="Ada Admin", requested_by_contact=False).count() == 2
    assert not Block.objects.on().exists()
    added = ContactFactory(project=project, email="bob@example.org")
    assert not added.channel_statuses.get().opted_out


TOUCHES: dict[str, Callable[[Contact], Any]] = {
    "a detail": lambda c: update_details(c, Details("Robert", "", "", "", {"City": "Rome"})),
    "an attribute more": lambda c: update_details(c, Details("Bob", "", "", "", {"City": "Rome", "Size": "M"})),
    "an address": lambda c: change_address(c, "sms", "+14185550137", origin=by(EDITOR)),
    "a no": lambda c: deactivate(c.as_set(), origin=by_link()),
    "a relational row": lambda c: RelationalRowFactory(contact=c),
    "a merge": lambda c: merge(c, ContactFactory(project=c.project), origin=by(EDITOR)),
    "being merged": lambda c: merge(ContactFactory(project=c.project), c, origin=by(EDITOR)),
}


@pytest.mark.parametrize("name", TOUCHES)
def test_those_whom_somebody_touched_stay(project: Project, name: str) -> None:
    job = imported(project, TWO, targets=TARGETS)
    TOUCHES[name](get("BOB"))
    assert set(undoing.untouched(job).values_list("key", flat=True)) == {"CLEO"}
    undone(job, ADMIN, erase_created=True)
    assert Contact.objects.filter(key="BOB").exists()
    assert not Contact.objects.filter(key="CLEO").exists()


def test_who_was_merged_since_is_left_alone_and_listed(project: Project, ann: Contact) -> None:
    job = imported(project, ANNE.replace(",yes", ","), targets=TARGETS)
    merge(ContactFactory(project=project, key="WHOLE"), get("ANN"), origin=by(OTHER_EDITOR))
    [overlap] = undoing.preview(job, EDITOR).overlaps
    assert (overlap.name, overlap.by) == ("merged", "Eve Editor")
    undone(job)
    assert email_of("WHOLE").address == "anne@example.net"


def test_who_was_erased_since_is_passed_over(project: Project, ann: Contact) -> None:
    job = imported(project, f"{ANNE}\nBOB,bob@example.org,Bob,,,", targets=TARGETS)
    erase(Contact.objects.all(), origin=by(ADMIN), requested_by_contact=False)
    found = undoing.preview(job, EDITOR)
    assert (found.contacts, found.created, found.untouched) == (0, 0, 0)
    undone(job, ADMIN, erase_created=True)


# Who, when, and how often


def test_only_who_started_it_or_an_admin(project: Project, ann: Contact) -> None:
    job = imported(project, ANNE, targets=TARGETS, actor=EDITOR)
    with pytest.raises(NotAllowed):
        undoing.begin(job, by(OTHER_EDITOR))
    assert undoing.refusal(job, EDITOR) is None
    undone(job, ADMIN)


def test_an_import_by_the_command_is_undone_by_an_admin(project: Project, ann: Contact) -> None:
    before = seen()
    job = imported(project, ANNE, targets=TARGETS, actor=Actor("import"))
    assert isinstance(undoing.refusal(job, EDITOR), NotAllowed)
    undone(job, ADMIN)
    assert seen() == before


@pytest.mark.parametrize(("days", "too_late"), [(2, False), (29, False), (31, True)])
def test_within_the_time_that_the_project_sets(project: Project, ann: Contact, days: int, too_late: bool) -> None:
    with at(timezone.now() - timedelta(days=days)):
        contact = ContactFactory(project=project, key="OLD", email="old@example.org")
        job = imported(project, f"{HEADER}\nOLD,old@example.org,,,,yes", targets=TARGETS)
    if too_late:
        with pytest.raises(CannotUndo):
            undoing.begin(job, by(EDITOR))
        return
    undone(job)
    assert not contact.channel_statuses.get().opted_out


def test_not_twice_and_not_before_it_ran(project: Project, ann: Contact) -> None:
    job = checked(project, ANNE, targets=TARGETS)
    with pytest.raises(CannotUndo):
        undoing.begin(job, by(EDITOR))
    started(job)
    undone(job)
    with pytest.raises(CannotUndo):
        undoing.begin(job, by(EDITOR))


def test_one_that_was_stopped_in_the_middle_is_undone(
    project: Project, ann: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.services.imports.running.CHUNK", 2)
    before = seen()
    job = checked(project, f"{ANNE}\nBOB,bob@example.org,Bob,,,\nCLEO,cleo@example.org,,,,", targets=TARGETS)
    jobs.start(job)
    answers = iter([False])

    def stop() -> bool:
        if next(answers, None) is None:
            jobs.stop(job)
        return False

    work.work_on(job.pk, should_stop=stop)
    job.refresh_from_db()
    assert job.state == "stopped"
    undone(job, ADMIN, erase_created=True)
    assert seen() == before


def test_work_that_was_cut_off_goes_on(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENTRIES_AT_ONCE", "LINES_AT_ONCE", "CONTACTS_AT_ONCE"):
        monkeypatch.setattr(undoing, name, 1)
    people = [f"P{number},p{number}@example.org,Name,,,yes" for number in range(4)]
    imported(project, "\n".join([HEADER, *people[:2]]).replace("yes", "").replace("Name", "Other"), targets=TARGETS)
    before = seen()
    job = imported(project, "\n".join([HEADER, *people]), targets=TARGETS)
    undoing.begin(job, by(ADMIN), erase_created=True)
    for _time in range(30):
        answers = iter([False])
        work.work_on(job.pk, should_stop=lambda answers=answers: next(answers, True))  # type: ignore[misc]
        job.refresh_from_db()
        if job.state == "undone":
            break
    assert job.state == "undone"
    assert seen() == before
    assert job.counts["undone"] == {"entries": 4, "left": 0, "contacts": 2, "overlaps": 0, "erased": 2}
    voids = StatusHistory.objects.filter(says=Says.VOID, aspect=Aspect.OPT_OUT)
    assert voids.count() == 4


def test_the_same_list_may_be_imported_again(project: Project, ann: Contact) -> None:
    job = imported(project, ANNE, targets=TARGETS)
    after = seen()
    undone(job)
    imported(project, ANNE, targets=TARGETS)
    assert seen() == after


WORDS = st.sampled_from(["", "Ann", "Bo", "Cy"])
ROW = st.tuples(st.sampled_from(["ANN", "BOB", "CLEO"]), WORDS, WORDS, st.sampled_from(["", "yes"]))


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(lists=st.lists(st.lists(ROW, min_size=1, max_size=4), min_size=1, max_size=3), replaces=st.booleans())
def test_undone_in_turn_every_import_leaves_what_was_before(project: Project, lists: Any, replaces: bool) -> None:
    erase(Contact.objects.in_project(project), origin=by(ADMIN), requested_by_contact=False)
    everybody = [f"{key},{key.lower()}@example.org,,,," for key in ("ANN", "BOB", "CLEO")]
    imported(project, "\n".join([HEADER, *everybody]), targets=TARGETS)
    states, done = [seen()], []
    for rows in lists:
        lines = [f"{key},{key.lower()}{name}@example.org,{name},{city},,{out}" for key, name, city, out in rows]
        mode = "replace" if replaces else "add_and_update"
        done.append(imported(project, "\n".join([HEADER, *lines]), targets=TARGETS, mode=mode))
        states.append(seen())
    for job in reversed(done):
        assert seen() == states.pop()
        undone(job, ADMIN)
    assert seen() == states.pop()
    assert list(differences()) == []
