"""The web service put together: its routers, its errors, its OpenAPI document."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, re_path
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from consent.api import audience, consents, eligibility, links, replies, reports, types
from contacts.api import blocks, channels, contacts, erasures, history, imports, problems, relational
from contacts.api.door import Scoped, answer_to, through_the_door
from contacts.api.problems import Problem
from contacts.api.reading import StrictParser
from contacts.api.writing import ExactRenderer

DESCRIPTION = """
Everything that users do with contacts, consents and imports, for programs; and the answer to *may I send?*

A token belongs to one project and has scopes. Refusals are problem documents (RFC 9457) with a stable `code`.
Every POST takes an `Idempotency-Key`: the same request sent again with it changes nothing again, and gets the same
answer, for 24 hours. Lists are `{items, next}`; give `next` as `cursor`.
"""
_PROBLEM = {"content": {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A random UUID, the same one for a retry. Kept for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_REFUSALS = {
    "400": "The request cannot be read.",
    "401": "The token is missing, unknown, expired or revoked.",
    "403": "The token may not do this.",
    "404": "There is no such thing in the project of the token.",
    "409": "It contradicts what is there by now, or is being worked on.",
    "412": "Somebody changed it since: the ETag is another one.",
    "413": "The body is too large.",
    "415": "The body is not of a media type that is taken here.",
    "422": "Something in it cannot be taken; `errors` says what.",
    "429": "Too many requests; `Retry-After` says how many seconds to wait.",
    "503": "The register cannot be reached; nothing was changed. `Retry-After` says when to try again.",
}
_LIMITS = {
    name: {"description": text, "schema": {"type": "string"}}
    for name, text in {
        "RateLimit-Policy": "What a token may ask: requests (q) in seconds (w).",
        "RateLimit": "What is left of it: requests (r), and seconds (t) until it starts anew.",
    }.items()
}


class WebService(NinjaAPI):
    """Ninja's API whose document also tells what holds for all operations."""

    def get_openapi_schema(self, **where: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**where)
        components = document["components"]["schemas"]
        made = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components.update(made.pop("$defs", {}))
        components["Problem"] = made
        document["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "The text of a token of the project."}
        }
        scopes = self._scopes()
        for place, operations in document["paths"].items():
            for method, operation in operations.items():
                operation["security"] = [{"token": [scopes[operation["operationId"]]]}]
                _complete(place, method, operation)
        return document

    def _scopes(self) -> dict[str, str]:
        """The scope that each operation asks for, by its id."""
        operations = (
            operation
            for router in self._get_bound_routers()
            for view in router.path_operations.values()
            for operation in view.operations
        )
        return {
            operation.operation_id or "": scope
            for operation in operations
            for callback in operation.auth_callbacks
            if isinstance(callback, Scoped) and (scope := str(callback.scope))
        }


def _complete(place: str, method: str, operation: dict[str, Any]) -> None:
    operation["summary"] = str(operation["operationId"]).replace("_", " ").capitalize()
    responses = operation["responses"] = {str(status): told for status, told in operation["responses"].items()}
    for told in responses.values():
        told.setdefault("headers", {}).update(_LIMITS)
    for status, text in _REFUSALS.items():
        if _may_answer(status, place, method, operation):
            responses[status] = {"description": text, **_PROBLEM, "headers": dict(_LIMITS)}
    if method == "post":
        operation.setdefault("parameters", []).append(_KEY)


def _may_answer(status: str, place: str, method: str, operation: dict[str, Any]) -> bool:
    takes_body = "requestBody" in operation
    return {
        "400": True,
        "404": True,
        "409": method != "get" or "{import_id}/" in place,  # its list may not be read or run yet
        "412": method in ("patch", "delete"),
        "413": True,
        "415": takes_body,
    }.get(status, True)


def make_api() -> WebService:
    """The web service with all its routers."""
    api = WebService(
        title="Sendable",
        version="1",
        description=DESCRIPTION,
        urls_namespace="api",
        parser=StrictParser(),
        renderer=ExactRenderer(),
        openapi_extra={"tags": [{"name": name, "description": text} for name, text in TAGS.items()]},
    )
    for kind in (Exception, Http404, HttpError, ValidationError):
        api.add_exception_handler(kind, answer_to)  # type: ignore[arg-type]
    api.add_decorator(through_the_door, mode="view")
    for router in ROUTERS:
        api.add_router("", router)
    return api


TAGS = {
    "Contacts": "Who is in the register, and their status.",
    "Channels": "A contact on one channel: opt-out, quarantine, suppression.",
    "History": "Who said what about whom, when it happened and when it was learned.",
    "Blocks": "Addresses that may not be written to, and why.",
    "Erasures": "Receipts of contacts who were deleted.",
    "Relational rows": "The project's own tables, and what contacts have in them.",
    "Imports": "Lists that are uploaded: what they would do, running them, and taking them back.",
    "May I send?": "Whether something may be sent to somebody, and why not.",
    "Consents": "Communication types, and who agreed to what.",
    "Feedback": "What comes back from receivers.",
}
ROUTERS = (
    contacts.router,
    channels.router,
    history.router,
    blocks.router,
    erasures.router,
    relational.router,
    imports.router,
    eligibility.router,
    audience.router,
    types.router,
    consents.router,
    links.router,
    reports.router,
    replies.router,
)


def api_urls() -> list[URLPattern]:
    """The paths of the web service: for anybody, since a token is asked for inside, and no cookie counts."""
    patterns, _app, _namespace = make_api().urls
    found = [pattern for pattern in patterns if isinstance(pattern, URLPattern)]
    for pattern in found:
        pattern.callback = _for_programs(pattern.callback)
    return [*found, re_path("", _for_programs(_unknown), name="unknown")]


def _unknown(request: HttpRequest, **captured: Any) -> HttpResponse:
    return problems.problem(404, "not_found", _("There is nothing at this address of the web service."))


def _for_programs(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Whatever an operation does not answer itself is a problem document too."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            return _unknown(request)
        if response.status_code == 405:
            allowed = response.headers.get("Allow", "")
            detail = _("This address takes %(methods)s.") % {"methods": allowed}
            return problems.problem(405, "method_not_allowed", detail, headers={"Allow": allowed})
        return response

    answer.csrf_exempt = True  # type: ignore[attr-defined]
    return login_not_required(answer)
