"""Walks the registries: each type has a file of cases, and what it says of itself is true."""

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from automations import catalogue
from automations.actions import ACTION_TYPES
from automations.definition.shapes import INLINE
from automations.engine.events import Reply, TimeUp
from automations.engine.outcomes import Finish, Proceed, Wait, WaitForReply
from automations.engine.payloads import NO_STORY, read_payload
from automations.engine.state import Node
from automations.engine.step import Step
from automations.triggers import TRIGGER_TYPES
from automations.triggers.base import Occasion
from media_library.kinds import MediaKind
from messaging.channels.base import EventKind
from tests.automations.support import faults_of, judged

CASES = Path(__file__).parent / "cases"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
# What the contact wrote looks like a template, and must not be one.
VARIABLES = {"contact": {"name": "Jane"}, "trigger": {"message": "{{contact.name}}"}}


def cases(folder: str, registry: Any, group: str) -> list[Any]:
    """Every case of every type; a type without a file fails here."""
    found = []
    for key in registry.keys():  # noqa: SIM118 - a registry iterates over its items
        of_type = json.loads((CASES / folder / f"{key}.json").read_text())[group]
        assert of_type, f"{key} has no {group}"
        found += [pytest.param(key, each, id=f"{key}-{n}") for n, each in enumerate(of_type)]
    return found


def actions(group: str) -> list[Any]:
    return cases("actions", ACTION_TYPES, group)


def triggers(group: str) -> list[Any]:
    return cases("triggers", TRIGGER_TYPES, group)


def test_no_case_file_without_its_type():
    assert {each.stem for each in (CASES / "actions").iterdir()} == {*ACTION_TYPES.keys()}
    assert {each.stem for each in (CASES / "triggers").iterdir()} == {*TRIGGER_TYPES.keys()}


@pytest.mark.parametrize(("key", "case"), actions("faults"))
def test_action_faults(key, case):
    found = faults_of([{"action_type": key, **case["action"]}])
    assert set(found) == {f"actions.0.{path}" for path in case["at"]}


@pytest.mark.parametrize(("key", "case"), actions("runs"))
def test_action_runs(key, case):
    """It runs as the case says, and then takes each of the events that `then` lists by itself."""
    node = node_of(key, case)
    for seed in range(20):
        step = Step(1, VARIABLES, NOW, Random(seed))
        assert_is(case, node.type.run(node, step), step)
        for event in case.get("then", []):
            after = Step(1, VARIABLES, NOW, Random(seed), attempt=event.get("attempt", 2))
            assert_is(event, node.type.resume(node, after, happened(event)), after)
            assert after.learned == ({"answer": event["answer"]} if "answer" in event else {})


def happened(event):
    if "reply" in event:
        return Reply(event["reply"], event.get("tap", ""))
    return TimeUp(datetime.fromisoformat(event.get("at", str(NOW))))


def node_of(key, case):
    checked, faults = judged([{"action_type": key, **case["action"]}])
    assert faults == {}
    [draft] = checked.actions
    kind = ACTION_TYPES[key]
    media_file_id = (draft.inline("media_file") or {}).get("id")
    options = kind.complete(draft.options)
    children = case.get("children", {})
    return Node(key, key, kind, draft.content, options, media_file_id, "image", children)


def assert_is(case, outcome, step):
    assert outcome == outcome_of(case)
    sends = case.get("sends", [])
    assert len(step.sent) == len(sends)
    for sent, (message_type, text, media) in zip(step.sent, sends, strict=True):
        assert (sent.message_type, sent.media_file_id) == (message_type, media)
        assert sent.text in (text if isinstance(text, list) else [text])
    if "buttons" in case:
        shown = [(each.title, each.url or meaning(each.payload)) for each in step.sent[-1].buttons]
        assert shown == [tuple(each) for each in case["buttons"]]


def meaning(payload):
    tapped = read_payload(payload)
    assert tapped is None or (tapped.story, tapped.number) == (NO_STORY, 1)
    return tapped.branch if tapped else payload


def outcome_of(case):
    if "until" in case:
        return Wait(datetime.fromisoformat(case["until"]))
    if "within" in case:
        return WaitForReply(case["within"])
    if "ends" in case:
        return Finish(case["ends"])
    expired = case["branch"] == "option_expired"
    return Proceed(case["branch"], "expired" if expired else "completed")


@pytest.mark.parametrize(("key", "case"), triggers("faults"))
def test_trigger_faults(key, case):
    found = faults_of(None, [{"trigger_type": key, "options": case["options"]}])
    assert set(found) == {f"triggers.0.options.{path}" for path in case["at"]}


@pytest.mark.parametrize(("key", "case"), triggers("matches"))
def test_trigger_matches(key, case):
    checked, faults = judged(None, [{"trigger_type": key, "options": case["options"]}])
    assert faults == {}
    given = {**case["occasion"], "kind": EventKind(case["occasion"]["kind"])}
    match = TRIGGER_TYPES[key].match(checked.triggers[0].options, Occasion(channel_id=1, **given))
    assert (match is not None) is case["fits"]


@pytest.mark.parametrize("kind", [*ACTION_TYPES], ids=lambda kind: kind.action_type)
def test_action_type_describes_itself(kind):
    [shown] = [e for e in catalogue.action_types() if e["action_type"] == kind.action_type]
    assert shown["label"]
    assert len(shown["description"]) > 20
    assert kind.inline <= set(INLINE)
    assert kind.media_kinds <= set(MediaKind.values)
    assert kind.media_required <= ("media_file" in kind.inline)
    assert shown["branches"] == kind.branches(kind.complete(kind.example.get("options", {})))
    assert all(len(branch) <= 40 for branch in shown["branches"])
    assert shown["example"]["action_type"] == kind.action_type
    assert faults_of([shown["example"]], None, "instagram") == {}
    schema_agrees(shown["options"], kind.example.get("options", {}))


@pytest.mark.parametrize("kind", [*TRIGGER_TYPES], ids=lambda kind: kind.trigger_type)
def test_trigger_type_describes_itself(kind):
    [shown] = [e for e in catalogue.trigger_types() if e["trigger_type"] == kind.trigger_type]
    assert shown["label"]
    assert shown["category"]
    assert len(shown["description"]) > 20
    assert {"channel_ids", "cooldown"} <= set(shown["options"]["properties"])
    assert kind.references.keys() <= set(shown["options"]["properties"])
    assert shown["example"]["trigger_type"] == kind.trigger_type
    assert faults_of(None, [shown["example"]]) == {}
    schema_agrees(shown["options"], kind.example["options"])


def schema_agrees(schema: dict, example: dict) -> None:
    """It is a JSON Schema, takes the example, and names what each option means."""
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(example, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**example, "no_such_option": 1}, schema)
    assert all(each.get("description") for each in schema["properties"].values())


@pytest.mark.parametrize(("key", "case"), triggers("matches"))
def test_schema_takes_what_the_check_takes(key, case):
    [shown] = [each for each in catalogue.trigger_types() if each["trigger_type"] == key]
    jsonschema.validate(case["options"], shown["options"])
