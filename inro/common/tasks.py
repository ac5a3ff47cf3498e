from celery import shared_task

from inro.common import claims
from inro.common.models import Heartbeat


@shared_task(name="inro.tick")
def tick() -> None:
    """Find what was left behind: rows due, leases run out, wake-ups lost."""
    claims.sweep()
    Heartbeat.beat("tick")
