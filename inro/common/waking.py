"""Starting background work. The rows are the truth; a task only wakes a worker to look at them."""

from functools import partial
from typing import Any

import structlog
from celery import Task
from django.db import transaction

log = structlog.get_logger(__name__)


def wake(task: Task, *args: Any) -> None:
    """Send `task` once the current transaction has committed.

    A broker that is down costs nothing but time: the failure is logged and the next sweep finds
    the row. Arguments are ids.
    """
    transaction.on_commit(partial(_send, task, args), robust=True)


def _send(task: Task, args: tuple[Any, ...]) -> None:
    try:
        task.apply_async(args)
    except Exception as error:
        log.warning("queue not reached; the sweep will wake it", task=task.name, error=repr(error))
