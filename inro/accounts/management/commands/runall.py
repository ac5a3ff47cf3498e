"""Everything on one machine, in one command."""

import logging
import os
import signal
import socket
import sqlite3
import sys
import threading
import time
import urllib.request
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from celery.beat import EmbeddedService
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from inro.accounts.starting import first_start, login_link, operator
from inro.celery import app
from inro.common.locking import TakenError, hold_data_folder
from inro.common.models import Heartbeat
from inro.common.supervising import Child, Output, Supervisor

log = structlog.get_logger(__name__)

READY_SECONDS = 60
ISSUE_COMMAND = ".venv/bin/python manage.py issue_token --workspace demo"


class Command(BaseCommand):
    help = "Migrate, then run the web server, the workers and the clock until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        # Conversations are nobody else's business on a shared machine.
        os.umask(0o077)
        # The handle is kept: the lock ends with this process, however it ends.
        try:
            self.lock = hold_data_folder()
        except TakenError as error:
            raise CommandError(str(error)) from None
        refuse_taken_port(listening_address(), settings.PORT)
        migrate()
        token = first_start()
        supervisor = Supervisor(processes())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: supervisor.stop.set())
        started_at = timezone.now()
        connection.close()
        log_without_waiting()
        supervisor.start()
        beat = start_beat()
        try:
            if wait_until_ready(supervisor, started_at):
                supervisor.output.write(announcement(token))
            while not supervisor.stop.wait(0.3):
                supervisor.watch()
                if not beat.is_alive():
                    beat = start_beat()
        finally:
            supervisor.output.write("Stopping …\n")
            beat.service.stop()  # its thread ends with this process: it may be in the middle
            supervisor.shut_down()
            supervisor.output.write("Stopped.\n")
            supervisor.output.finish()


def log_without_waiting() -> None:
    """The clock is a thread of ours, and logs: it may not stand still for who reads that."""
    output = Output(2 if sys.stderr else None)
    for handler in logging.root.handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr:
            handler.setStream(output)
    threading.excepthook = note_end


def note_end(ended: threading.ExceptHookArgs) -> None:
    """As Python does it, a thread could not end before somebody reads why."""
    name = ended.thread.name if ended.thread else ""
    log.error("thread ended", thread=name, exc_info=ended.exc_value)


def announcement(token: str | None) -> str:
    base = f"http://{reachable_host()}:{settings.PORT}"
    if settings.PUBLIC_URL.startswith("https://"):
        base = settings.PUBLIC_URL  # cookies are sent over HTTPS only then
    shown = token or "apitk_…"
    lines = [
        "",
        f"Admin  {login_link(operator(), base)}",
        f"API    {base}/api/v1/   (documents: {base}/api/docs/)",
        f"Token  {token}" if token else f"Token  as before; a new one: {ISSUE_COMMAND}",
        f"Try    curl -s {base}/api/v1/me -H 'Authorization: Bearer {shown}'",
        "Ready",
        "",
    ]
    return "\n".join(lines)


def listening_address() -> str:
    """`HOST` as an address: the server does not take names."""
    return str(socket.getaddrinfo(settings.HOST, settings.PORT, type=socket.SOCK_STREAM)[0][4][0])


def reachable_host() -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104
    return f"[{host}]" if ":" in host else host


def refuse_taken_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {host} port {port} ({error.strerror}). "
                "Choose another: PORT=8001 make run"
            ) from None


def migrate() -> None:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not pending:
        return
    if connection.vendor == "sqlite" and executor.loader.applied_migrations:
        copy_database(Path(connection.settings_dict["NAME"]))
    call_command("migrate", interactive=False, verbosity=0)


def copy_database(source: Path) -> Path:
    """A consistent copy beside the database, before its tables are changed."""
    target = source.with_name(f"{source.stem}.before-{datetime.now(UTC):%Y%m%d-%H%M%S}.sqlite3")
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    return target


def processes() -> list[Child]:
    python = [sys.executable, "-m"]
    web = [*python, "granian", "--interface", "wsgi", "inro.wsgi:application"]
    web += ["--host", listening_address(), "--port", str(settings.PORT)]
    web += ["--workers", "1", "--blocking-threads", str(settings.WEB_THREADS)]
    # Below "error" it warns at every start that there are more threads than cores; they wait.
    web += ["--respawn-failed-workers", "--log-level", "error"]
    worker = [*python, "celery", "-A", "inro", "-q", "worker", "--pool", "threads"]
    worker += ["-l", "WARNING"]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    here = {
        "PYTHONUNBUFFERED": "1",
        # Tasks are JSON of ids, so the warning about root and pickled tasks is not for us.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
    }
    return [
        Child("web", web, here),
        Child(
            "worker",
            [*worker, "-c", "16", "-n", "worker@%h", "-Q", "inbound,delivery,default"],
            here,
        ),
        Child("media", [*worker, "-c", "8", "-n", "media@%h", "-Q", "media,campaigns"], here),
    ]


def start_beat() -> Any:
    """The clock as a thread of ours: a `worker -B` leaves an orphan when it is killed."""
    beat: Any = EmbeddedService(app, thread=True, scheduler_cls="celery.beat:Scheduler")
    beat.daemon = True
    beat.start()
    return beat


def wait_until_ready(supervisor: Supervisor, started_at: datetime) -> bool:
    """Until the web process answers and a worker has ticked."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and not supervisor.stop.wait(0.2):
        supervisor.watch()
        if web_answers() and Heartbeat.objects.filter(name="tick", at__gt=started_at).exists():
            return True
    if not supervisor.stop.is_set():
        raise CommandError(f"Not ready after {READY_SECONDS} s; see the lines above.")
    return False


def web_answers() -> bool:
    address = f"http://{reachable_host()}:{settings.PORT}/health/live"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
