"""The documentation knows every setting, command, condition, code, role and permission that there is."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

import consent
import contacts
from contacts.errors import RegisterError
from contacts.extension_points import conditions
from contacts.models import Membership
from contacts.vocabulary import Aspect, BlockKind, Method, Role

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text()


def refusals(kind: type[RegisterError] = RegisterError) -> Iterator[type[RegisterError]]:
    for child in kind.__subclasses__():
        yield child
        yield from refusals(child)


def test_every_setting_is_documented() -> None:
    names = set(re.findall(r'"([A-Z][A-Z_]{3,})"', (ROOT / "config" / "settings.py").read_text()))
    read = {name for name in names if re.search(rf"(?:read|required|env\.\w+)\(\s*\"{name}\"", settings_text())}
    assert "SECRET_KEY" in read
    assert "DATABASE_URL" in read
    example = (ROOT / ".env.example").read_text()
    assert [name for name in sorted(read) if f"`{name}`" not in page("operate/settings.md")] == []
    assert [name for name in sorted(read) if f"{name}=" not in example] == []


def settings_text() -> str:
    return (ROOT / "config" / "settings.py").read_text()


def test_every_command_is_documented() -> None:
    ours = [name for name, app in get_commands().items() if app in ("contacts", "consent")]
    assert "verify" in ours
    assert [name for name in ours if f"`{name}" not in page("operate/commands.md")] == []


def test_every_condition_is_documented() -> None:
    text = page("start/how-status-works.md")
    keys = [condition.key for condition in conditions]
    assert [key for key in keys if f"`{key}`" not in text] == []
    listed = [key for key in re.findall(r"^\| `(\w+)` \|", text, flags=re.M) if key in keys]
    assert listed == keys


def test_every_refusal_is_documented() -> None:
    for app in (contacts, consent):
        for module in pkgutil.walk_packages(app.__path__, f"{app.__name__}."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)
    codes = {kind.code for kind in refusals()} - {"refused"}
    text = page("start/refusals.md")
    documented = set(re.findall(r"^\| `(\w+)` \|", text, flags=re.M))
    assert documented == codes


def test_every_method_and_aspect_is_documented() -> None:
    text = page("start/how-status-works.md")
    words = [*Method.values, *Aspect.values, *BlockKind.values]
    assert [word for word in words if f"`{word}`" not in text] == []


def test_every_role_and_permission_is_documented() -> None:
    text = page("start/getting-started.md")
    permissions = [
        field.name
        for field in Membership._meta.fields
        if field.name.startswith("may_") or field.name == "send_channels"
    ]
    assert len(permissions) == 3
    assert [name for name in (*Role.values, *permissions) if f"`{name}`" not in text] == []


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
            if not target.startswith(("http:", "https:")) and not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    index = page("README.md")
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if path.name != "README.md"]
    assert [name for name in pages if f"({name})" not in index] == []


@pytest.mark.parametrize("target", ["run", "test", "lint", "bench"])
def test_the_readme_names_the_commands_that_there_are(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.M)
    assert f"make {target}" in (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
