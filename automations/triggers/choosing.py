"""Which scenarios an occasion starts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from automations.triggers import TRIGGER_TYPES
from automations.triggers.base import Match, Occasion


@dataclass(frozen=True)
class Candidate:
    """A trigger of an active scenario."""

    scenario_id: int
    definition_id: int
    trigger_type: str
    options: Mapping[str, Any]


def choose(candidates: Iterable[Candidate], occasion: Occasion) -> list[Candidate]:
    """The triggers that fire, one for each scenario at most, in the order of their scenarios.

    Of an exclusive type the best match alone fires, a tie goes to the older scenario. It takes the
    occasion even if its scenario then cannot start (cooldown, already running): a repeated keyword
    must not be answered by the fallback.
    """
    fired: dict[int, Candidate] = {}
    best: dict[str, tuple[Match, Candidate]] = {}
    for each in sorted(candidates, key=lambda each: each.scenario_id):
        kind = TRIGGER_TYPES[each.trigger_type]
        match = kind.match(each.options, occasion)
        if match is None:
            continue
        if not kind.exclusive:
            fired.setdefault(each.scenario_id, each)
        elif kind.trigger_type not in best or match > best[kind.trigger_type][0]:
            best[kind.trigger_type] = (match, each)
    for _, each in best.values():
        fired.setdefault(each.scenario_id, each)
    return [fired[scenario_id] for scenario_id in sorted(fired)]
