"""How long executions have been due, for `/metrics` and `doctor`."""

from datetime import datetime

from automations.models import LIVE, Execution


def oldest_execution(now: datetime) -> datetime | None:
    rows = Execution.objects.filter(status__in=LIVE, due_at__lte=now)
    return rows.order_by("due_at").values_list("due_at", flat=True).first()
