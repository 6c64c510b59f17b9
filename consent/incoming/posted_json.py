"""What stands in the JSON that others post, whatever its shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def at(said: Any, *path: str) -> Any:
    """What stands at a place in JSON; None where there is no such place."""
    for name in path:
        said = said.get(name) if isinstance(said, Mapping) else None
    return said


def text_of(value: Any) -> str:
    if value is None or isinstance(value, bool | dict | list):
        return ""
    return str(value).encode("utf-8", "replace").decode("utf-8").replace("\0", "")[:4_000]
