"""Starting background work. The rows are the truth; a task only wakes a worker to look at them."""

import time
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

import structlog
from celery import Task
from django.conf import settings
from django.db import transaction
from redis import Redis

log = structlog.get_logger(__name__)

# A broker that hangs costs each caller the seconds until it is given up: for a while after that
# this process does not ask it again.
QUIET_SECONDS = 5
# Should a `TakingAll` get lost, the next is sent after so long.
ON_ITS_WAY_SECONDS = 2
_failed_at = float("-inf")


class TakingAll(Task):
    """A task that takes all the work there is: it is not sent again while one is on its way."""

    abstract = True


def wake(task: Task, *args: Any, after: float = 0) -> None:
    """Send `task` once the current transaction has committed, to run `after` seconds later.

    A broker that is down costs nothing but time: the failure is logged and the next sweep finds
    the row. Arguments are ids.
    """
    transaction.on_commit(partial(_send, task, args, after), robust=True)


def arrived(task: Task) -> None:
    """Called by a `TakingAll` before it looks for work."""
    if settings.SHARED_CACHE:
        with suppress(Exception):
            _redis(settings.REDIS_URL).delete(_key(task))


def _send(task: Task, args: tuple[Any, ...], after: float) -> None:
    global _failed_at
    if time.monotonic() - _failed_at < QUIET_SECONDS:
        return
    if isinstance(task, TakingAll) and not after and _is_on_its_way(task):
        return
    options: dict[str, Any] = {"countdown": after} if after else {}
    try:
        task.apply_async(args, **options)
    except Exception as error:
        _failed_at = time.monotonic()
        log.warning("queue not reached; the sweep will wake it", task=task.name, error=repr(error))


def _is_on_its_way(task: Task) -> bool:
    """Whether one was sent that has not begun: it will see what is committed by now.

    Processes that share no cache cannot tell, and each sends its own.
    """
    if not settings.SHARED_CACHE:
        return False
    try:
        key = _key(task)
        return not _redis(settings.REDIS_URL).set(key, 1, nx=True, ex=ON_ITS_WAY_SECONDS)
    except Exception:
        return False


def _key(task: Task) -> str:
    return f"on-its-way:{task.name}"


@lru_cache(1)
def _redis(url: str) -> Redis:
    """Asked with every event; Django's cache makes a client for each question."""
    return Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
