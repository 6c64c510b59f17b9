"""Whom to ask: the people of a project who may do what the reader of a page may not."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q
from django.utils.translation import gettext as _

from contacts.models import Project, User
from contacts.vocabulary import Role

NAMES = 3


def ask_an_admin(project: Project) -> str:
    """“Ask Daniel Okafor.”: the project's admins; where it has none, those of its organization."""
    return _ask(Q(memberships__project=project, memberships__role=Role.ADMIN)) or ask_an_organization_admin(project)


def ask_an_organization_admin(project: Project) -> str:
    """The same of the admins of the organization; empty where nobody is one."""
    return _ask(Q(administers__organization=project.organization_id))


def _ask(who: Q) -> str:
    people = User.objects.filter(who, is_active=True).distinct().order_by("name", "email")
    names = [person.get_full_name() for person in people[:NAMES]]
    return _("Ask %(names)s.") % {"names": _one_of(names)} if names else ""


def _one_of(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return _("%(names)s or %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}
