"""Our own tokens in the headers of a message that came back.

Only headers count: what somebody forwards carries in its body the links of whoever got it first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message

from consent.tokens import BadToken, ReturnPath, Token, read, read_return_path

TOKEN_HEADER = "X-Sendable-Token"  # noqa: S105
_TOKEN = re.compile(r"(?<![\w.-])[A-Za-z0-9_-]{16,550}\.[A-Za-z0-9_-]{43}(?![\w-])")
_RETURN_PATH = re.compile(r"(?<![\w.+-])(b-[a-z2-7]{47})@", re.IGNORECASE)
_LONGEST = 20_000


def tokens_of(message: Message) -> list[Token]:
    """The valid tokens in a message's ``List-Unsubscribe``, ``Feedback-ID`` and ``X-`` headers, in this order."""
    named = [*_values(message, "list-unsubscribe"), *_values(message, "feedback-id")]
    return list(tokens_in([*named, *_values(message, "x-")]))


def tokens_in(texts: Iterable[str]) -> Iterator[Token]:
    """The valid tokens that stand in texts, each once."""
    seen = set()
    for text in texts:
        for candidate in _TOKEN.findall(text[:_LONGEST]):
            try:
                token = read(candidate)
            except BadToken:
                continue
            if token not in seen:
                seen.add(token)
                yield token


def return_paths_of(message: Message) -> list[ReturnPath]:
    """The contacts that return addresses of ours name in any of a message's headers."""
    return return_paths_in(_text(value) for _name, value in message.items())


def return_paths_in(texts: Iterable[str]) -> list[ReturnPath]:
    """The contacts that return addresses of ours name in texts, each once."""
    found = (read_return_path(local) for text in texts for local in _RETURN_PATH.findall(text[:_LONGEST]))
    return list(dict.fromkeys(path for path in found if path is not None))


def _values(message: Message, name: str) -> list[str]:
    """The values of a header; of all whose names begin so when the name ends with a hyphen."""
    wanted = [
        _text(value)
        for key, value in message.items()
        if (key.lower().startswith(name) if name.endswith("-") else key.lower() == name)
    ]
    return [text for value in wanted for text in (value, re.sub(r"\s+", "", value))]


def _text(value: object) -> str:
    text = str(value)[:_LONGEST]
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return text
