"""What carries the files of the library: the apps above say so themselves."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q, QuerySet

from inro.api.rows import Window
from inro.common.registry import Registry


@dataclass(frozen=True)
class Usage:
    """One thing that carries a file. `address` is its page in the admin.

    `parts` are the places in it that do, such as the keys of actions.
    """

    media_file_id: int
    title: str
    address: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class UsageKind:
    """A kind of thing that carries files; `find` asks once for all of the files with these ids.

    Kinds are listed in the order of `place`. `relation` leads from a file to all rows that name it.
    `rows` are those that would still send one file, `as_object` shows one of them in the API.
    """

    name: str
    place: int
    relation: str
    find: Callable[[Collection[int]], Iterable[Usage]]
    rows: Callable[[int], QuerySet]
    as_object: Callable[[Any], dict[str, Any]]


USAGE_KINDS: Registry[UsageKind] = Registry("kinds of usage", key=lambda kind: kind.name)


def usages_of(media_file_ids: Collection[int]) -> Mapping[int, list[Usage]]:
    """By file, each thing once with all its parts, in the order of kinds."""
    found: dict[int, list[Usage]] = defaultdict(list)
    for kind in _in_order():
        for usage in _together(kind.find(media_file_ids)):
            found[usage.media_file_id].append(usage)
    return found


def _together(usages: Iterable[Usage]) -> Iterator[Usage]:
    parts: dict[Usage, list[str]] = defaultdict(list)
    for usage in usages:
        parts[replace(usage, parts=())] += usage.parts
    for usage, found in parts.items():
        yield replace(usage, parts=tuple(found))


def _in_order() -> list[UsageKind]:
    return sorted(USAGE_KINDS, key=lambda kind: kind.place)


def unnamed() -> Q:
    """Of media files: nothing refers to them, whether it would still send them or not."""
    return Q(**{f"{kind.relation}__isnull": True for kind in USAGE_KINDS})


class UsageRows:
    """What would still send a file, as the API shows it, in the order of kinds."""

    def __init__(self, media_file_id: int) -> None:
        self._parts = [(kind, kind.rows(media_file_id)) for kind in _in_order()]

    def counted(self, window: Window) -> tuple[list[dict[str, Any]], int]:
        return self.within(window), self.count()

    def count(self) -> int:
        return sum(rows.count() for _, rows in self._parts)

    def first(self, most: int) -> list[dict[str, Any]]:
        return self.within(Window(("-pk",), 0, most))

    def within(self, window: Window, below: int | None = None) -> list[dict[str, Any]]:
        """The part of the list that `window` is; its order is that within each kind."""
        found: list[dict[str, Any]] = []
        start, stop = window.start, window.stop
        for kind, rows in self._parts:
            part = Window(window.order, max(start, 0), max(stop, 0))
            found += map(kind.as_object, part.of(rows, below))
            count = rows.count()
            start, stop = start - count, stop - count
        return found
