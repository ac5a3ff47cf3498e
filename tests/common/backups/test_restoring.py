"""A restore puts back all of a backup or changes nothing, and never over what runs or is there."""

import fcntl
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection

from inro.common.backups import BackupError
from inro.common.backups.restoring import restore_backup
from tests.journeys.product import ROOT, free_port
from tests.waiting import COMMAND_SECONDS, Run

pytestmark = pytest.mark.timeout(180)
COMMANDS = """
import django; django.setup()
from django.core.management import call_command as call
call("migrate", verbosity=0)
call("create_workspace", "Acme", "--subdomain", "acme")
call("create_channel", "--workspace", "acme", "--kind", "instagram", "--account-id", "17",
     "--access-token", "IGAA-the-token", "--app-secret", "s3cret-of-the-app")
"""


class Folder:
    """A DATA_DIR, and the commands on it as an operator types them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.port = free_port()

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.python("manage.py", *words, **environment)

    def python(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"ENV_FILE": "", "DATA_DIR": str(self.path), "PORT": str(self.port)}
        unset = {"DATABASE_URL": "", "REDIS_URL": "", "CELERY_BROKER_URL": ""}
        own["DJANGO_SETTINGS_MODULE"] = "inro.settings"
        return subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env={**os.environ, **unset, **own, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )

    def done(self, command: str) -> str:
        found = self.run(*command.split())
        assert found.returncode == 0, found.stderr
        return found.stdout

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path / "inro.sqlite3")) as database, database:
            return database.execute(statement).fetchall()

    def content(self) -> dict[str, bytes]:
        """Every file but what starting any command makes."""
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in self.path.rglob("*")
            if path.is_file() and path.name != "runall.lock"
        }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup with a workspace, a channel with secrets, and a file that some row names."""
    base = tmp_path_factory.mktemp("made")
    source = Folder(base / "data")
    assert source.python("-c", COMMANDS).returncode == 0
    blob = source.path / "media" / "blobs" / "ab" / "abcd"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"bytes")
    source.ask(
        "INSERT INTO media_library_blob (created_at, updated_at, sha256, size, mime_type, "
        "storage_name, workspace_id, details, made) VALUES ('2026-01-01', '2026-01-01', "
        "'277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9', 5, 'text/plain', "
        "'blobs/ab/abcd', 1, '{}', '{}')"
    )
    source.done(f"backup {base / 'backup'}")
    return base / "backup"


@pytest.fixture
def backup(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(made, tmp_path / "backup"))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data")


def refused(folder: Folder, backup: Path, *more: str, **environment: str) -> str:
    """What `restore` says when it refuses; nothing is restored then."""
    before = folder.content() if folder.path.exists() else {}
    found = folder.run("restore", str(backup), *more, **environment)
    assert found.returncode == 1, found.stdout
    after = folder.content()
    made_at_start = {"secret_key", "encryption_key"} - set(before)
    assert {k: v for k, v in after.items() if k not in made_at_start} == before
    return found.stderr


def test_everything_is_back(folder: Folder, backup: Path):
    shown = json.loads(folder.done(f"restore {backup} --json"))
    assert (shown["files"], shown["paused"], shown["to_do"]) == (1, 0, [])
    assert (folder.path / "media/blobs/ab/abcd").read_bytes() == b"bytes"
    for name in ("secret_key", "encryption_key"):
        key = folder.path / name
        assert key.read_bytes() == (backup / "keys" / name).read_bytes()
        assert key.stat().st_mode & 0o777 == 0o600
    assert folder.ask("SELECT status FROM messaging_channel") == [("connected",)]
    findings = json.loads(folder.done("doctor --json"))
    assert [each for each in findings if each["level"] == "problem"] == []
    assert any("opens the secrets of all channels" in each["message"] for each in findings)
    assert [each.name for each in folder.path.glob(".restore-*")] == []


def test_without_files_those_that_are_there_stay(folder: Folder, made: Path, tmp_path: Path):
    source = Folder(made.parent / "data")
    source.done(f"backup {tmp_path / 'rows'} --without-files")
    there = folder.path / "media" / "blobs" / "ab" / "abcd"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"bytes")
    shown = json.loads(folder.done(f"restore {tmp_path / 'rows'} --json"))
    assert shown["files"] == 0
    assert "The files are not in this backup" in shown["to_do"][0]
    assert there.read_bytes() == b"bytes"
    assert folder.ask("SELECT storage_name FROM media_library_blob") == [("blobs/ab/abcd",)]


def test_with_paused_nothing_goes_out_by_itself(folder: Folder, backup: Path):
    assert "1 channels are paused." in folder.done(f"restore {backup} --paused")
    (row,) = folder.ask("SELECT status, status_reason FROM messaging_channel")
    assert row == ("paused", "Restored from a backup.")


def test_data_is_moved_aside_and_only_with_force(folder: Folder, backup: Path):
    folder.path.mkdir()
    shutil.copy(backup / "inro.sqlite3", folder.path)
    folder.ask("PRAGMA journal_mode=WAL")  # as the product has it, so that looking changes nothing
    folder.ask("UPDATE accounts_workspace SET subdomain = 'mine'")
    (folder.path / "media").mkdir()
    (folder.path / "media" / "photo").write_bytes(b"mine")
    assert "There is data in" in refused(folder, backup)
    folder.done(f"restore {backup} --force")
    assert folder.ask("SELECT subdomain FROM accounts_workspace") == [("acme",)]
    (aside,) = folder.path.glob("before-restore-*")
    assert (aside / "media" / "photo").read_bytes() == b"mine"
    assert Folder(aside).ask("SELECT subdomain FROM accounts_workspace") == [("mine",)]
    assert {"secret_key", "encryption_key"} <= {each.name for each in aside.iterdir()}
    assert not (folder.path / "media" / "photo").exists()


def test_files_alone_are_data_too(folder: Folder, backup: Path):
    (folder.path / "media").mkdir(parents=True)
    (folder.path / "media" / "photo").write_bytes(b"mine")
    assert "There is data in" in refused(folder, backup)


@pytest.fixture
def judged(backup: Path, tmp_path: Path, settings: Any) -> Callable[[], str]:
    """What is said of a backup that is judged unfit; judging comes before anything is touched."""
    settings.DATA_DIR = tmp_path / "untouched"

    def judge() -> str:
        with pytest.raises(BackupError) as error:
            restore_backup(backup, force=True)
        assert not settings.DATA_DIR.exists()
        return str(error.value)

    return judge


@pytest.mark.parametrize("name", ["inro.sqlite3", "media/blobs/ab/abcd", "keys/encryption_key"])
def test_changed_part(judged: Callable[[], str], backup: Path, name: str):
    content = bytearray((backup / name).read_bytes())
    content[-1] ^= 1
    (backup / name).write_bytes(content)
    assert judged() == f"The backup is damaged: {name} has changed."


def test_missing_parts(judged: Callable[[], str], backup: Path):
    for name in ("media/blobs/ab/abcd", "keys/encryption_key"):
        (backup / name).unlink()
    assert judged().endswith(" is missing. (and 1 more)")
    (backup / "manifest.json").write_text("{}")
    assert "cannot be read" in judged()
    (backup / "manifest.json").unlink()
    assert "is no backup" in judged()


def test_link_in_the_place_of_a_part(judged: Callable[[], str], backup: Path, tmp_path: Path):
    part = backup / "media/blobs/ab/abcd"
    part.rename(tmp_path / "elsewhere")
    part.symlink_to(tmp_path / "elsewhere")
    assert "media/blobs/ab/abcd is missing" in judged()


def edit(backup: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((backup / "manifest.json").read_text())
    change(manifest)
    (backup / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("name", ["../stolen", "/etc/passwd", "media/../../x"])
def test_names_that_lead_outside(judged: Callable[[], str], backup: Path, name: str):
    edit(backup, lambda it: it["parts"].update({name: {"size": 1, "sha256": "0"}}))
    assert "lies outside the backup" in judged()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")
def test_backup_of_a_newer_version(judged: Callable[[], str], backup: Path):
    edit(backup, lambda it: it["migrations"].append(["messaging", "9999_future"]))
    assert "newer than this program (messaging.9999_future)" in judged()
    edit(backup, lambda it: it.update(format=2))
    assert "Another version of the product made this backup" in judged()


def test_backup_of_an_older_version_is_migrated(tmp_path: Path, folder: Folder):
    old = Folder(tmp_path / "old")
    old.done("migrate messaging 0001 -v 0")
    columns = "SELECT name FROM pragma_table_info('messaging_message') WHERE name = 'buttons'"
    assert old.ask(columns) == []
    old.done(f"backup {tmp_path / 'backup'} --json")
    folder.done(f"restore {tmp_path / 'backup'}")
    assert folder.ask(columns) == [("buttons",)]
    assert old.ask(columns) == []
    levels = {each["check"]: each["level"] for each in json.loads(folder.done("doctor --json"))}
    assert levels["database"] == "ok"


def test_supervisor_at_work(folder: Folder, backup: Path):
    folder.path.mkdir()
    with (folder.path / "runall.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "It is already running" in refused(folder, backup, "--force")


def test_web_server_at_work(folder: Folder, backup: Path):
    with socket.socket() as web:
        web.bind(("127.0.0.1", folder.port))
        web.listen()
        assert f"listens on port {folder.port}" in refused(folder, backup, "--force")


@pytest.fixture
def ticking(folder: Folder, backup: Path) -> Iterator[Event]:
    """A worker of its own: no supervisor, no port, only its beat."""
    folder.path.mkdir()
    shutil.copy(backup / "inro.sqlite3", folder.path)
    folder.ask("UPDATE accounts_workspace SET name = 'Mine'")
    stop = Event()

    def beat() -> None:
        while not stop.wait(0.2):
            now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
            with closing(sqlite3.connect(folder.path / "inro.sqlite3", timeout=20)) as database:
                database.execute("REPLACE INTO common_heartbeat VALUES ('tick', ?)", [now])
                database.commit()

    beating = Run(beat)
    yield stop
    stop.set()
    beating.result()


def test_worker_at_work(folder: Folder, backup: Path, ticking: Event):
    found = folder.run("restore", str(backup), "--force")
    assert "A worker of this product is running" in found.stderr
    assert folder.ask("SELECT name FROM accounts_workspace") == [("Mine",)]
    ticking.set()
    folder.done(f"restore {backup} --force")
    assert folder.ask("SELECT name FROM accounts_workspace") == [("Acme",)]


def test_keys_of_the_environment_are_compared(folder: Folder, backup: Path):
    other = {"SECRET_KEY": "0ther-" * 9, "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    found = folder.run("restore", str(backup), "--json", **other)
    to_do = json.loads(found.stdout)["to_do"]
    assert [each.split()[0] for each in to_do] == ["SECRET_KEY", "ENCRYPTION_KEYS"]
    assert all("0ther-" not in each and other["ENCRYPTION_KEYS"] not in each for each in to_do)
    same = {
        "SECRET_KEY": (backup / "keys/secret_key").read_text().strip(),
        "ENCRYPTION_KEYS": (backup / "keys/encryption_key").read_text().strip(),
    }
    found = folder.run("restore", str(backup), "--json", "--force", **same)
    assert json.loads(found.stdout)["to_do"] == []


def test_sqlite_is_not_put_where_postgresql_is_named(folder: Folder, backup: Path):
    url = "postgres://nobody@127.0.0.1:1/none"
    assert "DATABASE_URL names another kind" in refused(folder, backup, DATABASE_URL=url)
