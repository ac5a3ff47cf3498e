"""Who does not beat loses what it holds; who beats keeps it."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from inro import broker
from tests.broker.conftest import connect, rows
from tests.waiting import eventually


class Clock:
    """Stands in for the broker's ``time``, and does what its thread would do every two seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.wall = 1000.0
        fake = SimpleNamespace(monotonic=lambda: self.now, time=lambda: self.wall, sleep=time.sleep)
        monkeypatch.setattr(broker, "time", fake)

    def beat(self, file: broker.QueueFile) -> None:
        file.execute("REPLACE INTO holders VALUES(?, ?)", file.holder, self.wall)

    def watch(self, watcher: broker.QueueFile, seconds: float, *beating: broker.QueueFile) -> None:
        for _ in range(int(seconds / 2)):
            self.now += 2
            self.wall += 2
            for file in (*beating, watcher):
                self.beat(file)
            watcher._reclaim()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def files(path: Path, clock: Clock) -> tuple[broker.QueueFile, broker.QueueFile]:
    """A holder of one message and a watcher, with nothing that happens by itself."""
    holder, watcher = (broker.QueueFile(broker.Options(path)) for _ in range(2))
    holder.execute(broker.PUT, "q", 0, "{}")
    clock.beat(holder)
    assert holder.execute(broker.TAKE, holder.holder, "q")
    return holder, watcher


def test_a_silent_holder_loses_its_messages(files, clock, path):
    _, watcher = files
    clock.watch(watcher, 10)
    assert rows(path, "holder IS NULL") == 0
    clock.watch(watcher, 4)
    assert rows(path, "holder IS NULL") == 1
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT id FROM holders").fetchall() == [(watcher.holder,)]


def test_a_beating_holder_keeps_its_messages(files, clock, path):
    holder, watcher = files
    clock.watch(watcher, 60, holder)
    assert rows(path, "holder IS NULL") == 0


def test_messages_of_a_holder_without_a_row_come_back(files, clock, path):
    holder, watcher = files
    holder.execute("DELETE FROM holders")
    clock.watch(watcher, 14)
    assert rows(path, "holder IS NULL") == 1


@pytest.mark.parametrize("jump", [86400, -86400])
def test_a_clock_that_jumps_redelivers_nothing(files, clock, path, jump):
    holder, watcher = files
    clock.watch(watcher, 8, holder)
    clock.wall += jump
    clock.watch(watcher, 8)
    clock.watch(watcher, 8, holder)
    assert rows(path, "holder IS NULL") == 0


def test_a_watcher_that_was_suspended_starts_over(files, clock, path):
    _, watcher = files
    clock.watch(watcher, 8)
    clock.now += 600
    clock.watch(watcher, 10)
    assert rows(path, "holder IS NULL") == 0
    clock.watch(watcher, 4)
    assert rows(path, "holder IS NULL") == 1


def test_the_beat_starts_with_the_first_poll_and_goes_on(path):
    seen: set[float] = set()

    def has_gone_on() -> bool:
        with closing(sqlite3.connect(path)) as db:
            seen.update(at for (at,) in db.execute("SELECT seen_at FROM holders"))
        return len(seen) > 3

    with connect(path, silence=0.3) as connection:
        connection.default_channel.basic_get("q")
        eventually(has_gone_on, "beats that go on")
