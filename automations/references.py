"""The reference pages of trigger types and action types."""

import json
from collections.abc import Mapping
from typing import Any

from automations.actions import ACTION_TYPES
from automations.actions.base import ActionType
from automations.triggers import TRIGGER_TYPES
from automations.triggers.base import TriggerType
from inro.api.references import options_table
from inro.common.referencing import PAGES, Page, code


def register() -> None:
    PAGES.add(Page("triggers", "Triggers", triggers_page))
    PAGES.add(Page("actions", "Actions", actions_page))


def triggers_page() -> str:
    about = (
        "What can start a scenario; any of its triggers does. `GET /api/v1/trigger_types` tells "
        "the same to programs."
    )
    return "\n\n".join([about, *map(_trigger, TRIGGER_TYPES)])


def actions_page() -> str:
    about = (
        "What a scenario can do. An action stands under a branch of its parent: "
        "`parent_key` names the action, `parent_branch` the branch. `GET /api/v1/action_types` "
        "tells the same to programs."
    )
    return "\n\n".join([about, *map(_action, ACTION_TYPES)])


def _trigger(kind: TriggerType) -> str:
    return "\n\n".join(
        [
            f"## {kind.trigger_type}",
            f"{kind.label} ({kind.category}). {kind.description}",
            options_table(kind.Options),
            _example(kind.example),
        ]
    )


def _action(kind: ActionType) -> str:
    branches = kind.branches(kind.complete(kind.example.get("options", {})))
    need = ", required" if kind.content_required else ""
    parts = [
        f"## {kind.action_type}",
        f"{kind.label}. {kind.description}",
        f"`content`{need}: {kind.content_meaning}" if kind.content_meaning else "",
        options_table(kind.Options),
        f"Branches: {', '.join(map(code, branches))}." if branches else "It ends the scenario.",
        f"Takes inline: {', '.join(map(code, sorted(kind.inline)))}." if kind.inline else "",
        _example(kind.example),
    ]
    return "\n\n".join(filter(None, parts))


def _example(example: Mapping[str, Any]) -> str:
    return f"```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```"
