"""What an agent reads before it calls: schemas that say what the API takes."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from inro.mcp.schemas import input_schema
from inro.mcp.tools import TOOLS
from tests.api.matrix import ROUTES, TOOL_CALLS

tools = pytest.mark.parametrize("tool", list(TOOLS), ids=lambda tool: tool.name)


@tools
def test_schema_is_valid_and_accepts_its_own_example(tool):
    schema = input_schema(tool)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(tool.example)
    assert schema["type"] == "object"
    assert "$ref" not in json.dumps(schema)


@tools
def test_tool_says_what_it_is_for(tool):
    assert 5 < len(tool.title) < 60
    assert len(tool.description) > 80
    assert json.dumps(tool.example, ensure_ascii=False) in tool.description


@tools
def test_schema_refuses_unknown_arguments_and_so_does_the_tool(
    tool, agent, scenario, channel, contact, media_file, execution
):
    # A change looks for its row first, and so does what is told of a row.
    changed = {
        "update_scenario": {"id": scenario["id"]},
        "list_scenario_revisions": {"scenario_id": scenario["id"]},
        "get_scenario_revision": {"scenario_id": scenario["id"], "number": 1},
        "restore_scenario_revision": {"scenario_id": scenario["id"], "number": 1},
        "update_contact": {"id": contact.pk},
        "update_channel": {"id": channel.pk},
        "check_channel": {"id": channel.pk},
        "simulate_event": {"id": channel.pk},
        "list_outbox": {"channel_id": channel.pk},
        "update_media_file": {"id": media_file["id"]},
        "replace_media_file": {"id": media_file["id"]},
        "cancel_execution": {"id": execution.pk},
    }
    if tool.name == "update_media_folder":
        changed[tool.name] = {"id": agent.call("create_media_folder", name="Summer")["id"]}
    named = changed.get(tool.name, {})
    arguments = {**tool.example, **named, "colour": 1}
    assert not Draft202012Validator(input_schema(tool)).is_valid(arguments)
    if tool.name == "validate_scenario":  # to name faults is what it is for
        told = agent.call(tool.name, **arguments)
        assert (told["valid"], told["details"]["colour"]) == (False, ["Unknown field."])
        return
    error = agent.refused(tool.name, **arguments)
    assert error["code"] == "validation_failed"
    assert error["details"]["colour"][0].startswith("Unknown")
    assert agent.refused(tool.name, **named, colour=None)["details"]["colour"][0].startswith(
        "Unknown"
    )


def test_inner_objects_refuse_unknown_fields_too(agent):
    properties = input_schema(TOOLS["create_scenario"])["properties"]
    for name in ("triggers", "actions"):
        assert properties[name]["items"]["additionalProperties"] is False
    error = agent.refused("create_scenario", actions=[{"action_type": "message", "colour": 1}])
    assert error["details"]["actions.0.colour"] == ["Unknown field."]


def test_texts_name_tools_not_addresses():
    text = json.dumps(input_schema(TOOLS["create_scenario"]))
    assert "get_trigger_types" in text
    assert "GET /" not in text


def test_reading_tools_are_marked(agent):
    shown = agent.tools()
    assert list(shown) == TOOLS.keys()
    for name, tool in shown.items():
        assert tool["annotations"]["readOnlyHint"] is name.startswith(
            ("get_", "list_", "validate_", "export_")
        )
        changes = ("update_", "replace_", "restore_", "cancel_", "delete_")
        assert tool["annotations"]["destructiveHint"] is name.startswith(changes)
        assert tool["inputSchema"] == input_schema(TOOLS[name])


def test_a_body_of_several_kinds_is_one_object():
    """Hosts of agents refuse a schema that begins with anything else."""
    schema = input_schema(TOOLS["create_channel"])
    assert schema["required"] == ["kind"]
    kinds = [each["const"] for each in schema["properties"]["kind"]["anyOf"]]
    assert kinds == ["instagram", "sandbox"]
    assert schema["properties"]["access_token"]["type"] == "string"
    changed = input_schema(TOOLS["update_channel"])
    assert changed["required"] == ["id"]
    assert changed["properties"]["status"]["enum"] == ["connected", "error", "paused"]
    assert changed["properties"].keys() - schema["properties"].keys() == {"id", "status"}


def test_media_goes_by_url_only():
    assert "file" not in input_schema(TOOLS["upload_media_file"])["properties"]


def test_document_lists_every_tool_with_its_operation():
    text = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `(\w+) /(\S+)` \| (\S+) \|$", text, re.MULTILINE)
    assert rows == [
        (tool.name, tool.method, tool.path, f"`{ability}`" if ability else "any")
        for tool in TOOLS
        for ability in [TOOL_CALLS[tool.name].ability]
    ]


def test_document_says_of_every_other_operation_why_it_has_no_tool():
    text = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text()
    rows = re.findall(r"^\| ((?:`[A-Z]+ /\S+`,? ?)+) \| [^|`]*.* \|$", text, re.MULTILINE)
    without = [each for row in rows for each in re.findall(r"`([A-Z]+ /\S+)`", row)]
    with_tool = {f"{tool.method} /{tool.path}" for tool in TOOLS}
    operations = {name.replace("{pk}", "{id}") for name in ROUTES}
    assert sorted(without) == sorted(operations - with_tool)


def test_document_shows_an_error_as_it_is(agent):
    text = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text()
    (shown,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    error = agent.refused("create_scenario", titel="Welcome", triggers=[], actions=[{}])
    assert json.loads(shown) == {"error": error}
