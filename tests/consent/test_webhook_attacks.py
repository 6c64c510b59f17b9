"""Events that are about messages of another project: several may send through one account of a provider."""

from __future__ import annotations

from typing import Any

import pytest

from consent.models import DeliveryEvent
from consent.tokens import token_for
from contacts.models import Contact, Project
from tests.consent.links import row_of
from tests.consent.provider_posts import BOUNCED, COMPLAINED, SAYING, UNSUBSCRIBED, endpoint_of, post
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
ANN = "ann@example.org"


def state(contact: Contact) -> tuple[bool, bool, bool, bool]:
    contact.refresh_from_db()
    row = row_of(contact)
    return contact.is_active, row.opted_out, row.quarantined, row.suppressed


@pytest.mark.parametrize("kind", [BOUNCED, COMPLAINED, UNSUBSCRIBED])
def test_our_token_says_in_which_project_somebody_spoke(kind: Any, project: Project, other_project: Project) -> None:
    here, there = (ContactFactory(project=where, email=ANN) for where in (project, other_project))
    said = {**SAYING["postmark"](kind, ANN), "Metadata": {"token": token_for(row_of(there))}}

    assert post(endpoint_of(project, "postmark"), said).status_code == 200
    assert post(endpoint_of(other_project, "postmark"), said).status_code == 200

    assert state(here) == (True, False, False, False)
    assert state(there) != (True, False, False, False)
    assert DeliveryEvent.objects.get().project == other_project
