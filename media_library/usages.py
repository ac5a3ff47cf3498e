"""What carries the files of the library: the apps above say so themselves."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from inro.common.registry import Registry


@dataclass(frozen=True)
class Usage:
    """One thing that carries a file. `address` is its page in the admin."""

    media_file_id: int
    title: str
    address: str


@dataclass(frozen=True)
class UsageKind:
    """A kind of thing that carries files; `find` asks once for all of the files with these ids."""

    name: str
    find: Callable[[Collection[int]], Iterable[Usage]]


USAGE_KINDS: Registry[UsageKind] = Registry("kinds of usage", key=lambda kind: kind.name)


def usages_of(media_file_ids: Collection[int]) -> Mapping[int, list[Usage]]:
    """By file, each thing once, in the order of kinds."""
    found: dict[int, list[Usage]] = defaultdict(list)
    for kind in USAGE_KINDS:
        for usage in dict.fromkeys(kind.find(media_file_ids)):
            found[usage.media_file_id].append(usage)
    return found
