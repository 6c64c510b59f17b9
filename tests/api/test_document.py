"""The OpenAPI document names the answers that operations give."""

from __future__ import annotations

from typing import Any

from config.api import make_api


def test_what_is_asked_of_an_import_too_early_is_documented() -> None:
    document: dict[str, Any] = make_api().get_openapi_schema(path_prefix="/api/v1/")
    asked = {path: operation["get"]["responses"] for path, operation in document["paths"].items() if "get" in operation}
    assert "409" in asked["/api/v1/imports/{import_id}/absent"]
    assert "409" not in asked["/api/v1/contacts/{contact_id}"]
