"""What is done with executions from outside."""

from django.db import transaction
from django.utils import timezone

from automations.models import LIVE, Execution, ExecutionStatus
from inro.common.errors import Refused
from messaging.channels.base import Outcome, Verdict
from messaging.delivery.news import Change, News
from messaging.delivery.settle import settle
from messaging.models import OPEN, Message, MessageStatus

CANCELED = "canceled"
_WITHDRAWABLE = (*OPEN, MessageStatus.SCHEDULED)
_WITHDRAWN = Verdict(
    Outcome.REFUSED, code=CANCELED, message="The execution that made it was canceled."
)


def cancel_execution(execution: Execution) -> None:
    """Stop `execution` where it is, and withdraw its messages: what may be out is not sent again.

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
        ids = waiting.order_by("pk").values_list("pk", flat=True)
        settle([Change(pk, News.WITHDRAWN, verdict=_WITHDRAWN) for pk in ids])
