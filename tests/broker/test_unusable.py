"""A file that cannot be used or is locked: nobody waits for long."""

import sqlite3
import time
from contextlib import closing

import pytest
from kombu.exceptions import OperationalError

from inro import broker
from tests.broker.conftest import connect, drain, payloads, publish, rows, sender
from tests.waiting import at_once


@pytest.mark.parametrize("obstacle", ["a file for a folder", "a folder for a file", "not SQLite"])
def test_an_unusable_path_fails_at_once(tmp_path, obstacle):
    path = tmp_path / "queue.sqlite3"
    if obstacle == "not SQLite":
        path.write_text("something else " * 100)
    elif obstacle == "a folder for a file":
        path.mkdir()
    else:
        path.write_text("")
        path = path / "queue.sqlite3"
    app = sender(path)
    started = time.monotonic()
    with pytest.raises(OperationalError):
        app.send_task("note", [1])
    with pytest.raises(OperationalError):
        app.send_task("note", [1], retry=False)
    with pytest.raises(sqlite3.Error):
        broker.pending(path)
    assert time.monotonic() - started < 3


def test_a_path_that_becomes_usable_is_used(tmp_path):
    folder = tmp_path / "folder"
    folder.write_text("")
    with connect(folder / "queue.sqlite3") as connection:
        with pytest.raises(sqlite3.Error):
            publish(connection.default_channel, 1)
        folder.unlink()
        publish(connection.default_channel, 1)
        assert payloads(drain(connection.default_channel)) == [1]


def test_a_locked_file_fails_within_the_timeout(path):
    """However many threads publish: they wait side by side, not one after another."""
    app = sender(path, timeout=0.5)
    app.send_task("note", [1])
    waited: list[float] = []

    def send() -> None:
        started = time.monotonic()
        with pytest.raises(OperationalError):
            app.send_task("note", [2], retry=False)
        waited.append(time.monotonic() - started)

    with closing(sqlite3.connect(path, isolation_level=None)) as locker:
        locker.execute("BEGIN IMMEDIATE")
        at_once(*[send] * 6)
    assert len(waited) == 6
    assert max(waited) < 1.5
    app.send_task("note", [3])
    assert rows(path) == 2
