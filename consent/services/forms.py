"""Forms of a project: adding and changing them. What a form says and asks is kept version by version, as proof."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from consent.models import CommunicationType, Form, FormVersion
from consent.vocabulary import FormKind
from contacts.errors import RegisterError
from contacts.models import Project
from contacts.text import clean_text
from contacts.vocabulary import Channel

DETAILS = ("first_name", "last_name", "language")
# A number that is known already is corrected on the page of the contact's own data alone.
FIELDS = (*DETAILS, "sms")
# A push address is a device's: nobody types it.
CHANNELS = (Channel.EMAIL, Channel.SMS)
TEXTS = {"title": 100, "introduction": 1_000, "wording": 2_000, "thanks": 1_000}
MOST_ORIGINS = 20
LONGEST_ORIGIN = 200
_LOCAL = ("localhost", "127.0.0.1", "::1")


class FormIncomplete(RegisterError):
    """A form without a title, a wording or an offer asks for nothing."""

    code = "form_incomplete"
    message = _("Something is missing.")


class BadOrigin(RegisterError):
    code = "bad_origin"
    message = _("This is not the origin of a site.")
    remedy = _("Write one on each line, like https://www.example.org, without a path.")
    field = "embedded_by"


class FormNameTaken(RegisterError):
    code = "form_name_taken"
    message = _("There is a form with this address already.")
    remedy = _("Choose another name.")
    field = "name"


@dataclass(frozen=True, slots=True)
class Content:
    """What a version of a form says (by language), asks for and offers, and which sites may show it in a frame.

    ``offers`` maps the numbers of communication types to channels.
    """

    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fields: Sequence[str] = ()
    offers: Mapping[int, Sequence[str]] = field(default_factory=dict)
    embedded_by: Sequence[str] = ()


def content_of(version: FormVersion) -> Content:
    """What a version says, asks for and offers."""
    offers = {offer["type"]: offer["channels"] for offer in version.offers}
    return Content(version.texts, version.fields, offers, version.embedded_by)


@transaction.atomic
def create_form(project: Project, *, name: str, kind: str, is_open: bool, content: Content, author: str) -> Form:
    """Add a form with its first version. Its address follows from its name, and stays.

    Raises FormIncomplete, BadOrigin, InvalidText, FormNameTaken.
    """
    kept = _cleaned(project, FormKind(kind), content)
    name = clean_text(name, max_length=100, field="name")
    form = Form(project=project, slug=_free_slug(project, name), name=name, kind=kind, is_open=is_open)
    try:
        with transaction.atomic():
            form.save(force_insert=True)
    except IntegrityError as error:
        raise FormNameTaken from error
    FormVersion.objects.create(form=form, number=1, author_label=author, **kept)
    return form


@transaction.atomic
def change_form(form: Form, *, name: str, is_open: bool, content: Content, author: str) -> FormVersion | None:
    """Change a form. What it says, asks for or offers makes a new version, which is returned; None where that stays.

    Raises FormIncomplete, BadOrigin, InvalidText.
    """
    kept = _cleaned(form.project, FormKind(form.kind), content)
    Form.objects.select_for_update().get(pk=form.pk)
    form.name, form.is_open = clean_text(name, max_length=100, field="name"), is_open
    form.save(update_fields=["name", "is_open"])
    last = form.versions.order_by("-number").first()
    if last and all(getattr(last, column) == value for column, value in kept.items()):
        return None
    number = (form.versions.aggregate(last=Max("number"))["last"] or 0) + 1
    return FormVersion.objects.create(form=form, number=number, author_label=author, **kept)


def digest(form: Form) -> str:
    """What a form is, for noticing that somebody else changed it meanwhile."""
    last = form.versions.order_by("-number").values_list("number", flat=True).first()
    return hashlib.sha256(json.dumps([form.name, form.is_open, last]).encode()).hexdigest()[:16]


def _cleaned(project: Project, kind: FormKind, content: Content) -> dict[str, Any]:
    texts = {}
    for language, told in content.texts.items():
        kept = {
            name: clean_text(
                told.get(name, ""), max_length=length, several_lines=name != "title", field=f"{name}_{language}"
            )
            for name, length in TEXTS.items()
        }
        if any(kept.values()):
            texts[language] = _complete(kept, language)
    if not texts:
        first = settings.LANGUAGES[0][0]
        raise FormIncomplete(_("Enter the texts in one language at least."), field=f"title_{first}")
    asked = FIELDS if kind == FormKind.SUBSCRIBE else DETAILS
    fields = [name for name in asked if name in content.fields]
    offers = _offers(project, content.offers)
    if kind == FormKind.SUBSCRIBE and not offers:
        raise FormIncomplete(_("Offer one communication type at least."), field="offers")
    is_by_sms = any(Channel.SMS in offer["channels"] for offer in offers)
    if kind == FormKind.SUBSCRIBE and is_by_sms and "sms" not in fields:
        raise FormIncomplete(_("For what is sent by SMS the form has to ask for the number."), field="fields")
    origins = list(dict.fromkeys(_origin(text) for text in content.embedded_by if text.strip()))
    if len(origins) > MOST_ORIGINS:
        raise BadOrigin(_("These are too many sites."), remedy="")
    return {"texts": texts, "fields": fields, "offers": offers, "embedded_by": origins}


def _complete(kept: dict[str, str], language: str) -> dict[str, str]:
    for name, words in (
        ("title", _("Enter a title, for example “Our newsletter”.")),
        ("wording", _("Enter what people agree to: it is kept as the proof.")),
    ):
        if not kept[name]:
            raise FormIncomplete(words, field=f"{name}_{language}")
    return kept


def _offers(project: Project, wanted: Mapping[int, Sequence[str]]) -> list[dict[str, Any]]:
    topics = CommunicationType.objects.in_project(project).in_use().filter(administrative=False)
    offers = [
        {"type": topic.pk, "channels": channels}
        for topic in topics
        if (
            channels := [
                str(channel)
                for channel in CHANNELS
                if channel in wanted.get(topic.pk, ()) and channel in topic.channels
            ]
        )
    ]
    return offers


def _origin(text: str) -> str:
    """An origin as browsers write it (RFC 6454). HTTPS, but on this machine."""
    text = text.strip().rstrip("/").lower()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadOrigin from error
    host = parts.hostname or ""
    is_secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOCAL)
    named = host.replace("-", "").replace(".", "").isalnum() and host.isascii()
    if not is_secure or not named or len(text) > LONGEST_ORIGIN or port == 0:
        raise BadOrigin
    origin = f"{parts.scheme}://{host}{f':{port}' if port else ''}"
    if text != origin:
        raise BadOrigin
    return origin


def _free_slug(project: Project, name: str) -> str:
    wanted = slugify(f"{project.slug}-{name}")[:44].strip("-") or "form"
    taken = set(Form.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    numbered = (f"{wanted}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (wanted, *numbered) if slug not in taken)
