"""Where a list's rows come from: a query, or statements that are made once."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from django.db.models import Func, IntegerField, QuerySet, Subquery

from inro.accounts.models import Workspace
from inro.common.models import WorkspaceQuerySet
from inro.common.prepared import Prepared

MAX_ID = 2**63 - 1
# Stand-ins for values that a prepared statement is given: no row has such an id.
_WORKSPACE, _BELOW, _COUNTED = MAX_ID - 1, MAX_ID - 2, MAX_ID - 3


class Window(NamedTuple):
    """A stretch of an ordered list; with `below`, of the rows with smaller ids only."""

    order: tuple[str, ...]
    start: int
    stop: int

    def of(self, queryset: QuerySet, below: int | None) -> QuerySet:
        if below is not None:
            queryset = queryset.filter(pk__lt=below)
        return queryset.order_by(*self.order)[self.start : self.stop]


class Rows(Protocol):
    """The rows of a list, before they are cut into pages."""

    def within(self, window: Window, below: int | None = None) -> list[Any]: ...

    def counted(self, window: Window) -> tuple[list[Any], int]:
        """The rows of the window, and how many there are in all."""


class QueryRows:
    """The rows of a query, made anew for each request."""

    def __init__(self, queryset: QuerySet) -> None:
        self._queryset = queryset

    def within(self, window: Window, below: int | None = None) -> list[Any]:
        return list(window.of(self._queryset, below))

    def counted(self, window: Window) -> tuple[list[Any], int]:
        return self.within(window), int(self._queryset.count())


# Not `Count`, which would group them: a third of the time that counting takes.
_ALL = Func(template="COUNT(*)", output_field=IntegerField())


class _Total(Subquery):
    """A number as databases give it; otherwise Django would convert it in each row."""

    convert_value = staticmethod(Subquery._convert_value_noop)  # type: ignore[attr-defined]


class PreparedRows:
    """All of a workspace's rows as tuples of `columns`, the id first."""

    def __init__(self, queryset: WorkspaceQuerySet, columns: tuple[Any, ...]) -> None:
        self._queryset, self._columns = queryset, columns
        self._statement = lru_cache(256)(self._prepare)

    def of(self, workspace: Workspace) -> "RowsOfWorkspace":
        return RowsOfWorkspace(self, workspace.pk)

    def within(self, workspace_id: int, window: Window, below: int | None) -> list[Any]:
        values = [workspace_id] if below is None else [workspace_id, below]
        return self._statement(window, below is not None, False).rows(values)

    def counted(self, workspace_id: int, window: Window) -> tuple[list[Any], int]:
        """In one statement; a page beyond the last takes another."""
        found = self._statement(window, False, True).rows([workspace_id, workspace_id])
        if found:
            return [row[:-1] for row in found], int(found[0][-1])
        [[total]] = self._statement(None, False, False).rows([workspace_id])
        return [], int(total)

    def _prepare(self, window: Window | None, cut: bool, counted: bool) -> Prepared:
        mine = self._queryset.for_workspace(_WORKSPACE)
        if window is None:
            return Prepared.count(mine, [_WORKSPACE])
        rows, places = window.of(mine, _BELOW if cut else None), [_WORKSPACE]
        columns = self._columns
        if counted:
            same = self._queryset.for_workspace(_COUNTED).order_by()
            total = _Total(same.annotate(total=_ALL).values("total"))
            columns, places = (*columns, total), [_WORKSPACE, _COUNTED]
        return Prepared(rows.values_list(*columns), [*places, _BELOW] if cut else places)


@dataclass(frozen=True)
class RowsOfWorkspace:
    """`PreparedRows` of one workspace."""

    prepared: PreparedRows
    workspace_id: int

    def within(self, window: Window, below: int | None = None) -> list[Any]:
        return self.prepared.within(self.workspace_id, window, below)

    def counted(self, window: Window) -> tuple[list[Any], int]:
        return self.prepared.counted(self.workspace_id, window)
