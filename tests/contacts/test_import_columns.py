"""The page that asks how a file is read, what its rows are, and what each column is."""

from __future__ import annotations

import io
import uuid
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact, ImportJob, ImportMapping, Project, RelationalTable, User
from contacts.models.imports import ImportState
from contacts.origin import Origin
from contacts.services.imports import jobs
from contacts.vocabulary import Method
from tests.contacts.imported import checked, worked
from tests.contacts.test_overview import words
from tests.factories import OrganizationAdminFactory
from tests.origins import EDITOR

LISTS = Path(__file__).parent / "lists"
PLAIN = "Numéro client;Courriel;Prénom;Ville\nHM-1;a@example.org;Inès;Québec\nHM-2;b@example.org;Omar;Lévis\n"
LEFT = "email,UNSUB_TIME\na@example.org,2026-03-01 10:00:00\n"


def uploaded(project: Project, content: str | bytes, name: str = "list.csv") -> ImportJob:
    data = content.encode() if isinstance(content, str) else content
    origin = Origin(Method.IMPORT, EDITOR, request_id=uuid.uuid4())
    return jobs.upload(project, io.BytesIO(data), file_name=name, origin=origin)


def address(job: ImportJob) -> str:
    return reverse("contacts:import_columns", args=[job.project.slug, job.pk])


def fields(response: Any, **changes: Any) -> dict[str, Any]:
    """The page's form as a browser would send it back, with changes."""
    form = response.context["form"]
    sent = {name: form[name].value() for name in form.fields}
    sent = {**response.context["hidden_reading"], **sent, **changes}
    return {name: value for name, value in sent.items() if value not in (None, False)}


@pytest.fixture
def signed_in(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


def choose(client: Client, job: ImportJob, **changes: Any) -> Any:
    answer = client.post(address(job), fields(client.get(address(job)), **changes))
    job.refresh_from_db()
    return answer


def test_page_shows_what_was_found_and_examples(signed_in: Client, project: Project) -> None:
    response = signed_in.get(address(uploaded(project, PLAIN)))
    text = words(response)
    assert "list.csv UTF-8 4 columns" in text
    assert "HM-1 · HM-2" in text
    form = response.context["form"]
    assert [form[f"target-{place}"].value() for place in range(4)] == ["key", "email", "first_name", "attribute"]
    assert response.context["hidden_reading"] == {"encoding": "utf-8", "delimiter": ";", "header": "1", "sheet": ""}


def test_looking_changes_nothing(signed_in: Client, project: Project) -> None:
    job = uploaded(project, PLAIN)
    for method in (signed_in.get, signed_in.head):
        assert method(address(job)).status_code == 200
    job.refresh_from_db()
    assert (job.state, job.mapping) == (ImportState.UPLOADED, {})


def test_choice_is_read_and_remembered(signed_in: Client, project: Project) -> None:
    job = uploaded(project, PLAIN)
    response = choose(signed_in, job, **{"target-2": "skip", "name-3": "City", "mode": "add"})
    assert response["Location"] == job.get_absolute_url()
    assert (job.state, job.kind, job.mode) == (ImportState.STAGING, "contacts", "add")
    assert job.mapping["targets"] == ["key", "email", "skip", "attribute:City"]
    assert job.options == {"country": "", "day_first": False, "as_contacts": False, "language": "en"}
    assert worked(job).state == ImportState.READY
    assert ImportMapping.objects.get().mapping == {"targets": job.mapping["targets"]}
    again = signed_in.get(address(uploaded(project, PLAIN)))
    assert "As it was chosen for such a file the last time." in words(again)
    assert again.context["form"]["target-2"].value() == "skip"
    assert (again.context["form"]["target-3"].value(), again.context["form"]["name-3"].value()) == ("attribute", "City")
    assert not Contact.objects.exists()


def test_file_is_read_another_way(signed_in: Client, project: Project) -> None:
    job = uploaded(project, "sep;a|b\nx;1|2\n")
    response = signed_in.get(address(job), {"delimiter": "|", "header": "0"})
    assert response.context["sample"].table.columns == ["Column 1", "Column 2"]
    assert "sep;a · x;1" in words(response)
    job.refresh_from_db()
    assert job.reading == {}


@pytest.mark.parametrize(
    "query", [{"encoding": "klingon"}, {"delimiter": "\x00"}, {"header": "99999999999999999999"}, {"header": "-1"},
              {"sheet": "x" * 5_000}]
)  # fmt: skip
def test_reading_that_does_not_exist_is_refused_and_the_file_shown(
    signed_in: Client, project: Project, query: dict[str, str]
) -> None:
    response = signed_in.get(address(uploaded(project, PLAIN)), query)
    assert response.status_code == 200
    assert response.context["reading_asked"].errors
    assert response.context["sample"].table.columns[0] == "Numéro client"


def test_reading_that_does_not_fit_is_told_with_the_way_on(signed_in: Client, project: Project) -> None:
    job = uploaded(project, PLAIN)
    response = signed_in.get(address(job), {"encoding": "utf-16"})
    text = words(response)
    assert response.status_code == 200
    assert "Choose how it is read, or upload another file." in text
    assert "Read it again" in text
    assert "Check the rows" not in text


def test_suspicious_file_must_be_told_what_it_is(signed_in: Client, project: Project) -> None:
    job = uploaded(project, LEFT)
    response = signed_in.get(address(job))
    text = words(response)
    assert "This looks like a list of people who unsubscribed (UNSUB_TIME)." in text
    assert "Say what its rows are. As contacts they would be added as people who may be written to." in text
    assert not response.context["form"]["kind"].value()
    refused = signed_in.post(address(job), fields(response))
    assert "Say what the rows are." in words(refused)
    assert choose(signed_in, job, kind="contacts").status_code == 302
    assert job.options["as_contacts"] is True


def test_opt_outs_say_why(signed_in: Client, project: Project) -> None:
    job = uploaded(project, LEFT)
    assert "Say why, for example that they asked for it in writing." in words(choose(signed_in, job, kind="opt_outs"))
    assert choose(signed_in, job, kind="opt_outs", reason="written_request").status_code == 302
    assert (job.kind, job.options["reason"]) == ("opt_outs", "written_request")
    assert "as_contacts" not in job.options
    assert not ImportMapping.objects.exists()


def test_only_an_organization_admin_suppresses_everywhere(client: Client, signed_in: Client, project: Project) -> None:
    job = uploaded(project, LEFT)
    answers = {"kind": "suppressions", "reason": "complaint", "scope": "organization"}
    assert "The whole organization" not in words(signed_in.get(address(job)))
    assert choose(signed_in, job, **answers).status_code == 302
    assert job.options["scope"] == "project"
    client.force_login(OrganizationAdminFactory(organization=project.organization).user)
    assert choose(client, job, **answers).status_code == 302
    assert job.options["scope"] == "organization"


def test_date_of_the_list_counts_for_a_replacement_alone(signed_in: Client, project: Project) -> None:
    job = uploaded(project, PLAIN)
    choose(signed_in, job, mode="add", dated="2026-03-01")
    assert job.dated is None
    choose(signed_in, job, mode="replace", dated="2026-03-01")
    assert job.dated == date(2026, 3, 1)
    future = timezone.localdate() + timedelta(days=2)
    assert "This date is in the future." in words(choose(signed_in, job, mode="replace", dated=future.isoformat()))


def test_columns_of_own_tables_are_offered(signed_in: Client, project: Project) -> None:
    RelationalTable.objects.create(
        project=project, slug="orders", name="Orders", columns=[{"key": "number", "label": "Number"}]
    )
    job = uploaded(project, "key,Orders Number\nC-1,7\n")
    assert signed_in.get(address(job)).context["form"]["target-1"].value() == "relational:orders:number"
    choose(signed_in, job)
    assert job.mapping["targets"] == ["key", "relational:orders:number"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"target-0": "skip", "target-1": "skip"}, "No column is the key, and none holds email addresses."),
        ({"target-2": "email"}, "The columns “Courriel” and “Prénom” are taken for the same."),
        ({"target-2": "relational:other:table"}, "Say what this column is."),
        ({"target-2": "\x00"}, "Say what this column is."),
        ({"target-2": "attribute", "name-2": "Ville"}, "are taken for the same"),
        ({"target-2": "attribute", "name-2": "x" * 200}, "at most 100 characters"),
        ({"target-2": "attribute", "name-2": "a\x00b"}, "cannot be stored"),
        ({"kind": "people"}, "Say what the rows are."),
        ({"mode": "destroy"}, "Choose one of these."),
        ({"country": "XX"}, "Choose a country of the list."),
        ({"dated": "yesterday", "mode": "replace"}, "Enter a date like 2026-11-24."),
    ],
)
def test_choice_that_cannot_be_is_refused_and_stays(
    signed_in: Client, project: Project, changes: dict[str, str], error: str
) -> None:
    job = uploaded(project, PLAIN)
    response = choose(signed_in, job, **changes)
    assert response.status_code == 200
    assert error in words(response)
    assert "<title>Error:" in response.content.decode()
    assert job.state == ImportState.UPLOADED


def test_names_of_columns_are_shown_as_they_are(signed_in: Client, project: Project) -> None:
    job = uploaded(project, 'email,"<script>alert(1)</script>",‮gnissem,🦊\na@example.org,<b>x</b>,2,3\n')
    page = signed_in.get(address(job)).content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "<b>x" not in page


def test_import_that_ran_is_not_asked_again(signed_in: Client, project: Project) -> None:
    job = checked(project, "key\nC-1\n")
    assert signed_in.get(address(job)).status_code == 200
    jobs.start(job)
    assert signed_in.get(address(job))["Location"] == job.get_absolute_url()
    assert signed_in.post(address(job), {})["Location"] == job.get_absolute_url()
    job.refresh_from_db()
    assert job.state == ImportState.RUNNING


def test_file_that_is_gone_is_uploaded_again(signed_in: Client, project: Project) -> None:
    job = uploaded(project, PLAIN)
    jobs.forget_file(job)
    response = signed_in.get(address(job), follow=True)
    assert "The file is not kept any more. Upload it again." in words(response)


@pytest.mark.parametrize("name", ["brevo.csv", "hubspot.csv", "listmonk.csv", "mailchimp-subscribed.csv"])
def test_exports_of_other_tools_go_through_as_they_are(signed_in: Client, project: Project, name: str) -> None:
    job = uploaded(project, (LISTS / name).read_bytes(), name)
    response = choose(signed_in, job)
    assert response.status_code == 302, words(response)
    assert worked(job).state == ImportState.READY


def test_many_columns_take_no_more_queries(
    signed_in: Client, project: Project, django_assert_max_num_queries: Any
) -> None:
    job = uploaded(project, "email," + ",".join(f"c{number}" for number in range(300)) + "\n")
    with django_assert_max_num_queries(12):
        assert signed_in.get(address(job)).status_code == 200


def test_viewer_is_refused_stranger_finds_nothing(
    client: Client, project: Project, viewer: User, stranger: User
) -> None:
    job = uploaded(project, PLAIN)
    for person, status in ((viewer, 403), (stranger, 404)):
        client.force_login(person)
        assert client.get(address(job)).status_code == status
        assert client.post(address(job), {"kind": "contacts"}).status_code == status
    job.refresh_from_db()
    assert job.state == ImportState.UPLOADED
