"""Who is known not to be sent to does not come back as somebody new: not by our own export imported elsewhere,
and not under another key."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contacts.addresses import normalise
from contacts.csv_writing import csv_lines
from contacts.models import ChannelStatus, Contact, Project
from contacts.origin import Origin
from contacts.selectors.exports import exported_contacts, exported_header
from contacts.services.blocks import suppress
from contacts.services.opt_outs import opt_out
from contacts.services.register import change_address
from contacts.services.set_sql import database_clock
from contacts.services.status import activate, deactivate
from contacts.services.verify import differences
from tests.factories import ContactFactory, ProjectFactory, by_the_system
from tests.imports import Imported, import_text
from tests.origins import ADMIN, EDITOR, asked, authorized, by, by_link

pytestmark = pytest.mark.django_db


def export_of(project: Project) -> str:
    everybody = Contact.objects.in_project(project)
    return "".join(csv_lines(exported_header(), exported_contacts(everybody, database_clock())))


def import_into(project: Project, text: str, *, as_contacts: bool = False) -> tuple[Imported, list[str]]:
    result = import_text(project, text, as_contacts=as_contacts)
    return result, [f"{line}: {reason}" for line, reason in result.rejections]


def keys(project: Project) -> list[str]:
    return sorted(Contact.objects.in_project(project).values_list("key", flat=True))


@pytest.fixture
def exported(project: Project) -> str:
    """Somebody who may be sent to, somebody inactive, somebody opted out, somebody suppressed."""
    people = {
        key: ContactFactory(project=project, key=key, email=f"{key}@example.org", sms=sms)
        for key, sms in (("free", "+14185550101"), ("inactive", ""), ("opted-out", "+14185550102"), ("suppressed", ""))
    }
    deactivate(people["inactive"].as_set(), origin=by(EDITOR))
    opt_out(people["opted-out"].as_set(), "email", origin=by_link())
    suppress([normalise("email", "suppressed@example.org")], organization=project.organization, origin=by_the_system())
    return export_of(project)


@pytest.mark.parametrize("of_the_same_organization", [False, True])
@pytest.mark.parametrize("as_contacts", [False, True])
def test_our_export_in_another_project_brings_only_who_may_be_sent_to(
    project: Project, exported: str, of_the_same_organization: bool, as_contacts: bool
) -> None:
    elsewhere = ProjectFactory(**({"organization": project.organization} if of_the_same_organization else {}))
    result, reasons = import_into(elsewhere, exported, as_contacts=as_contacts)
    assert result.summary() == "rows=4 created=1 updated=0 unchanged=0 rejected=3"
    assert keys(elsewhere) == ["free"]
    assert reasons == [
        "3: The export says that this contact is inactive. Nobody inactive arrives as a new contact.",
        "4: The export says that nothing may be sent to this contact (Email).",
        "5: The export says that nothing may be sent to this contact (Email).",
    ]


def test_our_export_in_its_own_project_changes_nothing(project: Project, exported: str) -> None:
    result, _reasons = import_into(project, exported)
    assert result.summary() == "rows=4 created=0 updated=0 unchanged=4 rejected=0"


def test_a_spreadsheet_may_have_written_it_in_its_own_way(project: Project, exported: str) -> None:
    changed = exported.replace("Sendable status", "sendable_status").replace(",inactive,", ", INACTIVE ,")
    elsewhere = ProjectFactory()
    import_into(elsewhere, changed.replace(",no,", ",No,"))
    assert keys(elsewhere) == ["free"]
    assert elsewhere.contacts.get().attributes == {}


def test_no_address_that_our_export_warns_of_is_put_onto_somebody_who_is_known(project: Project, exported: str) -> None:
    elsewhere = ProjectFactory()
    ContactFactory(project=elsewhere, key="opted-out")
    result, reasons = import_into(elsewhere, exported)
    assert (result.created, result.updated, result.rejected) == (1, 0, 3)
    assert "4: The export says that nothing may be sent to this contact (Email)." in reasons
    assert not ChannelStatus.objects.with_address().filter(contact__key="opted-out", project=elsewhere).exists()


# An address that an inactive contact of the project has

Ways = Callable[[Project], str]


def under_another_key(project: Project) -> str:
    return "Key,Email\nK-2,ann@example.org\n"


def under_a_key_with_capitals(project: Project) -> str:
    Contact.objects.filter(project=project).update(key="ANN@Example.org")
    return "Email\nann@example.org\n"


def after_a_correction(project: Project) -> str:
    """The key is the address of before; a list that knows people by their address has the new one."""
    contact = Contact.objects.get(project=project)
    change_address(contact, "email", "ann@example.net", origin=by(EDITOR))
    return "Email\nann@example.net\n"


def onto_somebody_else(project: Project) -> str:
    ContactFactory(project=project, key="K-2", email="bob@example.org")
    return "Key,Email\nK-2,ann@example.org\n"


@pytest.mark.parametrize("way", [under_another_key, onto_somebody_else])
@pytest.mark.parametrize("no", [asked(), by_link()])
def test_who_asked_for_nothing_is_not_doubled_by_a_list(project: Project, way: Ways, no: Origin) -> None:
    silent = ContactFactory(project=project, key="K-1", email="ann@example.org")
    deactivate(silent.as_set(), origin=no)
    text = way(project)
    before = Contact.objects.count()
    result, [reason] = import_into(project, text)
    assert result.summary() == "rows=1 created=0 updated=0 unchanged=0 rejected=1"
    assert reason == (
        "2: An inactive contact of this project has this address (Email), and asked for it. "
        "If this is somebody else, add the contact by hand."
    )
    assert Contact.objects.count() == before
    assert list(differences()) == []


@pytest.mark.parametrize("way", [under_a_key_with_capitals, after_a_correction])
@pytest.mark.parametrize("no", [asked(), by_link()])
def test_a_list_of_addresses_finds_who_has_them(project: Project, way: Ways, no: Origin) -> None:
    silent = ContactFactory(project=project, key="K-1", email="ann@example.org")
    deactivate(silent.as_set(), origin=no)
    result, reasons = import_into(project, way(project))
    assert (result.counts, reasons) == ((1, 0, 0, 1, 0), [])
    assert result.job.planned["kept_inactive"] == 1
    assert not Contact.objects.get().is_active


def test_an_address_that_several_have_tells_nobody(project: Project) -> None:
    for key in ("K-1", "K-2"):
        ContactFactory(project=project, key=key, email="family@example.org")
    result, reasons = import_into(project, "Email,City\nfamily@example.org,Rabat\n")
    assert (result.counts, reasons) == (
        (1, 0, 0, 0, 1),
        ["2: Several contacts have this address. Name them by their key."],
    )


def test_who_shares_the_address_already_stays_as_they_are(project: Project) -> None:
    silent = ContactFactory(project=project, key="K-1", email="office@example.org")
    ContactFactory(project=project, key="K-2", email="office@example.org")
    deactivate(silent.as_set(), origin=asked())
    result, reasons = import_into(
        project, "Key,Email,First name\nK-1,office@example.org,\nK-2,Office@example.org,Bob\n"
    )
    assert result.summary() == "rows=2 created=0 updated=1 unchanged=1 rejected=0", reasons


@pytest.mark.parametrize("why", ["our own decision", "active again", "another project"])
def test_nobody_is_held_off_without_a_no_that_stands_here(project: Project, why: str) -> None:
    here = ProjectFactory(organization=project.organization) if why == "another project" else project
    other = ContactFactory(project=here, key="K-1", email="ann@example.org")
    deactivate(other.as_set(), origin=by(EDITOR) if why == "our own decision" else asked())
    if why == "active again":
        activate(other.as_set(), origin=by(ADMIN, "authorized"), authorization=authorized())
    result, reasons = import_into(project, "Key,Email\nK-2,ann@example.org\n")
    assert (result.created, reasons) == (1, [])
