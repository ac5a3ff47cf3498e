"""Processes of their own: workers, forks, and one that vanishes."""

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from inro import broker
from tests.broker.conftest import connect, drain, payloads, publish, rows, sender
from tests.waiting import SECONDS, Run, at_once, eventually, results

# Their queue is the embedded one, whatever the product's is.
pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]

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
        worker.wait(SECONDS)
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
    eventually(
        lambda: len(workers.noted()) > 8 and rows(path, "holder IS NOT NULL") > 2,
        "a worker in the middle of its tasks",
    )
    workers.kill(worker)
    # How many it held at that moment is chance; that it held some is the point.
    assert rows(path, "holder IS NOT NULL") > 0
    workers.start(path, "-P", "threads", "-c", "4", *QUIET, silence=1.5)
    eventually(lambda: rows(path) == 0, "the end of all tasks")
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

    at_once(*(partial(send, start) for start in (0, 100, 200)))
    eventually(lambda: len(workers.noted()) >= 300 and rows(path) == 0, "the end of all tasks")
    assert sorted(workers.noted()) == list(range(300))


@pytest.mark.processes
def test_a_busy_worker_keeps_what_it_holds(workers, path):
    """Its only thread is busy for longer than the silence that counts as death."""
    app = sender(path)
    app.send_task("note", [0], {"burn": 2, "seconds": 2})
    for number in range(1, 6):
        app.send_task("note", [number])
    workers.start(path, "-P", "threads", "-c", "1", *QUIET, silence=1.5)
    eventually(lambda: rows(path, "holder IS NOT NULL") == 6, "a worker that holds all")
    with connect(path, silence=1.5) as connection:

        def has_noted() -> bool:
            assert connection.default_channel.basic_get("celery") is None
            return bool(workers.noted())

        eventually(has_noted, "the first task")
    eventually(lambda: rows(path) == 0, "the end of all tasks")
    assert workers.noted() == list(range(6))


@pytest.mark.processes
def test_an_idle_worker_takes_over_from_one_that_vanished(path):
    with connect(path, silence=0.6) as connection:
        channel = connection.default_channel
        publish(channel, 1, 2)
        script = (
            "import os, signal; from pathlib import Path;"
            "from tests.broker.conftest import connect, drain;"
            f"connection = connect(Path({str(path)!r}));"
            "assert len(drain(connection.default_channel)) == 2;"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        vanished = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, check=False, timeout=SECONDS
        )
        assert vanished.returncode == -signal.SIGKILL
        assert rows(path, "holder IS NOT NULL") == 2
        channel.basic_get("q")
        eventually(lambda: rows(path, "holder IS NULL") == 2, "both given back")
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

        stirring = [Run(stir) for _ in range(2)]
        fork = multiprocessing.get_context("fork")
        # Daemons, or a blocked one would keep this process from its end.
        children = [fork.Process(target=as_child, args=[channel, n], daemon=True) for n in range(8)]
        try:
            for child in children:
                child.start()
            eventually(lambda: not any(c.is_alive() for c in children), "the end of all children")
        finally:
            stop.set()
            for child in children:
                child.kill()
        results(stirring)
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
    assert [process.wait(SECONDS) for process in starting] == [0] * 4
    assert rows(path) == 4
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
