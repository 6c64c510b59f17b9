"""Rules of the house that no single page shows, read from the source. Each has lines that it must catch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("contacts", "consent")
STATE = {
    "is_active",
    "contact_active",
    "own_opt_out",
    "opted_out",
    "quarantined",
    "suppressed",
    "is_on",
    "is_valid",
    "address_at",
    "last_entry_at",
    "is_withdrawn",
    "is_express",
}
HISTORY = {"StatusHistory", "EntryDetail", "ErasureReceipt", "ConsentHistory", "ConsentDetail"}
WRITES = {
    "create",
    "update",
    "delete",
    "bulk_create",
    "bulk_update",
    "get_or_create",
    "update_or_create",
    "_raw_delete",
}
TRANSLATORS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext"}
BELOW_VIEWS = ("services", "selectors", "models", "gates.py", "eligibility.py", "conditions.py", "access.py")


def sources(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path, ast.parse(path.read_text(), filename=str(path))


def state_written(tree: ast.AST) -> Iterator[int]:
    """Lines that assign a column of state, or hand one to ``update()``."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in targets:
            if isinstance(target, ast.Attribute) and target.attr in STATE:
                yield node.lineno
        is_update = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update"
        if is_update and any(keyword.arg in STATE for keyword in node.keywords):
            yield node.lineno


def history_written(tree: ast.AST) -> Iterator[int]:
    """Lines that write to a history by its manager."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            names = {inner.id for inner in ast.walk(node.func) if isinstance(inner, ast.Name)}
            if names & HISTORY:
                yield node.lineno


def requests_taken(tree: ast.AST) -> Iterator[int]:
    """Lines of functions that take a request, or import one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
            if "request" in names:
                yield node.lineno
        if isinstance(node, ast.ImportFrom) and any(name.name == "HttpRequest" for name in node.names):
            yield node.lineno


def formatted_before_translation(tree: ast.AST) -> Iterator[int]:
    """Lines that translate a text into which values were put already: no catalogue can have it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TRANSLATORS:
            for argument in node.args:
                if isinstance(argument, ast.JoinedStr | ast.BinOp):
                    yield node.lineno


def everything_read(tree: ast.AST) -> Iterator[int]:
    """Lines that read all rows of a table, of all projects."""
    for node in ast.walk(tree):
        is_all = isinstance(node, ast.Attribute) and node.attr == "all" and isinstance(node.value, ast.Attribute)
        if is_all and node.value.attr == "objects":
            yield node.lineno


def lines_of(rule: object, folders: tuple[str, ...], *, but: tuple[str, ...] = ()) -> list[str]:
    found = []
    for path, tree in sources(*folders):
        relative = path.relative_to(ROOT).as_posix()
        if not relative.startswith(but):
            found += [f"{relative}:{line}" for line in rule(tree)]  # type: ignore[operator]
    return found


def test_state_is_written_by_services_alone() -> None:
    assert lines_of(state_written, APPS, but=("contacts/services/", "consent/services/")) == []


def test_histories_are_written_by_the_ledger_and_the_erasure_alone() -> None:
    writers = (
        "contacts/services/ledger.py",
        "contacts/services/erasure.py",
        "contacts/services/demo",
        "contacts/holdings.py",
        "consent/holdings.py",
    )
    assert lines_of(history_written, APPS, but=writers) == []


def test_no_request_below_the_views() -> None:
    folders = tuple(f"contacts/{name}" for name in BELOW_VIEWS if not name.endswith(".py"))
    assert lines_of(requests_taken, folders) == []
    for name in BELOW_VIEWS:
        if name.endswith(".py"):
            assert list(requests_taken(ast.parse((ROOT / "contacts" / name).read_text()))) == [], name


def test_texts_are_translated_before_values_are_put_in() -> None:
    assert lines_of(formatted_before_translation, (*APPS, "config")) == []


def test_no_view_reads_all_projects() -> None:
    assert lines_of(everything_read, tuple(f"{app}/views" for app in APPS if (ROOT / app / "views").exists())) == []


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (state_written, "contact.is_active = False"),
        (state_written, "rows.update(opted_out=True)"),
        (history_written, "StatusHistory.objects.filter(pk=1).update(note='')"),
        (history_written, "StatusHistory.objects.create(contact=contact)"),
        (requests_taken, "def deactivate(request, contact): ..."),
        (requests_taken, "from django.http import HttpRequest"),
        (formatted_before_translation, "_(f'{number} contacts')"),
        (formatted_before_translation, "gettext('%s contacts' % number)"),
        (everything_read, "Contact.objects.all()"),
    ],
)
def test_the_rules_catch_bad_lines(rule: object, line: str) -> None:
    assert list(rule(ast.parse(line))) == [1]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (state_written, "is_active = contact.is_active"),
        (state_written, "rows.update(name='x')"),
        (history_written, "StatusHistory.objects.filter(pk=1).count()"),
        (requests_taken, "def deactivate(contacts, *, origin): ..."),
        (formatted_before_translation, "_('%(number)s contacts') % {'number': number}"),
        (everything_read, "Contact.objects.in_project(project)"),
    ],
)
def test_the_rules_let_good_lines_pass(rule: object, line: str) -> None:
    assert list(rule(ast.parse(line))) == []  # type: ignore[operator]


INLINE = re.compile(r"\sstyle=|\son[a-z]+=\"|<style|javascript:|<script(?![^>]*\bsrc=)(?![^>]*application/json)", re.I)


def inline_code(text: str) -> list[str]:
    return INLINE.findall(text)


def test_templates_hold_no_inline_style_or_script() -> None:
    found = {}
    for path in sorted((ROOT / "templates").rglob("*.html")):
        if lines := inline_code(path.read_text()):
            found[path.relative_to(ROOT).as_posix()] = lines
    assert found == {}


@pytest.mark.parametrize(
    "text", ['<p style="color: red">', '<a onclick="go()">', "<script>alert(1)</script>", "<style>p{}</style>"]
)
def test_inline_code_is_seen(text: str) -> None:
    assert inline_code(text)


def test_components_say_what_they_take() -> None:
    silent = [
        path.name
        for path in sorted((ROOT / "templates" / "components").glob("*.html"))
        if not path.read_text().startswith("{% comment %}")
    ]
    assert silent == []


VISIBLE_TEXT = re.compile(r">\s*([A-Z][a-z]+(?: [A-Za-z]+)*)\s*<")


def test_templates_mark_their_texts_for_translation() -> None:
    """Words that stand bare between two tags are in no catalogue."""
    found = {}
    for path in sorted((ROOT / "templates").rglob("*.html")):
        text = re.sub(r"{%\s*(blocktranslate|blocktrans|comment)\b.*?{%\s*end\1\s*%}", "", path.read_text(), flags=re.S)
        if path.name not in ("patterns.html", "500.html") and (words := VISIBLE_TEXT.findall(text)):
            found[path.relative_to(ROOT).as_posix()] = words
    assert found == {}


def test_the_repository_names_no_machine() -> None:
    """Nothing in it mentions paths of a machine."""
    found = [
        path.relative_to(ROOT).as_posix()
        for folder in (*APPS, "config", "templates", "static", "docs", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix in {".py", ".html", ".md", ".css", ".js"} and f"{ROOT}/" in path.read_text()
    ]
    assert found == []
