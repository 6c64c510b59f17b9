"""The page that takes an import back: what goes, what stays, and whom it may erase."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ErasureReceipt, ImportJob, Project, StatusHistory, User
from contacts.models.imports import ImportState
from contacts.origin import Actor
from tests.contacts.imported import checked, imported, worked
from tests.contacts.test_overview import words
from tests.factories import PASSWORD, MembershipFactory

FIRST = "key,email,first name,City\nC-1,a@example.org,Ana,Québec\nC-2,b@example.org,Bo,\n"
SECOND = "key,email,first name,City\nC-1,new@example.org,Anna,Lévis\nC-2,b@example.org,Bob,\nC-3,c@example.org,Cy,\n"


def address(job: ImportJob, name: str = "import_undo") -> str:
    return reverse(f"contacts:{name}", args=[job.project.slug, job.pk])


@pytest.fixture
def signed_in(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


@pytest.fixture
def job(project: Project, editor: User) -> ImportJob:
    imported(project, FIRST)
    return imported(project, SECOND, actor=Actor("user", editor.pk, "Edgar Editor"))


def test_page_says_what_goes_back_and_what_stays(signed_in: Client, job: ImportJob) -> None:
    Contact.objects.filter(key="C-2").update(first_name="Robert")
    text = words(signed_in.get(address(job)))
    assert "Undo this import?" in text
    assert "Updated contacts 2 Names, addresses and attributes are again what they were." in text
    assert "Created contacts 1 They stay in the register. 1 of them nobody has touched since." in text
    assert "Contacts who were changed since 1" in text
    assert "Line 3 First name" in text
    assert "erase the contacts" not in text
    assert address(job) in signed_in.get(address(job, "import")).content.decode()


def test_looking_changes_nothing(signed_in: Client, job: ImportJob) -> None:
    for method in (signed_in.get, signed_in.head):
        assert method(address(job)).status_code == 200
    job.refresh_from_db()
    assert job.state == ImportState.DONE


def test_editor_undoes_their_own(signed_in: Client, job: ImportJob) -> None:
    assert signed_in.post(address(job))["Location"] == job.get_absolute_url()
    assert "Undoing list.csv" in words(signed_in.get(address(job, "import")))
    assert worked(job).state == ImportState.UNDONE
    contact = Contact.objects.get(key="C-1")
    assert (contact.first_name, contact.attributes) == ("Ana", {"City": "Québec"})
    assert contact.channel_statuses.get(channel="email").address == "a@example.org"
    text = words(signed_in.get(address(job, "import")))
    assert "list.csv was undone" in text
    assert "Contacts whose values went back 2" in text
    assert Contact.objects.filter(key="C-3").exists()


def test_undoing_twice_undoes_once(signed_in: Client, job: ImportJob) -> None:
    for _time in range(2):
        assert signed_in.post(address(job)).status_code == 302
    worked(job)
    number = StatusHistory.objects.count()
    assert signed_in.post(address(job))["Location"] == job.get_absolute_url()
    worked(job)
    assert StatusHistory.objects.count() == number


def test_others_need_an_admin(client: Client, job: ImportJob, project: Project, admin: User) -> None:
    client.force_login(MembershipFactory(project=project, role="editor").user)
    for answer in (client.get(address(job)), client.post(address(job))):
        assert "Only who started the import, or an admin, may undo it." in words(answer)
    assert address(job) not in client.get(address(job, "import")).content.decode()
    job.refresh_from_db()
    assert job.state == ImportState.DONE
    client.force_login(admin)
    assert client.post(address(job)).status_code == 302
    assert worked(job).state == ImportState.UNDONE


def test_whom_it_added_is_erased_on_request(client: Client, job: ImportJob, admin: User) -> None:
    client.force_login(admin)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert "Type 1 to erase them" in words(client.get(address(job)))
    wrong = client.post(address(job), {"erase_created": "on", "number": "2"})
    assert "The number does not match. Type 1." in words(wrong)
    assert client.post(address(job), {"erase_created": "on", "number": " 1 "}).status_code == 302
    assert worked(job).state == ImportState.UNDONE
    assert not Contact.objects.filter(key="C-3").exists()
    assert ErasureReceipt.objects.count() == 1
    assert "Contacts erased 1" in words(client.get(address(job, "import")))


def test_old_log_in_erases_nobody(client: Client, job: ImportJob, admin: User) -> None:
    client.force_login(admin)
    answer = client.post(address(job), {"erase_created": "on", "number": "1"})
    assert answer.status_code == 403
    assert "your log-in is too old to erase contacts" in words(answer)
    job.refresh_from_db()
    assert job.state == ImportState.DONE


def test_who_may_not_delete_erases_nobody(signed_in: Client, job: ImportJob) -> None:
    signed_in.post(address(job), {"erase_created": "on", "number": "1"})
    assert worked(job).state == ImportState.UNDONE
    assert Contact.objects.filter(key="C-3").exists()


def test_one_that_did_not_run_is_not_undone(signed_in: Client, project: Project) -> None:
    job = checked(project, FIRST)
    assert signed_in.get(address(job))["Location"] == job.get_absolute_url()
    assert signed_in.post(address(job))["Location"] == job.get_absolute_url()
    job.refresh_from_db()
    assert job.state == ImportState.READY


def test_viewer_is_refused_stranger_finds_nothing(client: Client, job: ImportJob, viewer: User, stranger: User) -> None:
    for person, status in ((viewer, 403), (stranger, 404)):
        client.force_login(person)
        assert client.get(address(job)).status_code == client.post(address(job)).status_code == status
    job.refresh_from_db()
    assert job.state == ImportState.DONE


@pytest.mark.parametrize("number", [2, 40])
def test_queries_do_not_grow(
    signed_in: Client, project: Project, editor: User, django_assert_max_num_queries: Any, number: int
) -> None:
    actor = Actor("user", editor.pk, "Edgar Editor")
    header = "key,email,first name\n"
    imported(project, header + "".join(f"K-{n},k{n}@example.org,Old\n" for n in range(number)))
    job = imported(project, header + "".join(f"K-{n},new{n}@example.org,New\n" for n in range(number)), actor=actor)
    Contact.objects.update(first_name="Newer")
    with django_assert_max_num_queries(30):
        assert signed_in.get(address(job)).status_code == 200
