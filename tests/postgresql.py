"""A temporary PostgreSQL for the tests: made by the pytest that starts the run, shared by its workers, removed.

``SENDABLE_TEST_DATABASE=postgresql`` asks for it. Without PostgreSQL's binaries the run says so and passes;
with ``CI=true`` it fails.
"""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

WANTED = os.environ.get("SENDABLE_TEST_DATABASE") == "postgresql"
_UNPRIVILEGED = "postgres"


class Cluster:
    """A cluster in a temporary folder, reached by a socket in it."""

    def __init__(self, binaries: Path) -> None:
        self.binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="sendable-pg-"))
        self.user = getpass.getuser()
        self.prefix: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, _UNPRIVILEGED)
            self.folder.chmod(0o755)
            self.prefix = ["setpriv", f"--reuid={_UNPRIVILEGED}", f"--regid={_UNPRIVILEGED}", "--clear-groups"]

    @property
    def url(self) -> str:
        return f"postgres://sendable@/{self.folder}/postgres"

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix, str(self.binaries / program), *arguments], cwd=self.folder,
            capture_output=True, text=True,
        )  # fmt: skip

    def start(self) -> None:
        data = str(self.folder / "data")
        made = self.run("initdb", "-D", data, "-U", "sendable", "-A", "trust", "-E", "UTF8", "--no-sync")
        if made.returncode:
            raise RuntimeError(made.stderr)
        options = (
            f"-k {self.folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off "
            "-c synchronous_commit=off -c jit=off -c max_connections=100 -c shared_buffers=256MB"
        )
        for _attempt in range(5):
            started = self.run(
                "pg_ctl", "-D", data, "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options, "start"
            )
            if started.returncode == 0:
                return
            time.sleep(1)
        raise RuntimeError(started.stderr + started.stdout)

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def find_binaries() -> Path | None:
    """The folder of initdb and pg_ctl, newest version first."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: place.parent.name, reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        places.append(Path(on_path).parent)
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    if not WANTED or "PYTEST_XDIST_WORKER" in os.environ or os.environ.get("DATABASE_URL", "").startswith("postgres"):
        return
    binaries = find_binaries()
    if binaries is None:
        text = "PostgreSQL is not installed, so its tests are not run: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            raise pytest.UsageError(text)
        pytest.exit(f"SKIPPED: {text}", returncode=0)
    cluster = Cluster(binaries)
    try:
        cluster.start()
    except BaseException:
        cluster.stop()
        raise
    early_config.add_cleanup(cluster.stop)
    os.environ["DATABASE_URL"] = cluster.url
