"""What is done with executions from outside."""

from django.db import transaction
from django.utils import timezone

from automations.models import LIVE, Execution, ExecutionStatus
from inro.common.errors import Refused
from messaging.channels.base import Outcome, Verdict
from messaging.delivery.moves import Change, News
from messaging.delivery.settle import settle
from messaging.models import Message, MessageStatus

CANCELED = "canceled"
_WITHDRAWABLE = (MessageStatus.SCHEDULED, MessageStatus.PREPARING, MessageStatus.QUEUED)
_WITHDRAWN = Verdict(
    Outcome.REFUSED, code=CANCELED, message="The execution that made it was canceled."
)


def cancel_execution(execution: Execution) -> None:
    """Stop `execution` where it is, and withdraw of its messages what certainly did not go out.

    Raises Refused, `conflict`, for one that has ended.
    """
    with transaction.atomic():
        rows = Execution.objects.select_for_update().filter(pk=execution.pk)
        current = rows.first()
        if current is None:
            raise Refused("not_found", "There is no such resource in this workspace.")
        if current.status not in LIVE:
            raise Refused("conflict", f"This execution has ended already: {current.status}.")
        current.end(ExecutionStatus.STOPPED, CANCELED, timezone.now())
        Execution.objects.write_ended([current])
        waiting = Message.objects.filter(story=current.story, status__in=_WITHDRAWABLE)
        turns = waiting.order_by("pk").values_list("pk", "turn")
        settle([Change(pk, News.CANCELED, turn, _WITHDRAWN) for pk, turn in turns])
