"""The page that imports a list: one form, all of the file or nothing, and what became of each row."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from contacts.forms.imports import MOST_BYTES
from contacts.models import ChannelStatus, Contact, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Origin
from contacts.services.csv_import import SMALL
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.vocabulary import ActorKind, Channel, Method, Reason
from tests.contacts.test_import_contacts import run
from tests.contacts.test_overview import words
from tests.factories import ContactFactory

LISTS = Path(__file__).parent / "lists"


def address(project: Project) -> str:
    return reverse("contacts:imports", args=[project.slug])


def send(client: Client, project: Project, content: str | bytes, name: str = "list.csv", **fields: Any) -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(address(project), {"file": SimpleUploadedFile(name, data), **fields})


@pytest.fixture
def signed_in(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


def test_editor_imports_a_list(signed_in: Client, project: Project) -> None:
    ContactFactory(project=project, key="C-1", email="a@example.org", first_name="Ana")
    ContactFactory(project=project, key="C-2", email="b@example.org", first_name="Bo")
    response = send(
        signed_in, project,
        "key,email,first name\nC-1,a@example.org,Ana\nC-2,b@example.org,Bob\nC-3,c@example.org,Cy\nC-4,nonsense,Di\n",
    )  # fmt: skip
    text = words(response)
    assert response.status_code == 200
    assert "list.csv 4 rows UTF-8, commas Key: key" in text
    assert "Created 1 25.0 % Updated 1 25.0 % Unchanged 1 25.0 % Rejected 1 25.0 %" in text
    assert "Rows in the file 4 100 %" in text
    assert "Line 5 email: This is not an address that can be written to." in text
    assert "nonsense" not in text
    assert Contact.objects.get(key="C-2").first_name == "Bob"


def test_real_export_through_the_page(signed_in: Client, project: Project) -> None:
    text = words(send(signed_in, project, (LISTS / "brevo.csv").read_bytes(), "brevo.csv"))
    assert "3 rows UTF-8-SIG, semicolons Key: EMAIL" in text or "3 rows UTF-8, semicolons Key: EMAIL" in text
    assert Contact.objects.count() == 2


def test_page_says_what_it_takes_and_changes_nothing(signed_in: Client, project: Project) -> None:
    for method in (signed_in.get, signed_in.head):
        assert method(address(project)).status_code == 200
    text = words(signed_in.get(address(project)))
    assert "At most 20,000 rows and 20.0 MB." in text
    assert "These rows are contacts all the same" not in text
    assert not Contact.objects.exists()


def test_history_names_user_file_and_line(signed_in: Client, project: Project, editor: User) -> None:
    send(signed_in, project, "email\na@example.org\n", "Mai 2026.csv")
    for entry in StatusHistory.objects.select_related("detail"):
        assert (entry.method, entry.actor_kind, entry.actor_number) == (Method.IMPORT, ActorKind.USER, editor.pk)
        assert entry.actor_label == "Edgar Editor"
        assert entry.detail.evidence == {"file": "Mai 2026.csv", "line": 2}
    assert StatusHistory.objects.count() == 2


def test_same_list_twice_adds_no_entry(signed_in: Client, project: Project) -> None:
    request_id = "0b7f8f5e-8e0c-4f0e-9f6b-2f1f0f5f3c11"
    for _time in range(2):
        send(signed_in, project, "key,email\nC-1,a@example.org\n", request_id=request_id)
    assert StatusHistory.objects.count() == 2
    assert "Unchanged 1 100.0 %" in words(send(signed_in, project, "key,email\nC-1,a@example.org\n"))


def test_who_is_inactive_or_blocked_stays_so_and_the_page_says_how_many(signed_in: Client, project: Project) -> None:
    by_link = Origin(Method.OPT_OUT_LINK, THE_CONTACT, Reason.OWN_REQUEST)
    gone = ContactFactory(project=project, key="C-1", email="a@example.org")
    deactivate(gone.as_set(), origin=by_link)
    silent = ContactFactory(project=project, key="C-2", email="b@example.org")
    opt_out(silent.as_set(), Channel.EMAIL, origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT, Reason.OWN_REQUEST))
    text = words(send(signed_in, project, "key,email\nC-1,a@example.org\nC-2,b@example.org\nC-3,b@example.org\n"))
    assert "Contacts who stay inactive 1 Deactivated earlier. An import never activates." in text
    assert "Addresses that stay blocked 2" in text
    assert not Contact.objects.get(key="C-1").is_active
    assert ChannelStatus.objects.get(contact__key="C-3").opted_out


def test_key_column_is_chosen(signed_in: Client, project: Project) -> None:
    send(signed_in, project, "No,email\n7,a@example.org\n", key="no")
    assert Contact.objects.get().key == "7"


def test_people_who_left_are_refused_until_the_user_says_otherwise(signed_in: Client, project: Project) -> None:
    content = (LISTS / "mailchimp-unsubscribed.csv").read_bytes()
    response = send(signed_in, project, content)
    text = words(response)
    assert "This is a list of people who unsubscribed, bounced or complained" in text
    assert "tick the box below and choose the file again" in text
    assert "These rows are contacts all the same" in text
    assert "<title>Error:" in response.content.decode()
    assert not Contact.objects.exists()
    assert "Created 1" in words(send(signed_in, project, content, as_contacts="on"))


def test_ticked_box_stays_when_something_else_is_wrong(signed_in: Client, project: Project) -> None:
    response = signed_in.post(address(project), {"as_contacts": "on"})
    assert "These rows are contacts all the same" in words(response)
    assert 'name="as_contacts"' in response.content.decode()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "The file is empty. Choose one with a line of column names"),
        (b"\n\n", "The file is empty."),
        (b"city\nRabat\n", "No column is known as the key"),
        (b"email\na@example.org\n\0\n", "Line 3: There is a NUL character"),
        (b'email\n"a@example.org\n', "Line 2: A quotation mark opens here and is not closed."),
        (b"PK\x03\x04", "This is a spreadsheet or an archive, not a CSV file."),
        (b"a@example.org\n", "The first line holds an address"),
    ],
)
def test_file_that_cannot_be_read_is_refused_in_words(
    signed_in: Client, project: Project, content: bytes, error: str
) -> None:
    response = send(signed_in, project, content)
    assert response.status_code == 200
    assert error in words(response)
    assert "<title>Error:" in response.content.decode()
    assert not Contact.objects.exists()


def test_no_file_at_all(signed_in: Client, project: Project) -> None:
    assert "Choose a CSV file, for example an export of your mailing tool." in words(
        signed_in.post(address(project), {})
    )
    assert "Choose a CSV file" in words(signed_in.post(address(project), {"file": "text"}))


def test_unknown_key_names_the_columns_and_stays_typed(signed_in: Client, project: Project) -> None:
    response = send(signed_in, project, "email,city\na@example.org,x\n", key="Customer nr")
    assert "There is no column “Customer nr”. Name the column of the key. The file has: email, city." in words(response)
    assert 'value="Customer nr"' in response.content.decode()


@pytest.mark.parametrize("key", ["a\0b", "bell\x07", "x" * 300])
def test_key_that_cannot_be_a_name(signed_in: Client, project: Project, key: str) -> None:
    response = send(signed_in, project, "email\na@example.org\n", key=key)
    assert response.status_code == 200
    assert "<title>Error:" in response.content.decode()
    assert not Contact.objects.exists()


def test_file_larger_than_a_page_takes(signed_in: Client, project: Project) -> None:
    content = io.BytesIO(b"email,note\n" + b"a@example.org,x\n" * (MOST_BYTES // 16 + 1))
    response = signed_in.post(address(project), {"file": SimpleUploadedFile("big.csv", content.getvalue())})
    assert "The file has 20.0 MB, and a page takes at most 20.0 MB. Split it" in words(response)
    assert not Contact.objects.exists()


def test_more_rows_than_a_page_imports(signed_in: Client, project: Project) -> None:
    content = "email\n" + "a@example.org\n" * (SMALL + 1)
    response = send(signed_in, project, content)
    assert "The file has 20,001 rows, and a page imports at most 20,000. Split it, or use the command" in words(
        response
    )
    assert not Contact.objects.exists()


def test_file_that_was_kept_on_disk_is_read_as_well(signed_in: Client, project: Project, settings: Any) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    assert "Created 1" in words(send(signed_in, project, "email\na@example.org\n"))


def test_many_rejected_rows_are_shown_in_part(signed_in: Client, project: Project) -> None:
    response = send(signed_in, project, "email\n" + "nobody\n" * 512)
    text = words(response)
    assert response.content.decode().count("email: This is not an address") == 500
    assert "12 more rows were rejected. The command import_contacts names them all." in text


def test_header_without_rows(signed_in: Client, project: Project) -> None:
    assert "The file has column names and no rows. Nothing was imported." in words(
        send(signed_in, project, "email,city\n")
    )


@pytest.mark.parametrize("name", ["<script>alert(1)</script>.csv", "مرحبا 👋.csv", "a" * 250 + ".csv"])
def test_names_of_files_are_shown_as_text(signed_in: Client, project: Project, name: str) -> None:
    response = send(signed_in, project, "email\na@example.org\n", name)
    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()


def test_garbage_in_place_of_the_hidden_number(signed_in: Client, project: Project) -> None:
    response = send(signed_in, project, "email\na@example.org\n", request_id="garbage")
    assert response.status_code == 200


def test_viewer_is_refused(client: Client, project: Project, viewer: User) -> None:
    client.force_login(viewer)
    assert client.get(address(project)).status_code == 403
    assert send(client, project, "email\na@example.org\n").status_code == 403
    assert not Contact.objects.exists()


def test_stranger_finds_nothing(client: Client, project: Project, stranger: User) -> None:
    client.force_login(stranger)
    assert client.get(address(project)).status_code == 404
    assert send(client, project, "email\na@example.org\n").status_code == 404
    assert not Contact.objects.exists()


def test_page_and_command_write_the_same_history(signed_in: Client, project: Project, tmp_path: Path) -> None:
    def said() -> list[tuple[str, ...]]:
        fields = ("aspect", "says", "from_value", "to_value", "channel", "weight", "reason", "method")
        return list(StatusHistory.objects.filter(contact__key__startswith="C").order_by("pk").values_list(*fields))

    content = "key,email,phone\nC-1,a@example.org,+14185550137\nC-1,b@example.org,\nC-2,,\n"
    send(signed_in, project, content)
    by_page = said()
    path = tmp_path / "list.csv"
    path.write_text(content.replace("C-", "CC-"))
    run(path)
    assert said()[len(by_page) :] == by_page
