"""The application in French: every string is translated, and what was compiled is what was translated.

None of this needs the programs of gettext; ``make messages`` does (docs/translating.md).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation.template import templatize

from consent.tokens import token_for
from contacts.models import Contact, ImportRow, Project, User
from contacts.models.imports import ImportMode, ImportState
from contacts.templatetags.sendable import day, number, share, short_day
from contacts.vocabulary import Channel
from tests.factories import CommunicationTypeFactory, ContactFactory
from tests.imports import run, staged

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "locale" / "fr" / "LC_MESSAGES"
FUNCTIONS = {
    "_": (0, None), "gettext": (0, None), "gettext_lazy": (0, None), "pgettext": (1, 0), "pgettext_lazy": (1, 0),
    "ngettext": (0, None), "ngettext_lazy": (0, None), "npgettext": (1, 0), "npgettext_lazy": (1, 0),
}  # fmt: skip
Said = tuple[str, str]


@pytest.fixture(scope="module")
def translated() -> polib.POFile:
    return polib.pofile(str(FOLDER / "django.po"))


def said_in_python(text: str) -> Iterator[Said]:
    """Context and text of every call of gettext in a module."""
    for node in ast.walk(ast.parse(text)):
        name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        if name in FUNCTIONS and isinstance(node, ast.Call):
            place, context = FUNCTIONS[name]
            words = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            if len(words) > place:
                yield words[context] if context is not None else "", words[place]


def said_in_template(text: str) -> Iterator[Said]:
    """The same of a template, by way of the Python-like text that Django hands to xgettext."""
    quoted = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    for name, first, second in re.findall(rf"\b(\w*gettext|_)\({quoted}(?:,\s*{quoted})?", templatize(text)):
        context, words = (first, second) if name in ("pgettext", "npgettext") else ("''", first)
        yield ast.literal_eval(context), ast.literal_eval(words)


def sources() -> Iterator[tuple[Path, Said]]:
    for folder in ("config", "contacts", "consent"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for said in said_in_python(path.read_text()):
                yield path, said
    for path in sorted((ROOT / "templates").rglob("*.*")):
        for said in said_in_template(path.read_text()):
            yield path, said


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)[a-z]|\{\w+\}|</?\w+", text))


def sayings(entry: polib.POEntry) -> Iterator[tuple[str, str]]:
    """Pairs of an original and its translation."""
    if entry.msgid_plural:
        yield from ((entry.msgid_plural, entry.msgstr_plural[form]) for form in sorted(entry.msgstr_plural))
    else:
        yield entry.msgid, entry.msgstr


def test_every_string_is_translated(translated: polib.POFile) -> None:
    assert [entry.msgid for entry in translated if entry.fuzzy or not entry.translated()] == []


def test_every_string_of_the_sources_was_gathered(translated: polib.POFile) -> None:
    known = {(entry.msgctxt or "", entry.msgid) for entry in translated}
    assert len(known) > 1500
    missing = [f"{path.relative_to(ROOT)}: {said[1]}" for path, said in sources() if said not in known and said[1]]
    assert missing == [], "“make messages” gathers them (docs/translating.md)"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% translate 'To be said' %}", ("", "To be said")),
        ('{% include "x.html" with label=_("To be said") only %}', ("", "To be said")),
        ("{% blocktranslate trimmed %}\nTo be\nsaid\n{% endblocktranslate %}", ("", "To be said")),
        ("{% blocktranslate count n=n %}One{% plural %}{{ n }} of them{% endblocktranslate %}", ("", "One")),
        ('{% translate "It’s" context "a list" %}', ("a list", "It’s")),
    ],
)
def test_strings_of_templates_are_found(template: str, said: Said) -> None:
    assert list(said_in_template(template)) == [said]


def test_strings_of_modules_are_found() -> None:
    text = "_('One')\ngettext_lazy('Two')\npgettext('a list', 'Three')\nngettext('Four', '%(n)d', n)"
    assert list(said_in_python(text)) == [("", "One"), ("", "Two"), ("a list", "Three"), ("", "Four")]


def test_placeholders_and_tags_are_those_of_the_original(translated: polib.POFile) -> None:
    wrong = []
    for entry in translated:
        for original, french in sayings(entry):
            missing_in_one = entry.msgid_plural and french == entry.msgstr_plural[0]
            given, needed = placeholders(french), placeholders(original)
            if not (set(given) <= set(needed) if missing_in_one else given == needed):
                wrong.append((original, french))
    assert wrong == []


def test_both_forms_of_plurals_are_there(translated: polib.POFile) -> None:
    plurals = [entry for entry in translated if entry.msgid_plural]
    assert plurals
    assert [entry.msgid for entry in plurals if sorted(entry.msgstr_plural) != [0, 1]] == []
    assert "nplurals=2; plural=(n > 1);" in translated.metadata["Plural-Forms"]


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        ("three dots are one sign", r"\.\.\."),
        ("an apostrophe is bent", r"(?<!=)'"),
        ("quotation marks are « »", "[“”]"),
        ("a space that does not break stands before : ; ? ! % »", r" [:;?!»](?=[\s<(.,)]|$)| %(?![(%])"),
        ("a space that does not break stands inside « »", "«(?!\u00a0)|(?<!\u00a0)»"),
        ("a colon has a space before it", r"[\w)](?<!\d)[:;?!](?=\s|$)"),
        ("Sendable says “courriel”", r"\b[Ee]-?mails?\b"),
    ],
)
def test_typography(translated: polib.POFile, rule: str, pattern: str) -> None:
    french = [re.sub(r"%\(\w+\)[a-z]", "…", text) for entry in translated for _original, text in sayings(entry)]
    assert [text for text in french if re.search(pattern, text)] == [], rule


def test_what_was_compiled_is_what_was_translated(translated: polib.POFile) -> None:
    def content(file: polib.POFile | polib.MOFile) -> dict[Said, object]:
        return {(entry.msgctxt or "", entry.msgid): entry.msgstr_plural or entry.msgstr for entry in file}

    assert content(polib.mofile(str(FOLDER / "django.mo"))) == content(translated), "run “make messages”"


class Texts(HTMLParser):
    """What a page says: its texts, and the attributes that people hear or read."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("aria-label", "title", "placeholder", "alt")]

    def handle_data(self, data: str) -> None:
        self.found.append(re.sub(r"[ \n]+", " ", data).strip(" "))


def texts_of(page: str) -> list[str]:
    parser = Texts()
    parser.feed(page)
    return [text for text in parser.found if text]


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, key="HM-1", first_name="Anne", last_name="Roy", email="anne@example.org")


PAGES = [
    "/p/newsletter/", "/p/newsletter/contacts/", "/p/newsletter/contacts/{id}/", "/p/newsletter/contacts/{id}/edit/",
    "/p/newsletter/contacts/{id}/deactivate/", "/p/newsletter/contacts/{id}/activate/",
    "/p/newsletter/contacts/{id}/delete/", "/p/newsletter/history/", "/p/newsletter/imports/",
    "/p/newsletter/imports/add/", "/p/newsletter/blocks/", "/p/newsletter/erasures/", "/p/newsletter/members/",
    "/p/newsletter/settings/", "/p/newsletter/consent/", "/p/newsletter/consent/settings/",
    "/p/newsletter/consent/types/add/", "/p/newsletter/consent/audience/", "/p/newsletter/consent/opt-ins/",
    "/p/newsletter/consent/opt-ins/expiring/", "/p/newsletter/consent/forms/", "/p/newsletter/consent/forms/add/",
    "/p/newsletter/consent/requests/", "/accounts/2fa/",
]  # fmt: skip


def in_english(page: str, translated: polib.POFile) -> list[str]:
    """The texts of a page that have a translation which it does not show."""
    english = {entry.msgid for entry in translated}
    french = {text for entry in translated for _original, text in sayings(entry)}
    return [text for text in texts_of(page) if text in english - french]


@pytest.mark.parametrize("page", PAGES)
def test_a_french_page_says_nothing_in_english(
    client: Client, admin: User, contact: Contact, translated: polib.POFile, page: str
) -> None:
    client.force_login(admin)
    answer = client.get(page.format(id=contact.pk), headers={"accept-language": "fr-CA,fr;q=0.9"}, follow=True)
    assert answer.status_code == 200
    assert '<html lang="fr">' in answer.content.decode()
    assert in_english(answer.content.decode(), translated) == []


@pytest.mark.parametrize("page", ["/u/{token}", "/c/{token}", "/c/damaged"])
def test_a_public_page_says_nothing_in_english(
    client: Client, contact: Contact, translated: polib.POFile, page: str
) -> None:
    CommunicationTypeFactory(project=contact.project, name="Infolettre")
    token = token_for(contact.channel_statuses.get(channel=Channel.EMAIL))
    answer = client.get(page.format(token=token), headers={"accept-language": "fr"})
    assert '<html lang="fr">' in answer.content.decode()
    assert in_english(answer.content.decode(), translated) == []


def test_a_browser_that_speaks_neither_is_answered_in_english(client: Client, admin: User, project: Project) -> None:
    client.force_login(admin)
    answer = client.get("/p/newsletter/contacts/", headers={"accept-language": "de"})
    assert '<html lang="en">' in answer.content.decode()


def test_dates_and_numbers_are_written_as_in_french() -> None:
    with translation.override("fr"):
        assert day(date(2026, 11, 19)) == "19 novembre 2026"
        assert day(date(2026, 11, 1)) == "1er novembre 2026"
        assert short_day(date(2026, 2, 3)) == "3 fév. 2026"
        assert number(1924) == "1\u00a0924"
        assert share(64, 1000) == "6,4\u00a0%"


def test_what_is_wrong_with_rows_is_told_in_the_language_of_who_imports(project: Project) -> None:
    job = staged(project, "email\nnobody\n", options={"language": "fr"})
    assert "On ne peut pas écrire à cette adresse." in ImportRow.objects.get(job=job).error


def test_numbers_are_typed_as_they_are_shown(project: Project) -> None:
    for place in range(12):
        ContactFactory(project=project, key=f"C-{place}", email=f"c{place}@example.org")
    job = staged(project, "email\nc0@example.org\n", mode=ImportMode.REPLACE)
    assert run(job, typed=" 1\u202f1 ").job.state == ImportState.DONE
