"""What is done with scenarios."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from automations import options
from automations.definition import Checked, Faults, Surroundings, check
from automations.definition.media import Files, References, check_media, judge_files, read_media
from automations.definition.shapes import ScenarioShape
from automations.definition.storing import store_actions, store_triggers, unstored_actions
from automations.definition.warnings import Entry, warnings_of
from automations.models import Definition, Scenario
from automations.revisions import Origin, record_first
from inro.accounts.models import Workspace
from inro.common.errors import Details, Refused, invalid
from media_library.gathering import gathered
from media_library.models import MediaFile, MediaStatus

# Each way of making a scenario, with the fields that choose it.
_MODES = {
    "template_id": ("template_id",),
    "prompt": ("prompt",),
    "triggers/actions": ("triggers", "actions"),
}


@dataclass(frozen=True)
class Wish:
    """A request for a scenario, as far as it could be read."""

    body: Mapping[str, Any]
    checked: Checked
    references: References

    @property
    def active(self) -> bool:
        return bool(self.body.get("active"))


def create_scenario(
    workspace: Workspace,
    data: Any,
    *,
    actor: str = "",
    before_commit: Callable[[Scenario], None] | None = None,
) -> Scenario:
    """Make a scenario of a request's body, together with the media files that it names.

    Raises Refused with every fault there is; nothing is left behind then. Files may have to be
    waited for: call it outside a transaction. `before_commit` is called at the end of its own.
    """
    faults = Faults()
    wish = _judged(workspace, data, faults)
    faults.raise_if_any()
    _refuse_prompt(wish)
    with gathered(workspace, wish.references) as media, transaction.atomic():
        files = media.attach()
        judge_files(wish.checked.actions, files, faults, active=wish.active)
        faults.raise_if_any()
        scenario = _store(workspace, wish, files)
        record_first(scenario, Origin(actor))
        if before_commit:
            before_commit(scenario)
        return scenario


def validate_scenario(workspace: Workspace, data: Any) -> tuple[Details, list[Entry]]:
    """The faults, by path, and warnings that `create_scenario` would find; writes nothing.

    Nothing is fetched either: of a `file_url` only the address itself is judged.
    """
    faults = Faults()
    wish = _judged(workspace, data, faults)
    if not faults.by_path:
        _refuse_prompt(wish)
    ids = {each.id for each in wish.references.values() if each.id is not None}
    found = MediaFile.objects.for_workspace(workspace).in_bulk(ids)
    files = {path: found[each.id] for path, each in wish.references.items() if each.id in found}
    return faults.by_path, warnings_of(unstored_actions(wish.checked.actions, files))


def _refuse_prompt(wish: Wish) -> None:
    if wish.body.get("prompt") is not None:
        raise Refused("ai_not_configured", "No AI provider is set up to write scenarios.")


def _judged(workspace: Workspace, data: Any, faults: Faults) -> Wish:
    if not isinstance(data, Mapping):
        raise invalid({"body": ["Expected an object."]})
    body, found = options.read(ScenarioShape(), data)
    faults.include("", found)
    _check_mode(body, faults)
    checked = check(body.get("triggers"), body.get("actions"), Surroundings.of(workspace), faults)
    wish = Wish(body, checked, read_media(checked.actions, faults))
    if wish.active and _modes_of(body) == ["triggers/actions"]:
        _check_not_empty(body, faults)
    check_media(workspace, checked.actions, wish.references, faults, active=wish.active)
    return wish


def reasons_against_starting(scenario: Scenario) -> list[str]:
    """Why `scenario` cannot be active as it stands."""
    reasons = []
    if not scenario.triggers.exists():
        reasons.append("It has no trigger.")
    actions = scenario.definition.actions
    if not actions.exists():
        reasons.append("It has no action.")
    unready = actions.filter(media_file__isnull=False).exclude(media_file__status=MediaStatus.READY)
    for key, status in unready.values_list("action_key", "media_file__status"):
        reasons.append(f"The file of the action {key!r} is {status}.")
    return reasons


def _check_mode(body: Mapping[str, Any], faults: Faults) -> None:
    """Exactly one way; a field that is there counts, though it be empty."""
    chosen = _modes_of(body)
    if not chosen:
        faults.add("body", "Give triggers and actions, or a template_id, or a prompt.")
    if len(chosen) > 1:
        message = f"{' and '.join(chosen)} exclude each other; give one of them."
        for key in (key for keys in _MODES.values() for key in keys):
            if body.get(key) is not None:
                faults.add(key, message)
    _check_other_modes(body, faults)


def _modes_of(body: Mapping[str, Any]) -> list[str]:
    return [name for name, keys in _MODES.items() if any(body.get(key) is not None for key in keys)]


def _check_other_modes(body: Mapping[str, Any], faults: Faults) -> None:
    template_id, prompt = body.get("template_id"), body.get("prompt")
    if isinstance(template_id, int | str):
        faults.add("template_id", f"No template has the id {template_id}.")
    elif template_id is not None:
        faults.add("template_id", "Must be a whole number.")
    if prompt is not None and not (isinstance(prompt, str) and prompt.strip()):
        faults.add("prompt", "Say what the scenario should do.")


def _check_not_empty(body: Mapping[str, Any], faults: Faults) -> None:
    for name in ("triggers", "actions"):
        if body.get(name) in (None, []):  # what is no list has its fault already
            faults.add(name, "An active scenario needs at least one.")


def _store(workspace: Workspace, wish: Wish, files: Files) -> Scenario:
    body = wish.body
    pending = any(file.status == MediaStatus.PENDING for file in files.values())
    definition = Definition.objects.create(workspace=workspace)
    scenario = Scenario.objects.create(
        workspace=workspace,
        definition=definition,
        title=body.get("title") or "Untitled scenario",
        # Nothing starts that could not send its files yet; a warning says so.
        active=wish.active and not pending,
        scenario_type=body.get("scenario_type") or "custom",
    )
    store_triggers(scenario, wish.checked.triggers)
    store_actions(definition, wish.checked.ordered_actions(), files)
    return scenario
