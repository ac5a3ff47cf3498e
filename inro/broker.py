"""The embedded queue: a Celery broker in one SQLite file, for one host and nothing to install.

Settings that go with it::

    inro.broker.register()
    broker_url = "inro-sqlite://"
    broker_transport_options = {"path": "/data/queue.sqlite3"}
    task_acks_late = True                 # a killed worker's tasks run again
    worker_prefetch_multiplier = 16       # a full worker is asked again only after a polling pause
    worker_enable_remote_control = False  # there is no fanout, so inspect and revoke go nowhere

and workers run with ``--without-gossip --without-mingle --without-heartbeat``. Forgetting these
costs a useless queue to poll; nothing breaks.

Transport options: ``path`` (required); ``synchronous``, SQLite's own, ``NORMAL`` by default: a
power cut may take the last messages, ``FULL`` keeps them at about a third of the speed;
``timeout``, how long any call may wait for the file, 5 s; ``silence``, after how many seconds
without a sign of life a worker's messages go to others, 10 s; kombu's ``polling_interval``.

A taken message stays in the file, held by its taker, until it is acknowledged. Every taker beats:
a thread of its own updates its row in ``holders``, and watches the rows of the others. Delivery is
at least once: a worker that was taken for dead and was not has its messages run twice.
"""

import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

from kombu.transport import TRANSPORT_ALIASES, virtual
from kombu.utils.json import dumps, loads

logger = logging.getLogger(__name__)

# AUTOINCREMENT, because the row id is the delivery tag: the late acknowledgement of a message that
# went to another worker must never meet a newer message under the same id.
SCHEMA = """
CREATE TABLE IF NOT EXISTS messages(
    id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, priority INTEGER NOT NULL,
    holder TEXT, deliveries INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_ready ON messages(queue, priority DESC, id)
    WHERE holder IS NULL;
CREATE INDEX IF NOT EXISTS messages_held ON messages(holder) WHERE holder IS NOT NULL;
CREATE TABLE IF NOT EXISTS holders(id TEXT PRIMARY KEY, seen_at REAL NOT NULL);
"""
READY = "SELECT 1 FROM messages WHERE queue = ? AND holder IS NULL LIMIT 1"
TAKE = """
UPDATE messages SET holder = ?, deliveries = deliveries + 1 WHERE id = (
    SELECT id FROM messages WHERE queue = ? AND holder IS NULL ORDER BY priority DESC, id LIMIT 1)
RETURNING id, deliveries, body
"""
RELEASE = """
UPDATE messages SET holder = NULL
WHERE holder = ? AND id IN (SELECT value FROM json_each(?))
"""
BEAT = """
INSERT INTO holders(id, seen_at) VALUES(?, ?)
ON CONFLICT(id) DO UPDATE SET seen_at = excluded.seen_at
"""
# Holders without a row of their own are listed too, or their messages would be held for ever.
HOLDERS = """
SELECT id, seen_at FROM holders UNION
SELECT holder, seen_at FROM messages LEFT JOIN holders ON holders.id = holder
WHERE holder IS NOT NULL
"""
GIVE_BACK = """
UPDATE messages SET holder = NULL
WHERE holder = ?1 AND (SELECT seen_at FROM holders WHERE id = ?1) IS ?2 RETURNING id
"""


@dataclass(frozen=True)
class Options:
    """What the transport options say about the file; see the module's text."""

    path: str
    synchronous: str = "NORMAL"
    timeout: float = 5.0
    silence: float = 10.0

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Options":
        """Other options in the mapping belong to kombu and are left alone."""
        if not given.get("path"):
            raise ValueError("broker_transport_options needs the path of the queue file")
        known = {name: given[name] for name in cls.__dataclass_fields__ if name in given}
        return cls(**{**known, "path": os.fspath(given["path"])})


class QueueFile:
    """One process's view of the file: one connection, shared by its threads, opened when needed.

    Every method may raise ``sqlite3.Error``, at the latest after ``timeout`` seconds.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._holder = uuid4().hex
        self._db: sqlite3.Connection | None = None
        self._upkeep: threading.Thread | None = None
        self._watched: dict[tuple[str, float | None], float] = {}
        self._watched_at = 0.0

    def put(self, queue: str, priority: int, body: str) -> None:
        self._execute(
            "INSERT INTO messages(queue, priority, body) VALUES(?, ?, ?)", queue, priority, body
        )

    def take(self, queue: str) -> tuple[int, int, str] | None:
        """Hold the next message; answers its id, how often it was delivered, and its body."""
        self._ensure_upkeep()
        # Almost every poll ends with this read, which waits for no writer and makes none wait.
        if not self._execute(READY, queue):
            return None
        rows = self._execute(TAKE, self._holder, queue)
        return rows[0] if rows else None

    def drop(self, message: int) -> None:
        """Whoever holds it by now: the work is done."""
        self._execute("DELETE FROM messages WHERE id = ?", message)

    def release(self, messages: list[int]) -> None:
        """Those that went to another holder meanwhile stay there."""
        self._execute(RELEASE, self._holder, json.dumps(messages))

    def abandon(self) -> None:
        """Beat under a new name, so that everything held so far counts as a silent worker's."""
        self._holder = uuid4().hex

    def ready(self, queue: str) -> int:
        sql = "SELECT count(*) FROM messages WHERE queue = ? AND holder IS NULL"
        return int(self._execute(sql, queue)[0][0])

    def purge(self, queue: str) -> int:
        sql = "DELETE FROM messages WHERE queue = ? AND holder IS NULL RETURNING id"
        return len(self._execute(sql, queue))

    def delete(self, queue: str) -> None:
        self._execute("DELETE FROM messages WHERE queue = ?", queue)

    def depth(self) -> int:
        """Messages of all queues that wait, from a file proven to be writable."""
        self._execute("DELETE FROM messages WHERE id < 0")
        return int(self._execute("SELECT count(*) FROM messages WHERE holder IS NULL")[0][0])

    def _execute(self, sql: str, *values: object) -> list[Any]:
        deadline = time.monotonic() + self.options.timeout
        if not _in_use.acquire(timeout=self.options.timeout):
            raise sqlite3.OperationalError(f"{self.options.path} is busy")
        try:
            self._db = self._db or self._open()
            left = max(int((deadline - time.monotonic()) * 1000), 1)
            self._db.execute(f"PRAGMA busy_timeout = {left}")
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error:
            # A file that was out of reach or out of order gets a fresh look next time.
            if self._db is not None:
                self._db.close()
                self._db = None
            raise
        finally:
            _in_use.release()

    def _open(self) -> sqlite3.Connection:
        try:
            Path(self.options.path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise sqlite3.OperationalError(f"no folder for the queue file: {error}") from error
        db = sqlite3.connect(
            self.options.path,
            timeout=self.options.timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {self.options.synchronous}")
        db.executescript(SCHEMA)
        return db

    def _ensure_upkeep(self) -> None:
        if self._upkeep is None or not self._upkeep.is_alive():
            with _in_use:
                self._beat()
                self._upkeep = threading.Thread(target=self._keep_up, daemon=True)
                self._upkeep.start()

    def _keep_up(self) -> None:
        """Beats from a thread, so that a worker whose pool is busy for minutes keeps its hold."""
        while True:
            time.sleep(self.options.silence / 5)
            try:
                self._beat()
                self._reclaim()
            except sqlite3.Error as error:
                logger.warning("the queue file did not take a heartbeat: %s", error)

    def _beat(self) -> None:
        self._execute(BEAT, self._holder, time.time())

    def _reclaim(self) -> None:
        """Give back what is held by those whose beat stood still all the while this one watched.

        Times are never compared across processes, so setting the clock redelivers nothing; and one
        who could not watch (suspended, or the file was locked) starts over, as the others may have
        been held up by the same thing.
        """
        now = time.monotonic()
        if now - self._watched_at > self.options.silence / 2:
            self._watched.clear()
        others = [(holder, at) for holder, at in self._execute(HOLDERS) if holder != self._holder]
        self._watched = {beat: self._watched.get(beat, now) for beat in others}
        self._watched_at = now
        for beat, since in self._watched.items():
            if now - since > self.options.silence:
                self._give_back(*beat)

    def _give_back(self, holder: str, seen_at: float | None) -> None:
        messages = self._execute(GIVE_BACK, holder, seen_at)
        self._execute("DELETE FROM holders WHERE id = ? AND seen_at IS ?", holder, seen_at)
        if messages:
            logger.warning("%d messages of a silent worker are queued again", len(messages))


# One lock for the files of this process and, around a fork, for all of its threads: a child born
# while another thread is inside SQLite would inherit SQLite's own locks and wait for ever.
_in_use = threading.RLock()
_files: dict[Options, QueueFile] = {}
_inherited: list[QueueFile] = []


def _file(options: Options) -> QueueFile:
    return _files.get(options) or _files.setdefault(options, QueueFile(options))


def _start_over() -> None:
    """In a forked child: the parent's connections may neither be used nor closed here."""
    _inherited.extend(_files.values())
    _files.clear()
    _in_use.release()


os.register_at_fork(
    before=_in_use.acquire, after_in_parent=_in_use.release, after_in_child=_start_over
)


def pending(path: str | os.PathLike[str]) -> int:
    """How many messages wait for a worker; raises ``sqlite3.Error`` if none could be published."""
    return _file(Options.read({"path": path})).depth()


def register() -> None:
    """Make ``inro-sqlite://`` known to kombu, whose URLs cannot name a module."""
    TRANSPORT_ALIASES["inro-sqlite"] = "inro.broker:Transport"


class HeldMessages(virtual.QoS):
    def restore_unacked(self) -> list[Any]:  # type: ignore[override]
        """All of them in one statement, as a worker that stops may hold hundreds.

        If that fails nothing is lost: they come back like those of a worker that died.
        """
        self._flush()
        file, held = self.channel.file, list(self._delivered)
        self._delivered.clear()
        try:
            file.release(held)
        except sqlite3.Error as error:
            logger.warning("%d messages are queued again later: %s", len(held), error)
            file.abandon()
        return []


class Channel(virtual.Channel):
    """Works on after it was closed as far as settling messages goes.

    A task that outlives its worker's connection still acknowledges its message here.
    """

    QoS = HeldMessages

    def __init__(self, connection: "Transport", **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self._options = Options.read(connection.client.transport_options)

    @property
    def file(self) -> QueueFile:
        """Looked up each time: a channel carried across a fork needs the child's."""
        return _file(self._options)

    def basic_ack(self, delivery_tag: Any, multiple: bool = False) -> None:
        self.file.drop(delivery_tag)
        self.qos.ack(delivery_tag)

    def basic_reject(self, delivery_tag: Any, requeue: bool = False) -> None:
        if requeue:
            self.file.release([delivery_tag])
        else:
            self.file.drop(delivery_tag)
        self.qos.ack(delivery_tag)

    def basic_consume(
        self, queue: str, no_ack: bool, callback: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        def settle_first(message: Any) -> Any:
            self.file.drop(message.delivery_tag)
            return callback(message)

        return super().basic_consume(
            queue, no_ack, settle_first if no_ack else callback, *args, **kwargs
        )

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:
        message = super().basic_get(queue, no_ack=no_ack, **kwargs)
        if message and no_ack:
            self.file.drop(message.delivery_tag)
        return message

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        self.file.put(queue, self._get_message_priority(message), dumps(message))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        taken = self.file.take(queue)
        if taken is None:
            raise Empty
        row, deliveries, body = taken
        message = loads(body)
        properties = message["properties"]
        properties["delivery_tag"] = row
        properties["delivery_info"]["redelivered"] = deliveries > 1
        return message

    def _size(self, queue: str) -> int:
        return self.file.ready(queue)

    def _purge(self, queue: str) -> int:
        return self.file.purge(queue)

    def _delete(self, queue: str, *args: Any, **kwargs: Any) -> None:
        self.file.delete(queue)


class Transport(virtual.Transport):
    """Connecting never fails and never waits; the first use of the file does."""

    Channel = Channel
    driver_type = driver_name = "sqlite"
    default_port = 0
    polling_interval = 0.02
    connection_errors = (*virtual.Transport.connection_errors, sqlite3.DatabaseError)

    def driver_version(self) -> str:
        return sqlite3.sqlite_version
