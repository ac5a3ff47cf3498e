"""Writing a checked definition down."""

from automations.definition.drafts import ActionDraft, TriggerDraft
from automations.definition.media import Files, media_path
from automations.models import Action, Definition, Scenario, Trigger


def store_actions(definition: Definition, drafts: list[ActionDraft], files: Files) -> None:
    """Rows for `drafts`, which are in the order of listing, each with its file of `files`."""
    positions = {draft: position for position, draft in enumerate(drafts)}
    rows: dict[ActionDraft, Action] = {}
    level = [draft for draft in drafts if draft.parent is None]
    while level:
        for draft in level:
            rows[draft] = Action(
                definition=definition,
                action_key=draft.key,
                action_type=draft.given["action_type"],
                parent=rows[draft.parent] if draft.parent else None,
                parent_branch=draft.branch or "",
                position=positions[draft],
                content=draft.content,
                options=draft.options,
                media_file=files.get(media_path(draft)),
            )
        # A row needs its parent's id, so one statement writes one level.
        Action.objects.bulk_create([rows[draft] for draft in level])
        level = [child for draft in level for child in draft.children.values()]


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
