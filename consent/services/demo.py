"""The demo's consent centre, and what its people agreed to, loaded at once.

States are folded by the law of gates, so that ``verify`` finds what it would find after the services.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Max, OuterRef, Subquery
from django.db.models.functions import Coalesce, Greatest

from consent.demo import words
from consent.demo.logo import logo
from consent.demo.stories import Museum, Saying, consents_of
from consent.models import (
    Centre,
    CommunicationType,
    Consent,
    ConsentDetail,
    ConsentHistory,
    ErasureRequest,
    Form,
    FormVersion,
)
from consent.services.folding import Entry, Folded, fold
from consent.services.ledger import SAYS
from consent.vocabulary import RequestState, Word
from contacts.demo.stories import Telling
from contacts.extension_points import Demonstration, demonstrations
from contacts.models import ChannelStatus, Contact, Project
from contacts.moments import TICK
from contacts.services.bulk_rows import load_rows, reserve_ids
from contacts.services.ledger import detail_text, digest_of
from contacts.vocabulary import Weight

CONSENT = (
    "organization_id", "project_id", "contact_id", "channel_status_id", "communication_type_id", "channel",
    "is_withdrawn", "is_express", "implied_until", "withdrawn_at", "express_at", "pending_at", "last_entry_at",
)  # fmt: skip
ENTRY = (
    "id", "organization_id", "project_id", "contact_id", "channel", "communication_type_id", "word", "says", "basis",
    "implied_by", "implied_until", "from_state", "to_state", "weight", "occurred_at", "recorded_at", "requested_on",
    "word_at", "method", "actor_kind", "actor_number", "actor_label", "reason", "authorization_source",
    "authorization_on", "detail_digest", "line", "repeats", "request_id", "voids", "salt",
)  # fmt: skip
DETAIL = ("entry_id", "note", "authorization_reference", "evidence", "salt")
YEAR = timedelta(days=365)


def register() -> None:
    """Add it to the demo; called once at start-up."""
    demonstrations.add(Demonstration("consents", 10, prepare, tell))


def prepare(project: Project, until: datetime) -> None:
    """The communication types, the consent centre and two forms, where the project does not have them yet."""
    types = {}
    for position, (slug, name, description, nom, texte, channels, others) in enumerate(words.TYPES, start=1):
        particulars = {
            "name": name, "description": description, "channels": channels, "position": position,
            "translations": {"fr": {"name": nom, "description": texte}}, **others,
        }  # fmt: skip
        types[slug], _made = CommunicationType.objects.get_or_create(project=project, slug=slug, defaults=particulars)
    Centre.objects.get_or_create(
        project=project,
        defaults={
            "sender_name": project.organization.name, "contact_email": "privacy@example.org", "colour": "#0b5c7a",
            "logo": logo(), "logo_type": "image/png", "introduction": words.INTRODUCTION,
        },
    )  # fmt: skip
    for slug, name, kind, versions, fields, offers in words.FORMS:
        form, made = Form.objects.get_or_create(slug=slug, defaults={"project": project, "name": name, "kind": kind})
        if not made:
            continue
        offered = [{"type": types[topic].pk, "channels": channels} for topic, channels in offers.items()]
        for number, texts in enumerate(versions, start=1):
            version = FormVersion.objects.create(
                form=form, number=number, texts=texts, fields=fields, offers=offered, author_label="Daniel Okafor"
            )
            since = until - YEAR * (9 if number == 1 else 2)
            FormVersion.objects.filter(pk=version.pk).update(created_at=since)
        Form.objects.filter(pk=form.pk).update(created_at=until - YEAR * 9)


def tell(project: Project, people: Mapping[int, Telling]) -> None:
    """Write down what these new contacts, by number, agreed to and took back."""
    types = CommunicationType.objects.in_project(project).select_related("project")
    museum = Museum({topic.slug: topic for topic in types}, _versions(project))
    if not museum.types:
        return
    book = _Book(project, people)
    for number, told in people.items():
        for topic, channel, sayings in consents_of(told, museum):
            book.write(number, topic, channel, sayings)
    book.load()
    _ask_to_be_erased(project, people)


def _ask_to_be_erased(project: Project, people: Mapping[int, Telling]) -> None:
    """Three of the first people asked: one a while ago, one lately, and one was refused."""
    if ErasureRequest.objects.filter(project=project).exists():
        return
    asking = [(number, told.until) for number, told in people.items() if told.until - told.person.came_at > YEAR / 2]
    for (number, until), (days, answer) in zip(asking[10:], words.REQUESTS, strict=False):
        request = ErasureRequest(project=project, contact_id=number, requested_at=until - timedelta(days=days))
        if answer:
            request.state, request.refusal = RequestState.REFUSED, answer
            request.decided_at, request.decided_by = until - timedelta(days=days - 9), "Daniel Okafor"
        request.save()


def _versions(project: Project) -> dict[str, list[FormVersion]]:
    found: dict[str, list[FormVersion]] = {}
    for version in FormVersion.objects.filter(form__project=project).select_related("form").order_by("-number"):
        found.setdefault(version.form.slug, []).append(version)
    return found


class _Book:
    """Entries, their proofs and what they amount to, until they are loaded."""

    def __init__(self, project: Project, people: Mapping[int, Telling]) -> None:
        self.here = (project.organization_id, project.pk)
        self.people = list(people)
        channels = ChannelStatus.objects.filter(contact_id__in_set=self.people)
        self.statuses = {
            (number, channel): pk for pk, number, channel in channels.values_list("pk", "contact_id", "channel")
        }
        self.consents: list[tuple[Any, ...]] = []
        self.entries: list[tuple[Any, ...]] = []
        self.details: list[tuple[Any, ...]] = []

    def write(self, number: int, topic: CommunicationType, channel: str, sayings: list[Saying]) -> None:
        said: list[Entry] = []
        before, amounts, last = Folded(), Folded(), None
        for saying in sayings:
            at = saying.at if last is None else max(saying.at, last + TICK)
            last = at
            said.append(self._entry(saying, at))
            before, amounts = amounts, fold(said)
            self._put(number, topic, channel, replace(saying, at=at), said[-1], (before.state(at), amounts.state(at)))
        self.consents.append(
            (
                *self.here, number, self.statuses[number, channel], topic.pk, channel, amounts.is_withdrawn,
                amounts.is_express, amounts.implied_until, amounts.withdrawn_at, amounts.express_at,
                amounts.pending_at, amounts.last_entry_at,
            )
        )  # fmt: skip

    def _entry(self, saying: Saying, at: datetime) -> Entry:
        word_at = at if saying.word == Word.GRANTED and saying.weight == Weight.OWN else None
        return Entry(
            saying.word, SAYS[saying.word], saying.weight, saying.basis, saying.occurred_at or at, word_at, at,
            saying.implied_until,
        )  # fmt: skip

    def _put(
        self, number: int, topic: CommunicationType, channel: str, saying: Saying, entry: Entry, states: tuple[str, str]
    ) -> None:
        actor = saying.voice.actor
        self.entries.append(
            (
                *self.here, number, channel, topic.pk, saying.word.value, str(entry.says), str(saying.basis),
                str(saying.implied_by), saying.implied_until, str(states[0]), str(states[1]), int(saying.weight),
                entry.occurred_at, entry.recorded_at, saying.requested_on, entry.word_at, saying.voice.method.value,
                actor.kind, actor.number, actor.label, str(saying.voice.reason), "", None, self._detail(saying),
                saying.line, None, uuid.uuid4(), None, uuid.uuid4(),
            )
        )  # fmt: skip

    def _detail(self, saying: Saying) -> str:
        if not (saying.note or saying.evidence):
            return ""
        salt = uuid.uuid4()
        self.details.append((len(self.entries), saying.note, "", saying.evidence, salt))
        return digest_of(salt, detail_text(note=saying.note, authorization_reference="", evidence=saying.evidence))

    def load(self) -> None:
        """Insert everything, and note on the contacts when their last entry was recorded."""
        ids = reserve_ids(ConsentHistory, len(self.entries))
        load_rows(ConsentHistory, ENTRY, ((ids[place], *row) for place, row in enumerate(self.entries)))
        load_rows(ConsentDetail, DETAIL, ((ids[row[0]], *row[1:]) for row in self.details))
        load_rows(Consent, CONSENT, self.consents)
        entries = ConsentHistory.objects.filter(contact=OuterRef("pk")).order_by()
        latest = Subquery(entries.values("contact").annotate(latest=Max("recorded_at")).values("latest"))
        Contact.objects.filter(pk__in_set=self.people).update(
            last_entry_at=Greatest(F("last_entry_at"), Coalesce(latest, F("last_entry_at")))
        )
