"""The tests' side of `tests.faults.worker`."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings

from tests.conftest import LOCK_TIMEOUT
from tests.faults.injection import Fault
from tests.messaging.delivery.test_kill import ROOT, database_url
from tests.waiting import SECONDS


@dataclass(frozen=True)
class Report:
    """What became of an order: tasks it woke, commit points it passed, how it ended.

    What stalled goes on with the order `resume`.
    """

    killed: bool
    stalled: bool
    woken: list[list[Any]]
    status: int
    error: str
    points: int
    begun: int


class Worker:
    def __init__(self, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker"],
            cwd=ROOT,
            env=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "inro.settings",
                "DATA_DIR": str(settings.DATA_DIR),
                "DATABASE_URL": database_url(),
                "LOG_LEVEL": "ERROR",
                "PGOPTIONS": LOCK_TIMEOUT,
            }
            | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def do(self, *what: Any, fault: Fault | None = None) -> Report:
        """A task by its name with its arguments, or `request` with method, path, body, headers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"do": what, "fault": asdict(fault) if fault else None}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        answered, _, _ = select.select([self._process.stdout], [], [], SECONDS)
        assert answered, f"not within {SECONDS:g} s: what becomes of {what}"
        return Report(**json.loads(self._process.stdout.readline()))

    def end(self) -> None:
        """With the processes that it made: one that stands still would keep our pipe open."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
