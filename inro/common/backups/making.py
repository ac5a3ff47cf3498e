"""Making a backup while the product runs.

First the database as it is at one moment, then the files that its rows name. Files never change,
and each is written before its row and removed after it; so all of them were there at that moment.
One that was removed since belongs to rows that are gone by now: then the database is copied once
more, and what is copied already stays. The folder appears under its name when it is complete.
"""

import hashlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, connections
from django.utils import timezone

from inro.common.backups import DATABASE, FILE_OWNERS, FILES, KEYS, BackupError, FileOwner
from inro.common.backups.manifest import Manifest, Part, measured, version
from inro.common.databases import applied_migrations

TRIES = 5
_CHUNK = 1024 * 1024
_PG_DUMP = (
    "PostgreSQL is copied by its own tools: pg_dump --format=custom --file=inro.dump "
    '"$DATABASE_URL". Then copy files and keys: manage.py backup DIR --without-database'
)


def make_backup(target: Path, *, with_database: bool = True, with_files: bool = True) -> Manifest:
    """Copy database, files and keys into `target`, which must not exist or be empty.

    Raises BackupError; then there is no `target`.
    """
    if with_database and connection.vendor != "sqlite":
        raise BackupError(_PG_DUMP)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupError(f"{target} exists already; name a folder that does not.")
    with _staged(target) as folder:
        made_at = timezone.now().isoformat()
        manifest = Manifest(made_at=made_at, version=version(), with_files=with_files)
        if with_database:
            _copy_all(folder, manifest)
        else:
            _copy_files("default", folder, manifest)
        _write_keys(folder, manifest)
        manifest.write(folder)
    return manifest


@contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """A folder that becomes `target` if all goes well, and nothing if not."""
    folder = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        folder.mkdir(parents=True, mode=0o700)
        yield folder
        _sync(folder)
        folder.rename(target)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_all(folder: Path, manifest: Manifest) -> None:
    for _ in range(TRIES):
        copy_database(Path(connection.settings_dict["NAME"]), folder / DATABASE)
        with opened(folder / DATABASE) as alias:
            manifest.migrations = applied_migrations(connections[alias])
            manifest.rows = _rows(connections[alias])
            complete = _copy_files(alias, folder, manifest)
        if complete:
            manifest.parts[DATABASE] = measured(folder / DATABASE)
            return
    raise BackupError("Files are removed faster than they can be copied; try again later.")


def copy_database(source: Path, target: Path) -> None:
    """The database at one moment, as one file; writers go on meanwhile."""
    target.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
            (state,) = new.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"The database cannot be copied: {error}.") from error
    if state != "ok":
        raise BackupError(f"The database is damaged: {state}.")


@contextmanager
def opened(path: Path) -> Iterator[str]:
    """The SQLite file as a database of Django's; its alias."""
    alias = f"backup-{secrets.token_hex(4)}"
    connections.databases[alias] = {**connections["default"].settings_dict, "NAME": str(path)}
    try:
        yield alias
    finally:
        with connections[alias].cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=DELETE")
        connections[alias].close()
        del connections[alias]
        del connections.databases[alias]


def _rows(using: Any) -> dict[str, int]:
    with using.cursor() as cursor:
        tables = sorted(using.introspection.table_names(cursor))
        found = {}
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {using.ops.quote_name(table)}")  # noqa: S608
            found[table] = cursor.fetchone()[0]
    return found


def _copy_files(alias: str, folder: Path, manifest: Manifest) -> bool:
    """Copy the stored files that are not there yet; False when one has gone since the snapshot."""
    if not manifest.with_files:
        return True
    named, manifest.damaged, complete = set(), [], True
    for owner in FILE_OWNERS:
        for stored in owner.files(alias, 0):
            name = f"{FILES}/{stored.name}"
            named.add(name)
            if name in manifest.parts:
                continue
            part = _copied(stored.name, folder / name)
            if part is not None:
                manifest.parts[name] = part
            if part is None and not _is_damage(owner, stored.name):
                complete = False
            elif part is None or part.sha256 != stored.sha256:
                manifest.damaged.append(stored.name)
    for name in set(manifest.parts) - named:
        (folder / name).unlink(missing_ok=True)
        del manifest.parts[name]
    return complete


def _is_damage(owner: FileOwner, name: str) -> bool:
    return owner.has(name) and not default_storage.exists(name)


def _copied(name: str, target: Path) -> Part | None:
    digest, size = hashlib.sha256(), 0
    try:
        source = default_storage.open(name)
    except FileNotFoundError:
        return None
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with source, target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            copy.write(chunk)
    return Part(size, digest.hexdigest())


def _write_keys(folder: Path, manifest: Manifest) -> None:
    """The keys in use, wherever they come from: without them half of the rest is noise."""
    keys = {
        "secret_key": [settings.SECRET_KEY],
        "secret_key_fallbacks": settings.SECRET_KEY_FALLBACKS,
        "encryption_key": settings.ENCRYPTION_KEYS,
    }
    (folder / KEYS).mkdir(mode=0o700)
    for name, values in keys.items():
        if values:
            path = folder / KEYS / name
            path.touch(mode=0o600)
            path.write_text("\n".join(values) + "\n", encoding="utf-8")
            manifest.parts[f"{KEYS}/{name}"] = measured(path)


def _sync(folder: Path) -> None:
    """On the disk before it has its name, so that a power cut leaves no half of it."""
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
