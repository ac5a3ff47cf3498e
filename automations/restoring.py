"""Going back to what a scenario was."""

from collections.abc import Callable
from functools import partial
from typing import Any

from automations.editing import rewrite_scenario
from automations.models import Revision, Scenario
from automations.revisions import Origin
from inro.common.errors import Refused


def restore_revision(
    scenario: Scenario,
    number: int,
    versions: list[str] | None = None,
    *,
    actor: str = "",
    before_commit: Callable[[Scenario], None] | None = None,
) -> None:
    """Make `scenario` again what it was after its change `number`, as a change of its own.

    Whether it is active stays as it is now: going back is no start. Actions whose keys are still
    there keep their ids. Raises Refused as `change_scenario` does, with every fault there is: what
    the revision names may be gone since.
    """
    revision = Revision.objects.filter(definition=scenario.definition_id, number=number).first()
    if revision is None:
        raise Refused("not_found", f"This scenario has no revision {number} any more, or not yet.")
    origin = Origin(actor, restored_from=number)
    wanted = partial(_as_change, revision)
    rewrite_scenario(scenario, wanted, versions, origin=origin, before_commit=before_commit)


def _as_change(revision: Revision, scenario: Scenario) -> dict[str, Any]:
    """The body of the change that makes of `scenario` what `revision` holds."""
    state = revision.snapshot
    ids = dict(scenario.definition.actions.values_list("action_key", "pk"))
    actions = [{**each, "id": ids.get(each["action_key"])} for each in state["actions"]]
    return {
        "title": state["title"],
        "scenario_type": state["scenario_type"],
        "triggers": _with_ids(state["triggers"], scenario),
        "actions": actions,
    }


def _with_ids(triggers: list[dict[str, Any]], scenario: Scenario) -> list[dict[str, Any]]:
    """Those that are there in the same words are kept."""
    there: list[Any] = list(scenario.triggers.values("id", "trigger_type", "options"))
    named = []
    for trigger in triggers:
        same = next((each for each in there if each == {"id": each["id"], **trigger}), None)
        if same:
            there.remove(same)
        named.append(same or trigger)
    return named
