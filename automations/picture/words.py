"""Branches, actions and triggers as people read them, from what their types say of themselves."""

import re
from collections.abc import Mapping
from typing import Any

from automations.actions import ACTION_TYPES
from automations.actions.base import ActionType
from automations.engine.outcomes import NEXT
from automations.models import Action, Trigger
from automations.triggers import TRIGGER_TYPES

_BRANCHES = {
    NEXT: "",
    "option_true": "yes",
    "option_false": "no",
    "option_replied": "any other reply",
    "option_expired": "no reply in time",
    "option_invalid": "not what was asked for",
    "option_clicked": "clicked",
    "option_not_clicked": "not clicked in time",
    "option_completed": "completed",
    "option_success": "it worked",
    "option_failure": "it failed",
}
_NUMBERED = re.compile("option_([0-9]+)")
# What stands behind an option of seconds.
_SPANS = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")]
_IN_SECONDS = {"cooldown", "expires_in", "seconds"}


def branch_words(label: str, options: Mapping[str, Any]) -> str:
    """The branch `label` of an action with these options; a numbered one names its answer."""
    if label in _BRANCHES:
        return _BRANCHES[label]
    numbered = _NUMBERED.fullmatch(label)
    if not numbered:
        return label.removeprefix("option_").replace("_", " ")
    answers = options.get("answers")
    index = int(numbered[1])
    if not isinstance(answers, list) or index >= len(answers):
        return label
    answer = answers[index]
    said = answer.get("label") if isinstance(answer, Mapping) else answer
    return f"{label} · {said}" if said else label


def kind_words(action_type: str) -> str:
    kind = ACTION_TYPES.get(action_type)
    return kind.label if kind else action_type


def text_words(action: Action) -> str:
    """What a person gets to read, or else what the action was told."""
    return action.content.strip() or options_words(action.options)


def options_words(options: Mapping[str, Any]) -> str:
    return " · ".join(_option_words(name, value) for name, value in options.items())


def _option_words(name: str, value: Any) -> str:
    said = value_words(name, value)
    return said if name == "seconds" else f"{_name(name)}: {said}"


def tone(action: Action) -> str:
    """What an action does, as a class of the picture."""
    kind = ACTION_TYPES.get(action.action_type)
    if kind is None:
        return "unknown"
    branches = _branches(kind, action.options)
    if not branches:
        return "ends"
    if len(branches) > 1:
        return "asks" if kind.sends or kind.content_required else "decides"
    return "sends" if kind.sends else "does"


TONES = {
    "sends": "sends something",
    "asks": "asks, and goes on by the answer",
    "decides": "decides",
    "does": "waits, or changes something",
    "ends": "ends",
    "unknown": "unknown",
}


def _branches(kind: ActionType, options: Mapping[str, Any]) -> list[str]:
    return kind.branches(kind.complete(options))


def trigger_words(
    trigger: Trigger, names: Mapping[tuple[str, int], str]
) -> tuple[str, list[tuple[str, str]]]:
    """What starts the scenario, and its options; `names` are those of rows, by kind and id."""
    kind = TRIGGER_TYPES.get(trigger.trigger_type)
    told = []
    for option, value in trigger.options.items():
        if kind and (named := kind.references.get(option)):
            found = [names.get((named, pk), f"{named} {pk}") for pk in value or []]
            told.append((_name(option).removesuffix(" ids") + "s", ", ".join(found)))
        elif value not in (None, False, [], ""):
            told.append((_name(option), value_words(option, value)))
    return (kind.label if kind else trigger.trigger_type), told


def value_words(option: str, value: Any) -> str:
    if option in _IN_SECONDS and isinstance(value, int) and not isinstance(value, bool):
        return span_words(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value_words("", each) for each in value)
    if isinstance(value, Mapping):
        told = (f"{_name(str(key))} {value_words(str(key), each)}" for key, each in value.items())
        return ", ".join(told)
    return str(value)


def span_words(seconds: int) -> str:
    """In the greatest unit that leaves no rest."""
    for length, unit in _SPANS:
        if seconds and seconds % length == 0:
            count = seconds // length
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"


def _name(option: str) -> str:
    return option.replace("_", " ")
