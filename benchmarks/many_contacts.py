"""A register with very many contacts, for what is asked of it alone: their rows, and no history.

``python -m benchmarks.many_contacts NUMBER`` makes it, and prints the text of a token as JSON.
"""

from __future__ import annotations

import json
import sys

import django

_STATEMENTS = (
    """
    INSERT INTO contacts_contact (organization_id, project_id, key, first_name, last_name, language, attributes, notes,
        is_active, created_at, updated_at)
    SELECT %(organization)s, %(project)s, 'C-' || n, '', '', 'en', '{}', '', n %% 50 <> 0, now(), now()
    FROM generate_series(0, %(number)s - 1) n
    """,
    """
    INSERT INTO contacts_channelstatus (organization_id, project_id, contact_id, channel, address, address_key,
        fingerprint, is_valid, contact_active, own_opt_out, opted_out, quarantined, suppressed)
    SELECT organization_id, project_id, id, 'email', 'reader' || n || '@example.org', 'reader' || n || '@example.org',
        'bench:' || md5(key), n %% 41 <> 0, is_active, n %% 31 = 0, n %% 31 = 0, n %% 61 = 0, n %% 91 = 0
    FROM (SELECT *, substr(key, 3)::int n FROM contacts_contact) c ORDER BY id
    """,
    """
    INSERT INTO consent_consent (organization_id, project_id, contact_id, channel_status_id, communication_type_id,
        channel, is_withdrawn, is_express)
    SELECT organization_id, project_id, contact_id, id, %(type)s, channel, contact_id %% 7 = 0, true
    FROM contacts_channelstatus WHERE contact_id %% 5 <> 0
    """,
    "VACUUM ANALYZE",
)


def main(number: int) -> None:
    django.setup()
    from django.db import connection
    from django.utils import timezone

    from consent.models import CommunicationType
    from contacts.addresses import normalise
    from contacts.models import Block, Organization, Project
    from contacts.services.tokens import create_token
    from contacts.vocabulary import ApiScope, BlockKind, Cause, Channel

    organization = Organization.objects.create(name="Bench", slug="bench")
    project = Project.objects.create(organization=organization, name="Bench", slug="bench")
    topic = CommunicationType.objects.create(project=project, slug="news", name="News")
    strangers = (normalise(Channel.EMAIL, f"stranger{place}@example.com") for place in range(0, 50_000, 3))
    Block.objects.bulk_create(
        Block(
            organization=organization, channel=Channel.EMAIL, fingerprint=address.fingerprint, is_on=True,
            kind=BlockKind.SUPPRESSION, cause=Cause.LISTED, created_at=timezone.now(),
        )
        for address in strangers
    )  # fmt: skip
    given = {"organization": organization.pk, "project": project.pk, "type": topic.pk, "number": number}
    with connection.cursor() as cursor:
        for statement in _STATEMENTS:
            cursor.execute(statement, given)
    _token, text = create_token(project, name="Bench", scopes=ApiScope.values)
    print(json.dumps({"token": text}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
