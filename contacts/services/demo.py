"""The demo: the Harbour Museum, its projects, its users, and people with years of history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from contacts.addresses import normalise
from contacts.demo.events import Staff
from contacts.demo.people import Person, person, random_for
from contacts.demo.stories import MOVES, Telling, arrival, story_for
from contacts.extension_points import demonstrations
from contacts.models import (
    Contact,
    ErasureReceipt,
    Membership,
    Organization,
    OrganizationAdmin,
    Project,
    RelationalTable,
    User,
)
from contacts.origin import Actor, Origin
from contacts.services.blocks import suppress
from contacts.services.demo_rows import Chunk
from contacts.services.erasure import erase
from contacts.services.fingerprints import check_keys
from contacts.services.set_sql import database_clock
from contacts.vocabulary import ActorKind, Cause, Channel, Method, Reason, Role, Weight

ORGANIZATION = "harbour-museum"
PROJECT = "members"
SECOND_PROJECT = "schools"
CHUNK = 5_000
ERASED = 2
DEFAULT_CONTACTS = 400


@dataclass(frozen=True, slots=True)
class Login:
    """A demo log-in: everybody may know its password."""

    email: str
    password: str
    role: str
    name: str


LOGINS = (
    Login("viewer@example.org", "harbour-viewer", "viewer", "Yuki Tanaka"),
    Login("editor@example.org", "harbour-editor", "editor", "Claire Fontaine"),
    Login("admin@example.org", "harbour-admin", "admin", "Daniel Okafor"),
    Login("owner@example.org", "harbour-owner", "organization_admin", "Ngozi Adeyemi"),
)


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo project, and how many contacts were added to it now."""

    project: Project
    added: int


class AnotherProject(Exception):
    """A project that is not the demo has its name in addresses already."""


def seed_demo(
    contacts: int | None = None, *, seed: int = 1, until: datetime | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Demo:  # fmt: skip
    """Make the demo, or bring an existing one up to this many contacts. Adds nothing where they are there.

    The same seed makes the same people. ``until`` is the end of their histories (now). Raises AnotherProject.
    """
    check_keys()
    until = until or database_clock()
    with transaction.atomic():
        project, second = _projects()
        users = _users(project, second)
        for demonstration in demonstrations:
            demonstration.prepare(project, until)
    here = Contact.objects.in_project(project).count()
    existed = here > 0 or ErasureReceipt.objects.filter(project=project).exists()
    wanted = contacts if contacts is not None else (here if existed else DEFAULT_CONTACTS)
    missing = max(wanted - here, 0)
    if not missing:
        return Demo(project, 0)
    staff = _staff(users)
    goodbyes = 0 if existed or missing < 20 else ERASED
    _populate(project, "HM", missing + goodbyes, staff, seed, until, progress)
    if not existed:
        _populate(second, "HS", min(missing // 8, 200), staff, seed, until, lambda done, of: None)
        _list_addresses(project, staff)
    if goodbyes:
        _erase_some(project, staff, goodbyes)
    return Demo(project, missing)


def _projects() -> tuple[Project, Project]:
    organization, _made = Organization.objects.get_or_create(
        slug=ORGANIZATION,
        defaults={"name": "Harbour Museum", "postal_address": "12 Quay Street\nHalifax NS  B3J 1A1\nCanada"},
    )
    shared = {"organization": organization, "time_zone": "America/Halifax", "default_country": "CA"}
    found = []
    for slug, name in ((PROJECT, "Members and visitors"), (SECOND_PROJECT, "Schools")):
        project, _made = Project.objects.get_or_create(slug=slug, defaults={"name": name, **shared})
        if project.organization_id != organization.pk:
            raise AnotherProject(slug)
        found.append(project)
        for table, title, columns in (
            ("orders", "Orders", ("date:Date", "item:Item", "amount:Amount")),
            ("visits", "Visits", ("date:Date", "exhibition:Exhibition", "people:People")),
        ):
            declared = [dict(zip(("key", "label"), column.split(":"), strict=True)) for column in columns]
            RelationalTable.objects.get_or_create(
                project=project, slug=table, defaults={"name": title, "columns": declared}
            )
    return found[0], found[1]


def _users(project: Project, second: Project) -> dict[str, User]:
    users = {}
    for login in LOGINS:
        user = User.objects.filter(email=login.email).first()
        if user is None:
            user = User.objects.create_user(login.email, login.password, name=login.name)
        elif not user.check_password(login.password):
            user.set_password(login.password)
            user.save(update_fields=["password"])
        users[login.role] = user
        if login.role in Role.values:
            Membership.objects.get_or_create(
                project=project, user=user,
                defaults={"role": login.role, "may_delete": login.role == Role.ADMIN,
                          "may_export": login.role != Role.VIEWER},
            )  # fmt: skip
    OrganizationAdmin.objects.get_or_create(organization=project.organization, user=users["organization_admin"])
    Membership.objects.get_or_create(project=second, user=users["editor"], defaults={"role": Role.EDITOR})
    return users


def _staff(users: dict[str, User]) -> Staff:
    def actor(role: str, authority: Weight) -> Actor:
        user = users[role]
        return Actor(ActorKind.USER, user.pk, user.get_full_name(), authority, authority >= Weight.OWN)

    return Staff(
        actor("editor", Weight.REPORTED),
        actor("admin", Weight.OWN),
        actor("organization_admin", Weight.COMPLAINT),
    )


def _populate(
    project: Project, prefix: str, number: int, staff: Staff, seed: int, until: datetime,
    progress: Callable[[int, int], None],
) -> None:  # fmt: skip
    """Add people in chunks, so that memory stays flat. Numbers go on after everybody who was ever there."""
    first = Contact.objects.in_project(project).count() + ErasureReceipt.objects.filter(project=project).count()
    orders = RelationalTable.objects.get(project=project, slug="orders")
    visits = RelationalTable.objects.get(project=project, slug="visits")
    for start in range(first, first + number, CHUNK):
        end = min(start + CHUNK, first + number)
        chunk = Chunk(project)
        told: list[Telling] = []
        for index in range(start, end):
            before = told[-1].person if told else None
            told.append(_tell(chunk, index, prefix, before, staff, seed, until))
        with transaction.atomic():
            people = dict(zip(chunk.load(orders, visits), told, strict=True))
            for demonstration in demonstrations:
                demonstration.tell(project, people)
        progress(end - first, number)
    if connection.vendor == "postgresql" and number >= CHUNK:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _tell(
    chunk: Chunk, index: int, prefix: str, before: Person | None, staff: Staff, seed: int, until: datetime
) -> Telling:
    dice = random_for(seed, index)
    somebody = person(index, dice, until, prefix=prefix)
    story = story_for(somebody, dice)
    if index % 20 == 19 and before is not None and Channel.EMAIL in before.addresses:
        # A family with one mailbox: what was said through it holds for both.
        somebody.addresses[Channel.EMAIL] = before.addresses[Channel.EMAIL]
        somebody.last_name = before.last_name
        somebody.came_at = max(somebody.came_at, before.came_at)
        story = None
    addresses = dict(somebody.addresses)
    if story in MOVES:
        name, _at, domain = addresses[Channel.EMAIL].partition("@")
        addresses[Channel.EMAIL] = f"{name}@{'example.net' if domain != 'example.net' else 'example.org'}"
    telling = Telling(somebody, dice, staff, until)
    chunk.add(somebody, arrival(telling, addresses), story(telling) if story else [])
    return telling


def _list_addresses(project: Project, staff: Staff) -> None:
    """Addresses on the suppression list that no contact has."""
    names = ("press.list", "former.director", "supplier.billing", "auctions", "no.more.letters")
    suppress(
        [normalise(Channel.EMAIL, f"{name}@example.com") for name in names],
        organization=project.organization,
        cause=Cause.LISTED,
        origin=Origin(Method.MANUAL, staff.owner, Reason.OTHER, note="From the list of the previous system."),
    )


def _erase_some(project: Project, staff: Staff, number: int) -> None:
    """A request and a clean-up, so that there are receipts to look at."""
    quiet = Contact.objects.in_project(project).active().order_by("-pk").values_list("pk", flat=True)
    for place, contact_id in enumerate(list(quiet[:number])):
        origin = Origin(Method.MANUAL, staff.admin)
        erase(Contact.objects.filter(pk=contact_id), origin=origin, requested_by_contact=place == 0)
