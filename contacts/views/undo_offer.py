"""The message after a change, with the way back."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from contacts.models import Contact
from contacts.selectors.undoing import undoable_entry


def with_undo(done: str, contact: Contact, request_id: UUID, *, aspect: str) -> str:
    """What was done, and a link that takes it back. It names nobody: messages travel in a cookie."""
    number = undoable_entry(request_id, contact.pk, aspect)
    if number is None:
        return done
    url = reverse("contacts:undo", args=[contact.project.slug, number])
    way_back = _("You can take it back within 24 hours.")
    return format_html('{} {} <a href="{}">{}</a>', done, way_back, url, _("Undo"))
