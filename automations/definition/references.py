"""Fourth pass: whether the rows that options name exist in this workspace."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any

from automations.definition.drafts import TriggerDraft
from automations.definition.faults import Faults
from inro.accounts.models import Workspace
from messaging.models import Channel

# Which of some ids exist, by the kind of thing they name.
Existing = Callable[[str, Collection[int]], set[int]]

_KINDS = {"channel": Channel}
_MAX_ID = 2**63 - 1


def existing_in(workspace: Workspace) -> Existing:
    return partial(_existing, workspace)


def _existing(workspace: Workspace, kind: str, ids: Collection[int]) -> set[int]:
    rows = _KINDS[kind].objects.for_workspace(workspace)
    return set(rows.filter(pk__in=[pk for pk in ids if pk <= _MAX_ID]).values_list("pk", flat=True))


def check_references(drafts: Iterable[TriggerDraft], existing: Existing, faults: Faults) -> None:
    """One query for each kind of thing that is named."""
    named: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for draft in drafts:
        for option, kind in (draft.type.references if draft.type else {}).items():
            for path, pk in _ids(f"{draft.options_path}.{option}", draft.options.get(option)):
                named[kind].append((path, pk))
    for kind, places in named.items():
        found = existing(kind, {pk for _, pk in places})
        for path, pk in places:
            if pk not in found:
                faults.add(path, f"There is no {kind} {pk} in this workspace.")


def _ids(path: str, value: Any) -> Iterable[tuple[str, int]]:
    if isinstance(value, list):
        return ((f"{path}.{index}", pk) for index, pk in enumerate(value))
    return () if value is None else ((path, value),)
