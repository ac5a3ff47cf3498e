"""Where the actions of a tree stand: leaves get columns, parents the middle of their children."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """An action as the picture shows it."""

    key: str
    parent: str | None = None
    branch: str = ""  # in words; empty for the plain way on
    kind: str = ""  # what its type is called
    text: str = ""
    tone: str = "does"
    href: str = ""
    media: str = ""  # what file goes with it, in words
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    column: float
    row: int


def places(nodes: Iterable[Node]) -> dict[str, Place]:
    """Nodes of one row are at least a column apart. What no root leads to has no place.

    Walks without recursion: a chain may be deeper than the stack.
    """
    children: dict[str | None, list[str]] = {}
    for node in nodes:
        children.setdefault(node.parent, []).append(node.key)
    rows = _rows(children)
    columns: dict[str, float] = {}
    leaves = 0
    for key in _children_first(children):
        below = [columns[child] for child in children.get(key, [])]
        if below:
            columns[key] = (below[0] + below[-1]) / 2
        else:
            columns[key] = leaves
            leaves += 1
    return {key: Place(columns[key], row) for key, row in rows.items()}


def _rows(children: Mapping[str | None, list[str]]) -> dict[str, int]:
    rows = dict.fromkeys(children.get(None, []), 0)
    waiting = list(rows)
    while waiting:
        key = waiting.pop()
        below = children.get(key, [])
        rows.update(dict.fromkeys(below, rows[key] + 1))
        waiting.extend(below)
    return rows


def _children_first(children: Mapping[str | None, list[str]]) -> list[str]:
    """Every node after its children, those in their order."""
    order: list[str] = []
    waiting = list(children.get(None, []))
    while waiting:  # parents first and last child first, so backwards it is what is wanted
        key = waiting.pop()
        order.append(key)
        waiting.extend(children.get(key, []))
    return order[::-1]
