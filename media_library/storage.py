"""Bytes in and out of the storage: kept once per workspace, gone with the last reference.

Files are written before the transaction that refers to them and removed after the one that lets go
of them, so neither a rollback nor a race leaves a row without its file. Two writers of the same
bytes both write a file; the one whose row comes second uses the first one's and removes its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import ProtectedError

from inro.accounts.models import Workspace
from inro.common.errors import Refused
from media_library.content import Content
from media_library.models import Blob

log = structlog.get_logger(__name__)


class Deposit:
    """Content on its way into the library of `workspace`."""

    def __init__(self, workspace: Workspace, content: Content) -> None:
        self.content = content
        self._workspace = workspace
        self._written = ""

    def prepare(self) -> None:
        """Write the file unless the workspace has these bytes. Raises Refused."""
        same = Blob.objects.for_workspace(self._workspace).filter(sha256=self.content.sha256)
        if not same.exists():
            self._storage_name()

    def blob(self) -> Blob:
        """The bytes' row, locked until the caller's transaction ends: refer to it before."""
        content = self.content
        facts: dict[str, Any] = {
            "size": content.size,
            "mime_type": content.file_type.mime_type,
            "width": content.facts.width,
            "height": content.facts.height,
            "duration": content.facts.duration,
            # Called only when there is no row, even if there was one a moment ago.
            "storage_name": self._storage_name,
        }
        blob, _ = Blob.objects.select_for_update().get_or_create(
            workspace=self._workspace, sha256=content.sha256, defaults=facts
        )
        return blob

    def clean(self) -> None:
        """Remove the file that was written if no row came to name it."""
        if self._written and not Blob.objects.filter(storage_name=self._written).exists():
            _remove(self._written)

    def _storage_name(self) -> str:
        if not self._written:
            name = secrets.token_hex(16)
            self._written = _write(f"blobs/{name[:2]}/{name}", self.content.file)
        return self._written


@contextmanager
def deposited(workspace: Workspace, content: Content) -> Iterator[Deposit]:
    """Leave it after the transaction that took the blob, or that failed to. Raises Refused."""
    deposit = Deposit(workspace, content)
    try:
        deposit.prepare()
        yield deposit
    finally:
        deposit.clean()


def release_blob(pk: int) -> None:
    """Delete the blob, and once that is committed its file, unless something refers to it."""
    with transaction.atomic():
        blob = Blob.objects.select_for_update().filter(pk=pk).first()
        if blob is None:
            return
        try:
            blob.delete()
        except ProtectedError:
            return
        transaction.on_commit(partial(_remove, blob.storage_name), robust=True)


def open_blob(blob: Blob) -> File:
    """The bytes, from the first on. Raises FileNotFoundError, or Refused when out of reach."""
    try:
        return default_storage.open(blob.storage_name)
    except FileNotFoundError:
        log.error("stored file is missing", blob=blob.pk)
        raise
    except Exception as error:
        raise _unavailable("read") from error


def _write(name: str, file: File) -> str:
    try:
        file.seek(0)
        return default_storage.save(name, file)
    except Exception as error:
        _remove(name)  # a part may have been written
        raise _unavailable("write") from error


def _remove(name: str) -> None:
    try:
        default_storage.delete(name)
    except Exception:
        log.exception("stored file could not be removed", name=name)


def _unavailable(doing: str) -> Refused:
    log.exception("storage failed", doing=doing)
    return Refused("storage_unavailable", "The file storage does not answer. Try again shortly.")
