"""Stored files that no row names: a process was killed between the file and the commit of its row.

A file is written before its row; so one that is a day old and has no row never will have one. Only
folders whose files we name are looked at, for a bucket may hold more than ours.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.files.storage import default_storage
from django.utils import timezone

from inro.common import retention
from inro.common.backups import FILE_OWNERS, FileOwner
from inro.common.storing import StoredObject, pages_of

log = structlog.get_logger(__name__)

LEFT_FOR = timedelta(days=1)
# Where `/health/ready` and `doctor` try whether the storage works.
PROBES = "health"
# More of a page than that, and it is the database that is the wrong one: of a copy, a test, a
# backup of long ago. Names are drawn by lot, so each page looks like the whole. One that names no
# file at all is new: then not even a few are taken for left behind.
MANY, MOST = 10, 0.5
_SHOWN = 20
_BEAT = "clean stored files"


@dataclass
class Cleaned:
    """`suspicious`: so many files are without a row that none of the page was removed."""

    files: int = 0
    nameless: int = 0
    bytes: int = 0
    failed: int = 0
    uploads: int = 0
    suspicious: bool = False
    some: list[str] = field(default_factory=list)


def take_due(now: datetime) -> bool:
    return retention.take(_BEAT, now)


def clean_daily() -> Cleaned:
    def go_on() -> None:
        retention.hold(_BEAT, is_done=False)

    cleaned = clean(timezone.now(), each_page=go_on)
    retention.hold(_BEAT, is_done=True)
    if cleaned.suspicious:
        log.warning("most stored files have no row; none was removed", files=cleaned.files)
    elif cleaned.nameless or cleaned.uploads:
        log.info(
            "removed stored files without a row", files=cleaned.nameless, uploads=cleaned.uploads
        )
    return cleaned


def clean(
    now: datetime,
    *,
    dry_run: bool = False,
    although_many: bool = False,
    each_page: Callable[[], None] = lambda: None,
) -> Cleaned:
    """Remove what no row names from the storage; ends at a page that looks suspicious."""
    cleaned, before = Cleaned(), now - LEFT_FOR
    for folder, owners in _folders().items():
        is_new = bool(owners) and not any(_names_one(owner) for owner in owners)
        for page in pages_of(default_storage, folder):
            cleaned.files += len(page)
            nameless = list(_nameless(page, owners, before))
            many = len(nameless) > max(MANY, MOST * len(page)) and bool(owners)
            wrong = many or (is_new and bool(nameless))
            cleaned.suspicious = cleaned.suspicious or (wrong and not although_many)
            for each in nameless:
                _count(cleaned, each)
            if cleaned.suspicious and not dry_run:
                return cleaned
            if not dry_run:
                cleaned.failed += sum(not _remove(each.name) for each in nameless)
            each_page()
        if not dry_run:
            cleaned.uploads += _abort_uploads(folder, before)
    return cleaned


def _folders() -> dict[str, list[FileOwner]]:
    folders: dict[str, list[FileOwner]] = defaultdict(list)
    for owner in FILE_OWNERS:
        folders[owner.folder].append(owner)
    return {**folders, PROBES: []}


def _names_one(owner: FileOwner) -> bool:
    return next(iter(owner.files("default", 0)), None) is not None


def _nameless(
    page: list[StoredObject], owners: list[FileOwner], before: datetime
) -> Iterator[StoredObject]:
    old = {each.name: each for each in page if each.modified < before}
    for owner in owners:
        for name in owner.named(list(old)) if old else ():
            del old[name]
    yield from old.values()


def _count(cleaned: Cleaned, each: StoredObject) -> None:
    cleaned.nameless += 1
    cleaned.bytes += each.size
    if len(cleaned.some) < _SHOWN:
        cleaned.some.append(each.name)


def _remove(name: str) -> bool:
    try:
        default_storage.delete(name)
    except Exception as error:
        log.warning("stored file could not be removed", name=name, error=type(error).__name__)
        return False
    return True


def _abort_uploads(folder: str, before: datetime) -> int:
    storage: Any = default_storage
    return int(storage.abort_uploads(folder, before)) if hasattr(storage, "abort_uploads") else 0
