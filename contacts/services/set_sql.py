"""The few statements over sets that the ORM cannot say, each the same on both databases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connections, models
from django.db.models import Field, ForeignObject, Func, Lookup, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

_Compiled = tuple[str, Any]


@ForeignObject.register_lookup
@Field.register_lookup
class InSet(Lookup):
    """``pk__in_set=ids``: membership in a long list of numbers, sent as one parameter."""

    lookup_name = "in_set"
    prepare_rhs = False

    def get_db_prep_lookup(self, value: Any, connection: Any) -> _Compiled:
        return "%s", [list(value)]

    def as_postgresql(self, compiler: Any, connection: Any) -> _Compiled:
        lhs, parameters = self.process_lhs(compiler, connection)
        return f"{lhs} = ANY(%s::bigint[])", [*parameters, [int(number) for number in self.rhs]]

    def as_sqlite(self, compiler: Any, connection: Any) -> _Compiled:
        lhs, parameters = self.process_lhs(compiler, connection)
        numbers = json.dumps([int(number) for number in self.rhs])
        return f"{lhs} IN (SELECT value FROM json_each(%s))", [*parameters, numbers]


@Field.register_lookup
class InTexts(Lookup):
    """``fingerprint__in_texts=texts``: membership in a long list of texts, sent as one parameter."""

    lookup_name = "in_texts"
    prepare_rhs = False

    def get_db_prep_lookup(self, value: Any, connection: Any) -> _Compiled:
        return "%s", [list(value)]

    def as_postgresql(self, compiler: Any, connection: Any) -> _Compiled:
        lhs, parameters = self.process_lhs(compiler, connection)
        return f"{lhs} = ANY(%s::text[])", [*parameters, list(self.rhs)]

    def as_sqlite(self, compiler: Any, connection: Any) -> _Compiled:
        lhs, parameters = self.process_lhs(compiler, connection)
        return f"{lhs} IN (SELECT value FROM json_each(%s))", [*parameters, json.dumps(list(self.rhs))]


class RandomUuid(Func):
    """A new random UUID for each row."""

    output_field = models.UUIDField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> _Compiled:
        return "gen_random_uuid()", []

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> _Compiled:
        return "lower(hex(randomblob(16)))", []


def insert_from(
    source: QuerySet[Any], into: type[models.Model], columns: dict[str, Any], *, ignore_conflicts: bool = False
) -> int:
    """``INSERT INTO … SELECT`` of one row for each row of ``source``; returns how many were inserted.

    ``columns`` maps every field of ``into`` that is set to a value or an expression over ``source``.
    ``ignore_conflicts`` leaves out rows that a unique constraint already has.
    """
    fields: dict[str, Any] = {name: into._meta.get_field(name) for name in columns}
    selected = {
        f"insert_{name}": value if isinstance(value, Combinable) or hasattr(value, "resolve_expression")
        else Value(value, output_field=_value_field(fields[name]))
        for name, value in columns.items()
    }  # fmt: skip
    rows = source.annotate(**selected).values_list(*selected)
    connection = connections[source.db]
    select, parameters = rows.query.get_compiler(using=source.db).as_sql()
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields.values())
    conflicts = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(into._meta.db_table)} ({names}) {select}{conflicts}", parameters)
        return cursor.rowcount


def update_from(into: type[models.Model], source: QuerySet[Any], columns: dict[str, Any], *, by: dict[str, Any]) -> int:
    """``UPDATE … FROM`` of the rows of ``into`` that rows of ``source`` are about; returns how many were updated.

    ``columns`` maps fields of ``into`` to expressions over ``source``, ``by`` those that identify a row of it.
    """
    connection = connections[source.db]
    quote = connection.ops.quote_name
    fields: dict[str, Any] = {name: into._meta.get_field(name) for name in (*columns, *by)}
    selected = {
        f"set_{name}": value if hasattr(value, "resolve_expression")
        else _typed(value, _value_field(fields[name]))
        for name, value in {**columns, **by}.items()
    }  # fmt: skip
    rows = source.annotate(**selected).order_by().values_list(*selected)
    select, parameters = rows.query.get_compiler(using=source.db).as_sql()
    table = quote(into._meta.db_table)
    setting = ", ".join(f"{quote(fields[name].column)} = found.{quote(f'set_{name}')}" for name in columns)
    matching = " AND ".join(f"{table}.{quote(fields[name].column)} = found.{quote(f'set_{name}')}" for name in by)
    names = ", ".join(quote(name) for name in selected)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH found({names}) AS ({select}) UPDATE {table} SET {setting} FROM found WHERE {matching}", parameters
        )
        return cursor.rowcount


class MergedJson(Func):
    """The object of the first expression with the members of the second one put over it, both flat: RFC 7396."""

    output_field = models.JSONField()
    arity = 2

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> _Compiled:
        return self.as_sql(compiler, connection, template="(%(expressions)s)", arg_joiner=" || ", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> _Compiled:
        return self.as_sql(compiler, connection, function="json_patch", **context)


class ByNumber(Func):
    """What a mapping has for the number in each row (NULL where it has nothing), the mapping sent as one parameter.

    SQLite walks along the mapping for each row, so some thousands are the most that it should have.
    """

    arity = 1

    def __init__(self, number: Any, mapping: Mapping[int, Any], *, output_field: models.Field[Any, Any]) -> None:
        super().__init__(number, output_field=output_field)
        self.mapping = mapping

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> _Compiled:
        number, parameters = compiler.compile(self.source_expressions[0])
        kind = self.output_field.db_type(connection)
        return f"(%s::jsonb ->> ({number})::text)::{kind}", [self._text(connection), *parameters]

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> _Compiled:
        number, parameters = compiler.compile(self.source_expressions[0])
        return f"json_extract(%s, '$.\"' || ({number}) || '\"')", [self._text(connection), *parameters]

    def _text(self, connection: Any) -> str:
        prepare = self.output_field.get_db_prep_value
        found = {str(number): prepare(value, connection) for number, value in self.mapping.items() if value is not None}
        return json.dumps(found, default=str)


def _typed(value: Any, field: Field[Any, Any]) -> Any:
    """A value for a subquery, in which PostgreSQL would take a NULL for text."""
    return Value(value, output_field=field) if value is not None else Cast(Value(None), field)


def _value_field(field: Any) -> Field[Any, Any]:
    return field.target_field if field.is_relation else field


def lock_buckets(buckets: Sequence[int], *, exclusive: bool, using: str = "default") -> None:
    """Hold advisory locks until the transaction ends, taken in order. SQLite has one writer and needs none."""
    connection = connections[using]
    if connection.vendor != "postgresql" or not buckets:
        return
    function = "pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {function}(%s, bucket) FROM unnest(%s::int[]) AS bucket",
            [_LOCK_SPACE, sorted(set(buckets))],
        )


_LOCK_SPACE = 0x5E7D


def refresh_statistics(*models_: type[models.Model], columns: Sequence[str] = (), using: str = "default") -> None:
    """Let PostgreSQL look at tables that have grown much (or at some of their ``columns``, which is less work), so
    that it plans for what they are now. A million rows may come before its own daemon looks."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        quote = connection.ops.quote_name
        with connection.cursor() as cursor:
            for model in models_:
                fields: list[Any] = [model._meta.get_field(name) for name in columns]
                names = ", ".join(quote(field.column) for field in fields)
                cursor.execute(f"ANALYZE {quote(model._meta.db_table)}" + (f" ({names})" if names else ""))


class DatabaseClock(Func):
    """The database's clock at the row that is read; NULL where it has none of its own."""

    function = "CLOCK_TIMESTAMP"
    arity = 0
    output_field = models.DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> _Compiled:
        return self.as_sql(compiler, connection, template="NULL", **context)


def database_clock(using: str = "default") -> Any:
    """Now, by the database's clock where it has one of its own."""
    from django.utils import timezone

    connection = connections[using]
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
