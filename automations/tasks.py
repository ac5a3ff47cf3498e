from datetime import datetime

from celery import shared_task

from automations.engine import runner
from inro.common.waking import wake


@shared_task(name="automations.continue_executions")
def continue_executions(ids: list[int]) -> None:
    """Take the next turn of executions that are due."""
    runner.continue_executions(ids)


def wake_due(now: datetime) -> int:
    ids = runner.due(now)
    if ids:
        wake(continue_executions, ids)
    return len(ids)
