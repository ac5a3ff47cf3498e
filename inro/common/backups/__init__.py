"""Copies of everything that cannot be made again: the rows, the files they name, the keys.

The queue is not among them: rows are the truth, and the next tick wakes what waits.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from inro.common.registry import Registry

DATABASE, KEYS, FILES = "inro.sqlite3", "keys", "media"


class BackupError(Exception):
    """Why there is no backup, or why one is not restored; the text is for a person."""


@dataclass(frozen=True)
class StoredFile:
    """A file of the storage as a row names it. Once written, its bytes never change."""

    name: str
    sha256: str


@dataclass(frozen=True)
class FileOwner:
    """Rows that name stored files: `files(alias)` lists those of the database `alias`.

    `has(name)`: whether a row of the running product names it now. A file is written before its
    row and removed after it, so a file that is missing while its row is there is a damage.
    """

    name: str
    files: Callable[[str], Iterable[StoredFile]]
    has: Callable[[str], bool]


@dataclass(frozen=True)
class Pause:
    """Keeps what was restored from going out by itself: `run(alias)` returns how many it holds."""

    name: str
    run: Callable[[str], int]


FILE_OWNERS: Registry[FileOwner] = Registry("file owners", key=lambda each: each.name)
PAUSES: Registry[Pause] = Registry("pauses", key=lambda each: each.name)
