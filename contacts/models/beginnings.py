"""Indexes in which the beginnings of texts are found, whatever the database's collation."""

from __future__ import annotations

from typing import Any

from django.db.models import Func
from django.db.models.indexes import IndexExpression


class Beginnings(Func):
    """The outermost part of an indexed expression: ``text_pattern_ops`` on PostgreSQL, nothing on SQLite."""

    template = "%(expressions)s"
    constraint_validation_compatible = False

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="%(expressions)s text_pattern_ops", **context)


IndexExpression.register_wrappers(*IndexExpression.wrapper_classes, Beginnings)
