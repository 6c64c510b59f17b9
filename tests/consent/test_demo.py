"""The demo's consent centre: the same for the same seed, and what the services would have made of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import transaction

from consent.models import Centre, CommunicationType, Consent, ConsentHistory, ErasureRequest, Form, FormVersion
from consent.services.projection import state
from consent.vocabulary import ConsentState, FormKind, RequestState
from contacts.models import Contact, Project
from contacts.services.demo import seed_demo
from contacts.services.verify import differences

pytestmark = pytest.mark.django_db

UNTIL = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def told(project: Project) -> list[tuple[object, ...]]:
    entries = ConsentHistory.objects.in_project(project).order_by("contact__key", "communication_type", "channel", "pk")
    return list(
        entries.values_list(
            "contact__key", "communication_type__slug", "channel", "word", "basis", "method", "recorded_at",
            "implied_until", "from_state", "to_state",
        )
    )  # fmt: skip


def test_a_project_with_its_centre_types_and_forms() -> None:
    project = seed_demo(40, until=UNTIL).project
    centre = Centre.objects.get(project=project)
    assert centre.is_open
    assert bytes(centre.logo).startswith(b"\x89PNG")
    assert centre.logo_type == "image/png"
    types = CommunicationType.objects.in_project(project)
    assert [topic.name_in("fr") for topic in types] == [
        "Infolettre mensuelle", "Vernissages", "Activités des membres", "Offres de la boutique", "Billets et reçus",
    ]  # fmt: skip
    assert {topic.slug for topic in types if topic.administrative} == {"tickets-and-receipts"}
    assert set(Form.objects.filter(project=project).values_list("kind", flat=True)) == set(FormKind.values)
    assert FormVersion.objects.filter(form__project=project).count() == 3


def test_consents_are_what_their_entries_amount_to() -> None:
    project = seed_demo(120, until=UNTIL).project
    assert list(differences()) == []
    states = set(Consent.objects.filter(project=project).annotate(state=state(UNTIL)).values_list("state", flat=True))
    assert states == {*ConsentState.values} - {ConsentState.NONE}
    last = ConsentHistory.objects.in_project(project).newest_first().values_list("recorded_at", flat=True)[0]
    assert last <= UNTIL


def test_the_same_seed_tells_the_same() -> None:
    with transaction.atomic():
        first = told(seed_demo(30, until=UNTIL).project)
        transaction.set_rollback(True)
    assert not Consent.objects.exists()
    assert told(seed_demo(30, until=UNTIL).project) == first
    assert first


def test_more_people_are_told_with_what_they_agreed_to() -> None:
    seed_demo(25, until=UNTIL)
    before = Consent.objects.count()
    project = seed_demo(60, until=UNTIL).project
    assert Consent.objects.count() > before
    assert Contact.objects.in_project(project).count() == 60
    assert CommunicationType.objects.count() == 5


def test_the_second_project_has_none() -> None:
    seed_demo(80, until=UNTIL)
    assert not CommunicationType.objects.filter(project__slug="schools").exists()
    assert not Consent.objects.filter(project__slug="schools").exists()


def test_three_asked_to_be_erased() -> None:
    project = seed_demo(40, until=UNTIL).project
    asked = ErasureRequest.objects.filter(project=project)
    assert sorted(asked.values_list("state", flat=True)) == [RequestState.OPEN, RequestState.OPEN, RequestState.REFUSED]
    assert all(request.requested_at > Contact.objects.get(pk=request.contact_id).created_at for request in asked)
