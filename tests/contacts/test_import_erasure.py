"""Who is erased goes from staged rows and uploaded files too; what remains of a row keeps the counts of its import."""

from __future__ import annotations

import io

import pytest

from contacts.errors import StaleConfirmation
from contacts.models import Contact, ImportJob, ImportPiece, ImportRow, Project
from contacts.services.erasure import erase, erasure_preview
from contacts.services.imports import jobs, work
from contacts.services.merging import merge
from contacts.services.register import change_address, change_key
from contacts.services.verify import differences
from tests.contacts.imported import checked, counts, imported, row, started, worked
from tests.factories import ContactFactory, by_the_system
from tests.origins import ADMIN, EDITOR, by

pytestmark = pytest.mark.django_db

TARGETS = ["key", "email", "first_name"]
TEXT = "number,email,first\nANN,ann@example.org,Ann\nBOB,bob@example.org,Bob\nCLEO,cleo@example.org,Cleo"


def erased(contact: Contact) -> dict[str, int]:
    [receipt] = erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=False)
    assert list(differences()) == []
    return receipt.counts


def get(key: str) -> Contact:
    return Contact.objects.get(key=key)


def is_empty(job: ImportJob, line: int) -> bool:
    """No value of anybody stands in the row any more."""
    row = ImportRow.objects.values().get(job=job, line=line)
    texts = [
        str(value) for name, value in row.items() if name not in ("job_id", "line", "outcome", "error_code", "error")
    ]
    return set(texts) <= {"", "None", "{}"}


def test_rows_of_an_import_that_ran_become_empty_and_still_count(project: Project) -> None:
    job = imported(project, TEXT, targets=TARGETS)
    again = imported(project, TEXT.replace("Ann\n", "Anne\n"), targets=TARGETS)
    assert erased(get("ANN"))["imports"] == 2
    for one in (job, again):
        assert is_empty(one, 2) and not is_empty(one, 3)
        one.refresh_from_db()
        assert sum(counts(one)) == 3
    assert (row(job, 2).outcome, row(again, 2).outcome) == ("created", "updated")


def test_rows_are_found_by_keys_and_addresses_of_before(project: Project) -> None:
    job = imported(project, TEXT, targets=TARGETS)
    by_address = imported(project, "email\nann@example.org", targets=["email"])
    change_key(get("ANN"), "ANNE", origin=by(EDITOR))
    change_address(get("ANNE"), "email", "new@example.org", origin=by(EDITOR))
    assert erased(get("ANNE"))["imports"] == 2
    assert is_empty(job, 2) and is_empty(by_address, 2)


def test_rows_of_who_was_merged_into_them_go_too(project: Project) -> None:
    job = imported(project, TEXT, targets=TARGETS)
    merge(get("ANN"), get("BOB"), origin=by(EDITOR))
    erased(get("ANN"))
    assert is_empty(job, 2) and is_empty(job, 3) and not is_empty(job, 4)


def test_what_others_have_by_now_is_theirs(project: Project) -> None:
    change_address(ContactFactory(project=project, key="DAN", email="ann@example.org"), "email", "", origin=by(EDITOR))
    job = imported(project, TEXT, targets=TARGETS)
    assert "imports" not in erased(get("DAN"))
    assert not is_empty(job, 2)


def test_rejected_rows_are_found_by_their_address(project: Project) -> None:
    job = imported(project, f"{TEXT}\n,ann@example.org,Ann", targets=TARGETS)
    erased(get("ANN"))
    assert is_empty(job, 5)
    assert (row(job, 5).outcome, row(job, 5).error_code) == ("rejected", "missing_key")


def test_a_checked_import_goes_on_without_them(project: Project) -> None:
    imported(project, TEXT, targets=TARGETS)
    job = checked(project, f"{TEXT}\nNEW,ann@example.org,Ann\nOTHER,other@example.org,", targets=TARGETS)
    seen = jobs.digest(job)
    erased(get("ANN"))
    job.refresh_from_db()
    assert counts(job) == (1, 0, 2, 2)
    assert job.planned["reasons"] == {"erased": 2}
    assert row(job, 2).error == "The contact was deleted after the file was uploaded."
    assert not ImportPiece.objects.filter(job=job).exists()
    assert seen != jobs.digest(job)
    started(job)
    assert counts(job) == (1, 0, 2, 2)
    assert not Contact.objects.filter(key="ANN").exists()


def test_the_preview_of_a_replacement_that_is_confirmed_is_another_one(project: Project) -> None:
    imported(project, TEXT, targets=TARGETS)
    job = checked(project, TEXT, targets=TARGETS, mode="replace")
    seen = jobs.digest(job)
    erased(get("ANN"))
    with pytest.raises(StaleConfirmation):
        jobs.start(job, shown=seen)


def test_an_import_that_is_running_takes_nobody_up_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contacts.services.imports.running.CHUNK", 1)
    imported(project, TEXT, targets=TARGETS)
    job = checked(project, TEXT.replace("@example.org", "@example.net"), targets=TARGETS)
    jobs.start(job)
    answers = iter([False, False, True])  # the header is a line, too
    work.work_on(job.pk, should_stop=lambda: next(answers))
    erased(get("ANN"))
    erased(get("CLEO"))
    worked(job)
    assert job.state == "done"
    assert job.counts["updated"] == 2 and job.counts["rejected"] == 1
    assert is_empty(job, 2) and is_empty(job, 4)
    assert set(Contact.objects.values_list("key", flat=True)) == {"BOB"}


def test_a_file_that_nobody_has_read_is_put_away(project: Project, other_project: Project) -> None:
    contact = ContactFactory(project=project, key="ANN")
    mine, other = (
        jobs.upload(where, io.BytesIO(TEXT.encode()), file_name="list.csv", origin=by_the_system())
        for where in (project, other_project)
    )
    erased(contact)
    mine.refresh_from_db()
    assert (mine.state, ImportPiece.objects.filter(job=mine).exists()) == ("discarded", False)
    assert "Upload it again" in mine.error
    assert ImportPiece.objects.filter(job=other).exists()


def test_of_several_each_receipt_has_its_own_number(project: Project) -> None:
    imported(project, TEXT, targets=TARGETS)
    imported(project, TEXT.replace("BOB,bob@example.org,Bob\n", ""), targets=TARGETS)
    preview = erasure_preview(Contact.objects.all())
    assert {line.key: line.number for line in preview.lines}["imports"] == 5
    receipts = erase(Contact.objects.all(), origin=by(ADMIN), requested_by_contact=False, expected=preview.digest)
    assert sorted(receipt.counts["imports"] for receipt in receipts) == [1, 2, 2]


def test_rows_of_a_list_of_opt_outs_go_too(project: Project) -> None:
    contact = ContactFactory(project=project, key="ANN", email="ann@example.org")
    job = imported(project, "email\nann@example.org\nbob@example.org", kind="opt_outs", targets=["email"])
    assert erased(contact)["imports"] == 1
    assert is_empty(job, 2) and not is_empty(job, 3)
