"""A server and a worker side by side, for development: ``python -m config.run 127.0.0.1:8000``.

Ctrl-C or SIGTERM ends both, and the end of one ends the other. In production each is a service of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
LOOK_EVERY = 0.2
PATIENCE = 15.0


def main(address: str) -> int:
    """Start both and wait; returns 0 when asked to end, else the exit status of the one that ended."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts what runs in its background deaf to SIGINT
        signal.signal(number, _interrupt)
    children: list[subprocess.Popen[bytes]] = []
    try:
        for arguments in (["runserver", "--noreload", address], ["worker"]):
            children.append(
                subprocess.Popen(  # noqa: S603
                    [sys.executable, "manage.py", *arguments], cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"}
                )
            )
        while all(child.poll() is None for child in children):
            time.sleep(LOOK_EVERY)
        return next(child.returncode for child in children if child.returncode is not None) or 1
    except KeyboardInterrupt:
        return 0
    finally:
        _end(children)


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    """Ask them to end, and insist when they don't, or when Ctrl-C comes again."""
    try:
        for child in children:
            child.terminate()
        until = time.monotonic() + PATIENCE
        for child in children:
            child.wait(max(0.1, until - time.monotonic()))
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        for child in children:
            child.kill()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
