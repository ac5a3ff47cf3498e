from datetime import datetime

from celery import shared_task

from inro.common.waking import TakingAll, arrived, wake
from messaging import receiving
from messaging.delivery.tasks import pump

__all__ = ["apply_events", "pump"]  # Celery looks for an app's tasks here

EVENTS_PER_TASK = 50


@shared_task(name="messaging.apply_events", base=TakingAll)
def apply_events(ids: list[int]) -> None:
    """Apply what the people of these events did, in its order, and what else waits."""
    arrived(apply_events)
    receiving.apply_events(ids)
    receiving.apply_due()


def wake_apply(ids: list[int]) -> None:
    """Have these events applied once the transaction has committed."""
    for start in range(0, len(ids), EVENTS_PER_TASK):
        wake(apply_events, ids[start : start + EVENTS_PER_TASK])


def sweep_events(now: datetime) -> int:
    """Wake events whose wake-up was lost, or whose next try is due."""
    ids = receiving.take_left_behind(now)
    wake_apply(ids)
    return len(ids)
