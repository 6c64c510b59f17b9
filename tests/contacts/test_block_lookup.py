"""The blocks on an address are found by the address, however many an organization has."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import Exists

from contacts.models import ChannelStatus, Project
from contacts.services.projection import blocks_on
from contacts.vocabulary import BlockKind
from tests.factories import ContactFactory


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL chooses by statistics, which an empty table lacks"
)
@pytest.mark.parametrize("kind", BlockKind.values)
def test_sqlite_looks_up_the_address(project: Project, kind: str) -> None:
    ContactFactory(project=project, email="reader@example.org")
    plan = ChannelStatus.objects.annotate(shut=Exists(blocks_on(kind))).values("shut").explain()
    assert "block_by_fingerprint (fingerprint=? AND channel=? AND kind=?)" in plan
