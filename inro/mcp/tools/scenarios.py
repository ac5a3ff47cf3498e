"""Automations, and what they are made of."""

from collections.abc import Mapping
from typing import Any

from inro.common.errors import Details
from inro.mcp.tools.base import Tool

# What is made on its own; an action names it by id.
_BY_ID_ONLY = ("survey", "folder")


class GetTriggerTypes(Tool):
    """List the trigger types

    Everything that can start a scenario, each with the options that it takes as a JSON Schema and
    an example. Call it before you write the triggers of a scenario.
    """

    name = "get_trigger_types"
    path = "trigger_types"


class GetActionTypes(Tool):
    """List the action types

    Everything that a scenario can do, each with its content, options, limits, inline objects and
    the branches under which further actions can stand. Call it before you write actions.
    """

    name = "get_action_types"
    path = "action_types"


class ListScenarios(Tool):
    """List scenarios

    Pages through the scenarios, newest first, each in full. Call it to find a scenario by its
    title, or to see which ones are active.
    """

    name = "list_scenarios"
    path = "scenarios"
    example = {"active": True, "search": "welcome"}


class GetScenario(Tool):
    """Get a scenario

    One scenario in full by its id: triggers, actions, metrics, warnings. What it answers has the
    shape that create_scenario takes, so it also shows how one is written.
    """

    name = "get_scenario"
    path = "scenarios/{id}"
    example = {"id": 7}


class CreateScenario(Tool):
    """Create a scenario

    Makes an automation from triggers (what starts it) and actions (a flat list; each but the first
    names its parent by `parent_key`). Nothing runs until `active` is true. An action that sends a
    file takes `media_file: {"file_url": "https://…"}`, which is downloaded and stored in the same
    call, or `{"id": …}`. Every fault is reported at once by its path, and nothing is kept then.
    """

    name = "create_scenario"
    method = "POST"
    path = "scenarios"
    example = {
        "title": "Welcome",
        "active": True,
        "triggers": [{"trigger_type": "message", "options": {"keywords": ["hello"]}}],
        "actions": [
            {
                "action_key": "photo",
                "action_type": "image",
                "media_file": {"file_url": "https://mybrand.com/welcome.jpg"},
            }
        ],
    }

    def refusals(self, arguments: Mapping[str, Any]) -> Details:
        return _inline_refusals(arguments.get("actions"))


class UpdateScenario(Tool):
    """Update a scenario

    Changes the title, switches a scenario on or off, or replaces its triggers or actions. What is
    left out stays. A list that is sent is the complete list: `{"id": 7}` keeps an element,
    `{"id": 7, "content": "…"}` changes those fields of it, one without an id is made, and one that
    is missing is removed. Call get_scenario first and send its elements back.
    """

    name = "update_scenario"
    method = "PATCH"
    path = "scenarios/{id}"
    destructive = True
    example = {"id": 7, "active": False}

    def refusals(self, arguments: Mapping[str, Any]) -> Details:
        return _inline_refusals(arguments.get("actions"))


class ValidateScenario(Tool):
    """Check a scenario without making it

    Takes what create_scenario takes and writes nothing: answers whether it is valid, with every
    fault and every warning by its path. The files at a `file_url` are not fetched.
    """

    name = "validate_scenario"
    method = "POST"
    path = "scenarios/validate"
    example = {
        "title": "Welcome",
        "triggers": [{"trigger_type": "message", "options": {"keywords": ["hello"]}}],
        "actions": [{"action_type": "text", "content": "Hi!"}],
    }

    @property
    def reads(self) -> bool:
        return True

    def refusals(self, arguments: Mapping[str, Any]) -> Details:
        return _inline_refusals(arguments.get("actions"))


class ExportScenario(Tool):
    """Export a scenario

    One scenario as create_scenario takes it, without ids, to make an equal one in any workspace;
    `warnings` says what only this workspace has.
    """

    name = "export_scenario"
    path = "scenarios/{id}/export"
    example = {"id": 7}


class DeleteScenario(Tool):
    """Delete a scenario

    Takes one scenario away for good, with its executions, also those under way. Messages that it
    has sent stay. To stop it for a while, call update_scenario with `active: false`.
    """

    name = "delete_scenario"
    method = "DELETE"
    path = "scenarios/{id}"
    destructive = True
    example = {"id": 7}


class ListScenarioRevisions(Tool):
    """List the changes of a scenario

    Pages through what was changed of one scenario, newest first: who did, when, and what was there
    before and after. Call it to see what somebody else has changed, or what to go back to.
    """

    name = "list_scenario_revisions"
    path = "scenarios/{scenario_id}/revisions"
    example = {"scenario_id": 7, "per_page": 10}


class GetScenarioRevision(Tool):
    """Get one change of a scenario

    One change by its `number`, with the whole scenario as it was after it. Call it before
    restore_scenario_revision, to see what would be there again.
    """

    name = "get_scenario_revision"
    path = "scenarios/{scenario_id}/revisions/{number}"
    example = {"scenario_id": 7, "number": 3}


class RestoreScenarioRevision(Tool):
    """Restore what a scenario was

    Makes one scenario again what it was after the change `number`; answers with the scenario. It
    is a change of its own, so it can be undone the same way. Whether the scenario is active stays
    as it is. If something that it named has gone since, it is refused whole, fault by fault.
    """

    name = "restore_scenario_revision"
    method = "POST"
    path = "scenarios/{scenario_id}/revisions/{number}/restore"
    destructive = True
    example = {"scenario_id": 7, "number": 3}


def _inline_refusals(actions: Any) -> Details:
    """The objects that no action may carry here, by path; other faults are the API's to find."""
    return {
        f"actions.{index}.{name}": [
            f'Over MCP an action takes no inline {name}: name one by its id, {{"id": 123}}, '
            "or send the scenario to POST /api/v1/scenarios."
        ]
        for index, action in enumerate(actions if isinstance(actions, list) else ())
        for name in _BY_ID_ONLY
        if isinstance(action, Mapping) and _is_new(action.get(name))
    }


def _is_new(value: Any) -> bool:
    return value is not None and not (isinstance(value, Mapping) and "id" in value)
