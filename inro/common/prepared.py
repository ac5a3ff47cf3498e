"""Queries whose SQL is made once.

The ORM takes longer to write a statement than a database to answer a small one. Where the same
question is asked with every request, a query is built once with stand-ins for its values.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Self

from django.db import connections
from django.db.models import QuerySet


class Prepared:
    """`queryset` as a statement; `places` are the values in it that each call names anew.

    A place is told from other values by being equal to none of them, so it has to be something
    that no other part of the query compares with.
    """

    def __init__(
        self, queryset: QuerySet, places: Sequence[Hashable], *, around: str = "{}"
    ) -> None:
        """`around` is a statement to put the query's SQL into, with columns of its own."""
        self._using = queryset.db
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
        with connections[self._using].cursor() as cursor:
            cursor.execute(self._sql, params)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        if not self._converters:
            return found
        return [tuple(row) for row in self._compiler.apply_converters(found, self._converters)]
