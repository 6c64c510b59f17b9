"""Confirming an opt-in. Looking changes nothing, since programs that scan mails follow links."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from consent.masking import masked
from consent.models import Centre, MailedLink
from consent.selectors.offers import named
from consent.services import confirming, mailing
from consent.services.confirming import Confirmed, LinkOver
from consent.tokens import token_for
from consent.views.evidence import evidence_of
from consent.views.public import centre_of, choose_language, public_page, public_view
from consent.views.unknown import unknown_link
from consent.vocabulary import LinkPurpose
from contacts.models import ChannelStatus, Contact
from contacts.vocabulary import Channel


@public_view("GET", "HEAD", "POST")
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """One sentence and one button; the button confirms, once."""
    link = mailing.link_of(token, LinkPurpose.CONFIRM)
    if link is None:
        return unknown_link(request)
    centre = centre_of(link.project)
    choose_language(request, centre, Contact(language=link.language))
    if link.used_at or link.expires_at <= timezone.now():
        return _over(request, link, centre)
    if request.method == "POST":
        try:
            done = confirming.confirm(link, evidence_of(request))
        except LinkOver:
            link.refresh_from_db()
            return _over(request, link, centre)
        return _done(request, link, centre, done)
    context = {
        "offers": named(confirming.offers_of(link)),
        "wording": link.asked.get("evidence", {}).get("wording", ""),
        "address": masked(Channel.EMAIL, link.address),
    }
    return public_page(request, link.project, "consent/public/confirm.html", context, centre=centre)


def _over(request: HttpRequest, link: MailedLink, centre: Centre) -> HttpResponse:
    context: dict[str, Any] = {"used_at": link.used_at}
    status = 200 if link.used_at else 410
    return public_page(request, link.project, "consent/public/confirm_over.html", context, centre=centre, status=status)


def _done(request: HttpRequest, link: MailedLink, centre: Centre, done: Confirmed) -> HttpResponse:
    row = ChannelStatus.objects.filter(contact=done.contact, channel=Channel.EMAIL).with_address().first()
    context = {
        "agreed": named(offer for offer in done.agreed if offer not in done.held_back),
        "held_back": named(done.held_back),
        "choices": token_for(row) if row and centre.is_open else "",
    }
    return public_page(request, link.project, "consent/public/confirm_done.html", context, centre=centre)
