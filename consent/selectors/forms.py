"""Public forms as users see them: the list, a version in words, and what to copy into another site."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.template.loader import render_to_string
from django.utils import translation

from consent.forms.forms import ASKED
from consent.forms.public import PublicForm
from consent.models import CommunicationType, Form, FormVersion
from consent.selectors.offers import Named, named
from consent.services.mailing import public_url
from consent.vocabulary import FormKind
from contacts.models import Project
from contacts.vocabulary import Channel


@dataclass(frozen=True, slots=True)
class Line:
    """A form in the list, with its last version's number and day."""

    form: Form
    version: int
    changed_at: datetime

    @property
    def kind(self) -> str:
        return str(FormKind(self.form.kind).label)


def forms_of(project: Project) -> list[Line]:
    """The forms of a project by name."""
    last = FormVersion.objects.filter(form=OuterRef("pk")).order_by("-number")
    rows = Form.objects.filter(project=project).annotate(
        version=Subquery(last.values("number")[:1]), changed_at=Subquery(last.values("created_at")[:1])
    )
    return [Line(row, row.version, row.changed_at) for row in rows]


@dataclass(frozen=True, slots=True)
class Told:
    """What a version says in one language."""

    code: str
    language: str
    texts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Version:
    """A version in words: its texts by language, what it asks for and offers, and who may show it."""

    row: FormVersion
    told: list[Told]
    asked: list[str]
    offers: list[Named]


def version_of(version: FormVersion) -> Version:
    """A version in words. Types that are archived by now are in it: it says what was offered."""
    told = [Told(code, name, version.texts[code]) for code, name in settings.LANGUAGES if code in version.texts]
    offers = named(_offers(version))
    return Version(version, told, [str(ASKED[name]) for name in version.fields if name in ASKED], offers)


def _offers(version: FormVersion) -> Iterable[tuple[CommunicationType, str]]:
    topics = CommunicationType.objects.filter(project=version.form.project_id)
    found = topics.in_bulk([offer["type"] for offer in version.offers])
    return [
        (found[offer["type"]], channel)
        for offer in version.offers
        if offer["type"] in found
        for channel in Channel.values
        if channel in offer["channels"]
    ]


@dataclass(frozen=True, slots=True)
class Snippets:
    """The address of a form, and what a site shows it with: a frame, or a form of its own."""

    url: str
    frame: str
    html: str


def snippets_of(version: FormVersion) -> Snippets:
    """What to copy, in the language in force where the form has it."""
    form = version.form
    url = public_url(form.get_absolute_url())
    language = next(
        (code for code in (translation.get_language(), *version.texts) if code in version.texts), settings.LANGUAGE_CODE
    )
    with translation.override(language):
        told = version.texts.get(language, {})
        context = {"url": url, "language": language, "told": told, "form": PublicForm(version)}
        frame = render_to_string("consent/form_frame.txt", context).strip()
        html = render_to_string("consent/form_html.txt", context).strip()
    return Snippets(url, frame, html if form.kind == FormKind.SUBSCRIBE else "")
