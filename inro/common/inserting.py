"""Inserting one row by a statement that is made once, as `prepared` does for queries.

No signals are sent, and `save()` of the model is not called: what that would work out is the
caller's to set.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from django.db import connection, models
from django.db.models.sql import InsertQuery


def insert(row: models.Model) -> None:
    """Insert `row` and give it its id."""
    _execute(row, ())


def insert_unless_there(row: models.Model, unique: Sequence[str]) -> bool:
    """Insert `row`, unless one with the same `unique` fields exists; whether it was inserted.

    One that another transaction is inserting is waited for. Django has this only without the new
    id.
    """
    return _execute(row, tuple(unique))


def _execute(row: models.Model, unique: tuple[str, ...]) -> bool:
    values = (field.pre_save(row, add=True) for field in _fields(type(row)))
    params = [
        field.get_db_prep_save(value, connection)
        for field, value in zip(_fields(type(row)), values, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_statement(type(row), unique), params)
        found = cursor.fetchone()
    if found is None:
        return False
    row.pk, row._state.adding, row._state.db = found[0], False, connection.alias
    return True


@cache
def _fields(model: type[models.Model]) -> list[Any]:
    return [field for field in model._meta.local_concrete_fields if not field.primary_key]


@cache
def _statement(model: type[models.Model], unique: tuple[str, ...]) -> str:
    query = InsertQuery(model)
    query.insert_values(_fields(model), [model()], raw=True)
    [(sql, _)] = cast(Any, query.get_compiler(connection=connection)).as_sql()
    quoted = connection.ops.quote_name
    if unique:
        names = (cast(Any, model._meta.get_field(name)).column for name in unique)
        sql += f" ON CONFLICT ({', '.join(map(quoted, names))}) DO NOTHING"
    return f"{sql} RETURNING {quoted(cast(str, model._meta.pk.column))}"
