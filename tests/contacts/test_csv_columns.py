"""What each column is taken for: by its name in English and French, by what was remembered, and what is refused."""

from __future__ import annotations

import pytest

from contacts.csv_columns import check_targets, guess_targets, header_digest, registered_targets, suspicion
from contacts.extension_points import ImportColumn, ImportColumns, import_columns
from contacts.models import RelationalTable
from contacts.models.imports import ImportKind
from contacts.tables import UnreadableFile
from tests.factories import ProjectFactory

MAILCHIMP = ["Email Address", "First Name", "Last Name", "MEMBER_RATING", "OPTIN_TIME"]
LISTMONK = ["uuid", "email", "name", "attributes", "status", "created_at"]
ORDERS = RelationalTable(slug="orders", name="Commandes", columns=[{"key": "no", "label": "Numéro"}])


@pytest.mark.parametrize(
    ("names", "targets"),
    [
        (MAILCHIMP, ["email", "first_name", "last_name", "attribute", "attribute"]),
        (LISTMONK, ["attribute", "email", "full_name", "attributes", "status", "attribute"]),
        (["Record ID", "Email", "Mobile Phone Number", "Unsubscribed from all email"],
         ["attribute", "email", "sms", "opt_out:email"]),
        (["EMAIL", "SMS", "EXT_ID", "EMAIL_BLACKLISTED", "SMS_BLACKLISTED"],
         ["email", "sms", "key", "opt_out:email", "opt_out:sms"]),
        (["No. client", "Courriel", "Prénom", "Nom", "Langue", "Ne pas contacter"],
         ["key", "email", "first_name", "last_name", "language", "opt_out:all"]),
        (["Courriel", "Nom", "Désabonné", "Date de désabonnement"],
         ["email", "full_name", "opt_out:email", "opt_out_on:email"]),
        (["email", "phone", "opted out"], ["email", "sms", "opt_out:all"]),
        (["email", "opted out", "Unsubscribed at"], ["email", "opt_out:email", "opt_out_on:email"]),
        (["key", "Sendable status", "Sendable sms", "Sendable sms reasons", "Sendable read at"],
         ["key", "ours:status", "ours:sms", "skip", "skip"]),
        (["email", "E-mail", "Email address"], ["attribute", "attribute", "email"]),
        (["email", "Global Bounce", "Portal Unsubscribe"], ["email", "left", "opt_out:email"]),
        (["email", "Commandes: Numéro", "orders.no"], ["email", "relational:orders:no", "relational:orders:no"]),
    ],
)  # fmt: skip
def test_columns_are_guessed_by_their_names(names: list[str], targets: list[str]) -> None:
    assert guess_targets(names, tables=[ORDERS]) == targets


def test_the_key_can_be_named() -> None:
    names = ["Customer number", "Code", "Email"]
    assert guess_targets(names, key="code") == ["attribute", "key", "email"]
    assert guess_targets(names, key="Email") == ["attribute", "attribute", "email"]
    with pytest.raises(UnreadableFile, match="The file has: Customer number, Code, Email"):
        guess_targets(names, key="Nr")


def test_what_was_chosen_the_last_time_is_taken_as_far_as_it_still_means_something() -> None:
    names = ["email", "City", "Order", "opted out"]
    remembered = ["email", "attribute:Town", "relational:gone:no", "skip"]
    assert guess_targets(names, remembered=remembered) == ["email", "attribute:Town", "attribute", "skip"]
    assert guess_targets(names, remembered=remembered[:2]) == guess_targets(names)


def test_cells_tell_where_names_say_nothing() -> None:
    rows = [["Ana", "ana@example.org", ""], ["Bo", "bo@example.org", ""]]
    assert guess_targets(["Column 1", "Column 2", "Column 3"], rows=rows) == ["attribute", "email", "attribute"]
    assert guess_targets(["Name", "Email", "EXT_ID"], rows=rows) == ["full_name", "email", "attribute"]


@pytest.mark.django_db
def test_another_app_adds_what_a_column_can_be() -> None:
    column = ImportColumn("size", "Size", frozenset({"shoe size"}))
    import_columns.add(
        ImportColumns("shoes", "Shoes", 10, lambda project: [column], lambda cells, *_how: cells, lambda *_rows: [])
    )
    try:
        names = ["email", "Shoe size"]
        assert registered_targets(ProjectFactory()) == {"shoe size": "shoes:size"}
        targets = guess_targets(names, registered={"shoe size": "shoes:size"})
        assert targets == ["email", "shoes:size"]
        check_targets(names, targets)
        assert guess_targets(names, remembered=targets) == targets
    finally:
        import_columns.remove("shoes")


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (["email"], "Say of each column what it is"),
        (["email", "email"], "The columns “one” and “two” are taken for the same"),
        (["relational:a:b", "relational:a:b"], "are taken for the same"),
        (["attribute", "attribute:one"], "are taken for the same"),
        (["attribute", "skip"], "No column is the key, and none holds email addresses. Say which column"),
        (["email", "nonsense"], "It is not known what the column “two” is taken for"),
        (["email", "opt_out:fax"], "It is not known"),
        (["email", "relational:a"], "It is not known"),
        (["email", "attribute:"], "cannot be kept under this name"),
        (["email", "attribute: x"], "cannot be kept under this name"),
        (["email", "attribute:a\nb"], "cannot be kept under this name"),
        (["email", f"attribute:{'x' * 101}"], "cannot be kept under this name"),
    ],
)
def test_choices_that_cannot_be_are_refused_in_words(targets: list[str], words: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        check_targets(["one", "two"], targets)
    assert words in str(caught.value)


def test_a_phone_number_is_enough_for_opt_outs_and_not_for_contacts() -> None:
    check_targets(["tel"], ["sms"], kind=ImportKind.OPT_OUTS)
    with pytest.raises(UnreadableFile, match="No column is the key"):
        check_targets(["tel"], ["sms"], kind=ImportKind.CONTACTS)


def suspected(names: list[str], *rows: list[str], file_name: str = "") -> ImportKind | None:
    found = suspicion(names, guess_targets(names), rows, file_name=file_name)
    return found and found.kind


@pytest.mark.parametrize(
    ("names", "row", "kind"),
    [
        (["Email Address", "UNSUB_TIME", "UNSUB_REASON"], ["a@example.org", "2026-03-01 14:05:00", ""], "opt_outs"),
        (["Email Address", "CLEAN_TIME"], ["a@example.org", "2026-03-01 14:05:00"], "suppressions"),
        (["Email", "Portal Unsubscribe", "Global Bounce"], ["a@example.org", "false", "true"], "suppressions"),
        (["Email", "Portal Unsubscribe", "Global Bounce"], ["a@example.org", "true", "false"], "opt_outs"),
        (["email", "status"], ["a@example.org", "blocklisted"], "suppressions"),
        (["email", "status"], ["a@example.org", "Unsubscribed"], "opt_outs"),
        (["Courriel", "Statut"], ["a@example.org", "Désabonnée"], "opt_outs"),
        (["email", "email_blacklisted"], ["a@example.org", "1"], "opt_outs"),
    ],
)
def test_lists_of_people_who_left_are_recognised(names: list[str], row: list[str], kind: str) -> None:
    assert suspected(names, row) == kind
    quiet = [row[0], *("" for _cell in row[1:])]
    assert suspected(names, quiet, quiet) is None


def test_contacts_among_whom_some_opted_out_are_contacts() -> None:
    names = ["email", "opted out", "unsubscribed at"]
    left, stayed = ["a@example.org", "yes", "2026-03-01"], ["b@example.org", "no", ""]
    assert suspected(names, left, stayed, stayed) is None
    assert suspected(names, left, left, stayed) == "opt_outs"


def test_one_bounce_is_enough_where_only_such_lists_have_the_column() -> None:
    names = ["email", "Global Bounce"]
    assert suspected(names, *[["b@example.org", "false"]] * 9, ["a@example.org", "true"]) == "suppressions"


def test_the_files_name_is_a_sign_as_well() -> None:
    row = ["a@example.org"]
    assert suspected(["email"], row, file_name="unsubscribed_members_export_8f2.csv") == "opt_outs"
    assert suspected(["email"], row, file_name="cleaned_members_export_8f2.csv") == "suppressions"
    assert suspected(["email"], row, file_name="Désabonnés mars.xlsx") == "opt_outs"
    assert suspected(["email"], row, file_name="members.csv") is None
    found = suspicion(["email"], ["email"], [row], file_name="bounces.csv")
    assert found and found.words == (
        "This looks like a list of addresses that bounced, complained or were blocked (the name of the file)."
    )


def test_a_header_is_known_again_by_its_names() -> None:
    digest = header_digest(["Email", "First Name"])
    assert len(digest) == 64 and int(digest, 16)
    assert digest == header_digest(["e-mail".replace("-", ""), "FIRST_NAME"])
    assert digest != header_digest(["First Name", "Email"]) != header_digest(["Email"])
