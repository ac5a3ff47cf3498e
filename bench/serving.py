"""What a measurement stands on: databases of its own, and servers on loopback."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

SERVER = os.environ.get("BENCH_DATABASE_URL", "postgres://postgres@127.0.0.1:5432")
WORKERS, THREADS = "2", "2"  # the same for both sides; more threads only wait for each other
READY_SECONDS = 60
FILLING_SECONDS = 1800
ADMIN_SECONDS = 60


@dataclass(frozen=True)
class Place:
    """Where one side lives: its environment names its database and its folder."""

    folder: Path
    environment: Mapping[str, str]

    def python(self, code: str) -> str:
        """Run `code` with Django set up; what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", f"import django; django.setup()\n{code}"],
            env=dict(self.environment),
            check=True,
            capture_output=True,
            text=True,
            timeout=FILLING_SECONDS,
        )
        return done.stdout.strip()


@contextmanager
def place(settings: str, variable: str, **more: str) -> Iterator[Place]:
    """A folder and a database that are gone afterwards; `variable` tells `settings` of it."""
    name = f"bench_{os.getpid()}_{variable.lower()}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        _admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        _admin(f'CREATE DATABASE "{name}"')
        stack.callback(_admin, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        yield Place(
            folder,
            {
                **{key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ},
                "DJANGO_SETTINGS_MODULE": settings,
                variable: f"{SERVER}/{name}",
                **more,
                **{key: value.format(folder=folder) for key, value in more.items()},
            },
        )


def inro(**more: str) -> "contextmanager":  # type: ignore[valid-type]
    """The product: no rate limit, the rest as it comes."""
    return place(
        "inro.settings",
        "DATABASE_URL",
        DATA_DIR="{folder}",
        API_RATE_LIMIT="0",
        LOG_LEVEL="WARNING",
        ENV_FILE="",
        **more,
    )


def plain() -> "contextmanager":  # type: ignore[valid-type]
    return place("bench.plain.settings", "PLAIN_DATABASE_URL", PLAIN_DATA_DIR="{folder}")


def _admin(statement: str) -> None:
    import psycopg

    options = f"-c statement_timeout={ADMIN_SECONDS}s"
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True, options=options) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


@contextmanager
def served(where: Place, application: str) -> Iterator[tuple[str, int]]:
    """The address of a running web server, and its process id."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", application]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    command += ["--workers", WORKERS, "--blocking-threads", THREADS]
    process = subprocess.Popen(command, env=dict(where.environment))
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"Nothing answers on port {port}.")
