"""What begins with a text, found in an index on both databases and under any collation."""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, F, Lookup
from django.db.models.functions import Upper

_Compiled = tuple[str, Any]
_LAST_CHARACTER = "\U0010ffff"
_JOKERS = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


class BeginsWith(Lookup):
    """``BeginsWith(expression, text)``: LIKE on PostgreSQL (for an index with ``text_pattern_ops``), a range on
    SQLite, whose LIKE uses no index here. ``text`` is compared as it is."""

    lookup_name = "begins_with"
    prepare_rhs = False
    output_field = BooleanField()

    def as_postgresql(self, compiler: Any, connection: Any) -> _Compiled:
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} LIKE {self._wrapped('%s')}", [*parameters, f"{self.rhs.translate(_JOKERS)}%"]

    def as_sqlite(self, compiler: Any, connection: Any) -> _Compiled:
        left, parameters = self.process_lhs(compiler, connection)
        bound = self._wrapped("%s")
        sql = f"({left} >= {bound} AND {left} < {bound})"
        return sql, [*parameters, self.rhs, *parameters, f"{self.rhs}{_LAST_CHARACTER}"]

    def _wrapped(self, placeholder: str) -> str:
        return placeholder


class BeginsWithInAnyCase(BeginsWith):
    """The same over ``UPPER(expression)``: the database turns both sides, so that they agree in its own way."""

    def _wrapped(self, placeholder: str) -> str:
        return f"UPPER({placeholder})"


def begins_with(field: str, text: str) -> BeginsWith:
    return BeginsWith(F(field), text)


def begins_with_in_any_case(field: str, text: str) -> BeginsWith:
    return BeginsWithInAnyCase(Upper(F(field)), text)
