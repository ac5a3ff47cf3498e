"""What the page of a scenario shows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.safestring import mark_safe
from rest_framework.renderers import JSONRenderer

from automations.editing import version_of
from automations.metrics import measure, runs_by_action
from automations.models import Action, Execution, Scenario
from automations.picture.drawing import draw, plan, runs
from automations.picture.layout import Node
from automations.picture.nodes import nodes_of
from automations.picture.words import TONES, options_words, trigger_words
from automations.reasons import reason_of_end
from automations.scenarios import reasons_against_starting
from automations.serializers.scenarios import ScenarioSerializer
from messaging.models import Channel

LATEST = 8  # executions on the page


@dataclass(frozen=True)
class Line:
    """An action in the tree as a list; `up` says how many levels end before it."""

    action: Action
    node: Node
    options: str
    runs: int
    depth: int
    up: range
    is_deeper: bool


def about(scenario: Scenario) -> dict[str, Any]:
    """Everything but the form. Reads the scenario anew, with all that belongs to it."""
    scenario = Scenario.in_full().select_related("definition", "workspace").get(pk=scenario.pk)
    actions = list(scenario.definition.actions.all())
    measure([scenario])
    shown = ScenarioSerializer(scenario).data
    nodes = nodes_of(actions, shown["warnings"])
    counts = runs_by_action(scenario.definition_id)
    lines = outline(actions, nodes, counts)
    return {
        **_live(scenario, counts),
        "title": scenario.title,
        "subtitle": None,
        "scenario": scenario,
        # Escaped where it is drawn.
        "tree": mark_safe(draw(nodes, lambda laid: runs(counts, laid))) if nodes else "",  # noqa: S308
        "tones": [(name, TONES[name]) for name in TONES if any(n.tone == name for n in nodes)],
        "lines": lines,
        "ends": range(lines[-1].depth + 1 if lines else 0),
        "triggers": _triggers(scenario),
        "warnings": shown["warnings"],
        "reasons": [] if scenario.active else reasons_against_starting(scenario),
        "json": _as_json(shown),
        "public_url": settings.PUBLIC_URL,
    }


def live(scenario: Scenario) -> dict[str, Any]:
    """What changes while one looks."""
    measure([scenario])
    counts = runs_by_action(scenario.definition_id)
    nodes = nodes_of(list(scenario.definition.actions.all()))
    layer = runs(counts, plan(nodes), swap=True) if nodes else ""
    return {**_live(scenario, counts), "layer": mark_safe(layer)}  # noqa: S308 - as above


def _live(scenario: Scenario, counts: dict[str, int]) -> dict[str, Any]:
    mine = Execution.objects.filter(definition=scenario.definition_id).select_related("contact")
    latest = mine.order_by("-pk")[:LATEST]
    return {
        "scenario": scenario,
        "version": version_of(scenario),
        "metrics": scenario.metrics,  # type: ignore[attr-defined]
        "executions": [(each, reason_of_end(each.reason_code)) for each in latest],
    }


def outline(actions: Sequence[Action], nodes: Iterable[Node], counts: dict[str, int]) -> list[Line]:
    """The tree as a list, parents before children, with where levels begin and end."""
    depths: dict[int | None, int] = {None: -1}
    lines: list[Line] = []
    before = -1
    for action, node in zip(actions, nodes, strict=True):
        depth = depths[action.pk] = depths.get(action.parent_id, -1) + 1
        ran = counts.get(action.action_key, 0)
        said = options_words(action.options)
        lines.append(
            Line(action, node, said, ran, depth, range(before - depth), is_deeper=depth > before)
        )
        before = depth
    return lines


def _triggers(scenario: Scenario) -> list[tuple[str, list[tuple[str, str]]]]:
    triggers = list(scenario.triggers.all())
    channels = Channel.objects.for_workspace(scenario.workspace_id) if triggers else ()
    names = {("channel", each.pk): each.name for each in channels}
    return [trigger_words(each, names) for each in triggers]


def _as_json(shown: Any) -> str:
    """What GET answers, to the letter but for the line breaks."""
    rendered: bytes = JSONRenderer().render(shown, "application/json", {"indent": 2})
    return rendered.decode()
