"""Databases on the PostgreSQL server that `DATABASE_URL` names, for processes that tests start."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from tests.waiting import COMMAND_SECONDS

ROOT = Path(__file__).parent.parent


@contextmanager
def database(url: str, template: str = "") -> Iterator[str]:
    """The URL of a new database, which is gone afterwards with all that use it.

    Empty, or a copy of the database that the URL `template` names.
    """
    name = f"test_inro_{uuid4().hex[:12]}"
    copied = urlsplit(template).path.strip("/") or "template1"
    parts = urlsplit(url)
    server = urlunsplit(parts._replace(path="/postgres"))
    _run(server, f'CREATE DATABASE "{name}" TEMPLATE "{copied}"')
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        _run(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def migrated(url: str) -> Iterator[str]:
    """The URL of a new database with all tables, for copies of it."""
    with database(url) as own:
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        environment = {**os.environ, "DATABASE_URL": own}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=COMMAND_SECONDS)
        yield own


def _run(server: str, statement: str) -> None:
    options = f"-c statement_timeout={COMMAND_SECONDS:g}s"
    with psycopg.connect(
        server, autocommit=True, connect_timeout=int(COMMAND_SECONDS), options=options
    ) as connection:
        connection.execute(statement.encode())


class Cluster:
    """A PostgreSQL server of one test's own, which may be restarted."""

    def __init__(self, programs: Path, user: str) -> None:
        self._programs, self._user = programs, user
        self._folder = Path(tempfile.mkdtemp(prefix="inro-postgres-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        if user:
            shutil.chown(self._folder, user)
        self._do("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8")
        self._control("start")

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self._port}/postgres"

    def restart(self, mode: str) -> None:
        """`fast` ends the connections in order, `immediate` is a crash."""
        self._control("restart", f"--mode={mode}")

    def stop(self) -> None:
        self._control("stop", "--mode=immediate")

    def destroy(self) -> None:
        with suppress(subprocess.SubprocessError):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _control(self, what: str, *more: str) -> None:
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._do("pg_ctl", what, "--wait", f"--options={options}", *more)

    def _do(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, f"--pgdata={self._folder / 'data'}", *arguments],
            cwd=self._folder,
            user=self._user or None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=COMMAND_SECONDS,
        )


@contextmanager
def cluster() -> Iterator[Cluster]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("there is no PostgreSQL in /usr/lib/postgresql to start")
    made = Cluster(found[-1].parent, _unprivileged() if os.getuid() == 0 else "")
    try:
        yield made
    finally:
        made.destroy()


def _unprivileged() -> str:
    """PostgreSQL refuses to run as root."""
    names = {each.pw_name for each in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)
