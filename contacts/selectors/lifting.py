"""What must be known before an opt-out is lifted: the noes that shut the channel, and who may lift them."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from contacts.access import Access
from contacts.models import ChannelStatus
from contacts.selectors.standing import NoOnChannel, standing_on
from contacts.selectors.who_may import ask_an_admin, ask_an_organization_admin
from contacts.services.opt_outs import noes_on
from contacts.vocabulary import BlockKind, Weight


@dataclass(frozen=True, slots=True)
class Lifting:
    """``noes`` are those that an authorization could lift, strongest first, ``lasting`` what it leaves in place.

    ``refusal`` says why this user may not, and ``ask`` whom to ask; both empty where they may. ``shown`` stands
    for the noes that this shows.
    """

    noes: list[NoOnChannel]
    lasting: list[NoOnChannel]
    weight: int
    refusal: str
    ask: str
    shown: str

    @property
    def is_own_act(self) -> bool:
        return self.weight >= Weight.OWN


def is_liftable(no: NoOnChannel) -> bool:
    """An opt-out of the contact or of their address in this project; an organization's is lifted on its own list."""
    return no.kind == BlockKind.OPT_OUT and not no.is_organization_wide


def lifting_of(status: ChannelStatus, access: Access) -> Lifting:
    """What lifting the opt-out of a contact's channel takes, and what stays blocked all the same."""
    shown = noes_on([status.contact.pk], status.channel)
    stops = standing_on(status.contact, status.channel, access)
    noes = [no for no in stops if is_liftable(no)]
    weight = max((no.weight for no in noes), default=Weight.OURS)
    refused = weight > access.authority
    return Lifting(
        noes=noes,
        lasting=[no for no in stops if not is_liftable(no)],
        weight=weight,
        refusal=who_may_lift(weight) if refused else "",
        ask=_whom_to_ask(weight, access) if refused else "",
        shown=shown,
    )


def who_may_lift(weight: int) -> str:
    """Who may lift an opt-out of this weight, for somebody who may not."""
    if weight == Weight.COMPLAINT:
        return _("Only an admin of the organization may lift the opt-out: the contact complained about spam.")
    return _("Only an admin may lift the opt-out: the contact opted out themselves.")


def _whom_to_ask(weight: int, access: Access) -> str:
    if weight == Weight.COMPLAINT:
        return ask_an_organization_admin(access.project)
    return ask_an_admin(access.project)
