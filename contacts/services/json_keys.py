"""Keys of JSON objects, for statements over many rows; the same on both databases."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.db.models import Func

_Compiled = tuple[str, Any]


class WithoutJsonKey(Func):
    """A JSON object without one of its keys, for ``update()``: what an update over many rows takes out of each."""

    output_field = models.JSONField()

    def __init__(self, field: str, key: str) -> None:
        super().__init__(field)
        self.key = key

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> _Compiled:
        sql, parameters = compiler.compile(self.source_expressions[0])
        return f"({sql} - %s::text)", [*parameters, self.key]

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> _Compiled:
        sql, parameters = compiler.compile(self.source_expressions[0])
        return f"json_remove({sql}, %s)", [*parameters, f"$.{json.dumps(self.key)}"]
