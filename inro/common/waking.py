"""Starting background work. The rows are the truth; a task only wakes a worker to look at them."""

from functools import partial
from typing import Any

import structlog
from celery import Task
from django.db import transaction

log = structlog.get_logger(__name__)


def wake(task: Task, *args: Any, after: float = 0) -> None:
    """Send `task` once the current transaction has committed, to run `after` seconds later.

    A broker that is down costs nothing but time: the failure is logged and the next sweep finds
    the row. Arguments are ids.
    """
    transaction.on_commit(partial(_send, task, args, after), robust=True)


def _send(task: Task, args: tuple[Any, ...], after: float) -> None:
    options: dict[str, Any] = {"countdown": after} if after else {}
    try:
        task.apply_async(args, **options)
    except Exception as error:
        log.warning("queue not reached; the sweep will wake it", task=task.name, error=repr(error))
