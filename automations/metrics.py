"""How often scenarios ran."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count, Q
from django.utils import timezone

from automations.models import Execution, Scenario

RECENT = timedelta(days=7)


def measure(scenarios: Iterable[Scenario]) -> None:
    """Set `metrics` on each, with one query for all."""
    scenarios = list(scenarios)
    recently = Q(created_at__gte=timezone.now() - RECENT)
    rows = Execution.objects.filter(definition__in=[each.definition_id for each in scenarios])
    counted = (
        rows.order_by()
        .values_list("definition")
        .annotate(total=Count("pk"), recent=Count("pk", filter=recently))
    )
    counts = {definition_id: (total, recent) for definition_id, total, recent in counted}
    for scenario in scenarios:
        total, recent = counts.get(scenario.definition_id, (0, 0))
        scenario.metrics = {  # type: ignore[attr-defined]
            "executions": {"total": total, "last_7_days": recent},
            # Nothing that counts as a conversion exists yet.
            "conversions": {"total": 0, "last_7_days": 0},
        }
