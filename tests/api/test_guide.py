"""The guide's lines do what the guide says: each block is run by a shell, against a server."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from consent.models import ConsentHistory
from contacts.models import Block, Contact, ErasureReceipt, Project, StatusHistory
from contacts.services.tokens import create_token
from contacts.vocabulary import ApiScope
from tests.factories import CommunicationTypeFactory

GUIDE = Path(__file__).resolve().parent.parent.parent / "docs/integrate/with-curl.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
MISSING = [name for name in ("bash", "curl", "jq") if shutil.which(name) is None]


@pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
@pytest.mark.django_db(transaction=True)
def test_every_line(live_server: LiveServer, project: Project, tmp_path: Path, work_off: Callable[[], int]) -> None:
    CommunicationTypeFactory(project=project)
    _token, text = create_token(project, name="Guide", scopes=ApiScope.values)
    first, *others = BLOCKS
    assert len(others) > 10
    first = first.replace("https://sendable.example.org", live_server.url).replace("sendable_…", text)
    said = [run(first, tmp_path)]
    for block in others:
        said.append(run(block, tmp_path))
        work_off()

    answers = "\n".join(said)
    assert '["ann@example.org",true,[]]' in answers
    assert '["nobody@example.org",false,' in answers
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in answers
    assert '["ready",{"created":1' in answers and '["done",{"created":1' in answers
    assert "nobody,Eve,3," in answers
    lines = answers.splitlines()
    assert "suppressed" in lines and "no_match" in lines and "stopped" in lines

    assert not Contact.objects.filter(key="K-1001").exists()
    assert ErasureReceipt.objects.filter(project=project).count() == 1
    bob = Contact.objects.get(project=project, key="bob@example.org")
    assert not bob.is_active
    complaint = StatusHistory.objects.get(contact=bob, aspect="active", says="no")
    assert (complaint.method, complaint.weight, complaint.actor_label) == ("spam_report", 3, "Guide")
    assert Block.objects.filter(channel="sms", cause="stop", is_on=True).count() == 1
    assert not ConsentHistory.objects.filter(contact__key="K-1001").exists()


def run(block: str, place: Path) -> str:
    """Run a block in a shell that knows what those before it set; returns what it printed."""
    words = (
        f"[ ! -e state ] || . ./state\n{block}\ndeclare -p SENDABLE TOKEN CONTACT TYPE IMPORT > state 2>&- || true\n"
    )
    words += "declare -f >> state\n"
    done = subprocess.run(  # noqa: S603
        ["bash", "-euo", "pipefail", "-c", words],  # noqa: S607
        cwd=place, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout
