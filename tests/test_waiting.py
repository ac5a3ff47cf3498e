"""What stands still in a test fails that test, says where it stood, and ends."""

import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from tests.waiting import Run, at_once, eventually, shared_out, wait_for

ROOT = Path(__file__).parent.parent


def test_what_threads_return_comes_in_order():
    assert at_once(lambda: 1, lambda: 2) == [1, 2]
    assert shared_out(str, range(5), threads=2) == ["0", "1", "2", "3", "4"]
    assert shared_out(str, range(2), threads=8) == ["0", "1"]


def test_who_stands_still_is_named():
    never = threading.Event()

    def standing() -> None:
        never.wait(20)

    run = Run(standing)
    with pytest.raises(AssertionError, match=r"After 0\.1 s .*standing(.|\n)*never\.wait\(20\)"):
        run.result(0.1)
    never.set()
    run.result()


def test_a_fault_is_told_and_not_what_it_broke():
    barrier = threading.Barrier(2)

    def fail() -> None:
        barrier.abort()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        at_once(partial(barrier.wait, 20), fail)


def test_what_never_comes_true():
    with pytest.raises(AssertionError, match="not within 0 s: the end"):
        eventually(lambda: False, "the end", 0)
    with pytest.raises(AssertionError, match="not within 0 s: the end"):
        wait_for(threading.Event(), "the end", 0)


STANDING = """
import threading, pytest

@pytest.fixture
def first():
    yield
    threading.Event().wait()

second = first

def test_standing(first, second):
    raise AssertionError("some fault")

def test_next():
    pass
"""


def test_fixtures_that_stand_still_are_ended_each(tmp_path):
    (tmp_path / "test_standing.py").write_text(STANDING)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    code = (
        "import sys, pytest; from tests import striking as it; it.SECONDS = it.AGAIN_SECONDS = 1;"
    )
    code += f"sys.exit(pytest.main(['-qp', 'no:cacheprovider', {str(tmp_path)!r}], plugins=[it]))"
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "1 failed, 1 passed, 1 error" in found.stdout, found.stdout + found.stderr
    assert found.stdout.count("The end of this test stands still.") >= 2
    assert "line 7 in first" in found.stderr
