"""Replacement imports: who is missing is deactivated, who is back comes back, and nobody who said no."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.errors import ConfirmationMismatch, StaleConfirmation
from contacts.models import Contact, ImportJob, Project, StatusHistory
from contacts.services.erasure import erase
from contacts.services.imports import jobs, replacing, work
from contacts.services.merging import merge
from contacts.services.opt_outs import opt_out
from contacts.services.register import change_key
from contacts.services.status import activate, deactivate, return_replaced
from contacts.services.verify import differences
from contacts.vocabulary import Aspect, Reason, Says
from tests.clock import at
from tests.contacts.imported import checked, counts, imported, started, worked
from tests.factories import ContactFactory
from tests.origins import ADMIN, EDITOR, asked, authorized, by, by_complaint, by_link

pytestmark = pytest.mark.django_db

HEADER = "number,email"
TARGETS = ["key", "email"]


@pytest.fixture(autouse=True)
def everything_follows_from_the_history(db: None) -> Iterator[None]:
    yield
    assert list(differences()) == []


def of_people(*keys: str) -> str:
    return "\n".join([HEADER, *(f"{key},{key.lower()}@example.org" for key in keys)])


def replaced(project: Project, *keys: str, **choices: object) -> ImportJob:
    return imported(project, of_people(*keys), mode="replace", targets=TARGETS, **choices)


def active(project: Project) -> set[str]:
    return set(Contact.objects.in_project(project).active().values_list("key", flat=True))


@pytest.fixture
def people(project: Project) -> Project:
    imported(project, of_people("ANN", "BOB", "CLEO", "DAN"), targets=TARGETS)
    return project


def test_who_is_missing_is_deactivated(people: Project) -> None:
    job = replaced(people, "ANN", "BOB", "EVA")
    assert active(people) == {"ANN", "BOB", "EVA"}
    assert (job.planned["deactivated"], job.counts["deactivated"]) == (2, 2)
    assert counts(job) == (1, 0, 2, 0)
    entry = StatusHistory.objects.filter(reason=Reason.REPLACED).first()
    assert entry and (entry.weight, entry.request_id, entry.says) == (0, job.request_id, "no")


def test_who_is_back_comes_back(people: Project) -> None:
    replaced(people, "ANN", "BOB")
    job = checked(people, of_people("ANN", "CLEO"), mode="replace", targets=TARGETS)
    assert set(replacing.returning(job).values_list("key", flat=True)) == {"CLEO"}
    assert set(replacing.absent(job).values_list("key", flat=True)) == {"BOB"}
    assert (job.planned["returning"], job.planned["deactivated"], job.planned["kept_inactive"]) == (1, 1, 0)
    started(job)
    assert active(people) == {"ANN", "CLEO"}
    assert (job.counts["returned"], job.counts["deactivated"]) == (1, 1)
    entry = StatusHistory.objects.get(reason=Reason.RETURNED)
    assert (entry.says, entry.weight, entry.line, entry.request_id) == ("yes", 0, 3, job.request_id)


@pytest.mark.parametrize(
    "origin", [by(EDITOR), asked(), by_link(), by_complaint(), by(EDITOR, Reason.REPLACED)],
    ids=["our own decision", "asked", "own act", "complaint", "by hand"],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_nobody_comes_back_whom_anything_else_keeps(people: Project, origin: object, first: bool) -> None:
    cleo = Contact.objects.get(key="CLEO")
    if first:
        deactivate(cleo.as_set(), origin=origin)  # type: ignore[arg-type]
    replaced(people, "ANN")
    if not first:
        deactivate(cleo.as_set(), origin=origin)  # type: ignore[arg-type]
    job = replaced(people, "ANN", "CLEO")
    assert job.planned["returning"] == 0
    assert active(people) == {"ANN"}


def test_who_was_activated_since_their_no_and_replaced_comes_back(people: Project) -> None:
    cleo = Contact.objects.get(key="CLEO")
    deactivate(cleo.as_set(), origin=asked())
    activate(cleo.as_set(), origin=by(ADMIN), authorization=authorized()).or_raise()
    replaced(people, "ANN")
    replaced(people, "ANN", "CLEO")
    assert active(people) == {"ANN", "CLEO"}


def test_other_modes_bring_nobody_back(people: Project) -> None:
    replaced(people, "ANN")
    imported(people, of_people("ANN", "CLEO"), targets=TARGETS)
    assert active(people) == {"ANN"}


def test_an_opt_out_in_the_list_of_who_comes_back_counts(people: Project) -> None:
    replaced(people, "ANN")
    text = "number,email,out\nANN,ann@example.org,\nCLEO,cleo@example.org,yes"
    imported(people, text, mode="replace", targets=[*TARGETS, "opt_out:email"])
    cleo = Contact.objects.get(key="CLEO")
    assert cleo.is_active and cleo.channel_statuses.get(channel="email").opted_out


@pytest.mark.parametrize(
    "bad",
    [
        "BOB,not an address",
        ",bob@example.org",
        "NEW,bob@example.org,too many,cells",
        "BOB,ann@example.org\nBOB,x@example.org",
    ],
)
def test_rejected_rows_count_as_present(people: Project, bad: str) -> None:
    imported(people, f"{of_people('ANN', 'CLEO', 'DAN')}\n{bad}", mode="replace", targets=TARGETS)
    assert active(people) >= {"ANN", "BOB", "CLEO", "DAN"}


def test_several_who_share_the_address_of_a_row_are_present(people: Project) -> None:
    ContactFactory(project=people, key="C-1", email="family@example.org")
    ContactFactory(project=people, key="C-2", email="family@example.org")
    text = "email\nann@example.org\nfamily@example.org\nnot an address"
    job = imported(people, text, mode="replace", targets=["email"])
    assert job.counts["reasons"] == {"ambiguous": 1, "invalid_address": 1}
    assert active(people) == {"ANN", "C-1", "C-2"}


def test_who_is_found_by_their_address_is_present_and_comes_back(people: Project) -> None:
    text = "email\nAnn@example.org\nbob@example.org"
    imported(people, text, mode="replace", targets=["email"])
    assert active(people) == {"ANN", "BOB"}
    job = imported(people, text + "\ncleo@example.org", mode="replace", targets=["email"])
    assert active(people) == {"ANN", "BOB", "CLEO"}
    assert StatusHistory.objects.get(reason=Reason.RETURNED).line == 4
    assert job.counts["returned"] == 1


def test_the_key_of_who_was_merged_is_that_of_who_stayed(people: Project) -> None:
    merge(Contact.objects.get(key="ANN"), Contact.objects.get(key="BOB"), origin=by(EDITOR))
    replaced(people, "BOB", "CLEO")
    assert active(people) == {"ANN", "CLEO"}


def test_who_is_newer_than_the_list_stays(people: Project) -> None:
    with at(timezone.now() - timedelta(days=9)):
        ContactFactory(project=people, key="OLD")
    day = (timezone.now() - timedelta(days=5)).date()
    job = replaced(people, "ANN", dated=day)
    assert job.planned["deactivated"] == 1
    assert active(people) == {"ANN", "BOB", "CLEO", "DAN"}


def test_without_a_date_who_was_added_after_the_upload_stays(people: Project) -> None:
    job = checked(people, of_people("ANN"), mode="replace", targets=TARGETS)
    ContactFactory(project=people, key="NEW")
    started(job)
    assert active(people) == {"ANN", "NEW"}


def test_nobody_of_another_project_is_touched(people: Project, other_project: Project) -> None:
    ContactFactory(project=other_project, key="BOB")
    replaced(people, "ANN")
    assert active(other_project) == {"BOB"}


def test_more_than_the_share_needs_its_number(people: Project) -> None:
    people.import_share = 50
    people.save()
    job = checked(people, of_people("ANN", "BOB"), mode="replace", targets=TARGETS)
    assert not replacing.needs_typing(job)
    job = checked(people, of_people("ANN"), mode="replace", targets=TARGETS)
    assert replacing.needs_typing(job)
    for typed in ("", "2", "x"):
        with pytest.raises(ConfirmationMismatch):
            jobs.start(job, typed=typed)
    assert active(people) == {"ANN", "BOB", "CLEO", "DAN"}
    jobs.start(job, typed=" 3 ")


def test_a_preview_that_no_longer_holds_starts_nothing(people: Project) -> None:
    job = checked(people, of_people("ANN"), mode="replace", targets=TARGETS)
    seen = jobs.digest(job)
    deactivate(Contact.objects.filter(key="BOB"), origin=by(EDITOR))
    with pytest.raises(StaleConfirmation):
        jobs.start(job, typed="3", shown=seen)
    job.refresh_from_db()
    assert (job.state, job.planned["deactivated"]) == ("ready", 2)
    jobs.start(job, typed="2", shown=jobs.digest(job))


def test_the_same_list_again_changes_nothing(people: Project) -> None:
    replaced(people, "ANN")
    before = StatusHistory.objects.count()
    job = replaced(people, "ANN")
    assert StatusHistory.objects.count() == before
    assert (job.counts.get("deactivated", 0), job.counts.get("returned", 0)) == (0, 0)


def test_whoever_was_given_a_new_key_while_it_ran_is_looked_at_again(people: Project) -> None:
    job = checked(people, of_people("ANN", "BOBBY"), mode="replace", targets=TARGETS)
    change_key(Contact.objects.get(key="BOB"), "BOBBY", origin=by(EDITOR))
    assert replacing.refresh_plan(job) == 2
    started(job)
    assert active(people) == {"ANN", "BOBBY"}


def test_work_that_was_cut_off_goes_on(people: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacing, "CHUNK", 1)
    replaced(people, "ANN")
    job = checked(people, of_people("BOB", "CLEO", "DAN"), mode="replace", targets=TARGETS)
    jobs.start(job, typed="1")
    for asked_before in range(1, 6):
        answers = iter([False] * asked_before)
        work.work_on(job.pk, should_stop=lambda answers=answers: next(answers, True))
    worked(job)
    assert job.state == "done"
    assert (job.counts["returned"], job.counts["deactivated"]) == (3, 1)
    assert StatusHistory.objects.filter(reason=Reason.RETURNED).count() == 3
    assert active(people) == {"BOB", "CLEO", "DAN"}


def test_a_stop_between_two_chunks_holds(people: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacing, "CHUNK", 1)
    job = checked(people, of_people("ANN"), mode="replace", targets=TARGETS)
    jobs.start(job, typed="3")
    asked_times = iter(range(9))

    def stop_at_the_third() -> bool:
        if next(asked_times) == 2:
            jobs.stop(job)
        return False

    work.work_on(job.pk, should_stop=stop_at_the_third)
    job.refresh_from_db()
    assert job.state == "stopped"
    assert 1 < len(active(people)) < 4
    jobs.resume(job)
    worked(job)
    assert (job.state, job.counts["deactivated"]) == ("done", 3)
    assert active(people) == {"ANN"}


def test_return_replaced_leaves_others_alone(people: Project) -> None:
    replaced(people, "ANN")
    opt_out(Contact.objects.filter(key="BOB"), "email", origin=by_link())
    deactivate(Contact.objects.filter(key="DAN"), origin=by_link())
    origin = by(EDITOR)
    everybody = Contact.objects.in_project(people)
    assert return_replaced(everybody, origin=origin).changed == 2
    assert return_replaced(everybody, origin=origin).changed == 2
    assert StatusHistory.objects.filter(request_id=origin.request_id, says=Says.YES).count() == 2
    assert active(people) == {"ANN", "BOB", "CLEO"}


LISTS = st.lists(
    st.lists(st.sampled_from(["ANN", "BOB", "CLEO", "DAN"]), min_size=1, unique=True), min_size=1, max_size=4
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(lists=LISTS, no=st.tuples(st.integers(0, 3), st.sampled_from(["ANN", "BOB"]), st.sampled_from([asked, by_link])))
def test_after_any_lists_those_of_the_last_are_active_who_never_said_no(project: Project, lists, no) -> None:  # type: ignore[no-untyped-def]
    erase(Contact.objects.in_project(project), origin=by(ADMIN), requested_by_contact=False)
    place, key, said = no
    asked_since = False
    for number, people in enumerate(lists):
        replaced(project, *people)
        if number == place and Contact.objects.filter(project=project, key=key).exists():
            deactivate(Contact.objects.filter(project=project, key=key), origin=said())
            asked_since = True
    assert active(project) == set(lists[-1]) - ({key} if asked_since else set())
    assert not StatusHistory.objects.filter(project=project, aspect=Aspect.ACTIVE, says=Says.YES, weight__gt=0).exists()
