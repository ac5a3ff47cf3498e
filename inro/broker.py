"""The embedded queue: a Celery broker in one SQLite file, for one host and nothing to install.

Settings that go with it, after ``register()``::

    broker_url = "inro-sqlite://"
    broker_transport_options = {"path": "/data/queue.sqlite3"}  # see Options; polling_interval
    task_acks_late = True                 # a killed worker's tasks run again
    worker_prefetch_multiplier = 16       # a full worker is asked again only after a polling pause
    worker_enable_remote_control = False  # no fanout: inspect and revoke would reach nobody

Workers run with ``--without-gossip --without-mingle --without-heartbeat``. A taken message stays
in the file, held by its taker, until it is acknowledged; takers beat and watch each other. It may
run twice: a worker that stood still for long is taken for dead.
"""

import logging
import os
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any, NamedTuple, cast
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
CREATE INDEX IF NOT EXISTS ready ON messages(queue, priority DESC, id) WHERE holder IS NULL;
CREATE INDEX IF NOT EXISTS held ON messages(holder) WHERE holder IS NOT NULL;
CREATE TABLE IF NOT EXISTS holders(id TEXT PRIMARY KEY, seen_at REAL NOT NULL);
"""
PUT = "INSERT INTO messages(queue, priority, body) VALUES(?, ?, ?)"
NEXT = """SELECT id FROM messages WHERE queue = ? AND holder IS NULL
    ORDER BY priority DESC, id LIMIT 1"""
TAKE = f"""UPDATE messages SET holder = ?, deliveries = deliveries + 1
    WHERE id = ({NEXT}) RETURNING id, deliveries, body"""  # noqa: S608
DROP = "DELETE FROM messages WHERE id = ?"
RELEASE = """UPDATE messages SET holder = NULL -- unless it went to another holder meanwhile
    WHERE holder = ? AND id IN (SELECT value FROM json_each(?))"""
COUNT = "SELECT count(*) FROM messages WHERE holder IS NULL"
PURGE = "DELETE FROM messages WHERE queue = ? AND holder IS NULL RETURNING id"
# Holders without a row of their own are listed too, or their messages would be held for ever.
BEATS = """SELECT id, seen_at FROM holders UNION SELECT holder, seen_at
    FROM messages LEFT JOIN holders ON holders.id = holder WHERE holder IS NOT NULL"""
GIVE_BACK = """UPDATE messages SET holder = NULL WHERE holder = ?1
    AND (SELECT seen_at FROM holders WHERE id = ?1) IS ?2 RETURNING id"""


class Options(NamedTuple):
    path: str | os.PathLike[str]
    synchronous: str = "NORMAL"  # a power cut may take the last messages; FULL is safe, but slower
    timeout: float = 5.0  # seconds any call may wait for the file
    silence: float = 10.0  # seconds without a beat after which a worker's messages go to others


class QueueFile:
    """One process's connection to the file, opened when needed and shared by its threads."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.holder = uuid4().hex
        self._db: sqlite3.Connection | None = None
        self._upkeep: threading.Thread | None = None
        self._watched: dict[tuple[str, float | None], float] = {}
        self._watched_at = 0.0

    def execute(self, sql: str, *values: object) -> list[Any]:
        """Run one statement, which is one transaction; in time, or with an ``sqlite3.Error``."""
        deadline = time.monotonic() + self.options.timeout
        if not _lock.acquire(timeout=self.options.timeout):
            raise sqlite3.OperationalError(f"{self.options.path} is busy")
        try:
            self._db = self._db or self._open()
            self._db.execute(f"PRAGMA busy_timeout = {(deadline - time.monotonic()) * 1000:.0f}")
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error:
            # A file that was out of reach or out of order gets a fresh look next time.
            if self._db:
                self._db.close()
            self._db = None
            raise
        finally:
            _lock.release()

    def take(self, queue: str) -> tuple[int, int, str]:
        """Hold the next message: its id, how often it was delivered, and its body."""
        with _lock:
            if not (self._upkeep and self._upkeep.is_alive()):
                self._upkeep = threading.Thread(target=self._keep_up, daemon=True)
                self._upkeep.start()
        # Almost every poll ends with the read, which waits for no writer and makes none wait.
        if taken := self.execute(NEXT, queue) and self.execute(TAKE, self.holder, queue):
            return cast(tuple[int, int, str], taken[0])
        raise Empty

    def _open(self) -> sqlite3.Connection:
        path, synchronous, timeout, _ = self.options
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(
                path, timeout=timeout, isolation_level=None, check_same_thread=False
            )
            # Of those that create the file at the same moment one succeeds, for all of them.
            with suppress(sqlite3.OperationalError):
                db.execute("PRAGMA journal_mode = WAL")
            db.executescript(f"PRAGMA synchronous = {synchronous}; {SCHEMA}")
        except (OSError, sqlite3.Error) as error:
            raise sqlite3.OperationalError(f"{path}: {error}") from error
        return db

    def _keep_up(self) -> None:
        """Runs in a thread, so that a worker whose pool is busy for minutes keeps its hold."""
        while True:
            try:
                self.execute("REPLACE INTO holders VALUES(?, ?)", self.holder, time.time())
                self._reclaim()
            except sqlite3.Error as error:
                logger.warning("no sign of life in the queue file: %s", error)
            time.sleep(self.options.silence / 6)

    def _reclaim(self) -> None:
        """Give back what those hold whose beat was seen standing still; clocks do not matter."""
        now = time.monotonic()
        # What held this watcher up (a locked file, a suspended host) may have held up the others.
        if now - self._watched_at > self.options.silence / 2:
            self._watched.clear()
        self._watched = {beat: self._watched.get(beat, now) for beat in self.execute(BEATS)}
        self._watched_at = now
        for beat, since in self._watched.items():
            if now - since > self.options.silence:
                if messages := self.execute(GIVE_BACK, *beat):
                    logger.warning("a worker fell silent, %d messages queued again", len(messages))
                self.execute("DELETE FROM holders WHERE id = ? AND seen_at IS ?", *beat)


# One lock for all files of this process, held across a fork: a child born while another thread is
# inside SQLite would inherit SQLite's own locks and wait for ever.
_lock = threading.RLock()
_files: dict[Options, QueueFile] = {}
_inherited: list[QueueFile] = []


def _file(options: Options) -> QueueFile:
    return _files.get(options) or _files.setdefault(options, QueueFile(options))


def _start_over() -> None:
    """In a forked child: the parent's connections may neither be used nor closed here."""
    _inherited.extend(_files.values())
    _files.clear()
    _lock.release()


if fork_hook := getattr(os, "register_at_fork", None):  # not on Windows, which never forks
    fork_hook(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_start_over)


def register() -> None:
    """Make ``inro-sqlite://`` known to kombu, whose URLs cannot name a module."""
    TRANSPORT_ALIASES["inro-sqlite"] = "inro.broker:Transport"


def pending(path: str | os.PathLike[str]) -> int:
    """How many messages wait for a worker; ``sqlite3.Error`` if none could be published."""
    file = _file(Options(path))
    file.execute(DROP, -1)  # changes nothing, but only a writable file allows it
    return int(file.execute(COUNT)[0][0])


class HeldMessages(virtual.QoS):
    channel: Any
    _delivered: Any

    def restore_unacked(self) -> Any:
        """All in one statement; if it fails, they come back as if this worker had died."""
        file, held = self.channel.file, list(self._delivered)
        self._delivered.clear()
        try:
            file.execute(RELEASE, file.holder, dumps(held))
        except sqlite3.Error as error:
            logger.warning("%d messages are queued again later: %s", len(held), error)
            file.holder = uuid4().hex


class Channel(virtual.Channel):
    """Settles messages even after it was closed: tasks outlive their worker's connection."""

    QoS = HeldMessages

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        given = connection.client.transport_options
        self._options = Options(**{k: given[k] for k in Options._fields if k in given})

    @property
    def file(self) -> QueueFile:
        """Looked up each time: a channel carried across a fork needs the child's."""
        return _file(self._options)

    def basic_consume(self, queue: str, no_ack: bool, callback: Any, *args: Any, **kw: Any) -> Any:
        def settled(message: Any) -> Any:
            self.basic_ack(message.delivery_tag)
            return callback(message)

        return super().basic_consume(queue, False, settled if no_ack else callback, *args, **kw)

    def basic_ack(self, delivery_tag: Any, multiple: bool = False) -> None:
        self.file.execute(DROP, delivery_tag)  # whoever holds it by now, the work is done
        self.qos.ack(delivery_tag)

    def basic_reject(self, delivery_tag: Any, requeue: bool = False) -> None:
        if requeue:
            self.file.execute(RELEASE, self.file.holder, dumps([delivery_tag]))
            self.qos.ack(delivery_tag)
        else:
            self.basic_ack(delivery_tag)

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        self.file.execute(PUT, queue, self._get_message_priority(message), dumps(message))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        row, deliveries, body = self.file.take(queue)
        message = loads(body)
        message["properties"]["delivery_tag"] = row
        message["properties"]["delivery_info"]["redelivered"] = deliveries > 1
        return message

    def _size(self, queue: str) -> int:
        return int(self.file.execute(f"{COUNT} AND queue = ?", queue)[0][0])

    def _purge(self, queue: str) -> int:
        return len(self.file.execute(PURGE, queue))


class Transport(virtual.Transport):
    """Connecting never fails and never waits; the first use of the file does."""

    Channel = Channel
    driver_type = driver_name = "sqlite"
    polling_interval = 0.02
    connection_errors = (*virtual.Transport.connection_errors, sqlite3.DatabaseError)
