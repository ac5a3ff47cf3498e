"""Changing and deleting scenarios that exist."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from automations import options
from automations.definition import Checked, Faults, Surroundings, check
from automations.definition.media import Files, References, check_media, judge_files, read_media
from automations.definition.merging import Merged, Row, check_parents_agree, keep_all, merge
from automations.definition.shapes import ScenarioChangeShape
from automations.definition.storing import update_actions, update_triggers
from automations.models import LIVE, Definition, Execution, Scenario
from automations.revisions import Origin, record_change, snapshot
from inro.accounts.models import AuditEntry
from inro.common.errors import Refused, invalid
from media_library.gathering import gathered, named_files
from media_library.models import MediaStatus

TRIES = 20
_OWN_FIELDS = ("title", "active", "scenario_type")


@dataclass(frozen=True)
class Change:
    """A request to change a scenario, as far as it could be read; `lists` are those to write."""

    body: Mapping[str, Any]
    lists: Mapping[str, Merged]
    checked: Checked
    references: References
    active: bool


def version_of(scenario: Scenario) -> str:
    """Another one after each edit; what is measured or downloaded meanwhile is no edit."""
    return f"{scenario.definition.revision}-{scenario.updated_at:%Y%m%dT%H%M%S%f}"


def change_scenario(
    scenario: Scenario, data: Any, versions: list[str] | None = None, *, actor: str = ""
) -> None:
    """Make of `scenario` what a request's body says; a list in it is the complete list.

    `versions` are those that the caller knows; with none of them current the edit is stale.
    Raises Refused with every fault there is; nothing is changed then. Files may have to be waited
    for: call it outside a transaction.
    """
    rewrite_scenario(scenario, lambda current: data, versions, origin=Origin(actor))


def rewrite_scenario(
    scenario: Scenario,
    body_of: Callable[[Scenario], Any],
    versions: list[str] | None,
    *,
    origin: Origin,
    before_commit: Callable[[Scenario], None] | None = None,
) -> None:
    """`change_scenario` with a body that is worked out of the scenario as it stands.

    `before_commit` is called at the end of the transaction, also when nothing had to change.
    """
    change = _judged(scenario, body_of(scenario), versions)
    by_url = {path: each for path, each in change.references.items() if each.id is None}
    with gathered(scenario.workspace, by_url) as media, transaction.atomic():
        current = locked(scenario)
        # Somebody else may have changed it while files were fetched.
        change = _judged(current, body_of(current), versions)
        faults = Faults()
        files = {**_of_the_library(current, change, faults), **media.attach()}
        judge_files(change.checked.actions, files, faults, active=change.active)
        faults.raise_if_any()
        before = snapshot(current)
        _store(current, change, files)
        record_change(current, before, origin)
        if before_commit:
            before_commit(current)


def delete_scenario(scenario: Scenario, *, actor: str = "") -> None:
    """Delete it with its tree and all that it ran; what was sent stays in the conversations.

    That `actor` did so is kept. Raises Refused, `conflict`, while it starts for so many people
    that no moment can be found.
    """
    if not any(_deleted(scenario, actor) for _ in range(TRIES)):
        raise Refused("conflict", "It is being started all the time; switch it off first.")


@transaction.atomic
def _deleted(scenario: Scenario, actor: str) -> bool:
    """Whether it is: not while somebody takes a turn of an execution that began just now.

    Executions are locked before their definition, as by a turn that comes to lock both.
    """
    live = Execution.objects.filter(definition=scenario.definition_id, status__in=LIVE)
    waited_for = len(live.order_by("pk").select_for_update(of=("self",)).values_list("pk"))
    current = locked(scenario, against_starts=True)
    if live.count() > waited_for:
        return False
    definition = current.definition
    whose, pk = current.workspace, current.pk
    AuditEntry.record(whose, actor, "scenario deleted", current, id=pk)
    current.delete()
    definition.delete()
    return True


def locked(scenario: Scenario, *, against_starts: bool = False) -> Scenario:
    """As it stands now; other edits wait until the transaction ends, and starts too if said."""
    rows = Definition.objects.select_for_update(no_key=not against_starts)
    current = rows.filter(pk=scenario.definition_id).first()
    if current is None:
        raise Refused("not_found", "There is no such resource in this workspace.")
    return Scenario.objects.select_related("definition", "workspace").get(pk=scenario.pk)


def _judged(scenario: Scenario, data: Any, versions: list[str] | None) -> Change:
    if not isinstance(data, Mapping):
        raise invalid({"body": ["Expected an object."]})
    faults = Faults()
    body, found = options.read(ScenarioChangeShape(), data)
    faults.include("", found)
    _refuse_stale(scenario, body, versions)
    given = body.get("active")
    lists = _merged(scenario, body, faults)
    active = (scenario.active if given is None else given) and bool(lists)
    checked = _checked(scenario, lists, faults)
    change = Change(body, lists, checked, read_media(checked.actions, faults), active)
    if active:
        for name, merged in lists.items():
            if isinstance(merged.items, list) and not merged.items:
                faults.add(name, "An active scenario needs at least one.")
    check_media(
        scenario.workspace,
        checked.actions,
        change.references,
        faults,
        active=active,
        kept=_kept(scenario, active) if change.references else (),
    )
    faults.raise_if_any()
    return change


def _refuse_stale(scenario: Scenario, body: Mapping[str, Any], versions: list[str] | None) -> None:
    seen = body.get("updated_at")
    known = versions is None or version_of(scenario) in versions
    if not known or (seen is not None and seen != scenario.updated_at):
        raise Refused(
            "stale_edit",
            "The scenario was changed meanwhile. Get it again and make the change to that.",
        )


def _merged(scenario: Scenario, body: Mapping[str, Any], faults: Faults) -> dict[str, Merged]:
    """The lists to judge: those sent, and the others as they are where both have to be right."""
    rows: dict[str, list[Row]] = {
        "triggers": list(scenario.triggers.all()),
        "actions": list(scenario.definition.actions.all()),
    }
    given = {name: body.get(name) for name in rows}
    active = body.get("active")
    starts = scenario.active if active is None else active
    if starts and (active or any(each is not None for each in given.values())):
        given = {
            name: keep_all(rows[name]) if each is None else each for name, each in given.items()
        }
    return {
        name: merge(name, each, rows[name], faults)
        for name, each in given.items()
        if each is not None
    }


def _checked(scenario: Scenario, lists: Mapping[str, Merged], faults: Faults) -> Checked:
    found = Faults()
    raw = {name: merged.items for name, merged in lists.items()}
    around = Surroundings.of(scenario.workspace)
    checked = check(raw.get("triggers"), raw.get("actions"), around, found)
    check_parents_agree(checked.actions, found)
    unknowable = {path for merged in lists.values() for path in merged.unknowable}
    known = {path: each for path, each in found.by_path.items() if path not in unknowable}
    faults.include("", known)
    return checked


def _of_the_library(scenario: Scenario, change: Change, faults: Faults) -> Files:
    """The files named by id, which nobody deletes from here on."""
    kept = _kept(scenario, change.active)
    files, found = named_files(scenario.workspace, change.references, kept, lock=True)
    faults.include_refusals(found)
    return files


def _kept(scenario: Scenario, active: bool) -> set[int]:
    """The files that a change may go on naming though they were deleted: those that the scenario
    has already, unless it starts with them."""
    if active and not scenario.active:
        return set()
    has = scenario.definition.actions.filter(media_file__isnull=False)
    return set(has.values_list("media_file", flat=True))


def _store(scenario: Scenario, change: Change, files: Files) -> None:
    changed, definition = False, scenario.definition
    if triggers := change.lists.get("triggers"):
        changed |= update_triggers(scenario, change.checked.triggers, triggers.ids)
    if actions := change.lists.get("actions"):
        ordered = change.checked.ordered_actions()
        if update_actions(definition, ordered, actions.ids, files):
            definition.revision += 1
            definition.save(update_fields=["revision", "updated_at"])
            changed = True
    pending = any(file.status == MediaStatus.PENDING for file in files.values())
    values = {name: change.body[name] for name in _OWN_FIELDS if change.body.get(name) is not None}
    if change.active and pending:
        values["active"] = False  # nothing starts that could not send its files yet
    if changed or any(getattr(scenario, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(scenario, name, value)
        scenario.save()
