"""First pass: what each trigger and action says, judged by itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from automations import options
from automations.actions import ACTION_TYPES
from automations.definition.drafts import ActionDraft, TriggerDraft
from automations.definition.faults import Faults
from automations.definition.shapes import ActionShape, TriggerShape
from automations.triggers import TRIGGER_TYPES
from automations.triggers.base import TriggerType
from inro.common.errors import Details
from inro.common.registry import Registry

MAX_TRIGGERS = 50
MAX_ACTIONS = 500
# A list that is far too long is not looked at: judging it would take longer than it is worth.
_JUDGED = 2_000


def read_triggers(raw: Any, faults: Faults) -> list[TriggerDraft]:
    shape = TriggerShape()
    drafts = []
    for path, item in _items("triggers", raw, MAX_TRIGGERS, faults):
        if item is None:
            continue
        given, found = options.read(shape, item)
        faults.include(path, found)
        kind = _known(TRIGGER_TYPES, "trigger_type", given, path, faults)
        drafts.append(TriggerDraft(path, kind, *_trigger_options(kind, given, path, faults)))
    return drafts


def read_actions(raw: Any, faults: Faults) -> list[ActionDraft]:
    """The actions with keys of their own, not yet put in relation.

    One that is no object stays in its place: what refers to it cannot be judged.
    """
    shape = ActionShape()
    drafts = []
    for path, item in _items("actions", raw, MAX_ACTIONS, faults):
        if item is None:
            drafts.append(ActionDraft(path, "", None, {}, {*shape.fields}))
            continue
        given, found = options.read(shape, item)
        faults.include(path, found)
        kind = _known(ACTION_TYPES, "action_type", given, path, faults)
        draft = ActionDraft(path, given.get("action_key") or "", kind, given, _heads(found))
        _read_action_options(draft, faults)
        drafts.append(draft)
    _name_the_nameless(drafts)
    return drafts


def _items(
    name: str, raw: Any, most: int, faults: Faults
) -> Iterator[tuple[str, Mapping[Any, Any] | None]]:
    """The items with their paths, None for those that are no objects."""
    if raw is None:
        return
    if not isinstance(raw, list):
        faults.add(name, "Expected a list.")
        return
    if len(raw) > most:
        faults.add(name, f"At most {most} {name}; there are {len(raw)}.")
    for index, item in enumerate(raw if len(raw) <= _JUDGED else ()):
        path = f"{name}.{index}"
        if isinstance(item, Mapping):
            yield path, item
        else:
            faults.add(path, "Expected an object.")
            yield path, None


def _known(registry: Registry, field: str, given: dict[str, Any], path: str, faults: Faults) -> Any:
    name = given.get(field)
    if name is not None and name not in registry:
        known = ", ".join(registry.keys())
        faults.add(f"{path}.{field}", f"There is no {field} {name!r}. Known are: {known}.")
    return registry.get(name) if name is not None else None


def _read_action_options(draft: ActionDraft, faults: Faults) -> None:
    path = f"{draft.path}.options"
    raw = _object(draft.given.get("options"), path, faults)
    if raw is None or draft.type is None:
        draft.unreadable.add("options")
        return
    shape = draft.type.Options()
    draft.options, found = options.read(shape, raw)
    faults.include(path, found)
    if _heads(found) & shape.fields.keys():
        draft.unreadable.add("options")


def _heads(found: Details) -> set[str]:
    """The fields that faults are about."""
    return {path.partition(".")[0] for path in found}


def _trigger_options(
    kind: TriggerType | None, given: dict[str, Any], path: str, faults: Faults
) -> tuple[dict[str, Any], str]:
    """The options and where they stand: nested once under `<trigger_type>_options`, or not."""
    path = f"{path}.options"
    raw = _object(given.get("options"), path, faults)
    if kind is None or raw is None:
        return {}, path
    nest = f"{kind.trigger_type}_options"
    if nest in raw:
        for name in raw:
            if name != nest:
                faults.add(f"{path}.{name}", f"Put it into {nest}, or all options here.")
        path = f"{path}.{nest}"
        raw = _object(raw[nest], path, faults)
    read, found = options.read(kind.Options(), raw or {})
    faults.include(path, found)
    return read, path


def _object(raw: Any, path: str, faults: Faults) -> Mapping[Any, Any] | None:
    if raw is None or isinstance(raw, Mapping):
        return raw or {}
    faults.add(path, "Expected an object.")
    return None


def _name_the_nameless(drafts: list[ActionDraft]) -> None:
    taken = {draft.key for draft in drafts}
    for number, draft in enumerate(drafts, 1):
        if not draft.key:
            stem = draft.type.action_type if draft.type else "action"
            draft.key = next(key for key in _names(f"{stem}_{number}") if key not in taken)
            taken.add(draft.key)


def _names(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}_{number}"
        number += 1
