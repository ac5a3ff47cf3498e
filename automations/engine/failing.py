"""What becomes of an execution one of whose messages could not be delivered."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from django.utils import timezone

from automations.engine.step import step_of
from automations.models import LIVE, Execution, ExecutionStatus
from automations.models import Step as StepRow
from inro.common.updating import update_each
from messaging.delivery.settle import Settled
from messaging.models import MessageStatus

# Nobody knows whether the message arrived: the person may well have read it.
_UNKNOWN = "delivery_unknown"
_NEVER_SEEN = (MessageStatus.FAILED, MessageStatus.CANCELED)
_Failed = dict[UUID, Settled]


def lock_stories(stories: Iterable[UUID]) -> None:
    """Executions are locked before their messages, everywhere."""
    rows = Execution.objects.filter(story__in=list(stories)).order_by("pk")
    list(rows.select_for_update().values_list("pk"))


def fail_stories(changes: Sequence[Settled]) -> None:
    """End the executions of messages that failed for good, and note it on the steps that made them.

    An execution that had completed is shown as failed after all: completing meant only that there
    was nothing left to send. One that waits for a reply to another message goes on, since the
    person can still answer that, unless it was withdrawn with the one that failed. One that ended
    otherwise keeps its reason.
    """
    failed = _first_failures(changes)
    if not failed:
        return
    executions = list(Execution.objects.filter(story__in=failed).order_by("pk").select_for_update())
    if not executions:
        return
    lost = {(each.story, each.position) for each in changes if _is_lost(each)}
    ended = [row for row in executions if _ends(row, lost)]
    now = timezone.now()
    for row in ended:
        row.end(ExecutionStatus.FAILED, failed[row.story].error_code, now)
    Execution.objects.write_ended(ended)
    _note(executions, failed)


def _first_failures(changes: Iterable[Settled]) -> _Failed:
    failed: _Failed = {}
    for each in changes:
        counts = each.status == MessageStatus.FAILED and _is_lost(each)
        if not counts or each.story is None or each.position is None:
            continue
        other = failed.get(each.story)
        if other is None or each.position < (other.position or 0):
            failed[each.story] = each
    return failed


def _is_lost(change: Settled) -> bool:
    """Whether the person certainly never sees the message."""
    return change.status in _NEVER_SEEN and change.error_code != _UNKNOWN


def _ends(execution: Execution, lost: Collection[tuple[UUID | None, int | None]]) -> bool:
    if execution.awaited is not None:
        return (execution.story, execution.awaited) in lost
    return execution.status in {*LIVE, ExecutionStatus.COMPLETED}


def _note(executions: list[Execution], failed: _Failed) -> None:
    numbers = {row.pk: step_of(failed[row.story].position or 0) for row in executions}
    reasons = {row.pk: failed[row.story] for row in executions}
    rows = StepRow.objects.filter(execution__in=numbers, number__in=set(numbers.values()))
    noted = [row for row in rows if row.number == numbers[row.execution_id]]
    for row in noted:
        reason = reasons[row.execution_id]
        row.status = "failed"
        row.error = (reason.error_message or reason.error_code)[:300]
    update_each(noted, ["status", "error"])
