"""Which scenarios carry which media files."""

from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from automations.models import Action
from media_library.usages import Usage

MOST_LISTED = 1_000


def actions_with(media_file_ids: Collection[int]) -> Iterator[Usage]:
    """One usage for each action."""
    carrying = Action.objects.filter(
        media_file__in=media_file_ids, definition__scenario__isnull=False
    )
    rows = carrying.order_by("definition__scenario", "position").values_list(
        "media_file", "definition__scenario", "definition__scenario__title", "action_key"
    )
    for media_file_id, scenario_id, title, action_key in rows[:MOST_LISTED]:
        page = reverse("admin:automations_scenario_change", args=[scenario_id])
        yield Usage(media_file_id, title, page, (action_key,))


def actions_of(media_file_id: int) -> QuerySet[Action]:
    """The actions that send a file."""
    carrying = Action.objects.filter(media_file=media_file_id, definition__scenario__isnull=False)
    return carrying.select_related("definition__scenario")


def as_object(action: Action) -> dict[str, Any]:
    scenario = action.definition.scenario
    return {
        "type": "scenario",
        "id": scenario.pk,
        "title": scenario.title,
        "action_key": action.action_key,
    }
