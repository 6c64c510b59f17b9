"""What leaves the register is written down before it leaves."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from contacts.models import Export, Project
from contacts.origin import Actor


def log_export(project: Project, *, subject: str, filters: Iterable[str], rows: int, actor: Actor) -> Export:
    """Note who exports what and how much of it. ``filters`` are names alone: values may be personal data."""
    return Export.objects.create(
        project=project,
        subject=subject,
        filters=list(filters),
        rows=rows,
        actor_number=actor.number,
        actor_label=actor.label,
        exported_at=timezone.now(),
    )
