"""What must be known before a contact is activated: why they are inactive, who may, what it would change."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.access import Access
from contacts.dates import long_day
from contacts.eligibility import Question, explain
from contacts.errors import RegisterError
from contacts.models import ChannelStatus, Contact
from contacts.origin import Authorization
from contacts.selectors.entries import EntryInWords, in_sentence
from contacts.selectors.standing import NoOnChannel, noes_of_contact, standing_on, words_of
from contacts.selectors.who_may import ask_an_admin, ask_an_organization_admin
from contacts.services.authority import judge
from contacts.services.opt_outs import opt_out_gates
from contacts.services.status import noes_of, switch_gates
from contacts.vocabulary import Aspect, AuthorizationSource, BlockKind, Channel, Weight


@dataclass(frozen=True, slots=True)
class Outlook:
    """One channel as it would be if the switch were on: what still fails (empty: it can be sent again), and
    since when and why. ``glyph`` is ok, no, or na where there is nothing to write to."""

    channel_label: str
    glyph: str
    failing: str
    causes: tuple[NoOnChannel, ...]


@dataclass(frozen=True, slots=True)
class Activation:
    """``weight`` is that of the heaviest no that stands, ``refusal`` why this user may not lift it (empty:
    they may). ``coverable`` are the opt-outs that an authorization of theirs could cover: channel and words.
    ``shown`` stands for the noes that this shows."""

    causes: list[EntryInWords]
    weight: int
    refusal: str
    ask: str
    again: list[Outlook]
    blocked: list[Outlook]
    coverable: list[tuple[str, str]]
    shown: str

    @property
    def asked_to_stop(self) -> bool:
        return self.weight in (Weight.REPORTED, Weight.OWN)

    @property
    def needs_admin(self) -> bool:
        return self.weight == Weight.OWN

    @property
    def is_complaint(self) -> bool:
        return self.weight == Weight.COMPLAINT


def activation_of(contact: Contact, access: Access) -> Activation:
    """Everything that the confirmation of an activation shows, in a number of queries that history does not move."""
    shown = noes_of([contact.pk])  # read first: what comes meanwhile is not taken for shown
    noes = noes_of_contact(contact, [(Aspect.ACTIVE, "")]) if not contact.is_active else []
    weight = max((no.weight for no in noes), default=Weight.OURS)
    lasting = {channel: standing_on(contact, channel, access) for channel in Channel.values}
    outlooks = [_outlook(contact, channel, lasting[channel]) for channel in Channel.values]
    refused = _refusal(contact, access)
    return Activation(
        causes=words_of(noes, access),
        weight=weight,
        refusal=_in_words(weight) if refused else "",
        ask=_whom_to_ask(weight, access) if refused else "",
        again=[outlook for outlook in outlooks if outlook.glyph == "ok"],
        blocked=[outlook for outlook in outlooks if outlook.glyph != "ok"],
        coverable=[] if refused else _coverable(contact, access, lasting),
        shown=shown,
    )


def _outlook(contact: Contact, channel: str, lasting: list[NoOnChannel]) -> Outlook:
    verdict = explain(contact, Question(channel))
    others = [outcome for outcome in verdict.outcomes if outcome.key != "active"] if verdict else []
    failing = next((outcome for outcome in others if not outcome.met), None)
    glyph = "ok" if failing is None else "na" if failing.key == "has_address" else "no"
    return Outlook(str(Channel(channel).label), glyph, str(failing.word) if failing else "", tuple(lasting))


def _refusal(contact: Contact, access: Access) -> RegisterError | None:
    """What the service would answer this user, whatever authorization they hold."""
    judgement = judge(
        switch_gates(contact.as_set().inactive()),
        origin=access.origin(),
        authorization=_of_today(access),
        zone=access.project.zone,
        moment=timezone.now(),
    )
    return judgement.skipped[0].error if judgement.skipped else None


def _coverable(contact: Contact, access: Access, lasting: dict[str, list[NoOnChannel]]) -> list[tuple[str, str]]:
    own = ChannelStatus.objects.filter(contact=contact, own_opt_out=True)
    judgement = judge(
        opt_out_gates(own),
        origin=access.origin(),
        authorization=_of_today(access),
        zone=access.project.zone,
        moment=timezone.now(),
    )
    channels = own.filter(pk__in=judgement.may_open).values_list("channel", flat=True)
    found = []
    for channel in sorted(channels, key=Channel.values.index):
        said = max(no.since for no in lasting[channel] if no.kind == BlockKind.OPT_OUT)
        day = long_day(said)
        words = _("The authorization also covers the opt-out of %(channel)s of %(date)s")
        found.append((channel, words % {"channel": in_sentence(channel), "date": day}))
    return found


def _of_today(access: Access) -> Authorization:
    return Authorization(AuthorizationSource.OTHER, "", timezone.now().astimezone(access.project.zone).date())


def _in_words(weight: int) -> str:
    if weight == Weight.COMPLAINT:
        return _("Only an admin of the organization may activate a contact who complained about spam.")
    if weight == Weight.OWN:
        return _("Only an admin may activate a contact who opted out.")
    return _("Only an editor may activate this contact.")


def _whom_to_ask(weight: int, access: Access) -> str:
    if weight == Weight.COMPLAINT:
        return ask_an_organization_admin(access.project)
    return ask_an_admin(access.project)
