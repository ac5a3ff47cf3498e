"""A scenario as a document that stands for itself: what POST /scenarios takes anywhere."""

from collections.abc import Mapping
from typing import Any

from automations.models import Action, Scenario, Trigger
from automations.triggers import TRIGGER_TYPES
from media_library import serving
from media_library.models import MediaFile, MediaStatus


def exported(scenario: Scenario) -> dict[str, Any]:
    """`scenario`, as `Scenario.in_full` gives it, without ids, its files by their addresses.

    What only this workspace has, its channels say, is left out; `warnings` says what. Without its
    limits a trigger would fire for more people, so the scenario is then inactive.
    """
    warnings: list[dict[str, str]] = []
    triggers = [
        _trigger(trigger, f"triggers.{index}.options", warnings)
        for index, trigger in enumerate(scenario.triggers.all())
    ]
    actions = [
        _action(action, f"actions.{index}.media_file", warnings)
        for index, action in enumerate(scenario.definition.actions.all())
    ]
    return {
        "title": scenario.title,
        "active": scenario.active and not warnings,
        "scenario_type": scenario.scenario_type,
        "triggers": triggers,
        "actions": actions,
        "warnings": warnings,
    }


def _trigger(trigger: Trigger, path: str, warnings: list[dict[str, str]]) -> dict[str, Any]:
    kind = TRIGGER_TYPES.get(trigger.trigger_type)
    local: Mapping[str, str] = kind.references if kind else {}
    for name in local:
        if trigger.options.get(name):
            message = f"Names a {local[name]} of this workspace; set it anew where you import it."
            warnings.append({"code": "left_out", "path": f"{path}.{name}", "message": message})
    kept = {name: each for name, each in trigger.options.items() if not (name in local and each)}
    return {"trigger_type": trigger.trigger_type, "options": kept}


def _action(action: Action, path: str, warnings: list[dict[str, str]]) -> dict[str, Any]:
    file = action.media_file
    if file and file.status == MediaStatus.DELETED:
        message = "The file was deleted; name another one where you import it."
        warnings.append({"code": "media_deleted", "path": path, "message": message})
        file = None
    return {
        "action_key": action.action_key,
        "action_type": action.action_type,
        "parent_key": action.parent.action_key if action.parent else None,
        "parent_branch": action.parent_branch or None,
        "content": action.content,
        "options": action.options,
        "media_file": _file(file) if file else None,
    }


def _file(file: MediaFile) -> dict[str, str]:
    """A file that is not here can only be fetched from where it came from."""
    return {"file_url": serving.url_of(file) if file.blob else file.source_url}
