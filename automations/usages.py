"""Which scenarios carry which media files."""

from collections.abc import Collection, Iterator

from django.urls import reverse

from automations.models import Action
from media_library.usages import Usage

MOST_LISTED = 1_000


def actions_with(media_file_ids: Collection[int]) -> Iterator[Usage]:
    """One usage for each action; two of one scenario are equal."""
    carrying = Action.objects.filter(
        media_file__in=media_file_ids, definition__scenario__isnull=False
    )
    rows = carrying.order_by("definition__scenario", "position").values_list(
        "media_file", "definition__scenario", "definition__scenario__title"
    )
    for media_file_id, scenario_id, title in rows[:MOST_LISTED]:
        page = reverse("admin:automations_scenario_change", args=[scenario_id])
        yield Usage(media_file_id, title, page)
