"""The communication type that a request names, and the question that it asks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import Field
from pydantic import StrictInt, StringConstraints

from consent.models import CommunicationType
from consent.services.consents import NotOnChannel
from contacts.eligibility import Question
from contacts.errors import InTheFuture, RegisterError
from contacts.models import Project

TypeName = Annotated[str, StringConstraints(max_length=50)]
TypeGiven = TypeName | StrictInt
ABOUT_TYPE = "Slug (or id) of a communication type. Null: only what holds of the channel is asked, not the consent."
Asked = Annotated[str, Field(max_length=50, description=ABOUT_TYPE, examples=["newsletter"])]


class UnknownType(RegisterError):
    code = "unknown_communication_type"
    message = _("The project has no such communication type.")
    field = "communication_type"


def topic_named(project: Project, given: str | int | None, *, archived: bool = False) -> CommunicationType | None:
    """The communication type of this slug or id; None where none is asked about.

    Raises UnknownType, also for one that was archived, unless those count (``archived``).
    """
    if given is None or given == "":
        return None
    return topic_of(project, given, archived=archived)


def topic_of(project: Project, given: str | int, *, archived: bool = False) -> CommunicationType:
    """The same where one has to be named."""
    types = list(CommunicationType.objects.in_project(project))
    some = [topic for topic in types if archived or not topic.is_archived]
    by_name = {str(topic.pk): topic for topic in some} | {topic.slug: topic for topic in some}
    found = by_name.get(str(given))
    if found is None:
        known = ", ".join(topic.slug for topic in some)
        raise UnknownType(remedy=_("Send one of: %(slugs)s.") % {"slugs": known} if known else "")
    found.project = project
    return found


def question_of(
    project: Project,
    channel: str,
    given: str | int | None,
    *,
    at: datetime | None = None,
    known_at: datetime | None = None,
) -> Question:
    """What a request asks about. Raises UnknownType, NotOnChannel, InTheFuture."""
    topic = topic_named(project, given)
    if topic is not None and channel not in topic.channels:
        raise NotOnChannel
    now = timezone.now()
    for name, moment in (("at", at), ("known_at", known_at)):
        if moment is not None and moment > now:
            raise InTheFuture(field=name)
    return Question(channel, topic, at, known_at)
