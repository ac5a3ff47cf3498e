"""Where messaging's news reach automations, inside the transaction that made them true."""

from typing import Any

from automations.engine import failing, variables
from automations.engine.runner import Start, start_many
from automations.models import Trigger
from automations.triggers import TRIGGER_TYPES
from automations.triggers.base import Occasion
from automations.triggers.choosing import Candidate, choose
from messaging.receiving import Arrival
from messaging.signals import messages_settled, messages_settling, person_arrived


def connect() -> None:
    person_arrived.connect(start_scenarios, dispatch_uid="automations.start_scenarios")
    messages_settling.connect(lock_stories, dispatch_uid="automations.lock_stories")
    messages_settled.connect(fail_stories, dispatch_uid="automations.fail_stories")


def start_scenarios(sender: Any, arrival: Arrival, **kwargs: Any) -> None:
    """Start the scenarios that a person's event fires the triggers of."""
    occasion = Occasion(
        kind=arrival.kind,
        channel_id=arrival.channel_id,
        text=arrival.text,
        is_new_contact=arrival.is_new_contact,
    )
    chosen = choose(_candidates(arrival.workspace_id), occasion)
    if chosen:
        start_many(arrival.workspace_id, [_start(each, arrival) for each in chosen])


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


def fail_stories(sender: Any, changes: list[Any], **kwargs: Any) -> None:
    failing.fail_stories(changes)
