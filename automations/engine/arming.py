"""Waits begin to run out when the message that asks for a reply was sent, whenever that is."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from automations.engine.turns import LOOK_AFTER
from automations.models import Execution, ExecutionStatus
from inro.common.updating import update_each
from messaging.delivery.consequences import DELIVERY_UNKNOWN
from messaging.delivery.lookups import callers_position, of_stories
from messaging.delivery.settle import Settled
from messaging.models import OPEN, Message, MessageStatus

_MOVED = ("due_at", "within", "lease_until")
_Asking = dict[tuple[UUID | None, int | None], Message]


def arm_waits(changes: Iterable[Settled]) -> None:
    """Set the time of the waits whose message is among `changes`; the caller has them locked."""
    stories = {each.story for each in changes if each.story}
    if stories:
        rows = Execution.objects.filter(story__in=stories, within__isnull=False).order_by("pk")
        look_after(list(rows.select_for_update()), timezone.now())


def look_after(executions: Sequence[Execution], now: datetime) -> None:
    """See what became of the messages that these wait for a reply to; all are locked, none armed.

    One that was withdrawn, failed or is gone is never answered: the execution ends. Whether one
    arrived may stay unknown for ever; the person can answer then, from now on.
    """
    if not executions:
        return
    asking = _asking(executions)
    for row in executions:
        _look(row, asking.get((row.story, row.awaited)), now)
    update_each([row for row in executions if not row.finished_at], _MOVED)
    ended = [row for row in executions if row.finished_at]
    if ended:
        Execution.objects.write_ended(ended)


def _asking(executions: Sequence[Execution]) -> _Asking:
    """Of a question that went out as two messages, the last."""
    first = min(row.awaited or 0 for row in executions)
    rows = of_stories([row.story for row in executions], first)
    return {(row.story, callers_position(row)): row for row in rows}


def _look(row: Execution, message: Message | None, now: datetime) -> None:
    if message is None:
        row.end(ExecutionStatus.STOPPED, "message_gone", now)
    elif message.sent_at or message.error_code == DELIVERY_UNKNOWN:
        row.due_at = (message.sent_at or now) + timedelta(seconds=row.within or 0)
        row.within = row.lease_until = None
    elif message.status in (*OPEN, MessageStatus.SCHEDULED):
        row.due_at, row.lease_until = now + LOOK_AFTER, None
    elif message.status == MessageStatus.FAILED:
        row.end(ExecutionStatus.FAILED, message.error_code, now)
    else:
        row.end(ExecutionStatus.STOPPED, message.error_code or "message_canceled", now)
