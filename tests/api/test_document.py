"""The OpenAPI document names the answers that operations give."""

from __future__ import annotations

from typing import Any

from config.api import make_api


def test_what_is_asked_of_an_import_too_early_is_documented() -> None:
    document: dict[str, Any] = make_api().get_openapi_schema(path_prefix="/api/v1/")
    asked = {path: operation["get"]["responses"] for path, operation in document["paths"].items() if "get" in operation}
    assert "409" in asked["/api/v1/imports/{import_id}/absent"]
    assert "409" not in asked["/api/v1/contacts/{contact_id}"]


def shows_itself(said: dict[str, Any]) -> bool:
    """Whether a field has an example, or one is plain from its type."""
    parts = [said.get("items"), said.get("additionalProperties"), *said.get("anyOf", [])]
    inside = [said, *(part for part in parts if isinstance(part, dict))]
    plain = {"enum", "const", "$ref", "format", "example", "examples"}
    return any(plain & one.keys() or one.get("type") == "boolean" or one.get("default") == "" for one in inside)


def test_every_operation_is_described_with_examples_and_refusals() -> None:
    document: dict[str, Any] = make_api().get_openapi_schema(path_prefix="/api/v1/")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["description"] and operation["summary"], (method, path)
            assert {"400", "401", "403", "404", "413", "422", "429", "503"} <= operation["responses"].keys()
            answers = [told for status, told in operation["responses"].items() if status[0] in "45"]
            assert all("application/problem+json" in told["content"] for told in answers)
    sent_and_told = {
        name: schema["properties"]
        for name, schema in document["components"]["schemas"].items()
        if name.removesuffix("_").endswith(("In", "Out")) and "properties" in schema
    }
    bare = [
        f"{name}.{field}"
        for name, fields in sent_and_told.items()
        for field, said in fields.items()
        if not shows_itself(said)
    ]
    assert bare == []
