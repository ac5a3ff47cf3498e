"""Where messaging's news reach automations, inside the transaction that made them true."""

from typing import Any

from automations.engine import failing, variables
from automations.engine.arming import arm_waits
from automations.engine.replying import take_replies
from automations.engine.runner import Start, start_many
from automations.models import Trigger
from automations.triggers import TRIGGER_TYPES
from automations.triggers.base import Occasion
from automations.triggers.choosing import Candidate, choose
from messaging.receiving import Arrival
from messaging.signals import messages_settled, messages_settling, people_arrived


def connect() -> None:
    people_arrived.connect(take_arrivals, dispatch_uid="automations.take_arrivals")
    messages_settling.connect(lock_stories, dispatch_uid="automations.lock_stories")
    messages_settled.connect(follow_messages, dispatch_uid="automations.follow_messages")


def take_arrivals(sender: Any, arrivals: list[Arrival], **kwargs: Any) -> None:
    """Go on with what waits for these, or start the scenarios that they fire the triggers of."""
    answered = take_replies(arrivals)
    by_workspace: dict[int, list[Arrival]] = {}
    for arrival in arrivals:
        if arrival.event_id not in answered:
            by_workspace.setdefault(arrival.workspace_id, []).append(arrival)
    for workspace_id, group in sorted(by_workspace.items()):
        candidates = _candidates(workspace_id)
        starts = [start for each in group for start in _starts(candidates, each)]
        if starts:
            start_many(workspace_id, starts)


def _starts(candidates: list[Candidate], arrival: Arrival) -> list[Start]:
    occasion = Occasion(
        kind=arrival.kind,
        channel_id=arrival.channel_id,
        text=arrival.text,
        is_new_contact=arrival.is_new_contact,
    )
    return [_start(each, arrival) for each in choose(candidates, occasion)]


def _candidates(workspace_id: int) -> list[Candidate]:
    rows = Trigger.objects.filter(
        scenario__workspace=workspace_id,
        scenario__active=True,
        trigger_type__in=TRIGGER_TYPES.keys(),
    )
    columns = ("scenario_id", "scenario__definition_id", "trigger_type", "options")
    return [Candidate(*row) for row in rows.values_list(*columns)]


def _start(chosen: Candidate, arrival: Arrival) -> Start:
    return Start(
        definition_id=chosen.definition_id,
        contact_id=arrival.contact_id,
        channel_id=arrival.channel_id,
        trigger_type=chosen.trigger_type,
        variables=variables.of_message(arrival.text),
        cooldown=chosen.options.get("cooldown", 0),
    )


def lock_stories(sender: Any, stories: list[Any], **kwargs: Any) -> None:
    failing.lock_stories(stories)


def follow_messages(sender: Any, changes: list[Any], **kwargs: Any) -> None:
    """End the executions that a failed message ends, and let the time of a sent question run."""
    failing.fail_stories(changes)
    arm_waits(changes)
