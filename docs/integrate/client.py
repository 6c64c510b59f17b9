"""A small client of Sendable's web service, with the standard library alone. Copy it, and change it as you like.

client = Sendable("https://sendable.example.org", token)
contact = client.post("contacts", {"key": "K-1001", "channels": {"email": {"address": "ann@example.org"}}})
if client.may_send(["ann@example.org"], communication_type="newsletter")["ann@example.org"]:
    ...
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

AT_ONCE = 10_000
AGAIN = (409, 429, 503)


class Refused(Exception):
    """The service said no. ``code`` stays the same whatever the words; ``problem`` is all that it said (RFC 9457)."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(" ".join(filter(None, [problem.get("detail"), problem.get("remedy")])))
        self.problem = problem
        self.code = str(problem.get("code", ""))
        self.status = int(problem.get("status", 0))


class Sendable:
    """The web service of one project. ``attempts`` is how often a request is sent before its error is raised."""

    def __init__(self, address: str, token: str, *, attempts: int = 5, timeout: float = 30) -> None:
        self.address = f"{address.rstrip('/')}/api/v1/"
        self.token = token
        self.attempts = attempts
        self.timeout = timeout

    def get(self, path: str, **query: Any) -> Any:
        return self._ask("GET", path, query=query)

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Change something. The key makes that sent again, after a lost answer, it is still done once: give your own
        where you may send it again yourself, for example after a crash."""
        return self._ask("POST", path, body if body is not None else {}, {"Idempotency-Key": key or str(uuid.uuid4())})

    def change(self, path: str, body: Any, *, etag: str) -> Any:
        """Change what was read with this ETag; Refused with status 412 where somebody else did so since."""
        return self._ask("PATCH", path, body, {"If-Match": etag})

    def delete(self, path: str, body: Any = None) -> Any:
        return self._ask("DELETE", path, body)

    def all(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(path, **query, cursor=cursor)
            yield from page["items"]
            cursor = page["next"]

    def may_send(
        self, addresses: Iterable[str], *, channel: str = "email", communication_type: str | None = None
    ) -> dict[str, bool]:
        """Which of these addresses may be sent to now. Of one that nobody knows the answer is no."""
        wanted = list(addresses)
        found: dict[str, bool] = {}
        for start in range(0, len(wanted), AT_ONCE):
            asked = {"channel": channel, "addresses": wanted[start : start + AT_ONCE]}
            if communication_type is not None:
                asked["communication_type"] = communication_type
            results = self._ask("POST", "eligibility", asked)["results"]
            found.update((result["address"], result["sendable"]) for result in results)
        return found

    def report_spam(self, report: bytes) -> Any:
        """Hand over a feedback report as it came, with its headers. One that comes twice counts once."""
        return self._ask("POST", "spam-reports", report, {"Content-Type": "message/rfc822"})

    def _ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None,
        query: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        named = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        address = f"{self.address}{path}" + (f"?{urlencode(named)}" if named else "")
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})}
        for attempt in range(1, self.attempts + 1):
            request = Request(address, content, sent, method=method)
            try:
                with urlopen(request, timeout=self.timeout) as answer:
                    text = answer.read()
                    return json.loads(text) if text else None
            except HTTPError as error:
                refused, wait = _refused(error), error.headers.get("Retry-After")
                if error.code not in AGAIN or wait is None or attempt == self.attempts:
                    raise refused from error
                time.sleep(float(wait))
            except (URLError, TimeoutError, ConnectionError):
                if attempt == self.attempts:
                    raise
                time.sleep(2**attempt / 4)
        raise AssertionError


def _refused(error: HTTPError) -> Refused:
    try:
        return Refused(json.load(error))
    except ValueError:
        return Refused({"status": error.code, "detail": str(error)})
