"""Writing a checked definition down."""

from collections.abc import Iterable, Mapping
from typing import cast
from uuid import uuid4

from django.db.models import CharField, F, Field, Model, Value
from django.db.models.functions import Cast, Concat

from automations.definition.drafts import ActionDraft, TriggerDraft
from automations.definition.media import Files, media_path
from automations.models import Action, Definition, Scenario, Trigger

_TRIGGER_FIELDS = ("trigger_type", "options", "position")
_ACTION_FIELDS = (
    "action_key",
    "action_type",
    "parent",
    "parent_branch",
    "position",
    "content",
    "options",
    "media_file",
)


def store_actions(definition: Definition, drafts: list[ActionDraft], files: Files) -> None:
    """Rows for `drafts`, which are in the order of listing, each with its file of `files`."""
    rows = {draft: _row(definition, place, draft, files) for place, draft in enumerate(drafts)}
    for draft, row in rows.items():
        row.parent = rows[draft.parent] if draft.parent else None
    _create(rows)


def _row(definition: Definition, position: int, draft: ActionDraft, files: Files) -> Action:
    return Action(
        definition=definition,
        action_key=draft.key,
        action_type=draft.given["action_type"],
        parent_branch=draft.branch or "",
        position=position,
        content=draft.content,
        options=draft.options,
        media_file=files.get(media_path(draft)),
    )


def unstored_actions(drafts: list[ActionDraft], files: Files) -> list[Action]:
    """Rows in the order of the request, faulty drafts too, that are there to be looked at only."""
    places = {draft: place for place, draft in enumerate(drafts, 1)}
    return [
        Action(
            pk=place,
            action_key=draft.key,
            action_type=draft.type.action_type if draft.type else "",
            parent_id=places.get(draft.parent) if draft.parent else None,
            parent_branch=draft.branch or "",
            content=draft.content,
            options=draft.options,
            media_file=files.get(media_path(draft)),
        )
        for draft, place in places.items()
    ]


def store_triggers(scenario: Scenario, drafts: list[TriggerDraft]) -> None:
    Trigger.objects.bulk_create(
        Trigger(
            scenario=scenario,
            trigger_type=draft.type.trigger_type,
            options=draft.options,
            position=position,
        )
        for position, draft in enumerate(drafts)
        if draft.type
    )


def update_triggers(scenario: Scenario, drafts: list[TriggerDraft], ids: Mapping[str, int]) -> bool:
    """Make the rows those of `drafts`; whether that changed anything. `ids` as in `Merged`."""
    before = {row.pk: row for row in scenario.triggers.all()}
    rows = []
    for position, draft in enumerate(drafts):
        row = Trigger(pk=ids.get(draft.path), scenario=scenario, position=position)
        row.trigger_type = draft.type.trigger_type if draft.type else ""
        row.options = draft.options
        rows.append(row)
    kept = [row for row in rows if row.pk]
    changed = [row for row in kept if _differs(row, before[row.pk], _TRIGGER_FIELDS)]
    removed = before.keys() - {row.pk for row in kept}
    scenario.triggers.filter(pk__in=removed).delete()
    Trigger.objects.bulk_update(changed, _TRIGGER_FIELDS)
    Trigger.objects.bulk_create(row for row in rows if not row.pk)
    return bool(changed or removed or len(kept) < len(rows))


def update_actions(
    definition: Definition, drafts: list[ActionDraft], ids: Mapping[str, int], files: Files
) -> bool:
    """Make the rows those of `drafts`, which are in the order of listing; kept ones keep their ids.

    Returns whether that changed anything. `ids` as `Merged` has them.
    """
    before = {row.pk: row for row in definition.actions.all()}
    rows = {draft: _row(definition, place, draft, files) for place, draft in enumerate(drafts)}
    for draft, row in rows.items():
        row.pk = ids.get(draft.path)
    for draft, row in rows.items():
        row.parent = rows[draft.parent] if draft.parent else None
    kept = [row for row in rows.values() if row.pk]
    removed = before.keys() - {row.pk for row in kept}
    same = len(kept) == len(rows) and not removed
    if same and not any(_differs(row, before[row.pk], _ACTION_FIELDS) for row in kept):
        return False
    _park(definition)
    Action.objects.filter(pk__in=removed).delete()
    _create(rows)
    Action.objects.bulk_update(kept, _ACTION_FIELDS)
    return True


def _park(definition: Definition) -> None:
    """Take all rows out of each other's way: keys and places may be swapped among them.

    Each under itself, so that deleting one takes no other along and no two share a branch.
    """
    key = Concat(Value(f"{uuid4().hex}/"), Cast("pk", CharField()))
    definition.actions.update(action_key=key, parent=F("pk"), parent_branch="")


def _create(rows: Mapping[ActionDraft, Action]) -> None:
    level = [draft for draft in rows if draft.parent is None]
    while level:
        # A row needs its parent's id, so one statement writes one level.
        Action.objects.bulk_create(rows[draft] for draft in level if not rows[draft].pk)
        level = [child for draft in level for child in draft.children.values()]


def _differs(row: Model, before: Model, fields: Iterable[str]) -> bool:
    names = [cast(Field, row._meta.get_field(name)).attname for name in fields]
    return any(getattr(row, name) != getattr(before, name) for name in names)
