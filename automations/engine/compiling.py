"""Definitions as they run, read from the database once for each revision."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from threading import Lock

from automations.actions import ACTION_TYPES
from automations.engine.state import Node, Tree
from automations.models import Action, Definition

_MOST = 256

# `updated_at` as well: after a rollback or a restored backup, an id or a revision comes again.
_Version = tuple[int, int, datetime]


class TreeCache:
    """The trees used last, at most `size` of them; safe between threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._trees: OrderedDict[_Version, Tree] = OrderedDict()
        self._lock = Lock()

    def get(self, version: _Version) -> Tree | None:
        with self._lock:
            if version in self._trees:
                self._trees.move_to_end(version)
            return self._trees.get(version)

    def put(self, version: _Version, tree: Tree) -> None:
        with self._lock:
            self._trees[version] = tree
            while len(self._trees) > self._size:
                self._trees.popitem(last=False)


_cache = TreeCache(_MOST)


def trees_of(definition_ids: Iterable[int]) -> dict[int, Tree]:
    """The current trees of some definitions, in at most two queries."""
    current = Definition.objects.filter(pk__in=set(definition_ids))
    versions = {row[0]: row for row in current.values_list("pk", "revision", "updated_at")}
    trees = {pk: tree for pk, version in versions.items() if (tree := _cache.get(version))}
    missing = versions.keys() - trees.keys()
    if missing:
        for pk, tree in _compiled(missing).items():
            _cache.put(versions[pk], tree)
            trees[pk] = tree
    return trees


def _compiled(definition_ids: Iterable[int]) -> dict[int, Tree]:
    by_definition: dict[int, list[Action]] = {pk: [] for pk in definition_ids}
    rows = Action.objects.filter(definition__in=by_definition).select_related("media_file")
    rows = rows.order_by("definition", "position")
    for row in rows:
        by_definition[row.definition_id].append(row)
    return {pk: _tree(rows) for pk, rows in by_definition.items()}


def _tree(rows: list[Action]) -> Tree:
    children: dict[int, dict[str, str]] = defaultdict(dict)
    root = ""
    for row in rows:
        if row.parent_id is None:
            root = row.action_key
        else:
            children[row.parent_id][row.parent_branch] = row.action_key
    return Tree(root, {row.action_key: _node(row, children.get(row.pk, {})) for row in rows})


def _node(row: Action, children: Mapping[str, str]) -> Node:
    kind = ACTION_TYPES.get(row.action_type)
    return Node(
        key=row.action_key,
        type_name=row.action_type,
        type=kind,
        content=row.content,
        options=kind.complete(row.options) if kind else row.options,
        media_file_id=row.media_file_id,
        media_type=row.media_file.media_type if row.media_file else "",
        children=children,
    )
