"""The register against the statements that one would write by hand for the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.utils import timezone

from benchmarks.measuring import Measurement, compare, rolled_back
from contacts.eligibility import Question, audience, project_audience
from contacts.models import Contact, OrganizationAdmin, Project, StatusHistory
from contacts.moments import TICK
from contacts.origin import THE_SYSTEM, Origin
from contacts.services.ledger import record_each, said_of
from contacts.services.projection import touch
from contacts.services.register import create_contact
from contacts.services.set_sql import database_clock
from contacts.services.status import deactivate
from contacts.vocabulary import OPEN, SHUT, Aspect, Channel, Method, Reason, Says, Weight

DEACTIVATIONS = 100_000
YEARS_AGO = timedelta(days=2 * 365)


def measure(project: Project) -> Iterator[Measurement]:
    """All that is promised of the register, on a project with 200,000 contacts."""
    yield from _recording(project)
    yield from _audience(project)
    yield _profile(project)


def _recording(project: Project) -> Iterator[Measurement]:
    last = Contact.objects.in_project(project).order_by("pk").values_list("pk", flat=True)[DEACTIVATIONS - 1]
    some = Contact.objects.in_project(project).filter(pk__lte=last)

    def ours() -> None:
        origin = Origin(Method.MANUAL, THE_SYSTEM, Reason.OTHER)
        assert deactivate(some, origin=origin).recorded == DEACTIVATIONS

    def reference() -> None:
        for statement in _BARE_DEACTIVATION:
            _run(statement, {"project": project.pk, "last": last, "now": timezone.now()})

    yield compare(
        f"deactivate {DEACTIVATIONS:,} contacts, against the bare statements",
        rolled_back(ours), rolled_back(reference), target=1.5, runs=5,
    )  # fmt: skip


_BARE_DEACTIVATION = (
    """
    INSERT INTO contacts_statushistory (organization_id, project_id, contact_id, channel, weight, occurred_at,
        recorded_at, method, actor_kind, actor_label, reason, authorization_source, detail_digest, request_id, salt,
        aspect, says, from_value, to_value, address_fingerprint)
    SELECT organization_id, project_id, id, '', 0, %(now)s, %(now)s, 'manual', 'system', '', 'other', '', '',
        '00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'active', 'no',
        CASE WHEN is_active THEN 'active' ELSE 'inactive' END, 'inactive', ''
    FROM contacts_contact WHERE project_id = %(project)s AND id <= %(last)s
    """,
    "UPDATE contacts_contact SET is_active = false, last_entry_at = %(now)s "
    "WHERE project_id = %(project)s AND id <= %(last)s",
    "UPDATE contacts_channelstatus SET contact_active = false "
    "WHERE project_id = %(project)s AND contact_id <= %(last)s",
)


def _audience(project: Project) -> Iterator[Measurement]:
    number = Contact.objects.in_project(project).count()

    def bare() -> None:
        _run(_BARE_COUNT, {"project": project.pk, "channel": Channel.EMAIL.value})

    def now() -> None:
        assert project_audience(project, Question(Channel.EMAIL)).total == number

    yield compare(
        f"audience of {number:,} contacts by reason, against a bare count of both tables", now, bare, target=1
    )

    past = Question(Channel.EMAIL, at=timezone.now() - YEARS_AGO)

    def then() -> None:
        assert audience(Contact.objects.in_project(project), past).total > 0

    yield compare("the same as of two years ago", then, bare, target=4)


_BARE_COUNT = (
    "SELECT count(*), count(s.id) FROM contacts_contact c LEFT JOIN contacts_channelstatus s "
    "ON s.contact_id = c.id AND s.channel = %(channel)s WHERE c.project_id = %(project)s"
)


def _profile(project: Project) -> Measurement:
    return compare(
        "profile page with 10,000 entries, against the same with 10",
        _profile_page(project, 10_000),
        _profile_page(project, 10),
        target=1.2,
        runs=31,
    )


def _profile_page(project: Project, entries: int) -> Callable[[], Any]:
    origin = Origin(Method.SYSTEM, THE_SYSTEM)
    address = {Channel.EMAIL.value: f"bench{entries}@example.org"}
    contact = create_contact(project, key=f"bench-{entries}", addresses=address, origin=origin)
    asked = Origin(Method.MANUAL, THE_SYSTEM, Reason.VERBAL_REQUEST)
    deactivate(contact.as_set(), origin=asked)
    after = database_clock()
    record_each(_turn(contact, asked, after + TICK * number, places_left % 2 == 0)
                for number, places_left in enumerate(reversed(range(entries - 3))))  # fmt: skip
    touch([contact.pk], after + TICK * entries)
    _run("ANALYZE contacts_statushistory", {})
    client = Client()
    client.force_login(OrganizationAdmin.objects.filter(organization=project.organization_id)[0].user)
    path = contact.get_absolute_url()

    def show() -> None:
        assert client.get(path).status_code == 200

    return show


def _turn(contact: Contact, origin: Origin, moment: datetime, is_no: bool) -> tuple[StatusHistory, Origin]:
    """The switch turned off, or on again, as years of requests by telephone do."""
    before, after = (OPEN, SHUT) if is_no else (SHUT, OPEN)
    return said_of(
        contact, origin, moment, aspect=Aspect.ACTIVE, says=Says.NO if is_no else Says.YES, weight=Weight.REPORTED,
        word_at=None if is_no else moment, from_value=before[Aspect.ACTIVE], to_value=after[Aspect.ACTIVE],
    )  # fmt: skip


def _run(statement: str, parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        if cursor.description:
            cursor.fetchall()
