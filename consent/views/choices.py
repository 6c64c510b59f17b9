"""The consent centre, as contacts see it: what is sent, a switch for each, and the way to their data."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from consent.masking import masked
from consent.selectors.choices import choices_of
from consent.services import choosing, mailing
from consent.services.choosing import Saved, Wish
from consent.services.links import Link
from consent.tokens import BadToken
from consent.views.evidence import evidence_of
from consent.views.opt_out import bad_link, follow, opt_out_page, request_number
from consent.views.public import public_page, public_view, sent
from consent.vocabulary import LinkPurpose
from contacts.errors import StaleConfirmation

PERSONAL_LASTS = timedelta(minutes=30)


@public_view("GET", "HEAD", "POST")
def choices(request: HttpRequest, token: str) -> HttpResponse:
    """Looking shows, a POST saves the switches that were moved. Who reads a message to an address that the contact does
    not have any more can only opt out, and so can everybody where there is no centre."""
    try:
        link = follow(request, token)
    except BadToken as refusal:
        return bad_link(request, refusal)
    if link.row is None or not link.has_choices:
        return opt_out_page(request, token, link)
    if request.method != "POST":
        return _page(request, token, link)
    try:
        saved = choosing.choose(
            link.row.contact,
            _wishes(request),
            evidence=_evidence(request),
            language=request.LANGUAGE_CODE,
            request_id=request_number(request),
        )
    except StaleConfirmation as refusal:
        return _page(request, token, link, refusal=refusal)
    return _page(request, token, link, saved=saved, saved_at=timezone.now())


def _wishes(request: HttpRequest) -> dict[str, Wish]:
    fields = sent(request)
    return {
        name.removeprefix("was-"): Wish(fields[name] == "on", fields.get(name.removeprefix("was-")) == "on")
        for name in fields
        if name.startswith("was-")
    }


def _page(request: HttpRequest, token: str, link: Link, **answer: Saved | Any) -> HttpResponse:
    assert link.row is not None
    contact = link.row.contact
    contact.refresh_from_db()
    others = link.project.organization.projects.exclude(pk=link.project.pk)
    context = {
        "token": token,
        "address": masked(link.row.channel, link.row.address),
        "choices": choices_of(contact),
        "introduction": link.centre.introduction.get(request.LANGUAGE_CODE, ""),
        "request_id": uuid.uuid4(),
        "has_others": others.exists(),
        **answer,
    }
    return public_page(request, link.project, "consent/public/choices.html", context, centre=link.centre)


@public_view("GET", "HEAD", "POST")
def ask_personal(request: HttpRequest, token: str) -> HttpResponse:
    """A link to the personal data goes to the address that we have, since who reads a message may be another. The
    answer is the same in all cases."""
    try:
        link = follow(request, token)
    except BadToken as refusal:
        return bad_link(request, refusal)
    if request.method != "POST":
        return choices(request, token)
    address = choices_of(link.row.contact).email if link.row else None
    if link.row and address:
        with transaction.atomic():
            mailing.mail_link(
                link.project,
                purpose=LinkPurpose.PERSONAL,
                address=address,
                contact=link.row.contact,
                language=request.LANGUAGE_CODE,
                asked={},
                lasts=PERSONAL_LASTS,
                request_id=request_number(request),
            )
    return public_page(request, link.project, "consent/public/asked_personal.html", centre=link.centre)


def _evidence(request: HttpRequest) -> dict[str, Any]:
    return evidence_of(request, page=request.build_absolute_uri("/c/"), language=request.LANGUAGE_CODE)
