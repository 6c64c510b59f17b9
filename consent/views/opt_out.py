"""The opt-out link: what RFC 8058 asks of it, and a page with one button for people."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from consent import tokens
from consent.masking import masked
from consent.selectors.choices import agreements, choices_of
from consent.services import confirming, links
from consent.services.links import Link, Scope
from consent.tokens import BadToken
from consent.views.evidence import evidence_of
from consent.views.public import choose_language, public_page, public_view, sealed, senderless_page, sent
from contacts.origin import THE_CONTACT, Origin
from contacts.vocabulary import Channel, Method, Reason


@public_view("GET", "HEAD", "POST")
def opt_out(request: HttpRequest, token: str) -> HttpResponse:
    """Looking asks and changes nothing, for people and for scanners. A POST stops, at once and without a redirect: of
    the page's button, or of a mail provider (RFC 8058), whose body is not even needed."""
    try:
        link = follow(request, token)
    except BadToken as refusal:
        return bad_link(request, refusal)
    if request.method == "POST":
        return _stop(request, token, link)
    return opt_out_page(request, token, link)


def follow(request: HttpRequest, token: str) -> Link:
    """What a token leads to; from here on in the reader's language and the project's time. Raises BadToken."""
    link = links.what_stops(tokens.read(token))
    choose_language(request, link.centre, link.contact)
    timezone.activate(link.project.zone)
    return link


def _stop(request: HttpRequest, token: str, link: Link) -> HttpResponse:
    fields = sent(request)
    by_machine = "List-Unsubscribe" in fields
    wanted = Scope(str(fields["stop"])) if not by_machine and fields.get("stop") in Scope.values else link.stops
    origin = Origin(
        Method.OPT_OUT_LINK, THE_CONTACT, Reason.OWN_REQUEST, evidence=_evidence(request)
    )  # fmt: skip
    stopped = links.stop(link, wanted, origin=origin)
    return done_for_a_machine(stopped) if by_machine else _done_page(request, token, link, stopped)


def opt_out_page(request: HttpRequest, token: str, link: Link) -> HttpResponse:
    """One sentence and one button; once stopped, what was."""
    stopped = links.stopped(link)
    if stopped:
        return _done_page(request, token, link, stopped)
    others = link.project.organization.projects.exclude(pk=link.project.pk)
    context = {**_about(token, link), "has_others": others.exists()}
    return public_page(request, link.project, "consent/public/opt_out.html", context, centre=link.centre)


def done_for_a_machine(stopped: Scope) -> HttpResponse:
    """A provider's program reads no page: that it is stored is all in the status."""
    return sealed(HttpResponse(f"stopped: {stopped}\n", content_type="text/plain; charset=utf-8"))


def _done_page(request: HttpRequest, token: str, link: Link, stopped: Scope) -> HttpResponse:
    """What was stopped, and what still comes."""
    context: dict[str, Any] = {**_about(token, link), "scope": stopped}
    if link.row:
        if stopped == Scope.TYPE:
            context["still_sent"] = choices_of(link.row.contact).still_sent
        context["again"] = uuid.uuid4() if stopped != Scope.ORGANIZATION and _to_return_to(link) else None
    return public_page(request, link.project, "consent/public/opt_out_done.html", context, centre=link.centre)


def _about(token: str, link: Link) -> dict[str, Any]:
    return {
        "token": token,
        "topic": link.topic.name_in() if link.topic else "",
        "has_choices": link.has_choices,
        "address": masked(link.row.channel, link.row.address) if link.row else "",
        "is_device": link.token.channel == Channel.PUSH,
    }


@public_view("GET", "HEAD", "POST")
def resubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """“Receive it again”: a mail to the address that we have asks for it. The answer is the same in all cases."""
    try:
        link = follow(request, token)
    except BadToken as refusal:
        return bad_link(request, refusal)
    if request.method != "POST":
        return opt_out_page(request, token, link)
    offers = _to_return_to(link)
    address = choices_of(link.row.contact).email if link.row else None
    if link.row and offers and address:
        confirming.ask_to_confirm(
            link.project,
            address=address,
            offers=offers,
            contact=link.row.contact,
            evidence=_evidence(request),
            language=request.LANGUAGE_CODE,
            request_id=request_number(request),
        )
    return public_page(request, link.project, "consent/public/asked.html", centre=link.centre)


def _to_return_to(link: Link) -> list[Any]:
    """What somebody who pressed by mistake would receive again: the type, and what else they agreed to."""
    if link.row is None:
        return []
    if link.topic and links.stopped(link) == Scope.TYPE:
        return [(link.topic, link.row.channel)]
    held = agreements(link.row.contact)
    if link.topic and (link.topic, link.row.channel) not in held:
        held.append((link.topic, link.row.channel))
    return held


def request_number(request: HttpRequest) -> uuid.UUID:
    """The number of a form that was sent, which makes a second sending the same; a new one where it has none."""
    try:
        return uuid.UUID(sent(request).get("request_id", ""))
    except ValueError:
        return uuid.uuid4()


def bad_link(request: HttpRequest, refusal: BadToken) -> HttpResponse:
    """In words, whoever asks: nothing is changed."""
    return senderless_page(request, "consent/public/bad_link.html", {"refusal": refusal}, status=404)


def _evidence(request: HttpRequest) -> dict[str, Any]:
    return evidence_of(request, page=request.build_absolute_uri("/u/"), language=request.LANGUAGE_CODE)
