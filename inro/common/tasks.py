from celery import shared_task
from django.utils import timezone

from inro.common import claims, cleaning, retention
from inro.common.models import Heartbeat
from inro.common.waking import wake


@shared_task(name="inro.tick")
def tick() -> None:
    """Find what was left behind: rows due, leases run out, wake-ups lost; and what is over."""
    claims.sweep()
    now = timezone.now()
    for name in retention.take_due(now):
        wake(remove_old, name)
    if cleaning.take_due(now):
        wake(clean_files)
    Heartbeat.beat("tick")


@shared_task(name="inro.remove_old")
def remove_old(name: str, after: retention.Key | None = None) -> None:
    """Walk one retention, from the key `after` on; hand over when it takes long."""
    chosen = retention.RETENTIONS[name]
    walked = retention.walk(chosen, after)
    retention.note(chosen, walked)
    if walked.after is not None:
        wake(remove_old, name, walked.after)


@shared_task(name="inro.clean_files")
def clean_files() -> None:
    """Remove stored files that no row names, once a day."""
    cleaning.clean_daily()
