"""The worker: what is queued is run once, errors tell nothing of people, chores are done by one, and it ends soon."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from contacts import chores, stopping
from contacts.extension_points import Chore
from contacts.extension_points import chores as registry
from contacts.models import ImportJob, Lease, Organization, Project, User
from contacts.models.imports import ImportState
from contacts.services.imports import jobs
from contacts.services.imports.giving_up import give_up
from contacts.tasks import enqueue_import, work_on_import
from contacts.vocabulary import ActorKind
from contacts.worker import LEASE, TaskFailed, Worker
from tests.factories import OrganizationFactory
from tests.work import append, break_down, rename, wait_until, worker

SOON = 10


@pytest.fixture
def still_working() -> Iterator[None]:
    yield
    stopping.forget()


@pytest.fixture
def only_chore() -> Iterator[list[datetime]]:
    """A chore that writes down when it was done, instead of those that there are."""
    theirs = list(registry)
    done: list[datetime] = []
    for chore in theirs:
        registry.remove(chore.key)
    registry.add(Chore("write_down", 1, timedelta(seconds=5), done.append))
    yield done
    registry.remove("write_down")
    for chore in theirs:
        registry.add(chore)


# Tasks


def test_what_is_queued_is_run_in_its_order(organization: Organization) -> None:
    append.enqueue(organization.pk, "1")
    append.enqueue(organization.pk, "2")
    organization.name = ""
    organization.save()
    assert Worker().run_once() == 2
    organization.refresh_from_db()
    assert organization.name == "12"
    assert DBTaskResult.objects.successful().count() == 2


def test_the_command_works_off_the_queue_and_returns(
    organization: Organization, capsys: pytest.CaptureFixture[str]
) -> None:
    rename.enqueue(organization.pk, "Renamed")
    call_command("worker", "--once")
    organization.refresh_from_db()
    assert organization.name == "Renamed"
    assert capsys.readouterr().out == "tasks=1\n"
    call_command("worker", "--once")
    assert capsys.readouterr().out == "tasks=0\n"


def test_tests_work_off_the_queue(organization: Organization, work_off: Callable[[], int]) -> None:
    rename.enqueue(organization.pk, "Renamed")
    assert work_off() == 1
    organization.refresh_from_db()
    assert organization.name == "Renamed"
    break_down.enqueue("Oriane")
    with pytest.raises(ValueError, match="Oriane"):
        work_off()


def test_an_error_ends_its_task_and_no_other(organization: Organization) -> None:
    break_down.enqueue("one")
    rename.enqueue(organization.pk, "Renamed")
    assert Worker().run_once() == 2
    organization.refresh_from_db()
    assert organization.name == "Renamed"
    assert DBTaskResult.objects.failed().count() == 1


def test_of_an_error_its_type_alone_is_kept(db: None, caplog: pytest.LogCaptureFixture) -> None:
    """A message may hold a name or an address, and what is kept here no erasure would find."""
    break_down.enqueue(1)
    DBTaskResult.objects.update(args_kwargs={"args": ["Oriane-Quetzal"], "kwargs": {}})
    Worker().run_once()
    failed = DBTaskResult.objects.get()
    assert "ValueError" in failed.traceback
    assert "Oriane" not in failed.traceback + failed.exception_class_path


def test_a_task_that_is_no_more_is_told_and_done_with(db: None) -> None:
    break_down.enqueue("x")
    DBTaskResult.objects.update(task_path="tests.work.gone")
    assert Worker().run_once() == 1
    assert DBTaskResult.objects.get().status == TaskResultStatus.FAILED


@pytest.mark.django_db(transaction=True)
def test_a_task_is_there_when_what_asked_for_it_is() -> None:
    with transaction.atomic():
        enqueue_import(1)
        transaction.set_rollback(True)
    assert not DBTaskResult.objects.exists()
    with transaction.atomic():
        enqueue_import(1)
    assert DBTaskResult.objects.get().args_kwargs == {"args": [1], "kwargs": {}}


# Chores


def test_chores_are_done_when_they_are_due(db: None, only_chore: list[datetime]) -> None:
    worker = Worker()
    worker.do_chores()
    worker.do_chores()
    assert len(only_chore) == 1
    Worker().do_chores()
    assert len(only_chore) == 1


def test_another_takes_the_chores_over_from_one_that_died(db: None, only_chore: list[datetime]) -> None:
    Worker().do_chores()
    Lease.objects.update(until=timezone.now() - timedelta(seconds=1))
    heir = Worker()
    heir.do_chores()
    assert len(only_chore) == 2
    assert Lease.objects.get(name=LEASE).holder == heir.name


def test_a_worker_that_leaves_lets_others_have_the_chores(db: None, only_chore: list[datetime]) -> None:
    Worker().run_once()
    Worker().run_once()
    assert len(only_chore) == 2


def test_a_chore_that_fails_keeps_no_other_from_its_turn(
    organization: Organization, only_chore: list[datetime]
) -> None:
    def fail(now: datetime) -> None:
        raise ValueError

    registry.add(Chore("fail", 0, timedelta(0), fail))
    try:
        rename.enqueue(organization.pk, "Renamed")
        assert Worker().run_once() == 1
        assert len(only_chore) == 1
    finally:
        registry.remove("fail")


# What a dead worker left


def job_of(project: Project, seconds: float, state: str = ImportState.RUNNING) -> ImportJob:
    """An import whose last sign of life is so many seconds old."""
    now = timezone.now()
    return ImportJob.objects.create(
        project=project,
        actor_kind=ActorKind.USER,
        file_name="list.csv",
        state=state,
        created_at=now,
        heartbeat_at=now - timedelta(seconds=seconds),
        claim=uuid.uuid4(),
    )


def claimed(job: ImportJob, seconds: float) -> DBTaskResult:
    """The task of an import, taken up so many seconds ago."""
    enqueue_import(job.pk)
    task = Worker().claim()
    assert task is not None
    DBTaskResult.objects.filter(pk=task.pk).update(started_at=timezone.now() - timedelta(seconds=seconds))
    return task


def queued() -> list[int]:
    return [task.args_kwargs["args"][0] for task in DBTaskResult.objects.ready()]


@pytest.mark.parametrize("state", [ImportState.STAGING, ImportState.RUNNING, ImportState.UNDOING])
def test_an_import_without_a_sign_of_life_is_taken_up_again(project: Project, state: str) -> None:
    job = job_of(project, 61, state)
    claimed(job, 100)
    assert chores.resume_imports(timezone.now()) == [job.pk]
    assert queued() == [job.pk]


def test_it_is_queued_once(project: Project) -> None:
    job = job_of(project, 61)
    chores.resume_imports(timezone.now())
    chores.resume_imports(timezone.now())
    assert queued() == [job.pk]


def test_one_that_was_just_taken_up_is_left_alone(project: Project) -> None:
    claimed(job_of(project, 61), 1)
    assert chores.resume_imports(timezone.now()) == []


def test_one_with_a_sign_of_life_is_left_alone(project: Project) -> None:
    claimed(job_of(project, 20), 500)
    assert chores.resume_imports(timezone.now()) == []
    assert chores.close_tasks(timezone.now()) == 0


@pytest.mark.parametrize("state", [ImportState.DONE, ImportState.STOPPED, ImportState.READY, ImportState.DISCARDED])
def test_one_that_is_not_at_work_stays_so(project: Project, state: str) -> None:
    job_of(project, 500, state)
    assert chores.resume_imports(timezone.now()) == []


def failed(job: ImportJob, number: int, error: Exception) -> None:
    """The import's task failed so many times by now."""
    for _time in range(number):
        claimed(job, 100).set_failed(error)


@pytest.mark.parametrize(
    ("state", "after"),
    [(ImportState.STAGING, ImportState.FAILED), (ImportState.RUNNING, ImportState.STOPPED)],
)
def test_an_import_that_fails_again_and_again_waits_for_somebody(project: Project, state: str, after: str) -> None:
    job = job_of(project, 61, state)
    failed(job, 4, TaskFailed("ValueError"))
    assert chores.resume_imports(timezone.now()) == [job.pk]
    failed(job, 1, TaskFailed("ValueError"))
    DBTaskResult.objects.ready().delete()
    assert chores.resume_imports(timezone.now()) == []
    job.refresh_from_db()
    assert job.state == after
    assert "log of the worker" in job.error


def test_the_report_says_why_it_waits(project: Project, editor: User, client: Client) -> None:
    job = job_of(project, 61)
    give_up(job.pk)
    client.force_login(editor)
    assert "log of the worker" in client.get(job.get_absolute_url()).content.decode()
    jobs.resume(job)
    assert "log of the worker" not in client.get(job.get_absolute_url()).content.decode()


def test_one_is_not_given_up_because_the_database_was_away(project: Project) -> None:
    job = job_of(project, 61)
    failed(job, 9, TaskFailed("OperationalError"))
    assert chores.resume_imports(timezone.now()) == [job.pk]


def test_failures_of_other_imports_do_not_count(project: Project) -> None:
    failed(job_of(project, 61, ImportState.DONE), 9, TaskFailed("ValueError"))
    job = job_of(project, 61)
    assert chores.resume_imports(timezone.now()) == [job.pk]


def test_the_task_of_a_dead_worker_is_closed(project: Project) -> None:
    dead, over, alive = job_of(project, 500), job_of(project, 500, ImportState.DONE), job_of(project, 5)
    left = [claimed(job, 400).pk for job in (dead, over)]
    going = claimed(alive, 400)
    assert chores.close_tasks(timezone.now()) == 2
    assert set(DBTaskResult.objects.failed().values_list("pk", flat=True)) == set(left)
    assert DBTaskResult.objects.running().get() == going


def test_any_task_is_closed_after_a_day(organization: Organization) -> None:
    for hours in (23, 25):
        rename.enqueue(organization.pk, "Renamed")
        task = Worker().claim()
        assert task is not None
        DBTaskResult.objects.filter(pk=task.pk).update(started_at=timezone.now() - timedelta(hours=hours))
    assert chores.close_tasks(timezone.now()) == 1
    assert DBTaskResult.objects.failed().get() == task


def test_tasks_that_ended_are_forgotten_after_a_week(organization: Organization) -> None:
    for _number in range(3):
        rename.enqueue(organization.pk, "Renamed")
    worker = Worker()
    while worker.work():
        pass
    rename.enqueue(organization.pk, "Renamed")
    old, failed, _new = DBTaskResult.objects.finished()
    week_ago = timezone.now() - timedelta(days=7, hours=1)
    DBTaskResult.objects.filter(pk__in=[old.pk, failed.pk]).update(finished_at=week_ago)
    DBTaskResult.objects.filter(pk=failed.pk).update(status=TaskResultStatus.FAILED)
    chores.delete_results(timezone.now())
    assert DBTaskResult.objects.finished().count() == 1
    assert DBTaskResult.objects.ready().count() == 1


def test_a_worker_that_is_asked_to_end_leaves_the_import_to_the_next(project: Project, still_working: None) -> None:
    job = job_of(project, 1)
    stopping.ask()
    work_on_import.call(job.pk)
    assert queued() == [job.pk]


# Real processes


def name_of(organization: Organization) -> str:
    organization.refresh_from_db()
    return organization.name


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_soon_when_it_is_asked_to(tmp_path: Path, number: int) -> None:
    organization = OrganizationFactory()
    rename.enqueue(organization.pk, "Renamed")
    with worker(tmp_path / "log") as process:
        wait_until(lambda: name_of(organization) == "Renamed", alive=process)
        wait_until(Lease.objects.exists, alive=process)
        process.send_signal(number)
        assert process.wait(SOON) == 0
    assert not Lease.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_queue_and_run_each_task_once(tmp_path: Path) -> None:
    organizations = [OrganizationFactory(name="") for _number in range(60)]
    with worker(tmp_path / "one") as one, worker(tmp_path / "two") as two:
        for process in (one, two):
            wait_until(lambda p=process: f":{p.pid}:" in _told(tmp_path), alive=process)
        with transaction.atomic():
            for organization in organizations:
                append.enqueue(organization.pk, "x")
        wait_until(lambda: DBTaskResult.objects.finished().count() == len(organizations), alive=one)
        one.terminate()
        two.terminate()
        assert [one.wait(SOON), two.wait(SOON)] == [0, 0]
    assert set(Organization.objects.values_list("name", flat=True)) == {"x"}
    assert {len(task.worker_ids) for task in DBTaskResult.objects.successful()} == {1}
    assert "locked" not in _told(tmp_path)
    assert "error" not in _told(tmp_path)


def _told(folder: Path) -> str:
    return "".join((folder / name).read_text() for name in ("one", "two") if (folder / name).exists())
