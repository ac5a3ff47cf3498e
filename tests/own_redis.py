"""A database of Redis that is nobody else's: tests empty it again and again.

Redis has sixteen numbered databases and no names. Of the server that `REDIS_URL` names, a test
process takes the first one from the given number on that is empty, and marks it. Data that somebody
keeps there is never touched.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from tests.waiting import SECONDS

MARK = "inro:tests"
# What a killed run has marked is free again after this long.
MARK_SECONDS = 3600
DATABASES = 16
_TAKE = """
if redis.call('DBSIZE') > 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1"""
_OWNER = uuid4().hex
_claimed: list[redis.Redis] = []


def claim(url: str) -> str:
    """The URL of a database that is this process's own until it ends."""
    parts = urlsplit(url)
    first = int(parts.path.strip("/") or 0)
    for number in range(first, first + DATABASES):
        own = urlunsplit(parts._replace(path=f"/{number % DATABASES}"))
        client = redis.Redis.from_url(own, socket_timeout=SECONDS)
        if client.eval(_TAKE, 1, MARK, _OWNER, MARK_SECONDS):
            _claimed.append(client)
            atexit.register(_release, client, os.getpid())
            return own
        client.close()
    raise RuntimeError("all databases of the Redis that REDIS_URL names are in use")


def empty() -> None:
    """Forget all that a test has left in this process's database."""
    for client in _claimed:
        with client.pipeline(transaction=True) as pipeline:
            pipeline.flushdb()
            pipeline.set(MARK, _OWNER, ex=MARK_SECONDS)
            pipeline.execute()


def _release(client: redis.Redis, pid: int) -> None:
    if os.getpid() == pid:
        client.flushdb()


class Server:
    """A Redis server of one test's own, which may be emptied, stopped and killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)
        self.client = redis.Redis.from_url(
            self.url,
            retry=Retry(ConstantBackoff(0.02), 500, (redis.ConnectionError,)),
            socket_timeout=SECONDS,
        )
        self.client.ping()

    def freeze(self) -> None:
        """From now on it takes connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self.client.close()
        self._process.kill()
        self._process.wait(SECONDS)


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    if not shutil.which("redis-server"):
        pytest.skip("there is no redis-server to start")
    folder.mkdir(parents=True, exist_ok=True)
    made = Server(folder)
    try:
        yield made
    finally:
        made.kill()
