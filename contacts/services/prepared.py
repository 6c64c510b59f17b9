"""Statements that are written once and run with other values.

Where a request asks a few things of a few rows, most of its time goes into writing the same SQL anew. For such paths
alone (an opt-out link that a provider presses for thousands of readers): sets have ``set_sql``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar, cast

from django.db import connections, models
from django.db.models import QuerySet

_SAMPLE = -(10**15)

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    parameters: tuple[tuple[str, Any], ...]
    converters: Mapping[int, Any]


class Prepared:
    """A query of the ORM, compiled when it is first run. ``build`` makes it (by ``values_list``) from a value for each
    of ``names``, all of them numbers or texts, and uses each as it is."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], **names: type[int] | type[str]) -> None:
        self.build = build
        self.names = names
        self.compiled: dict[str, _Compiled] = {}

    def rows(self, using: str = "default", **values: Any) -> list[tuple[Any, ...]]:
        """The rows for these values."""
        connection = connections[using]
        compiled = self.compiled.get(connection.vendor)
        if compiled is None:
            compiled = self.compiled[connection.vendor] = self._compile(using)
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, [values[name] if name else fixed for name, fixed in compiled.parameters])
            found = cursor.fetchall()
        return [_converted(row, compiled.converters, connection) for row in found]

    def _compile(self, using: str) -> _Compiled:
        samples = {
            name: _SAMPLE - number if kind is int else f"sample of {name}"
            for number, (name, kind) in enumerate(self.names.items())
        }
        compiler = self.build(**samples).query.get_compiler(using=using)
        sql, parameters = compiler.as_sql()
        name_of = {sample: name for name, sample in samples.items()}
        named = tuple((name_of.get(value, "") if isinstance(value, int | str) else "", value) for value in parameters)
        missing = self.names.keys() - {name for name, _value in named}
        if missing:
            raise LookupError(f"The query does not use {sorted(missing)} as they are.")
        return _Compiled(sql, named, compiler.get_converters([column[0] for column in compiler.select]))


class PreparedObjects(Generic[Row]):
    """The same for whole objects of a model, each with those that ``related`` names by their paths (as
    ``select_related`` would), with objects of the models that ``joined`` gives for its filtered relations, and with the
    values of its ``annotations``; ``build`` makes the set. Pictures are left out: who asks for one reads it then."""

    def __init__(
        self,
        model: type[Row],
        build: Callable[..., QuerySet[Row]],
        *,
        related: Sequence[str] = (),
        joined: Mapping[str, type[models.Model]] | None = None,
        annotations: Sequence[str] = (),
        **names: type[int] | type[str],
    ) -> None:
        self.annotations = annotations
        self.places: dict[str, type[models.Model]] = {"": model}
        for path in related:
            parent, _dots, name = path.rpartition("__")
            self.places[path] = self.places[parent]._meta.get_field(name).related_model  # type: ignore[assignment]
        self.places |= joined or {}
        columns = [f"{path}__{name}" if path else name for path, one in self.places.items() for name in _columns(one)]
        self.prepared = Prepared(lambda **values: build(**values).values_list(*columns, *annotations), **names)

    def first(self, using: str = "default", **values: Any) -> Row | None:
        return next(iter(self.all(using, **values)), None)

    def all(self, using: str = "default", **values: Any) -> list[Row]:
        return [self._object(row, using) for row in self.prepared.rows(using, **values)]

    def _object(self, row: Sequence[Any], using: str) -> Row:
        values = iter(row)
        made: dict[str, Any] = {}
        for path, model in self.places.items():
            names = _columns(model)
            one: Any = model.from_db(using, names, [next(values) for _name in names])
            made[path] = one = one if one.pk is not None else None
            parent, _dots, name = path.rpartition("__")
            if path and made[parent] is not None:
                setattr(made[parent], name, one)
        for name in self.annotations:
            setattr(made[""], name, next(values))
        return cast(Row, made[""])


@cache
def _columns(model: type[models.Model]) -> list[str]:
    fields = model._meta.concrete_fields
    return [field.attname for field in fields if not isinstance(field, models.BinaryField)]


def _converted(row: tuple[Any, ...], converters: Mapping[int, Any], connection: Any) -> tuple[Any, ...]:
    if not converters:
        return row
    values = list(row)
    for place, (functions, expression) in converters.items():
        for convert in functions:
            values[place] = convert(values[place], expression, connection)
    return tuple(values)


def insert_one(row: models.Model, using: str = "default") -> None:
    """Insert a new row as it is, and give it its number. No signal is sent."""
    connection = connections[using]
    model = type(row)
    fields = _fields(model)
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(_insert(model, using), values)
        row.pk = cursor.fetchone()[0]


def update_rows(
    model: type[models.Model], where: Mapping[str, Any], values: Mapping[str, Any], *, using: str = "default"
) -> int:
    """Set columns of the rows that have some values, and return how many there are."""
    connection = connections[using]
    given = [
        model._meta.get_field(name).get_db_prep_save(value, connection)  # type: ignore[union-attr]
        for name, value in (*values.items(), *where.items())
    ]
    with connection.cursor() as cursor:
        cursor.execute(_update(model, tuple(where), tuple(values), using), given)
        return cursor.rowcount


def _fields(model: type[models.Model]) -> list[Any]:
    return [field for field in model._meta.local_concrete_fields if not isinstance(field, models.AutoField)]


@cache
def _insert(model: type[models.Model], using: str) -> str:
    quote = connections[using].ops.quote_name
    fields = _fields(model)
    names = ", ".join(quote(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    key: Any = model._meta.pk
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({places}) RETURNING {quote(key.column)}"


@cache
def _update(model: type[models.Model], where: tuple[str, ...], values: tuple[str, ...], using: str) -> str:
    quote = connections[using].ops.quote_name
    fields: dict[str, Any] = {name: model._meta.get_field(name) for name in (*where, *values)}
    columns = {name: f"{quote(field.column)} = %s" for name, field in fields.items()}
    setting = ", ".join(columns[name] for name in values)
    matching = " AND ".join(columns[name] for name in where)
    return f"UPDATE {quote(model._meta.db_table)} SET {setting} WHERE {matching}"
