"""The register's own conditions for sending, and the states that they are written over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Case, CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.expressions import ExpressionWrapper
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull
from django.utils.translation import gettext_lazy as _

from contacts.eligibility import Question, Source
from contacts.extension_points import Condition, States, Text, conditions, states
from contacts.gates import strongest_no_of
from contacts.models import Block, StatusHistory
from contacts.vocabulary import Aspect, BlockKind, Cause


def _by_channel(**texts: Text) -> Any:
    return lambda channel: texts[channel]


def counted(entries: QuerySet[StatusHistory], question: Question) -> QuerySet[StatusHistory]:
    """The entries that count for a question: what happened by ``at``, as known by ``known_at``."""
    if question.at is not None:
        entries = entries.filter(occurred_at__lte=question.at)
    if question.known_at is not None:
        entries = entries.filter(recorded_at__lte=question.known_at)
    return entries.not_voided(question.known_at)  # type: ignore[attr-defined]


def state_annotations(question: Question, source: Source) -> dict[str, Any]:
    """The named states of a contact on a channel: from columns now, from the ledger for the past."""
    if source == Source.BLOCK:
        return _of_block()
    if not question.heeds_opt_outs:
        return {**_states(question, source), "state_stopped": _stopped(question)}
    return _states(question, source)


def _states(question: Question, source: Source) -> dict[str, Any]:
    if question.is_past:
        return _past(question)
    if source == Source.ABSENT:
        return {"state_active": F("is_active"), **{state: Value(quiet) for state, _c, quiet in _COLUMNS}}
    if source == Source.CHANNEL:
        return {"state_active": F("contact_active"), **{state: F(column) for state, column, _q in _COLUMNS}}
    return {
        "state_active": F("is_active"),
        **{state: Coalesce(F(f"on_channel__{column}"), Value(quiet)) for state, column, quiet in _COLUMNS},
    }


def _of_block() -> dict[str, Any]:
    def is_so(expression: Q) -> ExpressionWrapper:
        return ExpressionWrapper(expression, output_field=BooleanField())

    return {
        "state_active": Value(True),
        "state_address": F("fingerprint"),
        "state_fingerprint": F("fingerprint"),
        "state_valid": Value(True),
        "state_quarantined": is_so(Q(kind=BlockKind.QUARANTINE)),
        "state_suppressed": is_so(Q(kind=BlockKind.SUPPRESSION)),
        "state_opted_out": is_so(Q(kind=BlockKind.OPT_OUT)),
        "state_stopped": is_so(Q(cause=Cause.STOP)),
    }


_COLUMNS: tuple[tuple[str, str, str | bool], ...] = (
    ("state_address", "address", ""),
    ("state_fingerprint", "fingerprint", ""),
    ("state_valid", "is_valid", True),
    ("state_quarantined", "quarantined", False),
    ("state_suppressed", "suppressed", False),
    ("state_opted_out", "opted_out", False),
)


def _stopped(question: Question) -> Exists:
    """Whether somebody at this address replied STOP: the one no that no reason overrides."""
    blocks = Block.objects.filter(
        Q(project__isnull=True) | Q(project=OuterRef("project_id")),
        organization=OuterRef("organization_id"),
        channel=question.channel,
        fingerprint=OuterRef("state_fingerprint"),
        cause=Cause.STOP,
    )
    if not question.is_past:
        return Exists(blocks.filter(is_on=True))
    words = counted(StatusHistory.objects.filter(block=OuterRef("pk")), question)
    return Exists(blocks.annotate(strongest=strongest_no_of(words, gate="block")).filter(strongest__isnull=False))


def _past(question: Question) -> dict[str, Any]:
    """A row where nothing was said since holds its column; only the others are looked up."""
    limit: datetime = min(moment for moment in (question.at, question.known_at) if moment is not None)
    quiet = Q(on_channel__last_entry_at__lte=limit)
    at_home = Q(on_channel__address_at__lte=limit)
    of_contact = StatusHistory.objects.filter(contact=OuterRef("pk"))
    on_channel = of_contact.filter(channel=question.channel)

    def latest(aspects: list[str], field: str) -> Subquery:
        entries = counted(on_channel.filter(aspect__in=aspects), question).order_by("-occurred_at", "-id")
        return Subquery(entries.values(field)[:1], output_field=CharField())

    def still_valid() -> Subquery:
        words = counted(on_channel.filter(aspect__in=[Aspect.ADDRESS, Aspect.VALIDITY]), question)
        said = words.order_by("-occurred_at", "-id").annotate(
            valid=Case(When(aspect=Aspect.VALIDITY, to_value="invalid", then=Value(False)), default=Value(True))
        )
        return Subquery(said.values("valid")[:1], output_field=BooleanField())

    def column_or(column: str, default: Any, otherwise: Any, *, since: Q = quiet) -> Case:
        field = CharField() if isinstance(default, str) else BooleanField()
        return Case(
            When(on_channel__pk__isnull=True, merged_into__isnull=True, then=Value(default)),
            When(since, then=F(f"on_channel__{column}")),
            default=otherwise,
            output_field=field,
        )

    def blocked(kind: str) -> Exists:
        words = counted(StatusHistory.objects.filter(block=OuterRef("pk")), question)
        blocks = Block.objects.filter(
            Q(project__isnull=True) | Q(project=OuterRef("project_id")),
            organization=OuterRef("organization_id"),
            channel=question.channel,
            fingerprint=OuterRef("state_fingerprint"),
            kind=kind,
        )
        shut = blocks.annotate(strongest=strongest_no_of(words, gate="block")).filter(strongest__isnull=False)
        return Exists(shut)

    switch = counted(of_contact.filter(aspect=Aspect.ACTIVE), question)
    own_opt_out = counted(on_channel.filter(aspect=Aspect.OPT_OUT), question)
    return {
        "state_active": Case(
            When(last_entry_at__lte=limit, then=F("is_active")),
            default=IsNull(strongest_no_of(switch, gate="contact"), True),
            output_field=BooleanField(),
        ),
        "state_address": column_or(
            "address", "", Coalesce(latest([Aspect.ADDRESS], "to_value"), Value("")), since=at_home
        ),
        "state_fingerprint": column_or(
            "fingerprint", "", Coalesce(latest([Aspect.ADDRESS], "address_fingerprint"), Value("")), since=at_home
        ),
        "state_valid": column_or("is_valid", True, Coalesce(still_valid(), Value(True)), since=at_home),
        "state_quarantined": column_or("quarantined", False, blocked(BlockKind.QUARANTINE)),
        "state_suppressed": column_or("suppressed", False, blocked(BlockKind.SUPPRESSION)),
        "state_opted_out": column_or(
            "opted_out",
            False,
            Q(IsNull(strongest_no_of(own_opt_out, gate="contact"), False)) | Q(blocked(BlockKind.OPT_OUT)),
        ),
    }


def register() -> None:
    """Add the register's states and conditions; called once at start-up."""
    states.add(States("contact", 10, state_annotations))
    for condition in CONDITIONS:
        conditions.add(condition)


CONDITIONS = (
    Condition(
        key="active",
        order=10,
        met=_("Contact is active"),
        failing=_("Contact is inactive"),
        word=_("Inactive"),
        help=_("An inactive contact is sent nothing, on any channel, of any type."),
        expression=Q(state_active=True),
    ),
    Condition(
        key="has_address",
        order=20,
        met=_by_channel(email=_("Has an address"), sms=_("Has a number"), push=_("Has a device")),
        failing=_by_channel(email=_("Has no address"), sms=_("Has no number"), push=_("Has no device")),
        word=_by_channel(email=_("No address"), sms=_("No number"), push=_("No device")),
        help=_("There is an address to write to on this channel."),
        expression=~Q(state_address=""),
    ),
    Condition(
        key="valid_address",
        order=30,
        met=_by_channel(email=_("Address is valid"), sms=_("Number is valid"), push=_("Device is valid")),
        failing=_by_channel(
            email=_("Address is not valid"), sms=_("Number is not valid"), push=_("Device is not valid")
        ),
        word=_("Invalid"),
        help=_("The address can be an address of somebody."),
        expression=Q(state_valid=True),
    ),
    Condition(
        key="not_quarantined",
        order=40,
        met=_("Not in quarantine"),
        failing=_("In quarantine"),
        word=_("Quarantined"),
        help=_("The receiving server has not refused the address for good."),
        expression=Q(state_quarantined=False),
    ),
    Condition(
        key="not_suppressed",
        order=50,
        met=_("Not suppressed"),
        failing=_("On the suppression list"),
        word=_("Suppressed"),
        help=_("The address is not on the suppression list of the project or the organization."),
        expression=Q(state_suppressed=False),
        applies=lambda question: question.heeds_opt_outs,
    ),
    Condition(
        key="not_stopped",
        order=55,
        met=_("Has not replied STOP"),
        failing=_("Replied STOP"),
        word=_("Replied STOP"),
        help=_("What is sent in spite of opt-outs, with its reason, still heeds a STOP."),
        expression=Q(state_stopped=False),
        applies=lambda question: not question.heeds_opt_outs,
    ),
    Condition(
        key="not_opted_out",
        order=60,
        met=_("Not opted out"),
        failing=_by_channel(email=_("Opted out of email"), sms=_("Opted out of SMS"), push=_("Opted out of push")),
        word=_("Opted out"),
        help=_("Neither the contact nor anybody at this address opted out of the channel."),
        expression=Q(state_opted_out=False),
        applies=lambda question: question.heeds_opt_outs,
    ),
)
