"""Several processes under one: started together, restarted when one dies, stopped together."""

import ctypes
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

TERM_SECONDS = 20  # for what runs to finish; then it is killed
RESTART_SECONDS = (0.5, 15.0)
READER_SECONDS = 1.0  # for whoever reads our output, at the end
KEPT_LINES = 1_000  # until they are taken
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """On Linux, have the kernel end this process when the supervisor is killed outright."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    except (OSError, AttributeError):
        return


class Output:
    """What is written to a descriptor, from several threads; a stream for logs, too.

    Whoever reads it may have gone away or stand still, in front of a terminal too. Nobody waits for
    them, and the lines that they do not take are lost: what would wait here could not even be
    stopped any more.
    """

    def __init__(self, number: int | None) -> None:
        """Without a `number`, as under a daemon that closes all, nothing is written."""
        self._number = number
        self._texts: queue.Queue[bytes] = queue.Queue(KEPT_LINES)
        if number is not None:
            threading.Thread(target=self._write, args=(number,), daemon=True).start()

    def write(self, text: str) -> None:
        if self._number is not None:
            with suppress(queue.Full):
                self._texts.put_nowait(text.encode(errors="replace"))

    def flush(self) -> None:
        """Logs ask for it with each line; see `finish`."""

    def finish(self) -> None:
        """Wait a moment for all to be taken."""
        done = self._texts.all_tasks_done
        with done:
            done.wait_for(lambda: not self._texts.unfinished_tasks, READER_SECONDS)

    def _write(self, number: int) -> None:
        while True:
            data = self._texts.get()
            with suppress(OSError, ValueError):
                while data:
                    select.select([], [number], [])
                    data = data[os.write(number, data) :]
            self._texts.task_done()


@dataclass
class Child:
    """One supervised process. It leads a session of its own, so a Ctrl-C reaches only us."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    pause: float = RESTART_SECONDS[0]

    def start(self, output: Output) -> None:
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            env={**os.environ, **self.environment},
        )
        if self.process.stdout:
            relayed = (self.process.stdout, output)
            threading.Thread(target=self._relay, args=relayed, daemon=True).start()

    def _relay(self, lines: IO[bytes], output: Output) -> None:
        # Read on when nobody listens any more: a full pipe would stop the process behind it.
        for line in lines:
            output.write(f"{self.name:6} | {line.decode(errors='replace')}")

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """To the whole session: a server's own worker processes must not outlive it."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except (ProcessLookupError, PermissionError):
                return


class Supervisor:
    """Keeps `children` running until `stop` is set."""

    def __init__(self, children: list[Child]) -> None:
        self.children = children
        self.stop = threading.Event()
        self.output = Output(1 if sys.stdout else None)

    def start(self) -> None:
        for child in self.children:
            child.start(self.output)

    def watch(self) -> None:
        """Restart what died, with a growing pause while it keeps dying at once."""
        for child in self.children:
            if child.is_running or self.stop.is_set():
                continue
            code = child.process.returncode if child.process else None
            if time.monotonic() - child.started_at > 60:
                child.pause = RESTART_SECONDS[0]
            self.output.write(f"{child.name} ended with {code}; starting it again\n")
            child.signal(signal.SIGKILL)
            self.stop.wait(child.pause)
            child.pause = min(child.pause * 2, RESTART_SECONDS[1])
            if not self.stop.is_set():
                child.start(self.output)

    def shut_down(self) -> None:
        """Ask everything to finish, then make sure that it has."""
        self.stop.set()
        for number, patience in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, 3)):
            for child in self.children:
                if child.is_running:
                    child.signal(number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and any(c.is_running for c in self.children):
                time.sleep(0.05)
        for child in self.children:
            child.signal(signal.SIGKILL)
