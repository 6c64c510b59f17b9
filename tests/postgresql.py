"""A temporary PostgreSQL for the tests: made by the pytest that starts the run, shared by its workers, removed.

``SENDABLE_TEST_DATABASE=postgresql`` asks for it. Without PostgreSQL's binaries the run says so and passes;
with ``CI=true`` it fails. As root the cluster runs under an unprivileged user. A guardian, a process of its own,
removes the cluster as soon as this one is gone, however it went; what an earlier guardian could not remove
(the machine was switched off) goes at the next start.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

# Tests run without DEBUG, from the first import on.
os.environ["DEBUG"] = "false"
WANTED = os.environ.get("SENDABLE_TEST_DATABASE") == "postgresql"
PREFIX = "sendable-pg-"
HOW_TO_INSTALL = "PostgreSQL is not installed, so its tests are not run. On Debian: apt-get install postgresql"


class Cluster:
    """A cluster in a temporary folder, reached by a socket in it."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries = binaries
        self.folder = folder
        self.guardian: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://sendable@/{self.folder}/postgres"

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*_as_unprivileged(self.folder), str(self.binaries / program), *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def start(self, more_options: str = "") -> None:
        self.guardian = subprocess.Popen(
            [sys.executable, __file__, str(self.binaries), str(self.folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        (self.folder / "guardian.pid").write_text(str(self.guardian.pid))
        made = self.run("initdb", "-D", self.data, "-U", "sendable", "-A", "trust", "-E", "UTF8", "--no-sync")
        if made.returncode:
            raise RuntimeError(made.stderr)
        options = (
            f"-k {self.folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off "
            "-c synchronous_commit=off -c jit=off -c max_connections=100 -c shared_buffers=256MB "
            f"{more_options}"
        )
        for _attempt in range(5):
            started = self.run(
                "pg_ctl", "-D", self.data, "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options, "start"
            )
            if started.returncode == 0:
                return
            time.sleep(1)
        raise RuntimeError(started.stderr + started.stdout)

    def stop(self) -> None:
        """Let the guardian remove the cluster, and wait until it has."""
        if self.guardian and self.guardian.stdin:
            self.guardian.stdin.close()
            self.guardian.wait(timeout=60)

    def remove(self) -> None:
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def new_cluster(binaries: Path) -> Cluster:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    folder.chmod(0o755)
    if os.geteuid() == 0:
        user = _unprivileged_user()
        os.chown(folder, user.pw_uid, user.pw_gid)
    return Cluster(binaries, folder)


def remove_left_over(binaries: Path) -> None:
    """Remove the clusters of our runs whose guardian is gone as well."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            guardian = int((folder / "guardian.pid").read_text())
        except (OSError, ValueError):
            continue
        if not _is_alive(guardian):
            Cluster(binaries, folder).remove()


def find_binaries() -> Path | None:
    """The folder of initdb and pg_ctl, newest version first."""

    def version(place: Path) -> int:
        return int(place.parent.name) if place.parent.name.isdigit() else 0

    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        places.append(Path(on_path).resolve().parent)
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


def _unprivileged_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is no user “postgres” or “nobody”.")


def _as_unprivileged(folder: Path) -> list[str]:
    """What stands before a command so that it runs as the owner of the folder."""
    if os.geteuid() != 0:
        return []
    owner = folder.stat()
    return ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    if not WANTED or "PYTEST_XDIST_WORKER" in os.environ or os.environ.get("DATABASE_URL", "").startswith("postgres"):
        return
    binaries = find_binaries()
    if binaries is None:
        if os.environ.get("CI") == "true":
            raise pytest.UsageError(HOW_TO_INSTALL)
        pytest.exit(f"SKIPPED: {HOW_TO_INSTALL}", returncode=0)
    remove_left_over(binaries)
    cluster = new_cluster(binaries)
    early_config.add_cleanup(cluster.stop)
    cluster.start()
    os.environ["DATABASE_URL"] = cluster.url


def _guard(binaries: Path, folder: Path) -> None:
    """Wait until the other end of standard input is closed, by its owner or by its owner's end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdin.buffer.read()
    Cluster(binaries, folder).remove()


if __name__ == "__main__":
    _guard(Path(sys.argv[1]), Path(sys.argv[2]))
