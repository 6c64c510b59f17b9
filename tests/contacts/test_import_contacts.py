"""manage.py import_contacts: row by row outcomes, real exports of other tools, and what an import never does."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.addresses import normalise
from contacts.csv_guard import guarded
from contacts.csv_reading import UnreadableFile
from contacts.models import Block, ChannelStatus, Contact, ImportJob, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Origin
from contacts.services.blocks import suppress
from contacts.services.erasure import erase
from contacts.services.opt_outs import opt_out
from contacts.services.register import change_address, change_key
from contacts.services.status import deactivate
from contacts.services.verify import differences
from contacts.vocabulary import ActorKind, Aspect, Cause, Channel, Method, Reason, Says
from tests.factories import ContactFactory, by_the_system
from tests.imports import Imported, import_text

LISTS = Path(__file__).parent / "lists"
LAST_LINE = re.compile(r"rows=(\d+) created=(\d+) updated=(\d+) unchanged=(\d+) rejected=(\d+)")


class Run(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def counts(self) -> tuple[int, ...]:
        """rows, created, updated, unchanged, rejected of the last line."""
        found = LAST_LINE.fullmatch(self.out.strip().splitlines()[-1])
        assert found, self.out
        rows, *parts = (int(number) for number in found.groups())
        assert rows == sum(parts)
        return (rows, *parts)


def run(path: Path | str, *options: str, project: str = "newsletter") -> Run:
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("import_contacts", str(path), "--project", project, *options, stdout=out, stderr=err)
    except SystemExit as stop:
        code = int(stop.code or 0)
    return Run(code, out.getvalue(), err.getvalue())


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a list and return its path."""

    def written(content: str | bytes, name: str = "list.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


def contact(key: str) -> Contact:
    return Contact.objects.get(key=key)


def address(key: str, channel: str = Channel.EMAIL) -> str:
    return ChannelStatus.objects.get(contact__key=key, channel=channel).address


def by_link() -> Origin:
    return Origin(Method.OPT_OUT_LINK, THE_CONTACT, Reason.OWN_REQUEST)


def import_into(project: Project, text: str, *, as_contacts: bool = False) -> Imported:
    return import_text(project, text, as_contacts=as_contacts)


# Exports of other tools


def test_mailchimp_subscribed(project: Project) -> None:
    done = run(LISTS / "mailchimp-subscribed.csv")
    assert (done.code, done.counts) == (0, (3, 3, 0, 0, 0))
    chantal = contact("chantal.lefebvre@example.org")
    assert (chantal.first_name, chantal.last_name) == ("Chantal", "Lefebvre")
    assert chantal.attributes["TAGS"] == '"Members","Winter"'
    assert chantal.attributes["Address"].startswith("12 Quay Street")
    assert address(chantal.key, Channel.SMS) == "+1 902-555-0137"
    assert address("omar.haddad@example.org") == "Omar.Haddad@example.org"
    assert contact("yuki.tanaka@example.net").notes == "Met at the spring fair, wants the printed programme"


@pytest.mark.parametrize("name", ["mailchimp-unsubscribed.csv", "mailchimp-cleaned.csv"])
def test_mailchimp_lists_of_people_who_left_are_refused(project: Project, name: str) -> None:
    done = run(LISTS / name)
    assert (done.code, done.out) == (2, "")
    assert "This looks like a list of" in done.err
    assert "--as contacts" in done.err
    assert not Contact.objects.exists()


def test_list_of_people_who_left_is_imported_when_meant_so(project: Project) -> None:
    done = run(LISTS / "mailchimp-unsubscribed.csv", "--as", "contacts")
    assert (done.code, done.counts) == (0, (1, 1, 0, 0, 0))
    assert contact("gone@example.org").attributes["UNSUB_CAMPAIGN_ID 2"] == "9f1e2d"


def test_hubspot(project: Project) -> None:
    done = run(LISTS / "hubspot.csv")
    assert (done.code, done.counts) == (0, (3, 3, 0, 0, 0))
    assert ChannelStatus.objects.get(contact__key="john.smith@example.com").opted_out
    gaelle = contact("g.perrin@example.fr")
    assert address(gaelle.key, Channel.SMS) == "+33 6 12 34 56 78"
    assert gaelle.language == "fr"
    assert gaelle.attributes["Record ID"] == "901"
    assert gaelle.attributes["Phone Number"] == "+33 4 50 11 22 33"
    assert contact("claire.durand@example.fr").language == "fr-ca"


def test_hubspot_by_its_own_number(project: Project) -> None:
    assert run(LISTS / "hubspot.csv", "--key", "Record ID").counts == (3, 3, 0, 0, 0)
    assert address("901") == "g.perrin@example.fr"


def test_brevo_whose_key_column_is_empty(project: Project) -> None:
    done = run(LISTS / "brevo.csv")
    assert (done.code, done.counts) == (0, (3, 2, 0, 0, 1))
    assert "delimiter ;, key “EMAIL”" in done.out
    assert address("marie.tremblay@example.qc.ca", Channel.SMS) == "+1 418-555-0137"
    assert (contact("joel.cote@example.qc.ca").first_name, contact("joel.cote@example.qc.ca").last_name) == (
        "Joël",
        "Côté",
    )


def test_brevo_by_its_own_number_takes_those_without_email(project: Project) -> None:
    assert run(LISTS / "brevo.csv", "--key", "CONTACT ID").counts == (3, 3, 0, 0, 0)
    assert address("3", Channel.SMS) == "+1 418-555-0138"


def test_listmonk(project: Project) -> None:
    done = run(LISTS / "listmonk.csv")
    assert (done.code, done.counts) == (0, (3, 2, 0, 0, 1))
    fatima = contact("fatima.zahra@example.org")
    assert fatima.attributes["city"] == "Rabat"
    assert fatima.attributes["languages"] == '["ar", "fr"]'
    assert (fatima.attributes["age"], fatima.attributes["vip"]) == ("41", "true")
    assert "empty" not in fatima.attributes
    assert (contact("mei-lin@example.org").first_name, contact("mei-lin@example.org").last_name) == ("Mei-Lin", "Chen")
    assert not Contact.objects.filter(key="blocked@example.org").exists()


def test_list_where_most_are_blocked_is_refused(project: Project, write: Write) -> None:
    path = write("email,status\na@example.org,blocklisted\nb@example.org,enabled\n")
    assert run(path).code == 2
    assert run(path, "--as", "contacts").counts == (2, 2, 0, 0, 0)


@pytest.mark.parametrize(
    "name",
    [
        "latin-1.csv",
        "windows-1252.csv",
        "utf-16-le-with-mark.csv",
        "utf-16-be-with-mark.csv",
        "utf-16-le.csv",
        "utf-16-be.csv",
    ],
)
def test_every_encoding_ends_in_the_same_contacts(project: Project, name: str) -> None:
    assert run(LISTS / name).counts == (2, 2, 0, 0, 0)
    helene = contact("helene.lefevre@example.fr")
    assert (helene.first_name, helene.last_name, helene.attributes) == ("Hélène", "Lefèvre", {"Ville": "Besançon"})
    assert address(helene.key, Channel.SMS) == "+33 6 12 34 56 78"


def test_quoted_newlines(project: Project) -> None:
    assert run(LISTS / "quoted-newlines.csv").counts == (2, 2, 0, 0, 0)
    assert contact("a@example.org").notes == "Two lines:\nthe second, with a comma"
    assert contact("b@example.org").attributes["City"] == "Lévis\nQuébec"


# What the command says


def test_rejected_rows_are_named_by_line_and_reason_without_what_stands_in_them(project: Project, write: Write) -> None:
    path = write(
        "email,phone,first name\n"
        "good@example.org,,Ana\n"
        "not-an-address-at-all,,Bo\n"
        ",,Nobody\n"
        "long@example.org,,x,surplus\n"
        "phone@example.org,12,Cy\n"
        "GOOD@example.org,,Ana again\n"
        f"name@example.org,,{'x' * 151}\n"
        "bell@example.org,,B\x07ell\n"
    )
    done = run(path)
    assert (done.code, done.counts) == (0, (8, 1, 0, 0, 7))
    assert [line.partition(":")[0] for line in done.err.splitlines()] == [f"line {number}" for number in range(3, 10)]
    reasons = [line.partition(": ")[2] for line in done.err.splitlines()]
    assert reasons[0].startswith("email: This is not an address")
    assert reasons[1] == "The cell of the key is empty (column “email”)."
    assert reasons[2] == "The row has more cells than the header has columns."
    assert reasons[3].startswith("phone number: This is not an address")
    assert reasons[4] == "The same key stands on line 2."
    assert reasons[5] == "first name: This is too long: at most 150 characters."
    assert reasons[6] == "first name: This text has characters that cannot be stored."
    assert "not-an-address-at-all" not in done.err


def test_strict_ends_with_1_when_a_row_was_rejected(project: Project, write: Write) -> None:
    path = write("email\na@example.org\nnobody\n")
    done = run(path, "--strict")
    assert (done.code, done.counts) == (1, (2, 1, 0, 0, 1))
    assert run(write("email\na@example.org\n"), "--strict").code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"city,age\nRabat,41\n", "No column is the key"),
        (b"email\na@example.org\n\0@example.org\n", "Line 3: There is a NUL character"),
        (b'email,city\na@example.org,x\nb@example.org,"x\n', "Line 3: A quotation mark opens here"),
        (b"PK\x03\x04", "The spreadsheet is damaged"),
        (b"email," + b",".join(b"c%d" % number for number in range(500)), "more than 500 columns"),
        (b"email,note\na@example.org," + b"x" * 1_000_001, "Line 2: The line is longer"),
    ],
)
def test_file_that_cannot_be_worked_through_changes_nothing(
    project: Project, write: Write, content: bytes, words: str
) -> None:  # fmt: skip
    done = run(write(content))
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert not Contact.objects.exists()


def test_fault_at_the_end_leaves_the_beginning_out(project: Project, write: Write) -> None:
    rows = "".join(f"r{number}@example.org\n" for number in range(1_200))
    assert run(write(f'email\n{rows}"open\n')).code == 2
    assert not Contact.objects.exists()


def test_header_alone_is_worked_through(project: Project, write: Write) -> None:
    done = run(write("email,city\n"))
    assert (done.code, done.counts) == (0, (0, 0, 0, 0, 0))


def test_missing_file_and_directory(project: Project, tmp_path: Path) -> None:
    assert "The file cannot be read: No such file or directory." in run(tmp_path / "nowhere.csv").err
    assert "The file cannot be read: Is a directory." in run(tmp_path).err
    assert run(tmp_path / "nowhere.csv").code == run(tmp_path).code == 2


def test_unknown_project(project: Project, write: Write) -> None:
    done = run(write("email\na@example.org\n"), project="nowhere")
    assert (done.code, done.out) == (2, "")
    assert "There is no project “nowhere”." in done.err


def test_unknown_key_names_the_columns(project: Project, write: Write) -> None:
    done = run(write("email,city\na@example.org,Lévis\n"), "--key", "Number")
    assert done.code == 2
    assert "There is no column “Number”." in done.err
    assert "The file has: email, city." in done.err


def test_encoding_can_be_named(project: Project, write: Write) -> None:
    path = write("email,Ville\na@example.org,Łódź\n".encode("cp1250"))
    assert run(path, "--encoding", "cp1250").code == 0
    assert contact("a@example.org").attributes["Ville"] == "Łódź"
    assert run(path, "--encoding", "klingon").code == 2


def test_key_column_that_is_filled_on_some_rows_stays_the_key(project: Project, write: Write) -> None:
    done = run(write("EXT_ID,EMAIL\n7,a@example.org\n,b@example.org\n"))
    assert done.counts == (2, 1, 0, 0, 1)
    assert address("7") == "a@example.org"
    assert "line 3: The cell of the key is empty (column “EXT_ID”)." in done.err


# What an import does


def test_history_names_file_line_and_method(project: Project, write: Write) -> None:
    path = write("Customer number,email\nC-1,a@example.org\nC-2,b@example.org\n", "members 2026.csv")
    run(path)
    run(write("Customer number,email\nC-2,new@example.org\n", "corrections.csv"))
    entries = StatusHistory.objects.filter(contact__key="C-2").order_by("pk")
    files = dict(ImportJob.objects.values_list("request_id", "file_name"))
    assert [(files[entry.request_id], entry.line) for entry in entries] == [
        ("members 2026.csv", 3),
        ("members 2026.csv", 3),
        ("corrections.csv", 2),
    ]
    assert {(entry.method, entry.actor_kind) for entry in entries} == {(Method.IMPORT, ActorKind.IMPORT)}
    assert (entries[2].from_value, entries[2].to_value) == ("b@example.org", "new@example.org")


def test_same_file_twice_changes_nothing_and_adds_no_entry(project: Project) -> None:
    for name in ("mailchimp-subscribed.csv", "brevo.csv", "listmonk.csv", "windows-1252.csv"):
        run(LISTS / name)
        entries, updated = StatusHistory.objects.count(), list(Contact.objects.order_by("pk").values())
        rows, created, changed, unchanged, rejected = run(LISTS / name).counts
        assert (created, changed, unchanged) == (0, 0, rows - rejected)
        assert StatusHistory.objects.count() == entries
        assert list(Contact.objects.order_by("pk").values()) == updated


def test_rows_update_what_they_say_and_leave_the_rest(project: Project, write: Write) -> None:
    run(write("key,email,first name,last name,notes,City,Age\nC-1,a@example.org,Ana,Ng,Old,Rabat,40\n"))
    done = run(write("key,email,first name,last name,notes,City,Age\nC-1,a@example.org,,Nguyen,New,,41\n"))
    assert done.counts == (1, 0, 1, 0, 0)
    ana = contact("C-1")
    assert (ana.first_name, ana.last_name, ana.notes) == ("Ana", "Nguyen", "Old")
    assert ana.attributes == {"City": "Rabat", "Age": "41"}


def test_address_is_corrected_under_the_same_key(project: Project, write: Write) -> None:
    run(write("key,email,phone\nC-1,old@example.org,+14185550137\n"))
    done = run(write("key,email,phone\nC-1,new@example.org,+14185550138\n"))
    assert done.counts == (1, 0, 1, 0, 0)
    assert (address("C-1"), address("C-1", Channel.SMS)) == ("new@example.org", "+1 418-555-0138")
    entries = StatusHistory.objects.filter(aspect=Aspect.ADDRESS, from_value="old@example.org")
    assert [entry.to_value for entry in entries] == ["new@example.org"]
    moments = list(StatusHistory.objects.order_by("recorded_at").values_list("recorded_at", flat=True))
    assert len(set(moments)) == len(moments)


def test_first_address_on_a_channel_is_added(project: Project, write: Write) -> None:
    ContactFactory(project=project, key="C-1", email="a@example.org")
    assert run(write("key,phone\nC-1,+14185550137\n")).counts == (1, 0, 1, 0, 0)
    assert address("C-1", Channel.SMS) == "+1 418-555-0137"
    assert address("C-1") == "a@example.org"


def test_contact_whose_key_was_corrected_is_found_by_the_new_one(project: Project, write: Write) -> None:
    somebody = ContactFactory(project=project, key="C-1", email="a@example.org")
    change_key(somebody, "C-100", origin=by_the_system())
    assert run(write("key,email\nC-100,a@example.org\nC-1,b@example.org\n")).counts == (2, 1, 0, 1, 0)
    assert Contact.objects.get(pk=somebody.pk).key == "C-100"


def test_key_typed_with_capitals_is_the_same_address(project: Project, write: Write) -> None:
    ContactFactory(project=project, key="Jean.Roy@example.org", email="Jean.Roy@example.org")
    assert run(write("email\nJean.Roy@EXAMPLE.org\n")).counts == (1, 0, 0, 1, 0)


def test_one_address_in_many_ways_of_writing_is_one_contact(project: Project, write: Write) -> None:
    run(write("email\nrené@exämple.org\n"))
    for other in ("RENÉ@EXÄMPLE.ORG", "rene\u0301@exa\u0308mple.org", "René@xn--exmple-cua.org", " rené@exämple.org "):
        assert run(write(f"email\n{other}\n")).counts == (1, 0, 0, 1, 0), other
    assert Contact.objects.count() == 1


def test_address_that_another_contact_has_is_shared(project: Project, write: Write) -> None:
    family = ContactFactory(project=project, key="C-1", email="family@example.org")
    opt_out(family.as_set(), Channel.EMAIL, origin=by_link())
    done = run(write("key,email\nC-2,Family@example.org\n"))
    assert done.counts == (1, 1, 0, 0, 0)
    assert ChannelStatus.objects.get(contact__key="C-2").opted_out
    assert "1 of these contacts are opted out, and stay so" in done.out


def test_inactive_contact_stays_inactive(project: Project, write: Write) -> None:
    gone = ContactFactory(project=project, key="C-1", email="a@example.org")
    deactivate(gone.as_set(), origin=by_link())
    done = run(write("key,email,first name\nC-1,new@example.org,Ana\n"))
    assert done.counts == (1, 0, 1, 0, 0)
    assert "1 of these contacts are inactive, and stay so" in done.out
    assert not contact("C-1").is_active
    assert not ChannelStatus.objects.get(contact=gone).contact_active
    assert not StatusHistory.objects.filter(contact=gone, says=Says.YES).exclude(reason=Reason.CREATED).exists()


def test_blocked_addresses_stay_blocked_for_whoever_comes_to_them(project: Project, write: Write) -> None:
    suppress(
        [normalise(Channel.EMAIL, "listed@example.org")], organization=project.organization, cause=Cause.LISTED,
        origin=by_the_system(),
    )  # fmt: skip
    ContactFactory(project=project, key="C-2", email="b@example.org")
    done = run(write("key,email\nC-1,listed@example.org\nC-2,Listed@example.org\n"))
    assert done.counts == (2, 1, 1, 0, 0)
    assert list(ChannelStatus.objects.order_by("pk").values_list("suppressed", flat=True)) == [True, True]
    assert "2 of these contacts have a suppressed address" in done.out
    assert Block.objects.get().is_on


def test_own_opt_out_follows_the_contact_to_the_address_of_the_file(project: Project, write: Write) -> None:
    somebody = ContactFactory(project=project, key="C-1", email="a@example.org")
    opt_out(somebody.as_set(), Channel.EMAIL, origin=by_link())
    run(write("key,email\nC-1,b@example.org\n"))
    row = ChannelStatus.objects.get(contact=somebody)
    assert (row.address, row.own_opt_out, row.opted_out) == ("b@example.org", True, True)


def test_whoever_was_erased_after_a_no_comes_back_blocked(project: Project, write: Write, admin: User) -> None:
    somebody = ContactFactory(project=project, key="a@example.org", email="a@example.org")
    deactivate(somebody.as_set(), origin=by_link())
    erase(somebody.as_set(), origin=by_the_system(), requested_by_contact=True)
    done = run(write("email\nA@example.org\n"))
    assert done.counts == (1, 1, 0, 0, 0)
    row = ChannelStatus.objects.get(contact__key="a@example.org")
    assert row.opted_out or row.suppressed


def test_guarded_cells_come_back_as_they_were(project: Project, write: Write) -> None:
    text = '=HYPERLINK("x")'
    file = io.StringIO()
    csv.writer(file).writerows(
        [["key", "first name", "phone", "Note 1"], ["C-1", guarded(text), guarded("+14185550137"), guarded("'=a")]]
    )
    assert run(write(file.getvalue())).counts == (1, 1, 0, 0, 0)
    somebody = contact("C-1")
    assert (somebody.first_name, somebody.attributes) == (text, {"Note 1": "'=a"})
    assert address("C-1", Channel.SMS) == "+1 418-555-0137"


def test_other_projects_are_not_touched(project: Project, other_project: Project, write: Write) -> None:
    ContactFactory(project=other_project, key="C-1", email="a@example.org", first_name="There")
    assert run(write("key,email,first name\nC-1,b@example.org,Here\n")).counts == (1, 1, 0, 0, 0)
    there = Contact.objects.get(project=other_project)
    assert there.first_name == "There"
    assert ChannelStatus.objects.get(contact=there).address == "a@example.org"


def test_national_numbers_are_those_of_the_projects_country(project: Project, write: Write) -> None:
    path = write("key,phone\nC-1,(418) 555-0137\n")
    assert run(path).counts == (1, 0, 0, 0, 1)
    project.default_country = "CA"
    project.save()
    assert run(path).counts == (1, 1, 0, 0, 0)


def test_address_changed_here_is_put_back_by_the_list(project: Project, write: Write) -> None:
    somebody = ContactFactory(project=project, key="C-1", email="a@example.org")
    change_address(somebody, Channel.EMAIL, "here@example.org", origin=by_the_system())
    assert run(write("key,email\nC-1,a@example.org\n")).counts == (1, 0, 1, 0, 0)
    assert address("C-1") == "a@example.org"


def test_verify_finds_no_difference_after_imports(project: Project, write: Write) -> None:
    somebody = ContactFactory(project=project, key="C-1", email="a@example.org")
    opt_out(somebody.as_set(), Channel.EMAIL, origin=by_link())
    deactivate(ContactFactory(project=project, key="C-2", email="b@example.org").as_set(), origin=by_link())
    for name in ("mailchimp-subscribed.csv", "hubspot.csv", "brevo.csv", "listmonk.csv"):
        run(LISTS / name)
    run(write("key,email,phone\nC-1,b@example.org,+14185550137\nC-2,a@example.org,+14185550137\nC-3,a@example.org,\n"))
    run(write("key,email,phone\nC-3,c@example.org,+14185550139\n"))
    assert [str(difference) for difference in differences()] == []


def test_several_batches_add_up_and_lines_stay_right(project: Project, write: Write) -> None:
    rows = [f"r{number}@example.org,First {number}" for number in range(1_103)]
    rows[700] = "nobody,X"
    rows[1_100] = rows[3]
    done = run(write("email,first name\n" + "\n".join(rows)))
    assert done.counts == (1_103, 1_101, 0, 0, 2)
    assert "line 702: email" in done.err
    assert "line 1102: The same key stands on line 5." in done.err
    assert contact("r1000@example.org").first_name == "First 1000"


def test_queries_go_with_batches_not_with_rows(project: Project, django_assert_max_num_queries: Any) -> None:
    def text(number: int, letter: str) -> str:
        return "key,email\n" + "".join(f"C-{row},{letter}{row}@example.org\n" for row in range(number))

    import_into(project, text(10, "a"))
    with CaptureQueriesContext(connection) as few:
        import_into(project, text(10, "b"))
    with django_assert_max_num_queries(len(few) + 8):
        import_into(project, text(100, "c"))
    assert ChannelStatus.objects.filter(address__startswith="c").count() == 100


words = st.text(st.characters(exclude_characters="\0\r\n"), max_size=15)
cells = words | st.sampled_from(
    ["a@example.org", "A@Example.org", "b@example.org", "+14185550137", "unsubscribed", "1"]
)
headers = words | st.sampled_from(["email", "Email Address", "phone", "key", "name", "status", "notes", "attributes"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(headers, max_size=4),
    st.lists(st.lists(cells, max_size=6), max_size=6),
    st.booleans(),
)
def test_every_table_of_texts_adds_up(
    project: Project, names: list[str], rows: list[list[str]], as_contacts: bool
) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([["email", *names], *rows])
    text = file.getvalue().encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    before = Contact.objects.count()
    try:
        result = import_into(project, text, as_contacts=as_contacts)
    except UnreadableFile as refusal:
        assert str(refusal)
        assert Contact.objects.count() == before
        return
    assert result.rows == result.created + result.updated + result.unchanged + result.rejected
    assert result.rejected == len(result.rejections)
    assert Contact.objects.count() == before + result.created
    again = import_into(project, text, as_contacts=as_contacts)
    assert (again.created, again.rejected) == (0, result.rejected)
    assert (again.updated, again.unchanged) == (0, result.created + result.updated + result.unchanged)
    assert list(differences()) == []
