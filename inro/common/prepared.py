"""Queries whose SQL is made once.

The ORM takes longer to write a statement than a database to answer a small one. Where the same
question is asked with every request, a query is built once with stand-ins for its values.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Self

from django.db import Error, connections
from django.db.models import QuerySet


class Prepared:
    """`queryset` as a statement; `places` are the values in it that each call names anew.

    A place is told from other values by being equal to none of them, so it has to be something
    that no other part of the query compares with.
    """

    def __init__(
        self,
        queryset: QuerySet,
        places: Sequence[Hashable],
        *,
        around: str = "{}",
        planned: bool = False,
    ) -> None:
        """`around` is a statement to put the query's SQL into, with columns of its own.

        `planned`: a database that can plans it once, too. For a row that is found by a unique
        key, since other plans depend on the values.
        """
        self._using, self._planned = queryset.db, planned
        self._compiler = queryset.query.get_compiler(self._using)
        sql, params = self._compiler.as_sql()
        self._sql = around.format(sql)
        self._params = list(params)
        if any(self._params.count(place) != 1 for place in places):
            raise ValueError("a place is not a value of its own in this query")
        self._positions = [self._params.index(place) for place in places]
        columns = self._compiler.select[: self._compiler.col_count] if around == "{}" else ()
        self._converters = self._compiler.get_converters([column for column, _, _ in columns])

    @classmethod
    def count(cls, queryset: QuerySet, places: Sequence[Hashable]) -> Self:
        """One row: how many there are."""
        counted = "SELECT COUNT(*) FROM ({}) AS counted"
        return cls(queryset.order_by().values_list("pk"), places, around=counted)

    def rows(self, values: Iterable[Any]) -> list[tuple[Any, ...]]:
        """The rows as tuples of the query's columns."""
        params = self._params.copy()
        for position, value in zip(self._positions, values, strict=True):
            params[position] = value
        found = self._planned_rows(params) if self._planned else self._rows(self._sql, params)
        if not self._converters:
            return found
        return [tuple(row) for row in self._compiler.apply_converters(found, self._converters)]

    def _planned_rows(self, params: list[Any]) -> list[tuple[Any, ...]]:
        connection: Any = connections[self._using]
        if connection.vendor != "postgresql":
            return self._rows(self._sql, params)
        try:
            return self._rows(connection.execution_of(self._sql), params)
        except Error as error:
            if not connection.has_lost_plan(error):
                raise
            return self._rows(self._sql, params)

    def _rows(self, sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
        with connections[self._using].cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())
