"""Bytes in and out of the storage: kept once per workspace, gone with the last reference.

Files are written before the transaction that refers to them and removed after the one that lets go
of them, so neither a rollback nor a race leaves a row without its file. Two writers of the same
bytes both write a file; the one whose row comes second uses the first one's and removes its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import structlog
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from inro.accounts.models import Workspace
from inro.common.backups import StoredFile
from inro.common.errors import Refused
from inro.common.inserting import insert_unless_there
from inro.common.prepared import Prepared
from inro.common.storing import folder_of
from media_library.content import Content
from media_library.models import Blob, Examination

log = structlog.get_logger(__name__)

FOLDER = "blobs"
_PAGE = 500
# To write so much into a folder takes less than to ask whether it is there.
_AT_ONCE = 1024 * 1024


class Deposit:
    """Content on its way into the library of `workspace`."""

    def __init__(self, workspace: Workspace, content: Content) -> None:
        self.content = content
        self._workspace = workspace
        self._written = ""
        self._kept = False
        self._lost: str | None = None

    def prepare(self) -> None:
        """Write the file unless the workspace has these bytes. Raises Refused."""
        if self._is_small:
            self._storage_name()
            return
        rows = _same_bytes().rows([self._workspace.pk, self.content.sha256])
        here = rows[0][0] if rows else None
        if here is None or not is_stored(here):
            self._lost = here
            self._storage_name()

    def blob(self, *, unordered: bool = False) -> Blob:
        """The bytes' row, locked until the caller's transaction ends: refer to it before.

        `unordered`: what a new one has of that name.
        """
        if self._written and (blob := self._inserted(unordered)):
            return blob
        same = Blob.objects.for_workspace(self._workspace).filter(sha256=self.content.sha256)
        while (found := same.select_for_update().first()) is None:
            # It was there a moment ago, and has been let go.
            if blob := self._inserted(unordered):
                return blob
        if self._is_lost(found):
            self._mend(found)
        return found

    def clean(self) -> None:
        """Remove the file that was written if no row came to name it."""
        if not self._written or self._kept:
            return
        if not Blob.objects.filter(storage_name=self._written).exists():
            remove_stored(self._written)

    @property
    def _is_small(self) -> bool:
        return self.content.size <= _AT_ONCE and folder_of(default_storage) is not None

    def _is_lost(self, blob: Blob) -> bool:
        if self._is_small:
            return not is_stored(blob.storage_name)
        return blob.storage_name == self._lost

    def _inserted(self, unordered: bool) -> Blob | None:
        """A new row; None when there is one for these bytes."""
        content = self.content
        blob = Blob(
            workspace=self._workspace,
            sha256=content.sha256,
            size=content.size,
            mime_type=content.file_type.mime_type,
            storage_name=self._storage_name(),
            unordered=unordered,
            **known_of(content),
        )
        if insert_unless_there(blob, ("workspace", "sha256")):
            transaction.on_commit(self._keep, robust=True)
            return blob
        return None

    def _mend(self, blob: Blob) -> None:
        """Its file is gone, by a damage or a restore without it: the one that was written is it."""
        news = {**known_of(self.content), "storage_name": self._written}
        Blob.objects.filter(pk=blob.pk).update(**news)
        for name, value in news.items():
            setattr(blob, name, value)
        transaction.on_commit(self._keep, robust=True)

    def _keep(self) -> None:
        self._kept = True

    def _storage_name(self) -> str:
        if not self._written:
            name = secrets.token_hex(16)
            with self.content.stored() as file:
                self._written = _write(f"{FOLDER}/{name[:2]}/{name}", file)
        return self._written


@cache
def _same_bytes() -> Prepared:
    mine = Blob.objects.filter(workspace=-1, sha256="?")
    return Prepared(mine.values_list("storage_name"), [-1, "?"])


@contextmanager
def deposited(workspace: Workspace, content: Content) -> Iterator[Deposit]:
    """Leave it after the transaction that took the blob, or that failed to. Raises Refused."""
    deposit = Deposit(workspace, content)
    try:
        deposit.prepare()
        yield deposit
    finally:
        deposit.clean()


def known_of(content: Content) -> dict[str, Any]:
    """The columns of a blob that say what `content` tells, and that it was asked."""
    facts = content.facts
    return {
        "width": facts.width,
        "height": facts.height,
        "duration": facts.duration,
        "details": facts.details,
        "examined": Examination.DONE,
    }


def open_blob(blob: Blob) -> File:
    """The bytes, from the first on. Raises FileNotFoundError, or Refused when out of reach."""
    try:
        return default_storage.open(blob.storage_name)
    except FileNotFoundError:
        log.error("stored file is missing", blob=blob.pk)
        raise
    except Exception as error:
        raise _unavailable("read") from error


def address_of(blob: Blob, content_type: str, disposition: str, method: str) -> str | None:
    """Where the storage itself serves the bytes for a while; None when that is for us to do.

    Raises Refused when it cannot tell.
    """
    sign = getattr(default_storage, "address", None)
    if sign is None:
        return None
    try:
        return str(sign(blob.storage_name, content_type, disposition, method))
    except Exception as error:
        raise _unavailable("sign") from error


def files_of(alias: str, after: int) -> Iterator[StoredFile]:
    """The files that the rows of the database `alias` name, from the first row after `after` on.

    Read in pages: whoever copies them takes longer than a query may.
    """
    rows = Blob.objects.using(alias).order_by("pk")
    columns = ("pk", "storage_name", "sha256", "size")
    while page := list(rows.filter(pk__gt=after).values_list(*columns)[:_PAGE]):
        yield from (StoredFile(*row) for row in page)
        after = page[-1][0]


def named(names: Collection[str]) -> set[str]:
    """Those that a row names."""
    rows = Blob.objects.filter(storage_name__in=names)
    return set(rows.values_list("storage_name", flat=True))


def is_stored(name: str) -> bool:
    """Whether a stored file has this name. Raises Refused when out of reach."""
    try:
        return default_storage.exists(name)
    except Exception as error:
        raise _unavailable("look") from error


def _write(name: str, file: File) -> str:
    try:
        file.seek(0)
        return default_storage.save(name, file)
    except Exception as error:
        remove_stored(name)  # a part may have been written
        raise _unavailable("write") from error


def remove_stored(name: str) -> None:
    """Remove a file that no row names; one that stays is found by the cleaning."""
    try:
        default_storage.delete(name)
    except Exception:
        log.exception("stored file could not be removed", name=name)


def _unavailable(doing: str) -> Refused:
    log.exception("storage failed", doing=doing)
    return Refused("storage_unavailable", "The file storage does not answer. Try again shortly.")
