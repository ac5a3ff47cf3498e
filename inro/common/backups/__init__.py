"""Copies of everything that cannot be made again: the rows, the files they name, the keys.

The queue is not among them: rows are the truth, and the next tick wakes what waits.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from inro.common.registry import Registry

DATABASE, KEYS, FILES = "inro.sqlite3", "keys", "media"


class BackupError(Exception):
    """Why there is no backup, or why one is not restored; the text is for a person."""


@dataclass(frozen=True)
class StoredFile:
    """A file of the storage, as the row with this id names it; its bytes never change."""

    row: int
    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class FileOwner:
    """Rows that name stored files, all of them in `folder`.

    `files(alias, after)` lists those of the database `alias` by the ids of their rows, from the
    first after `after` on; `named(names)` are those that a row of the running product names now. A
    file is written before its row and removed after it, so a file that is missing while its row is
    there is a damage.
    """

    name: str
    folder: str
    files: Callable[[str, int], Iterable[StoredFile]]
    named: Callable[[Collection[str]], set[str]]

    def has(self, name: str) -> bool:
        return bool(self.named([name]))


@dataclass(frozen=True)
class Pause:
    """Keeps what was restored from going out by itself: `run(alias)` returns how many it holds."""

    name: str
    run: Callable[[str], int]


FILE_OWNERS: Registry[FileOwner] = Registry("file owners", key=lambda each: each.name)
PAUSES: Registry[Pause] = Registry("pauses", key=lambda each: each.name)
