"""The profile's tab of opt-ins: what a contact agreed to, type by type, and how that came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from consent.models import CommunicationType, Consent, ConsentHistory
from consent.models.ledger import ConsentHistoryQuerySet
from consent.selectors.entries import described, read
from consent.selectors.matrix import Cause, basis_of, consents_of
from consent.vocabulary import ConsentState, ImpliedBy
from contacts.access import Access
from contacts.dates import short_day
from contacts.models import ChannelStatus, Contact
from contacts.selectors.entries import EntryInWords
from contacts.selectors.keyset import page_of
from contacts.selectors.who_may import ask_an_admin, ask_an_organization_admin
from contacts.vocabulary import Channel, Weight

TAB = "consents"
COUNTED_UP_TO = 1_000
PAGE = 15
GLYPHS = {ConsentState.EXPRESS: "ok", ConsentState.IMPLIED: "ok", ConsentState.NONE: "na", ConsentState.PENDING: "na"}


@dataclass(frozen=True, slots=True)
class OptIn:
    """One type on one channel: what holds, since and until when, the entry behind it, and what this user may do."""

    name: str
    channel_label: str
    is_archived: bool
    glyph: str
    word: str
    since: datetime | None
    entry: Cause
    ends: str
    grant_url: str
    withdraw_url: str
    ask: str


@dataclass(frozen=True, slots=True)
class OptIns:
    rows: list[OptIn]
    entries: list[EntryInWords]
    newer_url: str
    older_url: str
    receipt_url: str


def count(contact: Contact) -> int | None:
    """How many entries there are, up to some more than are told; None where nothing needs consent here."""
    held = entries_of(contact).order_by()[: COUNTED_UP_TO + 1].count()
    if held or CommunicationType.objects.filter(project=contact.project_id, administrative=False).in_use().exists():
        return held
    return None


def entries_of(contact: Contact) -> ConsentHistoryQuerySet:
    """What was said of the contact, and of who was merged into them."""
    person = Contact.objects.filter(Q(pk=contact.pk) | Q(merged_into=contact))
    return ConsentHistory.objects.filter(contact__in=person.values("pk"), project=contact.project_id)


def opt_ins_of(contact: Contact, access: Access, query: Mapping[str, str]) -> dict[str, Any]:
    """What the tab shows. Raises BadCursor."""
    page = page_of(
        entries_of(contact).values("id", "recorded_at"),
        order=("-recorded_at", "-id"), cursor=query.get("cursor", ""), size=PAGE,
    )  # fmt: skip
    numbers = [row["id"] for row in page.rows]
    rows = read(ConsentHistory.objects.filter(pk__in=numbers)).order_by("-recorded_at", "-id")
    return {
        "opt_ins": OptIns(
            rows=_rows(contact, access),
            entries=described(list(rows), access),
            newer_url=_page_url(contact, page.previous),
            older_url=_page_url(contact, page.next),
            receipt_url=reverse("consent:receipt", args=[access.project.slug, contact.pk]),
        )
    }


def _page_url(contact: Contact, cursor: str) -> str:
    query = urlencode({"tab": TAB, "cursor": cursor})
    return f"{contact.get_absolute_url()}?{query}#tab" if cursor else ""


def _rows(contact: Contact, access: Access) -> list[OptIn]:
    """A row for each type on each channel on which the contact has an address, or ever said something."""
    about = Consent.objects.filter(contact=contact, communication_type=OuterRef("pk"))
    types = CommunicationType.objects.in_project(access.project).filter(administrative=False)
    shown = types.in_use() | types.filter(Exists(about))
    held = consents_of(contact)
    addresses = ChannelStatus.objects.filter(contact=contact).with_address()
    reached = set(addresses.values_list("channel", flat=True)) or set(Channel.values)
    may_lift = _Lifting(access)
    return [
        _row(topic, channel, held.get((topic.pk, channel)), contact, access, may_lift)
        for topic in shown
        for channel in Channel.values
        if (channel in topic.channels and channel in reached) or (topic.pk, channel) in held
    ]


def _row(
    topic: CommunicationType, channel: str, consent: Any, contact: Contact, access: Access, may_lift: _Lifting
) -> OptIn:
    state = ConsentState(consent.state) if consent else ConsentState.NONE
    slug = access.project.slug
    weight = consent.withdrawal_weight if consent and state == ConsentState.WITHDRAWN else None
    is_open = topic.is_sent_on(channel)
    may_grant = access.may_edit and is_open
    is_refused = may_grant and weight is not None and weight > access.authority
    place = [slug, contact.pk, topic.pk, channel]
    return OptIn(
        name=topic.name_in(),
        channel_label=str(Channel(channel).label),
        is_archived=topic.is_archived,
        glyph=GLYPHS.get(state, "no"),
        word=str(state.label),
        since=_since(consent, state),
        entry=basis_of(consent, topic, [slug, contact.pk]),
        ends=_ends(consent, state),
        grant_url=reverse("consent:grant", args=place) if may_grant and not is_refused else "",
        withdraw_url=reverse("consent:withdraw", args=place) if may_grant else "",
        ask=may_lift.ask(weight) if is_refused and weight is not None else "",
    )


def _since(consent: Any, state: ConsentState) -> datetime | None:
    moments = {
        ConsentState.EXPRESS: "express_at",
        ConsentState.WITHDRAWN: "withdrawn_at",
        ConsentState.PENDING: "pending_at",
        ConsentState.IMPLIED: "implied_at",
        ConsentState.ENDED: "implied_at",
    }
    since: datetime | None = getattr(consent, moments[state]) if state in moments else None
    return since


def _ends(consent: Any, state: ConsentState) -> str:
    if state == ConsentState.EXPRESS:
        return _("When it is withdrawn")
    if state not in (ConsentState.IMPLIED, ConsentState.ENDED):
        return ""
    day = short_day(consent.implied_until)
    by = ImpliedBy(consent.implied_by or ImpliedBy.OTHER)
    return day if by == ImpliedBy.OTHER else _("%(date)s, by %(cause)s") % {"date": day, "cause": str(_CAUSES[by])}


_CAUSES = {
    ImpliedBy.INQUIRY: pgettext_lazy("implied by", "an inquiry"),
    ImpliedBy.PURCHASE: pgettext_lazy("implied by", "a purchase"),
    ImpliedBy.MEMBERSHIP: pgettext_lazy("implied by", "a membership"),
}


class _Lifting:
    """Whom to ask about a withdrawal that this user may not lift; each weight is looked up once."""

    def __init__(self, access: Access) -> None:
        self.access, self.asked = access, dict[int, str]()

    def ask(self, weight: int) -> str:
        if weight not in self.asked:
            find = ask_an_organization_admin if weight == Weight.COMPLAINT else ask_an_admin
            self.asked[weight] = find(self.access.project)
        return self.asked[weight]
