"""Communication types: what a project sends, and what consent each needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from consent.models import CommunicationType, Consent
from contacts.errors import RegisterError
from contacts.models import Project
from contacts.vocabulary import Channel

SLUG_LENGTH = 50
MOST_TYPES = 50


class TypeNameTaken(RegisterError):
    code = "type_name_taken"
    message = _("The project has a communication type of this name already.")
    remedy = _("Use another name, or change that type; it may be among the archived ones.")
    field = "name"


class TypeWithoutChannel(RegisterError):
    code = "type_without_channel"
    message = _("A communication type is sent on a channel.")
    remedy = _("Choose one at least.")
    field = "channels"


class OnlyAdministrative(RegisterError):
    """What needs consent is never sent to somebody who said no."""

    code = "only_administrative"
    message = _("Only an administrative type can be sent in spite of opt-outs.")
    remedy = _("Clear the reason, or make the type administrative.")
    field = "despite_opt_out"


class TooManyTypes(RegisterError):
    code = "too_many_types"
    message = _("The project has as many communication types as it can have.")
    remedy = _("Change one that is there.")


class ConsentsConcerned(RegisterError):
    """The change decides anew who may be sent to. ``digest`` stands for what was shown, and confirms it."""

    code = "consents_concerned"
    message = _("This changes who may be sent to.")
    remedy = _("Check whom it concerns, and confirm it.")

    def __init__(self, consequences: Sequence[str], digest: str) -> None:
        self.consequences, self.digest = tuple(consequences), digest
        super().__init__()


@dataclass(frozen=True, slots=True)
class TypeSettings:
    """What an admin decides about a type, cleaned. ``translations`` are by language, as the model has them."""

    name: str
    description: str = ""
    translations: dict[str, dict[str, str]] = field(default_factory=dict)
    channels: tuple[str, ...] = (Channel.EMAIL,)
    administrative: bool = False
    despite_opt_out: str = ""
    accepts_implied: bool = False
    inquiry_months: int = 6
    purchase_months: int = 24
    membership_months: int = 24
    double_opt_in: bool = True
    is_public: bool = True

    def columns(self) -> dict[str, Any]:
        held = {column.name: getattr(self, column.name) for column in fields(self)}
        return {**held, "channels": [channel for channel in Channel.values if channel in self.channels]}


@transaction.atomic
def add_type(project: Project, settings: TypeSettings, *, after: int | None = None) -> CommunicationType:
    """Add a type, behind another one in the list (None: first).

    Raises TypeNameTaken (so that a form sent twice adds one), TypeWithoutChannel, OnlyAdministrative, TooManyTypes.
    """
    _lock(project)
    _check(project, settings)
    slugs = set(CommunicationType.objects.in_project(project).values_list("slug", flat=True))
    if len(slugs) >= MOST_TYPES:
        raise TooManyTypes
    topic = CommunicationType.objects.create(project=project, slug=_free(settings.name, slugs), **settings.columns())
    _place(topic, after)
    return topic


@transaction.atomic
def change_type(
    communication_type: CommunicationType, settings: TypeSettings, *, after: int | None = None, confirmed: str = ""
) -> CommunicationType:
    """Give a type these settings and this place in the list. Its consents and their history stay as they are.

    What that changes for contacts has to be confirmed: raises ConsentsConcerned unless ``confirmed`` is the digest of
    it. Raises TypeNameTaken, TypeWithoutChannel, OnlyAdministrative as well.
    """
    _lock(communication_type.project)
    topic = CommunicationType.objects.select_for_update(no_key=True).get(pk=communication_type.pk)
    _check(communication_type.project, settings, but=topic)
    concerned = consequences(topic, settings)
    digest = _digest([topic.pk, concerned])
    if concerned and confirmed != digest:
        raise ConsentsConcerned(concerned, digest)
    CommunicationType.objects.filter(pk=topic.pk).update(**settings.columns())
    _place(topic, after)
    topic.refresh_from_db()
    return topic


@transaction.atomic
def archive_type(communication_type: CommunicationType) -> None:
    """Take a type out of use: nothing is sent under it, nobody is offered it. Consents and history stay."""
    CommunicationType.objects.filter(pk=communication_type.pk, archived_at__isnull=True).update(
        archived_at=timezone.now()
    )


@transaction.atomic
def bring_back_type(communication_type: CommunicationType) -> None:
    """Use an archived type again, with the consents that it had."""
    CommunicationType.objects.filter(pk=communication_type.pk).update(archived_at=None)


@dataclass(frozen=True, slots=True)
class Held:
    """What contacts said about a type on a channel, as it stands: each contact is counted once."""

    express: int = 0
    implied: int = 0
    withdrawn: int = 0

    @property
    def agreed(self) -> int:
        return self.express + self.implied


def held_of(communication_type: CommunicationType) -> dict[str, Held]:
    """How many agree and how many withdrew, by channel. One query."""
    open_ = Q(is_withdrawn=False)
    runs = Q(implied_until__gt=timezone.now(), is_express=False)
    groups = (
        Consent.objects.filter(communication_type=communication_type)
        .values_list("channel")
        .annotate(
            express=Count("pk", filter=open_ & Q(is_express=True)),
            implied=Count("pk", filter=open_ & runs),
            withdrawn=Count("pk", filter=~open_),
        )
        .order_by()
    )
    return {channel: Held(*numbers) for channel, *numbers in groups}


def consequences(topic: CommunicationType, settings: TypeSettings) -> list[str]:
    """What a change of a type does to who may be sent to, as sentences with numbers; empty where it does nothing."""
    held = held_of(topic)
    found = []
    if settings.administrative and not topic.administrative:
        found.append(_becomes_administrative(held))
    elif topic.administrative and not settings.administrative:
        found.append(_needs_consent_from_now(held, settings))
    elif not settings.administrative and topic.accepts_implied != settings.accepts_implied:
        implied = sum(of.implied for channel, of in held.items() if channel in settings.channels)
        if implied:
            found.append(_implied(implied, counts=settings.accepts_implied))
    if not settings.administrative:
        found += [
            _leaves(channel, held[channel], counts_implied=topic.accepts_implied)
            for channel in topic.channels
            if channel not in settings.channels and channel in held
        ]
    return found


def _becomes_administrative(held: dict[str, Held]) -> str:
    withdrawn = sum(of.withdrawn for of in held.values())
    if not withdrawn:
        return str(_("It is sent to every contact who is active and may be reached, whether they agreed or not."))
    return ngettext(
        "It is sent to every contact who is active and may be reached, also to %(count)d who took back their consent.",
        "It is sent to every contact who is active and may be reached, also where %(count)d consents were taken back.",
        withdrawn,
    ) % {"count": withdrawn}


def _needs_consent_from_now(held: dict[str, Held], settings: TypeSettings) -> str:
    counted = [of for channel, of in held.items() if channel in settings.channels]
    agreed = sum(of.agreed if settings.accepts_implied else of.express for of in counted)
    if not agreed:
        return str(_("It is sent to nobody until contacts agree to it: nobody has."))
    return ngettext(
        "It is sent only where a contact agreed to it: there is %(count)d consent that counts.",
        "It is sent only where contacts agreed to it: there are %(count)d consents that count.",
        agreed,
    ) % {"count": agreed}


def _implied(implied: int, *, counts: bool) -> str:
    if counts:
        return ngettext(
            "%(count)d implied consent that has not ended counts from now on.",
            "%(count)d implied consents that have not ended count from now on.",
            implied,
        ) % {"count": implied}
    return ngettext(
        "%(count)d consent is implied and counts no longer: nothing of this type is sent on it.",
        "%(count)d consents are implied and count no longer: nothing of this type is sent on them.",
        implied,
    ) % {"count": implied}


def _leaves(channel: str, held: Held, *, counts_implied: bool) -> str:
    agreed = held.agreed if counts_implied else held.express
    return ngettext(
        "%(channel)s: %(count)d consent stays in the history and counts again if the channel comes back.",
        "%(channel)s: %(count)d consents stay in the history and count again if the channel comes back.",
        agreed,
    ) % {"channel": Channel(channel).label, "count": agreed}


def _check(project: Project, settings: TypeSettings, *, but: CommunicationType | None = None) -> None:
    if not settings.channels:
        raise TypeWithoutChannel
    if settings.despite_opt_out and not settings.administrative:
        raise OnlyAdministrative
    same = CommunicationType.objects.in_project(project).filter(name__iexact=settings.name)
    if (same.exclude(pk=but.pk) if but else same).exists():
        raise TypeNameTaken


def _place(topic: CommunicationType, after: int | None) -> None:
    """Number the project's types so that this one comes behind another one; where that is not there, first."""
    others = CommunicationType.objects.in_project(topic.project).exclude(pk=topic.pk).values_list("pk", flat=True)
    order = list(others)
    order.insert(order.index(after) + 1 if after in order else 0, topic.pk)
    for position, number in enumerate(order, start=1):
        CommunicationType.objects.filter(pk=number).exclude(position=position).update(position=position)


def _free(name: str, taken: set[str]) -> str:
    """A short name that follows from a name and that is not taken."""
    stem = slugify(name)[: SLUG_LENGTH - 4].strip("-_") or "type"
    numbered = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in numbered if slug not in taken)


def _lock(project: Project) -> None:
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()
