"""A small project for programs that write to it, their requests, and what there is of those afterwards.

Also a program, for registers that the test's own process has no connection to:
``python -m tests.faults.small_project begin`` in an empty database, ``… done NAME …``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

CONTACTS = 5


def begin() -> dict[str, Any]:
    """Make the project; returns what programs need to know of it."""
    from contacts.services.tokens import create_token
    from contacts.vocabulary import ApiScope
    from tests.consent import provider_posts as posts
    from tests.factories import CommunicationTypeFactory, ContactFactory, ProjectFactory

    project = ProjectFactory(slug="small")
    CommunicationTypeFactory(project=project, slug="news", channels=["email"])
    project.relational_tables.create(slug="orders", name="Orders", columns=[{"key": "number", "label": "Number"}])
    contacts = [
        ContactFactory(project=project, key=f"K{number}", email=f"k{number}@example.org") for number in range(CONTACTS)
    ]
    endpoint = posts.endpoint_of(project, "mailgun")
    said = posts.SAYING["mailgun"](posts.COMPLAINED, "k0@example.org")
    body, kind, headers = posts.packed(endpoint, said, posts.path_of(endpoint))
    return {
        "token": create_token(project, name="Shop", scopes=ApiScope.values)[1],
        "contacts": [contact.pk for contact in contacts],
        "webhook": [posts.path_of(endpoint), body.decode(), {"Content-Type": kind, **headers}],
    }


def request_of(number: int, contact: int, name: str) -> tuple[str, dict[str, Any]]:
    """The path and the body of a POST that leaves its name where it can be found once it was done."""
    said = {"contact": contact, "communication_type": "news", "channel": "email", "word": "granted", "note": name}
    path, body = [
        (f"contacts/{contact}/deactivate", {"reason": "written_request", "note": name}),
        (f"contacts/{contact}/channels/email/opt-out", {"reason": "own_request", "note": name}),
        ("contacts", {"key": name, "channels": {"email": {"address": f"{name}@example.org"}}}),
        ("consents", said),
        (f"contacts/{contact}/rows", {"table": "orders", "values": {"number": name}}),
    ][number % 5]
    return f"/api/v1/{path}", body


def times_done(names: Iterable[str]) -> dict[str, int]:
    """How often the request of each name was done."""
    from consent.models import ConsentDetail
    from contacts.models import Contact, EntryDetail, RelationalRow

    return {
        name: EntryDetail.objects.filter(note=name).count()
        + ConsentDetail.objects.filter(note=name).count()
        + Contact.objects.filter(key=name).count()
        + RelationalRow.objects.filter(values__number=name).count()
        for name in names
    }


def main(what: str, *names: str) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from contacts.services.verify import differences

    if what == "begin":
        call_command("migrate", verbosity=0)
        told: dict[str, Any] = begin()
    else:
        told = {"done": times_done(names), "differences": [str(difference) for difference in differences()]}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main(*sys.argv[1:])
