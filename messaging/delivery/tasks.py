from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from messaging.delivery.calling import stopping
from messaging.delivery.pump import deliver


@shared_task(name="messaging.pump")
def pump(channel_id: int) -> None:
    """Deliver what waits on this channel."""
    deliver(channel_id)


@worker_shutting_down.connect
def stop_calling(**kwargs: Any) -> None:
    """What was claimed and not called goes back to its queue; calls under way are waited for."""
    stopping.set()
