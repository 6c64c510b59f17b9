"""Starts Sendable in a process of its own, with an environment that a test gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SECRET = "Kq7-zT2mXw9Lr4Pv8Nc1Bd6Fh3Js5Gy0Ue-Wa7Ot2Ik9Ml4Qx8Rz1Vb6"
LINKS = "w3ZtYpLq8sVbN2kRf6HdXc4MgJ9aUeTx"
FINGERPRINTS = "k1:Zx8cV7bN6mA5sD4fG3hJ2kL1qW0eR9tY"


def production(database: Path, **changes: str | None) -> dict[str, str]:
    """The settings of a good production; a change to None leaves one out."""
    given: dict[str, str | None] = {
        "SENDABLE_MODE": "production",
        "SECRET_KEY": SECRET,
        "FINGERPRINT_KEYS": FINGERPRINTS,
        "LINK_KEYS": LINKS,
        "ALLOWED_HOSTS": "sendable.example.org",
        "PUBLIC_URL": "https://sendable.example.org",
        "DATABASE_URL": f"sqlite:///{database}",
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the repository, with nothing in the environment but what is given."""
    needed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**needed, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def last_line(finished: subprocess.CompletedProcess[str]) -> str:
    return (finished.stderr.strip().splitlines() or [""])[-1]
