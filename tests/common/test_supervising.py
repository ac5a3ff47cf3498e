"""Processes under one: who does not read, or does not end, stops nobody."""

import os
import pty
import select
import signal
import sys
import tty
from collections.abc import Iterator

import psutil
import pytest

from inro.common import supervising
from inro.common.supervising import Child, Output, Supervisor
from tests.waiting import eventually

LINE = f"{'x' * 99}\n"
# Much more than a pipe takes.
LINES = 5_000
DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);print('on', flush=True); "
)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for each in ends:
        os.close(each)


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, int]) -> Iterator[Supervisor]:
    """Writes into a pipe; its children get little time to end."""
    monkeypatch.setattr(supervising, "TERM_SECONDS", 0.5)
    made = Supervisor([])
    made.output = Output(pipe[1])
    yield made
    for child in made.children:
        child.signal(signal.SIGKILL)


def python(code: str) -> Child:
    return Child("child", [sys.executable, "-S", "-c", code])


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ends = pty.openpty()
    tty.setraw(ends[1])
    yield ends
    for each in ends:
        os.close(each)


def all_of(output: Output, reading: int) -> list[str]:
    """The lines that are taken when somebody reads until no more come."""
    taken = bytearray()

    def drained() -> bool:
        last = not output._texts.unfinished_tasks
        while select.select([reading], [], [], 0)[0]:
            taken.extend(os.read(reading, 65_536))
        return last

    eventually(drained, "the end of the output")
    return taken.decode().splitlines(keepends=True)


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_what_nobody_reads_is_lost_and_the_rest_is_not(request, kind):
    reading, writing = request.getfixturevalue(kind)
    output = Output(writing)
    for _ in range(LINES):
        output.write(LINE)
    kept = all_of(output, reading)
    assert supervising.KEPT_LINES <= len(kept) < LINES
    assert set(kept) == {LINE}, "whole lines"
    output.write("again ü\n")
    assert all_of(output, reading) == ["again ü\n"]


def test_a_pipe_that_is_broken_and_none_at_all(pipe):
    reading, writing = os.pipe()
    os.close(reading)
    broken, none = Output(writing), Output(None)
    for output in (broken, none):
        output.write(LINE)
        output.finish()
    assert not broken._texts.unfinished_tasks, "it goes on taking them"
    os.close(writing)


def test_a_child_whose_output_nobody_reads_goes_on(supervisor):
    supervisor.children.append(python(f"print('x' * {len(LINE) * LINES})"))
    supervisor.start()
    (child,) = supervisor.children
    eventually(lambda: not child.is_running, "the end of the child")
    assert child.process.returncode == 0
    supervisor.watch()
    assert child.is_running


def test_what_does_not_end_when_it_is_asked_is_killed_with_its_own(supervisor, pipe):
    deaf = f"{DEAF}time.sleep(100)"
    mother = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {deaf!r}]); {deaf}"
    supervisor.children += [python(mother), python("import time; time.sleep(100)")]
    supervisor.start()
    first, second = supervisor.children
    eventually(lambda: len(os.read(pipe[0], 1000).splitlines()) >= 1, "the first")
    of_its_own = eventually(lambda: psutil.Process(first.process.pid).children(), "its own")
    supervisor.shut_down()
    assert (first.process.returncode, second.process.returncode) == (
        -signal.SIGKILL,
        -signal.SIGTERM,
    )
    assert psutil.wait_procs(of_its_own, timeout=10)[1] == []
    supervisor.watch()
    assert not first.is_running
