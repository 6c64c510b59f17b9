"""Moving many at once does what one by one does."""

from __future__ import annotations

import pytest

from contacts.addresses import normalise
from contacts.models import ChannelStatus, Project, StatusHistory
from contacts.services.blocks import suppress
from contacts.services.moves import Move, change_addresses
from contacts.services.register import change_address
from contacts.services.verify import differences
from tests.factories import ContactFactory
from tests.origins import EDITOR, by, by_complaint

pytestmark = pytest.mark.django_db

EMAIL = "ann@example.org"


def rows(project: Project) -> list[dict[str, object]]:
    """What the register holds of a project's contacts, without numbers and moments."""
    columns = [
        "channel",
        "address",
        "address_key",
        "fingerprint",
        "is_valid",
        "contact_active",
        "own_opt_out",
        "opted_out",
        "quarantined",
        "suppressed",
        "contact__key",
        "contact__first_name",
        "contact__is_active",
    ]
    return list(ChannelStatus.objects.filter(project=project).order_by("contact__key", "channel").values(*columns))


def entries(project: Project) -> list[dict[str, object]]:
    columns = [
        "aspect",
        "says",
        "weight",
        "channel",
        "from_value",
        "to_value",
        "address_fingerprint",
        "method",
        "reason",
        "actor_kind",
        "detail__note",
        "detail__evidence",
    ]
    return list(StatusHistory.objects.filter(project=project).order_by("contact__key", "recorded_at").values(*columns))


def test_many_move_as_one_does(project: Project, other_project: Project) -> None:
    for somewhere in (project, other_project):
        suppress([normalise("email", "new@example.org")], organization=somewhere.organization, origin=by_complaint())
    here, there = (ContactFactory(project=p, key="A", email=EMAIL) for p in (project, other_project))
    change_addresses(
        [
            Move(here, normalise(channel, text), by(EDITOR))
            for channel, text in (("email", "new@example.org"), ("sms", "+14185550137"))
        ]
    )
    change_address(there, "email", "new@example.org", origin=by(EDITOR))
    change_address(there, "sms", "+14185550137", origin=by(EDITOR))
    assert rows(project) == rows(other_project)
    assert entries(project) == entries(other_project)
    assert list(differences()) == []
