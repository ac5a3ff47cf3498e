"""When nobody has replied in time.

A reply that is recorded already goes before the clock, so the events of the contact are applied
first, and none can slip in between: their identity is locked until the turn is written.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from automations.engine.arming import look_after
from automations.engine.resuming import locked, take_up
from automations.models import Execution
from messaging.receiving import apply_of_contact, has_recorded, lock_identities

# A contact who writes without a pause, or whose event cannot be applied, is left for later.
ATTEMPTS = 3
LATER = timedelta(seconds=2)


class Claimed(NamedTuple):
    """An execution that waits for a reply, and the turn that it was claimed with."""

    pk: int
    turn: int
    contact_id: int
    channel_id: int


def expire(claimed: Claimed, now: datetime) -> list[Execution]:
    """Take the turn of a wait whose time is up, unless it is answered before."""
    person = (claimed.contact_id, claimed.channel_id)
    for _ in range(ATTEMPTS):
        apply_of_contact(*person)
        with transaction.atomic():
            lock_identities(*person)
            if not has_recorded(*person):
                return _woken(claimed, now)
    mine = Execution.objects.filter(pk=claimed.pk, turn=claimed.turn)
    mine.update(due_at=now + LATER, lease_until=None)
    return []


def _woken(claimed: Claimed, now: datetime) -> list[Execution]:
    mine = locked({claimed.pk: claimed.turn})
    look_after([row for row in mine if row.within is not None], now)
    take_up([row for row in mine if row.wake_at and row.wake_at <= now], now)
    return mine
