"""What becomes of an execution one of whose messages could not be delivered."""

from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone

from automations.engine.step import step_of
from automations.models import Execution, ExecutionStatus
from automations.models import Step as StepRow
from messaging.delivery.settle import Settled
from messaging.models import MessageStatus

# Nobody knows whether the message arrived: the person may well have read it.
_UNKNOWN = "delivery_unknown"
_Failed = dict[UUID, Settled]


def lock_stories(stories: Iterable[UUID]) -> None:
    """Executions are locked before their messages, everywhere."""
    rows = Execution.objects.filter(story__in=list(stories)).order_by("pk")
    list(rows.select_for_update().values_list("pk"))


def fail_stories(changes: Iterable[Settled]) -> None:
    """End the executions of messages that failed for good, and note it on the steps that made them.

    An execution that had completed is shown as failed after all: completing meant only that there
    was nothing left to send. One that waits at a later action goes on, since the person can still
    answer there; one that ended otherwise keeps its reason.
    """
    failed = _first_failures(changes)
    if not failed:
        return
    executions = list(Execution.objects.filter(story__in=failed).order_by("pk").select_for_update())
    if not executions:
        return
    ended = [row for row in executions if _ends(row, failed[row.story])]
    for row in ended:
        _end(row, failed[row.story])
    fields = ["status", "reason_code", "due_at", "finished_at", "updated_at"]
    Execution.objects.bulk_update(ended, fields)
    _note(executions, failed)


def _first_failures(changes: Iterable[Settled]) -> _Failed:
    failed: _Failed = {}
    for each in changes:
        counts = each.status == MessageStatus.FAILED and each.error_code != _UNKNOWN
        if not counts or each.story is None or each.position is None:
            continue
        other = failed.get(each.story)
        if other is None or each.position < (other.position or 0):
            failed[each.story] = each
    return failed


def _ends(execution: Execution, failure: Settled) -> bool:
    if execution.status == ExecutionStatus.WAITING:
        return execution.steps_taken == step_of(failure.position or 0)
    return execution.status in {ExecutionStatus.RUNNING, ExecutionStatus.COMPLETED}


def _end(execution: Execution, failure: Settled) -> None:
    now = timezone.now()
    execution.status = ExecutionStatus.FAILED
    execution.reason_code = failure.error_code[:60]
    execution.due_at = None
    execution.finished_at = execution.finished_at or now
    execution.updated_at = now


def _note(executions: list[Execution], failed: _Failed) -> None:
    numbers = {row.pk: step_of(failed[row.story].position or 0) for row in executions}
    reasons = {row.pk: failed[row.story] for row in executions}
    rows = StepRow.objects.filter(execution__in=numbers, number__in=set(numbers.values()))
    noted = [row for row in rows if row.number == numbers[row.execution_id]]
    for row in noted:
        reason = reasons[row.execution_id]
        row.status = "failed"
        row.error = (reason.error_message or reason.error_code)[:300]
    StepRow.objects.bulk_update(noted, ["status", "error"])
