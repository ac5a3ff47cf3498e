"""The tests' side of `tests.faults.worker`."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings

from tests.faults.injection import Fault
from tests.messaging.delivery.test_kill import ROOT, database_url


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
            }
            | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, *what: Any, fault: Fault | None = None) -> Report:
        """A task by its name with its arguments, or `request` with method, path, body, headers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"do": what, "fault": asdict(fault) if fault else None}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return Report(**json.loads(self._process.stdout.readline()))

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
