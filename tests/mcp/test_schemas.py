"""What an agent reads before it calls: schemas that say what the API takes."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from inro.mcp.schemas import input_schema
from inro.mcp.tools import TOOLS

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
    tool, agent, scenario, contact, media_file, execution
):
    # A change looks for its row first.
    changed = {
        "update_scenario": scenario["id"],
        "update_contact": contact.pk,
        "update_media_file": media_file["id"],
        "replace_media_file": media_file["id"],
        "cancel_execution": execution.pk,
    }
    if tool.name == "update_media_folder":
        changed[tool.name] = agent.call("create_media_folder", name="Summer")["id"]
    named = {"id": changed[tool.name]} if tool.name in changed else {}
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
        changes = ("update_", "replace_", "cancel_", "delete_")
        assert tool["annotations"]["destructiveHint"] is name.startswith(changes)
        assert tool["inputSchema"] == input_schema(TOOLS[name])


def test_media_goes_by_url_only():
    assert "file" not in input_schema(TOOLS["upload_media_file"])["properties"]


def test_document_lists_every_tool_with_its_operation():
    text = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `(\w+) /(\S+)` \| `[\w.]+` \|$", text, re.MULTILINE)
    assert rows == [(tool.name, tool.method, tool.path) for tool in TOOLS]


def test_document_shows_an_error_as_it_is(agent):
    text = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text()
    (shown,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    error = agent.refused("create_scenario", titel="Welcome", triggers=[], actions=[{}])
    assert json.loads(shown) == {"error": error}
