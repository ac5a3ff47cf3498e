"""The registries as the API, and whoever else shows them, describes them."""

from collections.abc import Mapping
from typing import Any

from automations.actions import ACTION_TYPES
from automations.actions.base import ActionType
from automations.options import json_schema
from automations.triggers import TRIGGER_TYPES
from automations.triggers.base import TriggerType
from messaging.channels import CHANNELS
from messaging.channels.base import Capabilities
from messaging.models import MessageType


def trigger_types() -> list[dict[str, Any]]:
    return [_trigger_type(each) for each in TRIGGER_TYPES]


def action_types() -> list[dict[str, Any]]:
    return [_action_type(each) for each in ACTION_TYPES]


def _trigger_type(kind: TriggerType) -> dict[str, Any]:
    return {
        "trigger_type": kind.trigger_type,
        "label": kind.label,
        "category": kind.category,
        "description": kind.description,
        "options": json_schema(kind.Options),
        "example": kind.example,
    }


def _action_type(kind: ActionType) -> dict[str, Any]:
    return {
        "action_type": kind.action_type,
        "label": kind.label,
        "description": kind.description,
        "content": _content(kind),
        "options": json_schema(kind.Options),
        "branches": kind.branches(kind.complete(kind.example.get("options", {}))),
        "inline_objects": sorted(kind.inline),
        "limits": _limits(kind),
        "example": kind.example,
    }


def _content(kind: ActionType) -> dict[str, Any] | None:
    if not kind.content_meaning:
        return None
    return {"meaning": kind.content_meaning, "required": kind.content_required}


def _limits(kind: ActionType) -> dict[str, Any]:
    """By channel, what it takes of the message that the action sends; null where it takes none."""
    if not kind.sends:
        return {}
    return {each.kind: _limit(each.capabilities, kind) for each in CHANNELS}


def _limit(can: Capabilities, kind: ActionType) -> Mapping[str, Any] | None:
    limit: dict[str, Any] = {
        "text_max_bytes": can.text_max_bytes,
        "text_max_chars": can.text_max_chars,
    }
    if not kind.sends or kind.sends == MessageType.TEXT:
        return limit
    media = can.media.get(kind.sends)
    if media is None:
        return None
    return {**limit, "media_max_bytes": media.max_bytes, "media_types": sorted(media.mime_types)}
