"""A list of a change, made complete with what is stored, so that it can be judged as a whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from automations.definition.drafts import ActionDraft
from automations.definition.faults import Faults
from automations.models import Action, Trigger

Row = Action | Trigger
# Stands where nothing can be known, since the id is wrong: no text, so it is not taken for one.
_UNKNOWABLE: list[Any] = []


@dataclass
class Merged:
    """`ids` are the rows that elements of `items` stand for, by path.

    What is said against `unknowable` paths follows from a wrong id alone.
    """

    items: Any = None
    ids: dict[str, int] = field(default_factory=dict)
    unknowable: set[str] = field(default_factory=set)


def keep_all(rows: Iterable[Row]) -> list[dict[str, int]]:
    """The list that changes nothing."""
    return [{"id": row.pk} for row in rows]


def merge(name: str, raw: Any, rows: Iterable[Row], faults: Faults) -> Merged:
    """Fill what `raw` leaves out of its elements from the rows whose ids they have."""
    merged = Merged(raw)
    if isinstance(raw, list):
        by_id = {row.pk: row for row in rows}
        merged.items = [
            _element(f"{name}.{index}", item, by_id, merged, faults)
            if isinstance(item, Mapping)
            else item
            for index, item in enumerate(raw)
        ]
    return merged


def _element(
    path: str, item: Mapping[str, Any], by_id: Mapping[int, Row], merged: Merged, faults: Faults
) -> Mapping[str, Any]:
    try:
        pk = serializers.IntegerField(allow_null=True).run_validation(item.get("id"))
    except ValidationError:
        return _unknowable(path, item, merged)  # the shape of the element reports it
    if pk is None:
        return item
    row, kind = by_id.get(pk), path.split(".")[0].removesuffix("s")
    if row is None or pk in merged.ids.values():
        known = f"The id {pk} stands in this list twice."
        faults.add(f"{path}.id", known if row else f"No {kind} of this scenario has the id {pk}.")
        # Without the id that was just judged, so that nothing else judges it again.
        rest = {name: value for name, value in item.items() if name != "id"}
        return _unknowable(path, rest, merged)
    merged.ids[path] = pk
    if isinstance(row, Action):
        return _completed_action(path, item, row, faults)
    return {"trigger_type": row.trigger_type, "options": row.options, **item}


def _unknowable(path: str, item: Mapping[str, Any], merged: Merged) -> Mapping[str, Any]:
    kind = path.split(".")[0].removesuffix("s")
    missing = [name for name in (f"{kind}_type",) if name not in item]
    if kind == "action" and item.get("parent_key") is None and item.get("parent_id") is None:
        missing.append("parent_key")
    merged.unknowable.update(f"{path}.{name}" for name in missing)
    return {**item, **dict.fromkeys(missing, _UNKNOWABLE)}


def _completed_action(
    path: str, item: Mapping[str, Any], row: Action, faults: Faults
) -> Mapping[str, Any]:
    stored = {
        "action_key": row.action_key,
        "action_type": row.action_type,
        "content": row.content,
        "options": row.options,
        "media_file": {"id": row.media_file_id} if row.media_file_id else None,
    }
    key = {} if item.get("action_key") is not None else {"action_key": row.action_key}
    return {**stored, **_place(path, item, row, faults), **item, **key}


def _place(path: str, item: Mapping[str, Any], row: Action, faults: Faults) -> Mapping[str, Any]:
    """Where the action stands, as far as `item` does not say it.

    Its parent by id, not by key: the same change may give the parent another key.
    """
    given = [item[name] for name in ("parent_key", "parent_id") if name in item]
    if not given:
        return {"parent_id": row.parent_id, "parent_branch": row.parent_branch or None}
    if all(each is None for each in given):
        return {}  # it becomes the first: no branch leads to it any more
    if None in given:
        faults.add(f"{path}.parent_id", "Does not name the parent that parent_key names.")
    return {"parent_branch": row.parent_branch or None}


def check_parents_agree(drafts: Iterable[ActionDraft], faults: Faults) -> None:
    """Both names of a parent may be given when they mean the same action."""
    for draft in drafts:
        path = f"{draft.path}.parent_id"
        if draft.parent is None or draft.parent_key is None or draft.parent_id is None:
            continue
        if draft.parent.given.get("id") != draft.parent_id and path not in faults.by_path:
            faults.add(path, f"Is not the id of {draft.parent.key!r}, which parent_key names.")
