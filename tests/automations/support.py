"""Definitions judged and stored without HTTP."""

from typing import Any

from hypothesis import settings

from automations.definition import Checked, Faults, Surroundings, check
from automations.definition.contents import limits_of
from automations.definition.storing import store_actions, store_triggers
from automations.models import Definition, Scenario
from inro.accounts.models import Workspace
from messaging.channels import CHANNELS

CHANNEL_IDS = {1, 2}
# A busy machine is no fault.
unhurried = settings(deadline=None)


def surroundings(*channels: str) -> Surroundings:
    """Some connected channels, and the channel ids 1 and 2."""
    limits = limits_of(CHANNELS[kind] for kind in channels)
    return Surroundings(limits, lambda kind, ids: CHANNEL_IDS & set(ids))


def judged(
    actions: Any = None, triggers: Any = None, channels: tuple[str, ...] = ()
) -> tuple[Checked, dict[str, list[str]]]:
    faults = Faults()
    checked = check(triggers, actions, surroundings(*channels), faults)
    return checked, faults.by_path


def faults_of(actions: Any = None, triggers: Any = None, *channels: str) -> dict[str, list[str]]:
    return judged(actions, triggers, channels)[1]


def message(key: str, parent: str | None = None, content: str = "Hi", **more: Any) -> dict:
    action = {"action_key": key, "action_type": "message", "content": content, **more}
    return {**action, "parent_key": parent} if parent else action


def stored(
    workspace: Workspace,
    *actions: dict,
    triggers: list[dict] | None = None,
    active: bool = True,
    title: str = "Test",
) -> Scenario:
    """A scenario without the API; its definition must be without faults."""
    checked, faults = judged(list(actions), triggers or [{"trigger_type": "message"}])
    assert faults == {}
    definition = Definition.objects.create(workspace=workspace)
    scenario = Scenario.objects.create(
        workspace=workspace, definition=definition, active=active, title=title
    )
    store_triggers(scenario, checked.triggers)
    store_actions(definition, checked.ordered_actions(), {})
    return scenario
