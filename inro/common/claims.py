"""Claiming rows: lease, turn, sweep.

A task row has a status, the time at which it is due, and a lease. Whoever moves the lease in one
conditional UPDATE owns the row until then; `turn` counts the owners, so a late writer can tell
that the row has gone to somebody else and must discard what it worked out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from inro.common.registry import Registry

log = structlog.get_logger(__name__)


class TaskRow(models.Model):
    """What every row that a worker acts on has; its model is named by one registered `Sweep`."""

    due_at = models.DateTimeField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    turn = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        abstract = True


@dataclass(frozen=True)
class Sweep:
    """`run(now)` wakes or settles every row of `model` that was left behind; returns how many."""

    name: str
    model: type[models.Model]
    run: Callable[[datetime], int]


SWEEPS: Registry[Sweep] = Registry("sweeps", key=lambda sweep: sweep.name)


def claim(
    rows: "models.QuerySet",
    pk: int,
    lease: timedelta,
    now: datetime | None = None,
    **changes: object,
) -> int | None:
    """Take the row `pk` out of `rows` if its lease is free; its new turn, or None when lost."""
    now = now or timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    # In one transaction, so that the turn read is the one written.
    with transaction.atomic():
        taken = rows.filter(free, pk=pk).update(
            lease_until=now + lease, turn=F("turn") + 1, **changes
        )
        if not taken:
            return None
        return int(rows.model._base_manager.values_list("turn", flat=True).get(pk=pk))


def sweep(now: datetime | None = None) -> dict[str, int]:
    """Walk every registered sweep; one that fails does not hold up the others."""
    found = {}
    for each in SWEEPS:
        try:
            found[each.name] = each.run(now or timezone.now())
        except Exception:
            log.exception("sweep failed", sweep=each.name)
    return found
