"""What leaves the register is written down before it leaves."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from contacts.models import Export, Project
from contacts.origin import Actor
from contacts.vocabulary import ActorKind


def log_export(project: Project, *, subject: str, filters: Iterable[str], rows: int, actor: Actor) -> Export:
    """Note who exports what and how much of it. ``filters`` are names alone: values may be personal data.

    A number is that of a user; a token is told by its name, since the user with its number is somebody else.
    """
    is_token = actor.kind == ActorKind.TOKEN
    return Export.objects.create(
        project=project,
        subject=subject,
        filters=list(filters),
        rows=rows,
        actor_number=None if is_token else actor.number,
        actor_label=f"{ActorKind.TOKEN.label} {actor.label}" if is_token else actor.label,
        exported_at=timezone.now(),
    )
