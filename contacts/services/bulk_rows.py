"""Many rows into a table at once: COPY on PostgreSQL, prepared inserts on SQLite."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from itertools import islice, repeat
from typing import Any

from django.db import connections, models
from django.db.models import Func


def reserve_ids(model: type[models.Model], number: int, using: str = "default") -> list[int]:
    """Ids that nobody else will get, in rising order. On SQLite the caller's transaction holds them."""
    connection = connections[using]
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [table, number],
            )
            return [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        found = cursor.fetchone()
        first = (found[0] if found else 0) + 1
        return list(range(first, first + number))


class NextId(Func):
    """An id of ``model`` that nobody else will get, for each row of a query; its argument orders the rows.

    On SQLite ``keep_ids`` has to be told the last one in the same transaction.
    """

    output_field = models.BigIntegerField()

    def __init__(self, order: Any, *, model: type[models.Model]) -> None:
        super().__init__(order)
        self.table = model._meta.db_table

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        return "nextval(pg_get_serial_sequence(%s, 'id'))", [self.table]

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        order, parameters = compiler.compile(self.source_expressions[0])
        last = "(SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = %s)"
        return f"({last} + ROW_NUMBER() OVER (ORDER BY {order}))", [self.table, *parameters]


def keep_ids(model: type[models.Model], last: int | None, using: str = "default") -> None:
    """See to it that nobody gets ids up to ``last`` any more. PostgreSQL's sequence has seen to it already."""
    connection = connections[using]
    if last is None or connection.vendor == "postgresql":
        return
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sqlite_sequence SET seq = MAX(seq, %s) WHERE name = %s", [last, table])
        if not cursor.rowcount:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last])


def load_objects(objects: Sequence[models.Model], using: str = "default") -> None:
    """Insert new objects of one model, all of whose fields are set, and give them their ids.

    A tenth of the work of ``bulk_create``, which prepares each value of each object.
    """
    if not objects:
        return
    model = type(objects[0])
    key = model._meta.pk
    if isinstance(key, models.AutoField):
        for item, number in zip(objects, reserve_ids(model, len(objects), using), strict=True):
            item.pk = number
    columns = [field.attname for field in model._meta.concrete_fields]
    load_rows(model, columns, ([_plain(getattr(item, name)) for name in columns] for item in objects), using)
    for item in objects:
        item._state.adding = False


def update_objects(objects: Sequence[models.Model], names: Sequence[str], using: str = "default") -> None:
    """Write some fields of objects, each by its id. Less work than ``bulk_update``, whose statement has a case
    for each object and each field."""
    if not objects:
        return
    model = type(objects[0])
    connection = connections[using]
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    key: Any = model._meta.pk
    converters = _converters(fields, connection)
    quote = connection.ops.quote_name
    columns = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    rows = ([_plain(getattr(item, field.attname)) for field in fields] for item in objects)
    converted = (_convert(row, converters) for row in rows)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {quote(model._meta.db_table)} SET {columns} WHERE {quote(key.column)} = %s",
            [[*row, item.pk] for row, item in zip(converted, objects, strict=True)],
        )


def update_columns(
    model: type[models.Model],
    columns: dict[str, Sequence[Any]],
    *,
    by: dict[str, Sequence[Any]],
    using: str = "default",
    **here: Any,
) -> None:
    """Write columns of texts or numbers into many rows at once, each told by the numbers in ``by``, among those that
    have the values ``here``."""
    connection = connections[using]
    names: dict[str, Any] = {field.attname: field.column for field in model._meta.concrete_fields}
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    rows = list(zip(*columns.values(), *by.values(), strict=True))
    if not rows:
        return
    fixed = " AND ".join(f"{table}.{quote(names[name])} = %s" for name in here)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            given = [*(f"{name}_new" for name in columns), *by]
            types = ["text[]" if _is_text(column) else "bigint[]" for column in (*columns.values(), *by.values())]
            places = ", ".join(f"%s::{kind}" for kind in types)
            setting = ", ".join(f"{quote(names[name])} = given.{quote(f'{name}_new')}" for name in columns)
            matching = " AND ".join(f"{table}.{quote(names[name])} = given.{quote(name)}" for name in by)
            cursor.execute(
                f"UPDATE {table} SET {setting} FROM unnest({places}) AS given({', '.join(map(quote, given))}) "
                f"WHERE {fixed} AND {matching}",
                [*map(list, zip(*rows, strict=True)), *here.values()],
            )
        else:
            setting = ", ".join(f"{quote(names[name])} = %s" for name in columns)
            matching = " AND ".join(f"{quote(names[name])} = %s" for name in by)
            at = len(columns)
            cursor.executemany(
                f"UPDATE {table} SET {setting} WHERE {fixed} AND {matching}",
                [[*row[:at], *here.values(), *row[at:]] for row in rows],
            )


def _is_text(column: Sequence[Any]) -> bool:
    return bool(column) and isinstance(column[0], str)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def load_rows(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]], using: str = "default"
) -> None:
    """Insert rows whose values stand in the order of ``columns`` (fields by attribute name).

    JSON values are given as Python data, moments with their time zone.
    """
    connection = connections[using]
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields: list[Any] = [by_name[name] for name in columns]
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields)
    table = quote(model._meta.db_table)
    converters = _converters(fields, connection)
    converted = (_convert(row, converters) for row in rows) if converters else rows
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            copying = cursor.copy(f"COPY {table} ({names}) FROM STDIN")
            with connection.wrap_database_errors, copying as copy:
                for row in converted:
                    copy.write_row(row)
        else:
            places = ", ".join("%s" for _name in columns)
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", converted)  # type: ignore[arg-type]


def _converters(fields: Sequence[Any], connection: Any) -> list[tuple[int, Callable[[Any], Any]]]:
    found: list[tuple[int, Callable[[Any], Any]]] = []
    for place, field in enumerate(fields):
        if isinstance(field, models.JSONField):
            found.append((place, _as_json))
        elif connection.vendor == "sqlite" and isinstance(field, models.DateTimeField):
            found.append((place, connection.ops.adapt_datetimefield_value))
        elif connection.vendor == "sqlite" and isinstance(field, models.DateField):
            found.append((place, connection.ops.adapt_datefield_value))
        elif connection.vendor == "sqlite" and isinstance(field, models.UUIDField):
            found.append((place, _as_hex))
    return found


def _convert(row: Sequence[Any], converters: list[tuple[int, Callable[[Any], Any]]]) -> list[Any]:
    values = list(row)
    for place, converter in converters:
        if values[place] is not None:
            values[place] = converter(values[place])
    return values


def _as_json(value: Any) -> str:
    return json.dumps(value)


def _as_hex(value: Any) -> str:
    return value.hex


def load_columns(
    model: type[models.Model], names: Sequence[str], columns: Sequence[Iterable[Any]], using: str = "default"
) -> None:
    """Insert rows whose values stand in columns (fields by attribute name): texts, numbers, JSON as text, None.

    For long lists: half the work of ``load_rows``, because a column of plain text is told as such in one look.
    """
    connection = connections[using]
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    quote = connection.ops.quote_name
    into = ", ".join(quote(by_name[name].column) for name in names)  # type: ignore[arg-type]
    table = quote(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            lines = map("\t".join, zip(*map(_copied, columns), strict=False))
            copying = cursor.copy(f"COPY {table} ({into}) FROM STDIN")
            with connection.wrap_database_errors, copying as copy:
                while block := list(islice(lines, 2_000)):
                    copy.write("\n".join(block) + "\n")
        else:
            places = ", ".join("%s" for _name in names)
            cursor.executemany(f"INSERT INTO {table} ({into}) VALUES ({places})", list(zip(*columns, strict=False)))


def _copied(column: Iterable[Any]) -> Iterable[str]:
    """A column in COPY's text format."""
    if isinstance(column, repeat):
        return repeat(_copied([next(column)])[0])  # type: ignore[index]
    values = column if isinstance(column, list) else list(column)
    if values and isinstance(values[0], str) and None not in values:
        joined = "".join(values)
        if joined.isprintable() and "\\" not in joined:
            return values
        return [value.translate(_ESCAPES) for value in values]
    return [r"\N" if value is None else str(value).translate(_ESCAPES) for value in values]


_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
