"""A backup is complete, consistent and guarded, or it is not there."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from PIL import Image

from inro.accounts.models import Workspace
from inro.common.backups import BackupError, making
from inro.common.backups.making import make_backup
from inro.common.backups.manifest import Manifest, measured
from media_library.holding import release_blobs
from media_library.ingest import ingest_stream
from media_library.models import Blob, MediaFile

pytestmark = pytest.mark.django_db(transaction=True)
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")


def picture(workspace: Workspace, colour: str) -> MediaFile:
    file = BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, "PNG")
    file.seek(0)
    return ingest_stream(workspace, file, "image/png", name=f"{colour}.png")


def delete(media_file: MediaFile) -> None:
    blob_id = media_file.blob_id
    media_file.delete()
    assert blob_id is not None
    release_blobs([blob_id])


def blobs_in(folder: Path) -> dict[str, str]:
    """Storage names with digests, as the copied database has them."""
    with closing(sqlite3.connect(folder / "inro.sqlite3")) as copy:
        return dict(copy.execute("SELECT storage_name, sha256 FROM media_library_blob"))


def files_in(folder: Path) -> dict[str, str]:
    media = folder / "media"
    return {
        path.relative_to(media).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in media.rglob("*")
        if path.is_file()
    }


@pytest.fixture(autouse=True)
def copies_are_opened(django_db_blocker: Any) -> Iterator[None]:
    """Django lets a test have the databases of the settings only; a snapshot is another one."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backups" / "monday"


@on_sqlite
def test_holds_rows_files_and_keys(workspace: Workspace, target: Path, settings: Any):
    settings.ENCRYPTION_KEYS = ["first", "second"]
    settings.SECRET_KEY_FALLBACKS = ["older"]
    for colour in ("teal", "navy"):
        picture(workspace, colour)
    call_command("backup", str(target))
    assert sorted(path.name for path in target.iterdir()) == [
        "inro.sqlite3", "keys", "manifest.json", "media",
    ]  # fmt: skip
    assert blobs_in(target) == files_in(target)
    assert len(files_in(target)) == 2
    keys = {path.name: path.read_text().split() for path in (target / "keys").iterdir()}
    assert keys == {
        "secret_key": [settings.SECRET_KEY],
        "secret_key_fallbacks": ["older"],
        "encryption_key": ["first", "second"],
    }
    for path in [target, *target.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    manifest = Manifest.read(target)
    assert manifest.rows is not None
    assert manifest.rows["media_library_mediafile"] == 2
    assert manifest.rows["accounts_workspace"] == 1
    assert manifest.damaged == []
    listed = {path for path in target.rglob("*") if path.is_file()} - {target / "manifest.json"}
    assert {target / name for name in manifest.parts} == listed
    assert all(measured(target / name) == part for name, part in manifest.parts.items())
    assert list(target.parent.iterdir()) == [target]


@on_sqlite
def test_prints_what_it_copied(workspace: Workspace, target: Path, capsys: Any):
    picture(workspace, "teal")
    call_command("backup", str(target), "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (shown["dir"], shown["files"], shown["damaged"]) == (str(target), 1, 0)
    assert shown["rows"] == sum((Manifest.read(target).rows or {}).values()) > 0


@on_sqlite
def test_takes_an_empty_folder_and_overwrites_nothing(workspace: Workspace, target: Path):
    target.mkdir(parents=True)
    make_backup(target)
    before = files_of(target)
    with pytest.raises(CommandError, match="exists already"):
        call_command("backup", str(target))
    assert files_of(target) == before
    file = target.parent / "file"
    file.write_text("mine")
    with pytest.raises(BackupError, match="exists already"):
        make_backup(file)
    assert file.read_text() == "mine"
    assert sorted(each.name for each in target.parent.iterdir()) == ["file", "monday"]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@on_sqlite
@pytest.mark.parametrize("step", ["copy_database", "_copy_files", "_write_keys", "_sync"])
def test_what_fails_half_way_leaves_nothing(
    workspace: Workspace, target: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    def fail(*args: Any) -> Any:
        raise OSError(28, "No space left on device")

    picture(workspace, "teal")
    monkeypatch.setattr(making, step, fail)
    with pytest.raises(BackupError, match="No space left on device"):
        make_backup(target)
    assert list(target.parent.iterdir()) == []


def test_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackupError):
        make_backup(tmp_path / "file" / "monday", with_database=False)


def before_each_copy(monkeypatch: pytest.MonkeyPatch, do: Callable[[str], None]) -> None:
    real = making._copied

    def copied(name: str, path: Path) -> Any:
        do(name)
        return real(name, path)

    monkeypatch.setattr(making, "_copied", copied)


@on_sqlite
def test_file_removed_after_the_snapshot_takes_its_rows_along(
    workspace: Workspace, target: Path, monkeypatch: pytest.MonkeyPatch
):
    """The second snapshot knows of the removal, and of what came since; nothing is dangling."""
    gone, kept = picture(workspace, "teal"), picture(workspace, "navy")
    done: list[str] = []

    def change(name: str) -> None:
        if not done:
            done.append(name)
            delete(gone)
            picture(workspace, "pink")

    before_each_copy(monkeypatch, change)
    manifest = make_backup(target)
    assert (
        blobs_in(target)
        == files_in(target)
        == dict(Blob.objects.values_list("storage_name", "sha256"))
    )
    assert len(files_in(target)) == 2
    assert kept.blob is not None
    assert kept.blob.storage_name in files_in(target)
    assert manifest.damaged == []


@on_sqlite
def test_file_copied_and_then_removed_is_in_no_list(
    workspace: Workspace, target: Path, monkeypatch: pytest.MonkeyPatch
):
    """Copied for the first snapshot, unknown to the second: it goes from the copy as well."""
    first, second = picture(workspace, "teal"), picture(workspace, "navy")
    asked: list[str] = []

    def change(name: str) -> None:
        asked.append(name)
        if len(asked) == 2:
            delete(first)
            delete(second)

    before_each_copy(monkeypatch, change)
    manifest = make_backup(target)
    assert blobs_in(target) == files_in(target) == {}
    assert not any(name.startswith("media/") for name in manifest.parts)


@on_sqlite
def test_storage_that_never_rests_is_told(
    workspace: Workspace, target: Path, monkeypatch: pytest.MonkeyPatch
):
    def change(name: str) -> None:
        delete(MediaFile.objects.order_by("-pk")[0])
        picture(workspace, f"#{MediaFile.objects.count():02x}{len(asked):04x}")
        asked.append(name)

    asked: list[str] = []
    picture(workspace, "teal")
    before_each_copy(monkeypatch, change)
    with pytest.raises(BackupError, match="faster than they can be copied"):
        make_backup(target)
    assert len(asked) == making.TRIES
    assert list(target.parent.iterdir()) == []


@on_sqlite
def test_damage_of_the_storage_is_told_and_stops_nothing(
    workspace: Workspace, target: Path, capsys: Any, own_files: Path
):
    missing, changed, sound = (picture(workspace, each) for each in ("teal", "navy", "pink"))
    assert missing.blob is not None
    assert changed.blob is not None
    default_storage.delete(missing.blob.storage_name)
    (own_files / changed.blob.storage_name).write_bytes(b"rot")
    call_command("backup", str(target))
    damaged = {missing.blob.storage_name, changed.blob.storage_name}
    assert set(Manifest.read(target).damaged) == damaged
    told = capsys.readouterr().err.splitlines()
    assert {line.rpartition(" ")[2] for line in told} == damaged
    assert sound.blob is not None
    assert set(files_in(target)) == {changed.blob.storage_name, sound.blob.storage_name}
    assert list(Manifest.read(target).faults(target)) == []


@on_sqlite
def test_damaged_database_is_not_copied(target: Path, tmp_path: Path):
    broken = tmp_path / "broken.sqlite3"
    broken.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(BackupError, match=r"cannot be copied|is damaged"):
        making.copy_database(broken, tmp_path / "copy.sqlite3")


def test_without_database(workspace: Workspace, target: Path):
    """What goes with a copy that pg_dump made before."""
    picture(workspace, "teal")
    call_command("backup", str(target), "--without-database")
    assert not (target / "inro.sqlite3").exists()
    manifest = Manifest.read(target)
    assert (manifest.migrations, manifest.rows) == (None, None)
    assert list(files_in(target)) == [Blob.objects.get().storage_name]
    assert (target / "keys" / "secret_key").exists()


def test_without_files(workspace: Workspace, target: Path, capsys: Any):
    """They stay in a bucket, say, which keeps them by itself."""
    picture(workspace, "teal")
    whole = ["--without-database"] if connection.vendor != "sqlite" else []
    call_command("backup", str(target), "--without-files", *whole)
    assert "The stored files are not in it" in capsys.readouterr().out
    manifest = Manifest.read(target)
    assert (manifest.with_files, manifest.damaged) == (False, [])
    assert not (target / "media").exists()
    assert (target / "keys" / "secret_key").exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="about PostgreSQL")
def test_postgresql_has_tools_of_its_own(target: Path):
    with pytest.raises(CommandError, match=r"pg_dump .* --without-database"):
        call_command("backup", str(target))
    assert not target.exists()
