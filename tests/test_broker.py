"""The embedded queue: nothing is lost, nothing runs twice without need, nobody waits for long."""

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from kombu import Connection, Exchange
from kombu import Queue as KombuQueue
from kombu.exceptions import OperationalError

from inro import broker

broker.register()
ROOT = Path(__file__).parents[1]

WORKER_APP = """
import json, os, time
from celery import Celery

app = Celery("worker_app", broker="inro-sqlite://")

from inro.broker import register

register()
app.conf.update(json.loads(os.environ["WORKER_CONF"]))


@app.task(name="note")
def note(number, seconds=0, burn=0):
    end = time.monotonic() + burn
    while time.monotonic() < end:
        pass
    time.sleep(seconds)
    with open("log", "a") as log:
        log.write(f"{number}\\n")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "queue.sqlite3"


@pytest.fixture
def channel(path: Path) -> Iterator[Any]:
    with connect(path) as connection:
        yield connection.default_channel


def connect(path: Path, **options: Any) -> Any:
    return Connection("inro-sqlite://", transport_options={"path": path, **options})


def publish(channel: Any, *bodies: Any, **properties: Any) -> None:
    for body in bodies:
        channel.Producer().publish(body, routing_key="q", **properties)


def drain(channel: Any) -> list[Any]:
    messages = []
    while message := channel.basic_get("q"):
        messages.append(message)
    return messages


def payloads(messages: list[Any]) -> list[Any]:
    return [message.payload for message in messages]


def rows(path: Path, where: str = "1") -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute(f"SELECT count(*) FROM messages WHERE {where}").fetchone()[0])


def wait_until(done: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "took too long"
        time.sleep(0.02)


def test_messages_come_in_order(channel):
    publish(channel, *range(20))
    assert payloads(drain(channel)) == list(range(20))


def test_higher_priorities_come_first(channel):
    publish(channel, "low 1", "low 2")
    publish(channel, "high 1", "high 2", priority=9)
    publish(channel, "middle", priority=5)
    assert payloads(drain(channel)) == ["high 1", "high 2", "middle", "low 1", "low 2"]


def test_a_message_is_handed_out_once_and_kept_until_acknowledged(channel, path):
    publish(channel, "one")
    (message,) = drain(channel)
    assert drain(channel) == []
    assert rows(path) == 1
    message.ack()
    assert rows(path) == 0


def test_size_purge_and_pending_count_what_waits(channel, path):
    publish(channel, 1, 2, 3)
    held = channel.basic_get("q")
    assert channel.queue_declare("q").message_count == 2
    assert broker.pending(path) == 2
    assert channel.queue_purge("q") == 2
    assert rows(path) == 1
    held.ack()
    assert rows(path) == 0


def test_requeue_puts_a_message_back_in_its_place(channel):
    publish(channel, 1, 2)
    first = channel.basic_get("q")
    assert not first.delivery_info["redelivered"]
    first.requeue()
    again = drain(channel)
    assert payloads(again) == [1, 2]
    assert [message.delivery_info["redelivered"] for message in again] == [True, False]


def test_reject_without_requeue_deletes(channel, path):
    publish(channel, 1)
    channel.basic_get("q").reject()
    assert rows(path) == 0


def test_closing_gives_back_what_was_not_acknowledged(path):
    with connect(path) as first:
        publish(first.default_channel, 1, 2, 3)
        drain(first.default_channel)[1].ack()
    with connect(path) as second:
        assert payloads(drain(second.default_channel)) == [1, 3]


def test_a_failed_give_back_is_made_up_for_by_silence(path, monkeypatch):
    """The process goes on under another name, so nothing beats for what it could not release."""
    with connect(path, timeout=0.05) as first:
        publish(first.default_channel, 1)
        assert drain(first.default_channel)
        file = first.default_channel.file
        before = file.holder
        with closing(sqlite3.connect(path, isolation_level=None)) as locker:
            locker.execute("BEGIN EXCLUSIVE")
            first.default_channel.close()
    assert rows(path, "holder IS NOT NULL") == 1
    assert file.holder != before


def test_work_done_counts_even_if_the_message_went_elsewhere(path):
    """A worker taken for dead acknowledges late; so does the one that got the message next."""
    with connect(path) as first, connect(path, timeout=4) as second:
        publish(first.default_channel, 1)
        late = first.default_channel.basic_get("q")
        first.default_channel.file.execute("UPDATE messages SET holder = NULL")
        again = second.default_channel.basic_get("q")
        late.ack()
        assert rows(path) == 0
        publish(first.default_channel, 2)
        again.ack()
        assert rows(path) == 1


def test_a_late_requeue_takes_nothing_from_the_next_holder(path):
    with connect(path) as first, connect(path, timeout=4) as second:
        publish(first.default_channel, 1)
        late = first.default_channel.basic_get("q")
        first.default_channel.file.execute("UPDATE messages SET holder = NULL")
        second.default_channel.basic_get("q")
        late.requeue()
        assert rows(path, "holder IS NOT NULL") == 1


def test_a_task_may_outlive_its_connection(path):
    connection = connect(path)
    publish(connection.default_channel, 1)
    message = connection.default_channel.basic_get("q")
    connection.close()
    message.ack()
    assert rows(path) == 0


def test_consumers_without_acknowledgement_leave_nothing_behind(channel, path):
    publish(channel, 1)
    got = []
    queue = KombuQueue("q", Exchange(""))
    with channel.Consumer(
        queue, no_ack=True, accept=["json"], callbacks=[lambda body, message: got.append(body)]
    ):
        channel.connection.client.drain_events(timeout=2)
    assert got == [1]
    assert rows(path) == 0


def test_one_message_bound_to_two_queues_is_two(channel, path):
    exchange = Exchange("topics", type="topic")
    for name in ("one", "two"):
        KombuQueue(name, exchange, routing_key="a.#").bind(channel).declare()
    channel.Producer().publish("both", exchange=exchange, routing_key="a.b")
    channel.basic_get("one").ack()
    assert channel.basic_get("two").payload == "both"


def test_fanout_may_be_declared_and_reaches_nobody(channel, path):
    exchange = Exchange("everyone", type="fanout")
    KombuQueue("mine", exchange).bind(channel).declare()
    channel.Producer().publish("hello", exchange=exchange, routing_key="")
    assert channel.basic_get("mine") is None


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
        wait_until(has_gone_on)


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
        threads = [threading.Thread(target=send) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(waited) == 6
    assert max(waited) < 1.5
    app.send_task("note", [3])
    assert rows(path) == 2


def sender(path: Path, **options: Any) -> Celery:
    app = Celery("sender", broker="inro-sqlite://", set_as_current=False, fixups=[])
    app.conf.broker_transport_options = {"path": str(path), **options}
    return app


class Workers:
    """Real workers in a folder of their own, and what they noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen[bytes]] = []
        (folder / "worker_app.py").write_text(WORKER_APP)

    def start(self, path: Path, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
        conf = {
            "broker_transport_options": {"path": str(path), **options},
            "task_acks_late": True,
            "task_ignore_result": True,
            "worker_prefetch_multiplier": 16,
        }
        environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
        environment |= {"PYTHONPATH": str(ROOT), "WORKER_CONF": json.dumps(conf)}
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "worker_app", "worker", *arguments],
            cwd=self.folder,
            env=environment,
            start_new_session=True,
            stdout=(self.folder / "output").open("ab"),
            stderr=subprocess.STDOUT,
        )
        self.running.append(worker)
        return worker

    def kill(self, worker: "subprocess.Popen[bytes]") -> None:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        self.running.remove(worker)

    def noted(self) -> list[int]:
        log = self.folder / "log"
        return [int(line) for line in log.read_text().split()] if log.exists() else []


QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(tmp_path)
    yield workers
    for worker in list(workers.running):
        workers.kill(worker)
    print((tmp_path / "output").read_text())


@pytest.mark.processes
def test_a_killed_worker_loses_no_task(workers, path):
    app = sender(path)
    for number in range(60):
        app.send_task("note", [number, 0.05])
    worker = workers.start(path, "-P", "prefork", "-c", "2", *QUIET)
    wait_until(lambda: len(workers.noted()) > 8 and rows(path, "holder IS NOT NULL") > 2)
    workers.kill(worker)
    # How many it held at that moment is chance; that it held some is the point.
    assert rows(path, "holder IS NOT NULL") > 0
    workers.start(path, "-P", "threads", "-c", "4", *QUIET, silence=1.5)
    wait_until(lambda: rows(path) == 0)
    assert set(workers.noted()) == set(range(60))


@pytest.mark.processes
def test_two_workers_run_each_task_once(workers, path):
    """One of them with all the parts of Celery that would like a fanout."""
    workers.start(path, "-P", "threads", "-c", "4", *QUIET)
    workers.start(path, "-P", "prefork", "-c", "2", "--max-tasks-per-child", "20", "-n", "all@x")
    app = sender(path)

    def send(start: int) -> None:
        for number in range(start, start + 100):
            app.send_task("note", [number])

    threads = [threading.Thread(target=send, args=[start]) for start in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: len(workers.noted()) >= 300 and rows(path) == 0)
    assert sorted(workers.noted()) == list(range(300))


@pytest.mark.processes
def test_a_busy_worker_keeps_what_it_holds(workers, path):
    """Its only thread is busy for longer than the silence that counts as death."""
    app = sender(path)
    app.send_task("note", [0], {"burn": 2, "seconds": 2})
    for number in range(1, 6):
        app.send_task("note", [number])
    workers.start(path, "-P", "threads", "-c", "1", *QUIET, silence=1.5)
    wait_until(lambda: rows(path, "holder IS NOT NULL") == 6)
    with connect(path, silence=1.5) as connection:
        while not workers.noted():
            assert connection.default_channel.basic_get("celery") is None
            time.sleep(0.02)
    wait_until(lambda: rows(path) == 0)
    assert workers.noted() == list(range(6))


@pytest.mark.processes
def test_an_idle_worker_takes_over_from_one_that_vanished(path):
    with connect(path, silence=0.6) as connection:
        channel = connection.default_channel
        publish(channel, 1, 2)
        script = (
            "from tests.test_broker import *;"
            f"connection = connect(Path({str(path)!r}));"
            "assert len(drain(connection.default_channel)) == 2;"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        vanished = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
        assert vanished.returncode == -signal.SIGKILL
        assert rows(path, "holder IS NOT NULL") == 2
        channel.basic_get("q")
        wait_until(lambda: rows(path, "holder IS NULL") == 2)
        assert payloads(drain(channel)) == [1, 2]


@pytest.mark.processes
def test_forks_neither_share_nor_block(path):
    """Children are born while other threads of the parent are in the middle of statements."""
    with connect(path, silence=0.3) as connection:
        channel = connection.default_channel
        publish(channel, "mine")
        (mine,) = drain(channel)
        stop = threading.Event()

        def stir() -> None:
            while not stop.is_set():
                broker.pending(path)

        stirring = [threading.Thread(target=stir) for _ in range(2)]
        for thread in stirring:
            thread.start()
        fork = multiprocessing.get_context("fork")
        children = [fork.Process(target=as_child, args=[channel, n]) for n in range(8)]
        for child in children:
            child.start()
        for child in children:
            child.join(10)
        stop.set()
        for thread in stirring:
            thread.join()
        assert [child.exitcode for child in children] == [0] * 8
        assert sorted(payloads(drain(channel))) == list(range(8))
        mine.ack()
        assert rows(path) == 8


def as_child(channel: Any, number: int) -> None:
    """Uses, acknowledges and closes under its own name what it has inherited."""
    channel.file.execute("SELECT 1")
    publish(channel, "for me", priority=9)
    channel.basic_get("q").ack()
    publish(channel, number)
    channel.close()


@pytest.mark.processes
def test_several_may_create_the_file_at_once(path):
    script = (
        "import sys; from inro import broker; sys.stdin.readline();"
        f"broker._file(broker.Options({str(path)!r})).execute(broker.PUT, 'q', 0, '{{}}')"
    )
    starting = [
        subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in starting:
        assert process.stdin
        process.stdin.write(b"go\n")
        process.stdin.flush()
    assert [process.wait(20) for process in starting] == [0] * 4
    assert rows(path) == 4
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
