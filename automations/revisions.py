"""The history of a scenario: a revision for each change, written together with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automations.definition.differences import Difference, differences
from automations.models import Action, Revision, Scenario
from inro.accounts.models import AuditEntry

Snapshot = Mapping[str, Any]


@dataclass(frozen=True)
class Origin:
    """Where a change comes from."""

    actor: str = ""
    restored_from: int | None = None


def snapshot(scenario: Scenario) -> Snapshot:
    """Everything that can be set of `scenario`, as it stands in the database; ids of files only."""
    actions = scenario.definition.actions.select_related("parent").order_by("position")
    triggers = scenario.triggers.values("trigger_type", "options")
    return {
        "title": scenario.title,
        "active": scenario.active,
        "scenario_type": scenario.scenario_type,
        "triggers": list(triggers),
        "actions": [_action(action) for action in actions],
    }


def _action(action: Action) -> dict[str, Any]:
    return {
        "action_key": action.action_key,
        "action_type": action.action_type,
        "parent_key": action.parent.action_key if action.parent else None,
        "parent_branch": action.parent_branch or None,
        "content": action.content,
        "options": action.options,
        "media_file": {"id": action.media_file_id} if action.media_file_id else None,
    }


def record_first(scenario: Scenario, origin: Origin) -> None:
    _record(scenario, 1, snapshot(scenario), [], origin)


def record_change(scenario: Scenario, before: Snapshot, origin: Origin) -> None:
    """Add what has become of `before`, if that is anything else.

    Call it in the change's transaction, with the definition locked: numbers are given in line.
    """
    after = snapshot(scenario)
    found = differences(before, after)
    if not found:
        return
    known = Revision.objects.filter(definition=scenario.definition_id)
    last = known.values_list("number", flat=True).first()
    if last is None:  # it is older than its history
        last = 1
        _record(scenario, last, before, [], Origin())
    _record(scenario, last + 1, after, found, origin)
    _note(scenario, before["title"], found, origin)
    known.filter(number__lte=last + 1 - Revision.KEPT).delete()


def _note(scenario: Scenario, called: str, found: list[Difference], origin: Origin) -> None:
    """Outlives the history, and says less: which fields, never what is in them."""
    fields = list(dict.fromkeys(each["path"].partition(".")[0] for each in found))
    whose, done = scenario.workspace, "scenario changed"
    AuditEntry.record(whose, origin.actor, done, called, id=scenario.pk, fields=fields)


def _record(
    scenario: Scenario, number: int, state: Snapshot, changes: list[Any], origin: Origin
) -> None:
    Revision.objects.create(
        workspace_id=scenario.workspace_id,
        definition=scenario.definition,
        number=number,
        actor=origin.actor[:200],
        restored_from=origin.restored_from,
        snapshot=state,
        changes=changes,
    )
