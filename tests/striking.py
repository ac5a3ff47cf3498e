"""The end of a test has a time-out of its own.

With the first exception pytest-timeout, and pytest's own guard, let go of a test for good. A
fixture that then waits for what never comes would hold up everybody for ever.
"""

import faulthandler
import os
import signal
import threading
from collections.abc import Generator
from typing import Any

import pytest

SECONDS = 60.0
# Each fixture that is still to be ended may be another that stands still.
AGAIN_SECONDS = 30.0
# For what hears no signal: its process says where it stands, and ends.
LAST_SECONDS = 240
_stderr = os.fdopen(os.dup(2), "w")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Generator[None, Any, Any]:
    if threading.current_thread() is not threading.main_thread():
        return (yield)
    faulthandler.dump_traceback_later(LAST_SECONDS, file=_stderr, exit=True)
    before = signal.signal(signal.SIGALRM, _strike)
    signal.setitimer(signal.ITIMER_REAL, SECONDS, AGAIN_SECONDS)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()


def _strike(*_: Any) -> None:
    faulthandler.dump_traceback(file=_stderr, all_threads=True)
    pytest.fail("The end of this test stands still.")
