"""Whole files against their known answers: each row's outcome and reason, the totals, who may be written to after."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.addresses import normalise
from contacts.csv_writing import csv_lines
from contacts.eligibility import Question, eligible
from contacts.models import Block, ChannelStatus, Contact, ImportJob, ImportRow, Project, StatusHistory
from contacts.models.contact import ContactQuerySet
from contacts.selectors.exports import exported_contacts, exported_header, moment_of
from contacts.services.blocks import quarantine, suppress
from contacts.services.erasure import erase
from contacts.services.opt_outs import lift_opt_out, opt_out
from contacts.services.set_sql import refresh_statistics
from contacts.services.status import deactivate
from contacts.services.verify import differences
from contacts.vocabulary import Channel, Reason
from contacts.xlsx_writing import xlsx_file
from tests.contacts.imported import checked, counts, started
from tests.contacts.known_answers import TARGETS, Made, made
from tests.factories import by_the_system, today
from tests.imports import import_text
from tests.origins import ORGANIZATION_ADMIN, asked, authorized, by, by_bounce, by_link

GROUPS = 2_000


def put_in_states(project: Project, known: Made) -> None:
    """What happened to the people of the register before the file came."""

    def those(state: str) -> ContactQuerySet:
        return Contact.objects.filter(project=project, key__in=known.in_state(state))

    for state in ("suppressed", "suppressed, then cleaned up"):
        addresses = [normalise(Channel.EMAIL, key) for key in known.in_state(state)]
        suppress(addresses, organization=project.organization, origin=by_the_system())
    quarantine(those("quarantined"), Channel.EMAIL, origin=by_bounce())
    opt_out(those("opted out"), Channel.EMAIL, origin=by_link())
    opt_out(those("opened again"), Channel.EMAIL, origin=asked())
    word = authorized(today(), "email")
    lift_opt_out(those("opened again"), Channel.EMAIL, origin=by(ORGANIZATION_ADMIN), authorization=word)
    deactivate(those("inactive"), origin=by(ORGANIZATION_ADMIN, Reason.OTHER))
    deactivate(those("gone"), origin=by_link())
    opt_out(those("erased after a no"), Channel.EMAIL, origin=by_link())
    for state, requested in (
        ("erased after a no", False), ("erased", True), ("cleaned up", False), ("suppressed, then cleaned up", False),
    ):  # fmt: skip
        erase(those(state), origin=by(ORGANIZATION_ADMIN), requested_by_contact=requested)


def with_register(project: Project, known: Made) -> None:
    job = started(checked(project, known.register(), targets=TARGETS))
    assert counts(job) == (len(known.people), 0, 0, 0)
    # PostgreSQL's own daemon sees nothing of the transaction in which a test lives, and takes the tables for empty.
    refresh_statistics(Contact, ChannelStatus, StatusHistory)
    put_in_states(project, known)
    refresh_statistics(Contact, ChannelStatus, StatusHistory, Block)


def outcomes(job: ImportJob) -> dict[int, tuple[str, str]]:
    return {
        line: (outcome, code)
        for line, outcome, code in ImportRow.objects.filter(job=job).values_list("line", "outcome", "error_code")
    }


def sendable(project: Project) -> dict[str, bool]:
    """Of each address in the project, whether mail may go there."""
    may = set(eligible(Contact.objects.in_project(project), Question(Channel.EMAIL)).values_list("pk", flat=True))
    rows = ChannelStatus.objects.filter(project=project, channel=Channel.EMAIL).with_address()
    return {key: contact in may for key, contact in rows.values_list("address_key", "contact_id")}


@pytest.mark.parametrize("seed", [1, 2])
def test_every_row_and_everybody_as_known_before(project: Project, seed: int) -> None:
    known = made(seed, GROUPS)
    with_register(project, known)
    job = checked(project, known.file(), targets=TARGETS)
    assert wrong(outcomes(job), known.answers()) == {}
    started(job)
    assert wrong(outcomes(job), known.answers()) == {}
    assert {name: number for name, number in job.counts.items() if name != "reasons" and number} == known.counts()
    assert wrong(sendable(project), known.sendable) == {}
    assert list(differences()) == []


def test_what_was_imported_leaves_and_comes_back_unchanged(project: Project) -> None:
    """Formulas, phone numbers and whatever happened to the people included, as CSV and as a workbook."""
    known = made(3, GROUPS // 2)
    with_register(project, known)
    started(checked(project, known.file(), targets=TARGETS))
    before, may = StatusHistory.objects.count(), sendable(project)
    people = Contact.objects.in_project(project)
    rows = list(exported_contacts(people, moment_of(project)))
    with xlsx_file(exported_header(), rows) as workbook:
        files = {"list.csv": "".join(csv_lines(exported_header(), rows)).encode(), "list.xlsx": workbook.read()}
    for name, content in files.items():
        result = import_text(project, content, name=name)
        assert result.rejections == []
        assert result.counts == (people.count(), 0, 0, people.count(), 0)
    assert (StatusHistory.objects.count(), sendable(project)) == (before, may)


def wrong(found: dict[Any, Any], known: dict[Any, Any]) -> dict[Any, tuple[Any, Any]]:
    """What was found, and what was known, of each that differs."""
    pairs = {key: (found.get(key), known.get(key)) for key in found.keys() | known.keys()}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
