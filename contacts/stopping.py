"""Whether this process has been asked to end. Long work looks here between its chunks, and returns early."""

from __future__ import annotations

_asked = False


def ask() -> None:
    """Ask this process's work to end after the current chunk. Safe to call from a signal's handler."""
    global _asked
    _asked = True


def asked() -> bool:
    return _asked


def forget() -> None:
    """Go on working: for whoever asked within a process that stays."""
    global _asked
    _asked = False
