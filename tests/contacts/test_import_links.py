"""From a history entry to the import that wrote it: in the timeline, the history, and on the entry's page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, Project, StatusHistory, User
from tests.contacts.imported import imported
from tests.contacts.test_overview import words


@pytest.fixture
def contact(project: Project) -> Contact:
    imported(project, "key,email\nC-1,a@example.org\n")
    return Contact.objects.get()


def test_timeline_leads_to_the_import(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    response = client.get(contact.get_absolute_url())
    assert "Import list.csv, line 2" in words(response)
    assert f"/p/{contact.project.slug}/imports/" in response.content.decode()


def test_entry_leads_to_the_import(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    entry = StatusHistory.objects.filter(contact=contact)[0]
    response = client.get(reverse("contacts:entry", args=[contact.project.slug, entry.pk]))
    assert "Import Import list.csv, line 2" in words(response)
    job_url = f'href="/p/{contact.project.slug}/imports/'
    assert job_url in response.content.decode()


def test_viewer_reads_where_it_came_from_without_a_link(client: Client, contact: Contact, viewer: User) -> None:
    client.force_login(viewer)
    response = client.get(contact.get_absolute_url())
    assert "Import list.csv, line 2" in words(response)
    assert "/imports/" not in response.content.decode()


def test_queries_do_not_grow_with_imports(
    client: Client, project: Project, admin: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        imported(project, f"key,email\nC-{number},a{number}@example.org\n")
    client.force_login(admin)
    with django_assert_max_num_queries(16):
        text = words(client.get(reverse("contacts:history", args=[project.slug])))
    assert text.count("Import list.csv, line 2") == 10
