"""The next turn of executions that exist, in a transaction of the caller's."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from automations.engine.compiling import trees_of
from automations.engine.events import GO, Reply, TimeUp
from automations.engine.turns import MOVED, take_turn, write_effects
from automations.models import LIVE, Execution, ExecutionStatus, Step
from inro.common.updating import update_each
from messaging.models import Contact, StreamKind


def locked(turns: Mapping[int, int]) -> list[Execution]:
    """The rows of these ids whose turn is still the one that goes with the id."""
    if not turns:
        return []
    rows = Execution.objects.filter(pk__in=turns, status__in=LIVE).order_by("pk")
    return [row for row in rows.select_for_update() if row.turn == turns[row.pk]]


def take_up(
    executions: Sequence[Execution], now: datetime, replies: Mapping[int, Reply] | None = None
) -> None:
    """Go on with `executions`, which are locked; time is up for those that wait without a reply."""
    replies = replies or {}
    if not executions:
        return
    contacts = Contact.objects.in_bulk([row.contact_id for row in executions])
    trees = trees_of({row.definition_id for row in executions})
    waiting = [row for row in executions if row.status == ExecutionStatus.WAITING]
    steps = _steps_of(waiting)
    events = {row.pk: replies.get(row.pk) or TimeUp(row.due_at or now) for row in waiting}
    turns = [
        take_turn(
            row,
            trees[row.definition_id],
            contacts[row.contact_id],
            events.get(row.pk, GO),
            now,
            steps.get(row.pk),
        )
        for row in executions
    ]
    update_each(executions, MOVED)
    write_effects(turns, StreamKind.REPLIES, now)


def _steps_of(waiting: Iterable[Execution]) -> dict[int, Step]:
    """The rows of the steps that they wait in; one that waits for long may have outlived its."""
    numbers = {row.pk: row.steps_taken for row in waiting}
    if not numbers:
        return {}
    rows = Step.objects.filter(execution__in=numbers, number__in=set(numbers.values()))
    return {row.execution_id: row for row in rows if row.number == numbers[row.execution_id]}
