"""Request threads that wait for somebody else: few at a time, so that others always find one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

_lock = threading.Lock()
_waiting = 0


@contextmanager
def slot() -> Iterator[bool]:
    """Whether this thread may wait inside the block: a quarter of the threads may, at least one."""
    taken = _take()
    try:
        yield taken
    finally:
        if taken:
            _give_back()


def _take() -> bool:
    global _waiting
    with _lock:
        if _waiting >= max(settings.WEB_THREADS // 4, 1):
            return False
        _waiting += 1
        return True


def _give_back() -> None:
    global _waiting
    with _lock:
        _waiting -= 1
