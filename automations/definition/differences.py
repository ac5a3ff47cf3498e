"""What lies between two states of a scenario, for people to read."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

Difference = dict[str, Any]
_MISSING = object()


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """One entry for each thing that is not the same, none for two equal snapshots.

    `change` is added, removed, changed or moved; `path` names actions by their keys, triggers by
    their types; `before` and `after` stand where there is one.
    """
    lists = {"triggers": _by_type, "actions": _by_key}
    found = list(_of_fields("", _without(before, lists), _without(after, lists)))
    for name, named in lists.items():
        found += _of_list(name, named(before[name]), named(after[name]))
    return found


def _without(snapshot: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in snapshot.items() if name not in names}


def _by_type(triggers: list[dict[str, Any]]) -> dict[str, Any]:
    """Of several with one type the later ones are numbered."""
    seen: Counter[str] = Counter()
    named = {}
    for trigger in triggers:
        kind = trigger["trigger_type"]
        seen[kind] += 1
        named[kind if seen[kind] == 1 else f"{kind} {seen[kind]}"] = trigger
    return named


def _by_key(actions: list[dict[str, Any]]) -> dict[str, Any]:
    return {action["action_key"]: action for action in actions}


def _of_list(name: str, before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    found: list[Difference] = [
        {"change": "removed", "path": f"{name}.{key}", "before": element}
        for key, element in before.items()
        if key not in after
    ]
    for key, element in after.items():
        path = f"{name}.{key}"
        if key in before:
            found += _of_fields(path, before[key], element)
        else:
            found.append({"change": "added", "path": path, "after": element})
    if not found and list(before) != list(after):
        found.append({"change": "moved", "path": name, "before": [*before], "after": [*after]})
    return found


def _of_fields(
    path: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in {**before, **after}:
        old, new = before.get(name, _MISSING), after.get(name, _MISSING)
        place = f"{path}.{name}".lstrip(".")
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _of_fields(place, old, new)
        elif old is _MISSING:
            yield {"change": "added", "path": place, "after": new}
        elif new is _MISSING:
            yield {"change": "removed", "path": place, "before": old}
        elif old != new:
            yield {"change": "changed", "path": place, "before": old, "after": new}
