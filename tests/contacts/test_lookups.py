"""An address is looked up by its fingerprint, however many contacts a project has.

SQLite plans without statistics: it takes the index that names most of the columns asked for.
"""

from __future__ import annotations

import pytest
from django.db import connection

from contacts.models import ChannelStatus, Project
from contacts.selectors.blocks import blocks_in_project

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by the numbers that it finds"),
]

INDEX = "channel_status_by_fingerprint"


def test_who_shares_an_address(project: Project) -> None:
    rows = ChannelStatus.objects.filter(project=project, channel="email", fingerprint="a:b").exclude(contact=1)
    assert INDEX in rows.select_related("contact").order_by("contact", "channel").explain()


def test_who_has_the_addresses_of_a_page(project: Project) -> None:
    marks = [f"a:{number}" for number in range(50)]
    assert INDEX in ChannelStatus.objects.filter(project__in=[project.pk], fingerprint__in=marks).explain()


def test_which_blocks_of_the_organization_a_project_sees(project: Project) -> None:
    assert INDEX in blocks_in_project(project).filter(kind="suppression").order_by("-pk").explain()
