"""The same case through every door leaves the same ledger: a rule that stood in two places would show here."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.errors import RegisterError
from contacts.models import ChannelStatus, Contact, ImportJob, Organization, Project, StatusHistory, User
from contacts.origin import Actor, Authorization, Origin
from contacts.services import opt_outs, status
from contacts.services.imports.jobs import digest
from contacts.services.register import Details, create_contact
from contacts.vocabulary import ActorKind, AuthorizationSource, Cause, Channel, Method, Reason
from tests.contacts.bulk import choose, confirm
from tests.contacts.imported import worked
from tests.contacts.test_import_columns import fields
from tests.factories import BlockFactory, ContactFactory, ProjectFactory, by_the_system

pytestmark = pytest.mark.django_db
TODAY = "2026-01-05"

Door = Callable[[Client, Project, dict[str, str]], None]


def csv_of(values: dict[str, str]) -> bytes:
    names = {"key": "Key", "first_name": "First name", "email": "Email", "sms": "Mobile"}
    cells = ['"' + value.replace('"', '""') + '"' for value in values.values()]
    return "\n".join([",".join(names[name] for name in values), ",".join(cells)]).encode()


def add_by_page(client: Client, project: Project, values: dict[str, str]) -> None:
    client.post(reverse("contacts:contact_add", args=[project.slug]), {"request_id": str(uuid.uuid4()), **values})


def add_by_upload(client: Client, project: Project, values: dict[str, str]) -> None:
    """As a browser goes: the file, its columns as they are guessed, the check; a worker does the rest."""
    file = SimpleUploadedFile("list.csv", csv_of(values), content_type="text/csv")
    place = reverse("contacts:import_add", args=[project.slug])
    client.post(place, {"request_id": str(uuid.uuid4()), "file": file})
    job = ImportJob.objects.get(project=project)
    place = reverse("contacts:import_columns", args=[project.slug, job.pk])
    client.post(place, fields(client.get(place)))
    worked(job)
    client.post(reverse("contacts:import_start", args=[project.slug, job.pk]), {"mode": job.mode, "shown": digest(job)})
    assert worked(job).state == "done"


def add_by_command(client: Client, project: Project, values: dict[str, str]) -> None:
    path = Path(client.folder) / f"{project.slug}.csv"  # type: ignore[attr-defined]
    path.write_bytes(csv_of(values))
    call_command("import_contacts", str(path), "--project", project.slug, stdout=io.StringIO(), stderr=io.StringIO())


def add_by_service(client: Client, project: Project, values: dict[str, str]) -> None:
    addresses = {channel: values[channel] for channel in Channel.values if channel in values}
    try:
        create_contact(
            project, key=values["key"], details=Details(first_name=values.get("first_name", "")),
            addresses=addresses, origin=by_the_system(),
        )  # fmt: skip
    except RegisterError:
        return


ADD: list[Door] = [add_by_page, add_by_upload, add_by_command, add_by_service]
CASES = [
    {"key": "M-1", "first_name": "Zoé", "email": "Zoe@Example.org", "sms": "+1 418 555 0137"},
    {"key": "M-1", "email": "blocked@example.org"},
    {"key": "M-1", "email": "Suppressed@example.org", "sms": "418 555 0199"},
    {"key": "  M-1  ", "first_name": "José 🦊"},
    {"key": "M-1", "email": "no address"},
    {"key": "M-1", "email": "zoe@example.org", "sms": "12"},
    {"key": "", "first_name": "Nobody"},
    {"key": "M\x0b1", "email": "zoe@example.org"},
    {"key": "M" * 300, "email": "zoe@example.org"},
]


@pytest.fixture
def door(client: Client, organization: Organization, organization_admin: User, tmp_path: Path) -> Client:
    BlockFactory(organization=organization, address="suppressed@example.org", cause=Cause.COMPLAINT)
    client.force_login(organization_admin)
    client.folder = tmp_path  # type: ignore[attr-defined]
    return client


def what_holds(project: Project) -> list[Any]:
    """Contacts, channels and entries of a project, without numbers, times and who did it."""
    contacts = Contact.objects.in_project(project).order_by("key", "pk")
    entries = StatusHistory.objects.filter(contact__project=project).order_by("contact__key", "pk")
    return [
        list(contacts.values_list("key", "first_name", "is_active")),
        list(
            ChannelStatus.objects.filter(project=project)
            .order_by("contact__key", "channel")
            .values_list("channel", "address", "address_key", "is_valid", "opted_out", "quarantined", "suppressed")
        ),
        list(entries.values_list("aspect", "says", "channel", "from_value", "to_value", "weight", "requested_on")),
    ]


def in_a_project_of_its_own(organization: Organization) -> Project:
    """With an address that somebody opted out of and left."""
    project = ProjectFactory(organization=organization, default_country="CA")
    gone = ContactFactory(project=project, key="gone", email="blocked@example.org")
    opt_outs.opt_out(gone.as_set(), Channel.EMAIL, origin=by_the_system(reason=Reason.OWN_REQUEST))
    return project


@pytest.mark.parametrize("values", CASES, ids=range(len(CASES)))
def test_adding_a_contact(door: Client, organization: Organization, values: dict[str, str]) -> None:
    found = []
    for add in ADD:
        project = in_a_project_of_its_own(organization)
        add(door, project, values)
        found.append(what_holds(project))
    assert found[1:] == found[:-1]


def test_the_cases_reach_both_outcomes(door: Client, organization: Organization) -> None:
    """Some are added and some are refused, and blocks are found: the comparison above compares something."""
    added, blocked = [], 0
    for values in CASES:
        project = in_a_project_of_its_own(organization)
        add_by_service(door, project, values)
        added.append(Contact.objects.in_project(project).count() == 2)
        new = ChannelStatus.objects.filter(project=project).exclude(contact__key="gone")
        blocked += new.filter(opted_out=True).count() + new.filter(suppressed=True).count()
    assert added == [True] * 4 + [False] * 5
    assert blocked == 2


def by_page(client: Client, action: str, contact: Contact, fields: dict[str, Any]) -> None:
    path = reverse(f"contacts:{action}", args=[contact.project.slug, contact.pk])
    client.post(path, {"request_id": str(uuid.uuid4()), **fields})


def by_bulk(client: Client, action: str, contact: Contact, fields: dict[str, Any]) -> None:
    confirm(client, contact.project, action, choose(client, contact.project, action, [contact]), **fields)


def by_service(client: Client, action: str, contact: Contact, fields: dict[str, Any]) -> None:
    actor = Actor(ActorKind.USER, 1, "Somebody", authority=3, may_undo_others=True)
    origin = Origin(Method.MANUAL, actor)
    if action == "deactivate":
        origin = origin.saying(
            reason=fields["reason"], note=fields["note"], requested_on=date.fromisoformat(fields["requested_on"])
        )
        status.deactivate(contact.as_set(), origin=origin)
    else:
        authorization = Authorization(
            AuthorizationSource(fields["source"]), fields["reference"], date.fromisoformat(fields["obtained_on"]),
            frozenset(fields.get("covers", ())),
        )  # fmt: skip
        status.activate(contact.as_set(), origin=origin, authorization=authorization)


ACTS = [by_page, by_bulk, by_service]


@pytest.mark.parametrize("reason", [Reason.VERBAL_REQUEST, Reason.WRITTEN_REQUEST, Reason.OTHER])
def test_deactivating(door: Client, organization: Organization, reason: str) -> None:
    found = []
    for act in ACTS:
        project = in_a_project_of_its_own(organization)
        contact = ContactFactory(project=project, key="M-1", email="zoe@example.org", sms="+14185550137")
        act(door, "deactivate", contact, {"reason": reason, "note": "Why.", "requested_on": TODAY})
        found.append(what_holds(project))
    assert found[1:] == found[:-1]
    assert ("M-1", "", False) in found[0][0]


@pytest.mark.parametrize("weight", [Reason.OTHER, Reason.VERBAL_REQUEST, Reason.OWN_REQUEST, Reason.COMPLAINT])
@pytest.mark.parametrize("covers", [(), ("email",)])
def test_activating(door: Client, organization: Organization, weight: str, covers: tuple[str, ...]) -> None:
    found = []
    for act in ACTS:
        project = in_a_project_of_its_own(organization)
        contact = ContactFactory(project=project, key="M-1", email="zoe@example.org")
        opt_outs.opt_out(contact.as_set(), Channel.EMAIL, origin=by_the_system(reason=Reason.OWN_REQUEST))
        status.deactivate(contact.as_set(), origin=by_the_system(reason=weight))
        today = timezone.now().astimezone(project.zone).date().isoformat()
        fields = {"source": "written", "reference": "Ticket 5521", "obtained_on": today, "covers": list(covers)}
        act(door, "activate", contact, fields)
        found.append(what_holds(project))
    assert found[1:] == found[:-1]
    assert ("M-1", "", True) in found[0][0]
