"""What a contact sees and changes of their own data, behind a link that was mailed to them.

A GET changes nothing: scanners of mail follow links. The POST of its one button uses the link; what follows carries a
pass (``consent.services.personal``) in a hidden field. Nothing personal is in an address, and no cookie is set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from consent.forms.personal import EmailForm, NameForm, PhoneForm
from consent.models import Centre, MailedLink
from consent.selectors.personal import Held, held_of
from consent.services import personal as own_data
from consent.services.mailing import link_of, use
from consent.services.requests import ask_erasure
from consent.views.evidence import evidence_of
from consent.views.public import centre_of, choose_language, public_page, public_view, sent
from consent.views.unknown import unknown_link
from consent.vocabulary import LinkPurpose, RequestState
from contacts.errors import RegisterError
from contacts.models import Contact
from contacts.services.register import correct_name

OVER = 410
SHOWN = 30


@dataclass
class Visit:
    """What one request is about: the link, whose data it shows, how the page looks, and what is said on it."""

    request: HttpRequest
    link: MailedLink
    contact: Contact | None
    centre: Centre
    done: str = ""
    opened: str = ""
    forms: dict[str, Any] = field(default_factory=dict)

    @property
    def sent(self) -> QueryDict:
        return sent(self.request)

    @property
    def sender(self) -> str:
        return self.centre.sender_name or self.link.project.organization.name

    @property
    def language(self) -> str:
        return translation.get_language() or ""

    @property
    def evidence(self) -> dict[str, Any]:
        """How the person acted. The whole address of the page stays out of it: the link is in it."""
        return evidence_of(self.request, page="/c/data/", language=self.language)

    def page(self, template: str, context: dict[str, Any] | None = None, *, status: int = 200) -> HttpResponse:
        return public_page(
            self.request, self.link.project, template, {"link": self.link, **(context or {})},
            centre=self.centre, status=status,
        )  # fmt: skip

    def over(self) -> HttpResponse:
        """The link shows nothing any more; where it is still the contact's, another one can be asked for."""
        context = {
            "may_ask_again": self.contact is not None,
            "is_late": self.link.expires_at <= timezone.now(),
            "lost": self.sent.get("action") in _ACTIONS,
            "done": self.done,
        }
        return self.page("consent/public/personal_over.html", context, status=200 if self.done else OVER)


@public_view("GET", "HEAD", "POST")
def personal(request: HttpRequest, token: str) -> HttpResponse:
    """One button; behind it, once, all that is held, and what the person does with it while the link lasts."""
    visit = _visit(request, token, LinkPurpose.PERSONAL)
    if visit is None:
        return unknown_link(request)
    visit.contact = contact = own_data.holder_of(visit.link)
    choose_language(request, visit.centre, contact)
    if request.method == "POST" and visit.sent.get("action") == "again":
        return _again(visit)
    if contact is None:
        return visit.over()
    if request.method != "POST":
        return visit.over() if own_data.is_over(visit.link) else visit.page("consent/public/personal_open.html")
    if "pass" in visit.sent:
        if not own_data.is_pass(visit.sent.get("pass", ""), visit.link, contact):
            return visit.over()
        return _act(visit, contact)
    with transaction.atomic():
        if not use(visit.link):
            return visit.over()
        return _shown(visit, contact)


@public_view("GET", "HEAD", "POST")
def new_address(request: HttpRequest, token: str) -> HttpResponse:
    """The link that was mailed to a new address: the POST of its button puts it in the place of the old one."""
    visit = _visit(request, token, LinkPurpose.NEW_ADDRESS)
    if visit is None:
        return unknown_link(request)
    contact = own_data.awaits_confirmation(visit.link)
    choose_language(request, visit.centre, contact)
    template = "consent/public/new_address.html"
    if visit.link.used_at is not None and request.method == "POST":
        return visit.page(template, {"is_done": True})
    if contact is None or own_data.is_over(visit.link):
        return visit.page(template, {"is_over": True}, status=OVER)
    if request.method != "POST":
        return visit.page(template)
    try:
        own_data.confirm_new_email(visit.link)
    except RegisterError:
        return visit.page(template, {"is_over": True}, status=OVER)
    return visit.page(template, {"is_done": True})


def _visit(request: HttpRequest, token: str, purpose: LinkPurpose) -> Visit | None:
    link = link_of(token, purpose)
    if link is None:
        return None
    timezone.activate(link.project.zone)
    return Visit(request, link, None, centre_of(link.project))


def _again(visit: Visit) -> HttpResponse:
    """Whatever becomes of it, the same is said: who has an old link learns nothing."""
    if visit.contact is not None:
        own_data.mail_personal_link(visit.contact, language=visit.language, evidence=visit.evidence)
    visit.done = _("A new link is on its way, to the address to which this one was mailed.")
    return visit.over()


# What the person does


def _act(visit: Visit, contact: Contact) -> HttpResponse:
    action = visit.sent.get("action", "")
    if action in _DOWNLOADS:
        return _DOWNLOADS[action](visit, contact)
    do = _ACTIONS.get(action)
    try:
        if do is not None:
            do(visit, contact)
    except RegisterError:  # erased or merged in this moment
        visit.contact = own_data.holder_of(visit.link)
        if visit.contact is None:
            return visit.over()
        raise
    return _shown(visit, contact)


def _correct(visit: Visit, contact: Contact) -> None:
    form = visit.forms["name_form"] = NameForm(visit.sent, contact=contact)
    if not form.is_valid():
        visit.opened = "name"
        return
    values = {name: form.cleaned_data[name] for name in ("first_name", "last_name", "language")}
    correct_name(contact, **values)
    del visit.forms["name_form"]
    choose_language(visit.request, visit.centre, contact)
    visit.done = _("Your name and language are saved.")


def _change_email(visit: Visit, contact: Contact) -> None:
    form = visit.forms["email_form"] = EmailForm(visit.sent)
    if form.is_valid():
        try:
            address = own_data.ask_new_email(
                contact, form.cleaned_data["address"], language=visit.language, evidence=visit.evidence,
                request_id=form.request_number,
            )  # fmt: skip
        except RegisterError as error:
            form.refuse(error)
        else:
            del visit.forms["email_form"]
            told = _("A link is on its way to %(address)s. Your address changes when you confirm it there.")
            visit.done = told % {"address": address.shown}
            return
    visit.opened = "email"


def _change_phone(visit: Visit, contact: Contact) -> None:
    form = visit.forms["phone_form"] = PhoneForm(visit.sent)
    if form.is_valid():
        try:
            number = own_data.change_phone(
                contact, form.cleaned_data["address"], language=visit.language, evidence=visit.evidence,
                request_id=form.request_number,
            )  # fmt: skip
        except RegisterError as error:
            form.refuse(error)
        else:
            del visit.forms["phone_form"]
            told = _("Your number is %(number)s now. We mail you that it was changed.")
            visit.done = told % {"number": number.shown} if number else _("Your number is removed.")
            return
    visit.opened = "phone"


def _ask_erasure(visit: Visit, contact: Contact) -> None:
    ask_erasure(contact)
    visit.done = _("Your request to be erased is noted.")


_ACTIONS = {"name": _correct, "email": _change_email, "phone": _change_phone, "erase": _ask_erasure}


# What the person sees


def _shown(visit: Visit, contact: Contact) -> HttpResponse:
    held = held_of(contact, sender=visit.sender, most=SHOWN)
    numbers = {address.channel: address.address for address in held.addresses}
    context: dict[str, Any] = {
        "held": held,
        "contact": contact,
        "pass": own_data.pass_for(visit.link, contact),
        "chosen_language": visit.sent.get("lang", "") or visit.request.GET.get("lang", ""),
        "done": visit.done,
        "opened": visit.opened,
        "asked": next((asked for asked in held.requests if asked.state == RequestState.OPEN), None),
        "refused": next((asked for asked in held.requests if asked.state == RequestState.REFUSED), None),
        "name_form": NameForm(contact=contact),
        "email_form": EmailForm(),
        "phone_form": PhoneForm(initial={"address": numbers.get("sms", "")}),
        **visit.forms,
    }
    context["form"] = next(iter(visit.forms.values()), None)
    return visit.page("consent/public/personal.html", context)


def _as_json(visit: Visit, contact: Contact) -> HttpResponse:
    held = held_of(contact, sender=visit.sender)
    response = JsonResponse(
        held.as_data(), encoder=DjangoJSONEncoder, json_dumps_params={"indent": 2, "ensure_ascii": False}
    )
    return _file(response, "json")


def _as_page(visit: Visit, contact: Contact) -> HttpResponse:
    held: Held = held_of(contact, sender=visit.sender)
    text = render_to_string("consent/public/personal_file.html", {"held": held, "language": visit.language})
    return _file(HttpResponse(text, content_type="text/html; charset=utf-8"), "html")


_DOWNLOADS = {"json": _as_json, "html": _as_page}


def _file(response: HttpResponse, kind: str) -> HttpResponse:
    name = f"your-data-{timezone.localdate():%Y-%m-%d}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
