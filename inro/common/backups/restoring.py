"""Restoring a backup: all of it is judged and made ready first, then put in place by renaming.

What was there before is moved into a folder of its own, never deleted. The database comes last: an
interrupted restore leaves a folder without one, and is done again with `force`.
"""

import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from inro import env
from inro.common.backups import DATABASE, FILES, KEYS, PAUSES, BackupError
from inro.common.backups.making import opened
from inro.common.backups.manifest import Manifest
from inro.common.databases import unknown
from inro.common.locking import TakenError, hold_data_folder
from inro.common.models import Heartbeat
from inro.common.storing import folder_of

# A clock that has ticked this short ago may have been stopped just now: it is watched for a while.
RECENT_TICK = timedelta(seconds=10)
WATCH_SECONDS = 2.5 * settings.TICK_SECONDS
_KEY_FILES = ("secret_key", "encryption_key")


@dataclass
class Restored:
    manifest: Manifest
    # Where that which was there before has gone.
    aside: Path | None = None
    paused: int = 0
    # What only the operator can do now.
    to_do: list[str] = field(default_factory=list)


def restore_backup(source: Path, *, force: bool = False, paused: bool = False) -> Restored:
    """Put the backup in `source` in the place of what the settings name. Raises BackupError.

    `force`: although there is data already, which is moved aside. `paused`: nothing goes out until
    its channels are connected again.
    """
    manifest = Manifest.read(source)
    _judge(manifest, source)
    with _stopped_product():
        if not force:
            _refuse_data(manifest)
        restored = Restored(manifest)
        folder = Path(settings.DATA_DIR) / f".restore-{secrets.token_hex(4)}"
        try:
            _copy(source, folder, manifest)
            if manifest.migrations is not None:
                restored.paused = _made_ready(folder / DATABASE, paused)
            restored.aside = _swap(folder, manifest)
        except OSError as error:
            raise BackupError(f"It cannot be restored: {error}.") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    restored.to_do = list(_left_to_do(source))
    if not manifest.with_files:
        restored.to_do.append(
            "The files are not in this backup: see that STORAGE_URL names where they are."
        )
    return restored


def _judge(manifest: Manifest, source: Path) -> None:
    if faults := list(manifest.faults(source)):
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise BackupError(f"The backup is damaged: {faults[0]}{more}")
    if manifest.migrations is None:
        return
    if connection.vendor != "sqlite":
        raise BackupError(
            "The backup holds an SQLite database, and DATABASE_URL names another kind. Restore it "
            "without DATABASE_URL."
        )
    if newer := unknown(manifest.migrations):
        raise BackupError(
            f"Version {manifest.version} made this backup, which is newer than this program "
            f"({'.'.join(newer[-1])}). Update the program first."
        )


@contextmanager
def _stopped_product() -> Iterator[None]:
    """Holds the folder, so that nothing starts on it meanwhile. Raises BackupError if it runs."""
    try:
        lock = hold_data_folder()
    except TakenError as error:
        raise BackupError(f"{error} Stop it first.") from None
    with lock:
        if _listens():
            raise BackupError(
                f"Something listens on port {settings.PORT}. If it is not this product, name "
                "another: PORT=8001"
            )
        if _ticks():
            raise BackupError("A worker of this product is running. Stop all of its processes.")
        yield


def _listens() -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104
    with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as probe:
        probe.settimeout(2)
        return probe.connect_ex((host, settings.PORT)) == 0


def _ticks() -> bool:
    if not _has_database():
        return False
    first = _last_tick()
    if first is None or first < timezone.now() - RECENT_TICK:
        return False
    until = time.monotonic() + WATCH_SECONDS
    while time.monotonic() < until:
        time.sleep(0.2)
        if _last_tick() != first:
            return True
    return False


def _has_database() -> bool:
    """Without asking SQLite, which would make one."""
    if connection.vendor != "sqlite":
        return True
    path = Path(connection.settings_dict["NAME"])
    return path.exists() and path.stat().st_size > 0


def _last_tick() -> datetime | None:
    if Heartbeat._meta.db_table not in connection.introspection.table_names():
        return None
    return Heartbeat.last("tick")


def _refuse_data(manifest: Manifest) -> None:
    media = folder_of(default_storage) if manifest.with_files else None
    has_files = media is not None and any(path.is_file() for path in media.rglob("*"))
    if has_files or (connection.vendor == "sqlite" and _has_database()):
        raise BackupError(
            f"There is data in {settings.DATA_DIR}. With --force it is moved aside, not deleted."
        )


def _copy(source: Path, folder: Path, manifest: Manifest) -> None:
    folder.mkdir(mode=0o700)
    for name, part in manifest.parts.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(source / name, target)
        target.chmod(0o600)
        if target.stat().st_size != part.size:
            raise BackupError(f"{name} has changed while it was copied.")


def _made_ready(database: Path, paused: bool) -> int:
    """Bring the copy to this version's tables; how much was paused in it."""
    with opened(database) as alias:
        call_command("migrate", database=alias, interactive=False, verbosity=0)
        return sum(each.run(alias) for each in PAUSES) if paused else 0


def _swap(folder: Path, manifest: Manifest) -> Path | None:
    connection.close()
    data = Path(settings.DATA_DIR)
    moves = [(folder / KEYS / name, data / name) for name in _KEY_FILES]
    old = [data / name for name in _KEY_FILES]
    if manifest.migrations is not None:
        database = Path(connection.settings_dict["NAME"])
        moves.append((folder / DATABASE, database))
        both = (database, settings.QUEUE_FILE)
        old += [Path(f"{file}{end}") for file in both for end in ("", "-wal", "-shm", "-journal")]
    files, place = folder / FILES, folder_of(default_storage)
    files.mkdir(exist_ok=True)
    if not manifest.with_files:
        pass
    elif place is None:
        _upload(files)
    else:
        old.append(place)
        moves.insert(0, (files, place))
    aside = _move_aside(old)
    for staged, target in moves:
        os.replace(staged, target)
    return aside


def _move_aside(paths: list[Path]) -> Path | None:
    there = [path for path in paths if path.exists()]
    if not there:
        return None
    aside = Path(settings.DATA_DIR) / f"before-restore-{timezone.now():%Y%m%d-%H%M%S-%f}"
    aside.mkdir(mode=0o700)
    for path in there:
        path.rename(aside / path.name)
    return aside


def _upload(media: Path) -> None:
    """Into a storage elsewhere: what is there under the same name has the same bytes."""
    for path in media.rglob("*"):
        name = path.relative_to(media).as_posix()
        if path.is_file() and not default_storage.exists(name):
            with path.open("rb") as file:
                default_storage.save(name, File(file))


def _left_to_do(source: Path) -> Iterator[str]:
    """Keys of the environment go before those of DATA_DIR."""
    keys = source / KEYS
    kept = {path.name: path.read_text().splitlines() for path in keys.iterdir()}
    given, ring = env.secret("SECRET_KEY"), env.words("ENCRYPTION_KEYS")
    if given and [given] != kept["secret_key"]:
        yield f"SECRET_KEY is set to another key; add the one in {keys} to SECRET_KEY_FALLBACKS."
    if ring and not set(kept["encryption_key"]) <= set(ring):
        yield f"ENCRYPTION_KEYS lacks a key of {keys / 'encryption_key'}; add it."
    if missing := set(kept.get("secret_key_fallbacks", [])) - set(settings.SECRET_KEY_FALLBACKS):
        yield f"Set SECRET_KEY_FALLBACKS as in {keys} ({len(missing)} are missing)."
