"""Moving stored files to another storage while the product runs.

A file never changes, so what has arrived with the right digest has arrived for good: a move that
was interrupted is started again and goes on where it was. What is stored meanwhile has rows with
higher ids, and is found by another pass.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import Any

from django.core.files.base import ContentFile

from inro.common.backups import FILE_OWNERS, FileOwner, StoredFile
from inro.common.cleaning import PROBES

AT_ONCE = 4
_PAGE = 40
_CHUNK_BYTES = 1024 * 1024


class Outcome(StrEnum):
    COPIED = "copied"
    THERE = "there"
    MISSING = "is missing"
    DAMAGED = "was damaged before"
    CHANGED = "arrived changed"


@dataclass
class Move:
    """How far it has come; `files` and `bytes` are what there was to do at its beginning."""

    files: int = 0
    bytes: int = 0
    done: int = 0
    bytes_done: int = 0
    copied: int = 0
    removed: int = 0
    failed: list[str] = field(default_factory=list)


def are_one(source: Any, target: Any) -> bool:
    """Whether what is written to one lies in the other: a bucket has more than one name."""
    name = target.save(f"{PROBES}/{secrets.token_hex(16)}", ContentFile(b"ok"))
    try:
        return bool(source.exists(name))
    finally:
        target.delete(name)


def move(source: Any, target: Any, *, delete: bool = False, report: Callable[[Move], None]) -> Move:
    """Copy what rows name, check every byte of it; with `delete`, remove it from `source` then."""
    so_far = Move()
    for stored in (each for owner in FILE_OWNERS for each in owner.files("default", 0)):
        so_far.files += 1
        so_far.bytes += stored.size
    last = dict.fromkeys(FILE_OWNERS.keys(), 0)
    carry = partial(_carry, source, target, delete)
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        while _pass(pool, carry, last, so_far, report):
            pass
    finally:
        # Those under way are finished, others not begun.
        pool.shutdown(cancel_futures=True)
    return so_far


Carried = tuple[StoredFile, str, bool]


def _pass(
    pool: ThreadPoolExecutor,
    carry: Callable[[StoredFile], Carried],
    last: dict[str, int],
    so_far: Move,
    report: Callable[[Move], None],
) -> bool:
    """Carry what has come since the `last` rows; whether there was anything."""
    before = so_far.done
    for owner in FILE_OWNERS:
        for page in _pages(owner.files("default", last[owner.name])):
            for carried in pool.map(carry, page):
                _note(so_far, owner, *carried)
            last[owner.name] = page[-1].row
            report(so_far)
    return so_far.done > before


def _pages(files: Iterable[StoredFile]) -> Iterator[list[StoredFile]]:
    rest = iter(files)
    while page := list(islice(rest, _PAGE)):
        yield page


def _note(so_far: Move, owner: FileOwner, stored: StoredFile, outcome: str, removed: bool) -> None:
    so_far.done += 1
    so_far.bytes_done += stored.size
    so_far.removed += removed
    if outcome == Outcome.COPIED:
        so_far.copied += 1
    # One that was deleted meanwhile is not missed.
    elif outcome != Outcome.THERE and owner.has(stored.name):
        so_far.failed.append(f"{stored.name} {outcome}")


def _carry(source: Any, target: Any, delete: bool, stored: StoredFile) -> Carried:
    removed = False
    try:
        outcome: str = Outcome.THERE if _is_right(target, stored) else _copy(source, target, stored)
        if delete and outcome in (Outcome.COPIED, Outcome.THERE):
            removed = source.exists(stored.name)
            source.delete(stored.name)
    except Exception as error:
        outcome = f"could not be moved ({type(error).__name__})"
    return stored, outcome, removed


def _copy(source: Any, target: Any, stored: StoredFile) -> Outcome:
    try:
        file = source.open(stored.name)
    except FileNotFoundError:
        return Outcome.MISSING
    with file:
        target.delete(stored.name)  # half of it may be there
        written = target.save(stored.name, file)
    if written == stored.name and _is_right(target, stored):
        return Outcome.COPIED
    target.delete(written)
    return Outcome.CHANGED if _is_right(source, stored) else Outcome.DAMAGED


def _is_right(storage: Any, stored: StoredFile) -> bool:
    try:
        if storage.size(stored.name) != stored.size:
            return False
        digest = hashlib.sha256()
        with storage.open(stored.name) as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError:
        return False
    return digest.hexdigest() == stored.sha256
