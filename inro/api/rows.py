"""Where a list's rows come from: a query, or statements that are made once."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from django.db.models import QuerySet

from inro.accounts.models import Workspace
from inro.common.models import WorkspaceQuerySet
from inro.common.prepared import Prepared

MAX_ID = 2**63 - 1
# Stand-ins for values that a prepared statement is given: no row has such an id.
_WORKSPACE, _BELOW = MAX_ID - 1, MAX_ID - 2


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

    def count(self) -> int: ...

    def within(self, window: Window, below: int | None = None) -> list[Any]: ...


class QueryRows:
    """The rows of a query, made anew for each request."""

    def __init__(self, queryset: QuerySet) -> None:
        self._queryset = queryset

    def count(self) -> int:
        return int(self._queryset.count())

    def within(self, window: Window, below: int | None = None) -> list[Any]:
        return list(window.of(self._queryset, below))


class PreparedRows:
    """All of a workspace's rows as tuples of `columns`, the id first."""

    def __init__(self, queryset: WorkspaceQuerySet, columns: tuple[Any, ...]) -> None:
        self._queryset, self._columns = queryset, columns
        self._statement = lru_cache(256)(self._prepare)

    def of(self, workspace: Workspace) -> "RowsOfWorkspace":
        return RowsOfWorkspace(self, workspace.pk)

    def count(self, workspace_id: int) -> int:
        [[count]] = self._statement(None, False).rows([workspace_id])
        return int(count)

    def within(self, workspace_id: int, window: Window, below: int | None) -> list[Any]:
        if below is None:
            return self._statement(window, False).rows([workspace_id])
        return self._statement(window, True).rows([workspace_id, below])

    def _prepare(self, window: Window | None, cut: bool) -> Prepared:
        mine = self._queryset.for_workspace(_WORKSPACE)
        if window is None:
            return Prepared.count(mine, [_WORKSPACE])
        rows = window.of(mine.values_list(*self._columns), _BELOW if cut else None)
        return Prepared(rows, [_WORKSPACE, _BELOW] if cut else [_WORKSPACE])


@dataclass(frozen=True)
class RowsOfWorkspace:
    """`PreparedRows` of one workspace."""

    prepared: PreparedRows
    workspace_id: int

    def count(self) -> int:
        return self.prepared.count(self.workspace_id)

    def within(self, window: Window, below: int | None = None) -> list[Any]:
        return self.prepared.within(self.workspace_id, window, below)
