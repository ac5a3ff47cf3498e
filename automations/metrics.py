"""How often scenarios ran."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count, Q
from django.utils import timezone

from automations.models import Execution, Scenario, Step

RECENT = timedelta(days=7)
# Of how many executions, the latest, the steps are counted: there may be a million.
MOST_COUNTED = 1_000


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


def runs_by_action(definition_id: int) -> dict[str, int]:
    """In how many of the latest MOST_COUNTED executions each action ran, by its key."""
    latest = Execution.objects.filter(definition=definition_id).order_by("-pk").values("pk")
    steps = Step.objects.filter(execution__in=latest[:MOST_COUNTED]).order_by()
    # A step that waits and then goes on is logged twice.
    return dict(steps.values_list("action_key").annotate(Count("execution", distinct=True)))
