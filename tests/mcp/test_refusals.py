"""Each tool refuses exactly as the API does, and a refused call leaves nothing behind."""

import json

import pytest

from automations.models import Scenario
from inro.mcp import calling
from media_library.models import MediaFile
from tests.conftest import client_of
from tests.mcp.agent import Agent
from tests.mcp.conftest import WELCOME


def nested(depth):
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("name", "arguments", "path"),
    [
        ("list_scenarios", {"active": "maybe"}, "scenarios?active=maybe"),
        ("list_scenarios", {"page": 0, "nothing": "x"}, "scenarios?page=0&nothing=x"),
        ("list_scenarios", {"order_column": "id"}, "scenarios?order_column=id"),
        ("list_media_files", {"media_type": "smell"}, "media_files?media_type=smell"),
        ("list_media_files", {"created_since": "x"}, "media_files?created_since=x"),
        ("list_media_files", {"cursor": "x"}, "media_files?cursor=x"),
        ("list_contacts", {"status": "gone"}, "contacts?status=gone"),
        ("list_contacts", {"search": "\0"}, "contacts?search=%00"),
        ("get_contact", {}, "contact"),
        ("get_contact", {"id": 1, "email": "x"}, "contact?id=1&email=x"),
        ("get_contact", {"username": "nobody"}, "contact?username=nobody"),
        ("get_scenario", {"id": 9999}, "scenarios/9999"),
        ("get_media_file", {"id": "9999"}, "media_files/9999"),
        ("get_trigger_types", {"x": 1}, "trigger_types?x=1"),
    ],
)
def test_reading_refuses_as_the_api(agent, name, arguments, path):
    expected = agent.client.get(f"/api/v1/{path}")
    assert expected.status_code in {400, 404}
    assert agent.refused(name, **arguments) == expected.json()["error"]


@pytest.mark.parametrize(
    ("name", "path", "arguments"),
    [
        ("create_scenario", "scenarios", {}),
        ("create_scenario", "scenarios", {"title": 7, "colour": "red", "actions": "x"}),
        ("create_scenario", "scenarios", {**WELCOME, "template_id": 3}),
        ("create_scenario", "scenarios", {"prompt": "Answer everybody."}),
        ("create_scenario", "scenarios", {**WELCOME, "actions": [{"action_type": "fly"}]}),
        ("create_scenario", "scenarios", {"title": {"a": [[[[[[[[1]]]]]]]]}}),
        ("create_scenario", "scenarios", {"title": nested(90)}),
        (
            "create_scenario",
            "scenarios",
            {
                **WELCOME,
                "actions": [{"action_type": "image", "media_file": {"file_url": "ftp://x"}}],
            },
        ),
        (
            "create_scenario",
            "scenarios",
            {**WELCOME, "actions": [{"action_type": "message", "survey": {"id": 1}}]},
        ),
        ("upload_media_file", "media_files", {"file_url": "http://127.0.0.1/x.jpg"}),
        ("upload_media_file", "media_files", {"file_url": "x", "caption": "x" * 3000, "a": 1}),
    ],
)
def test_writing_refuses_as_the_api_and_writes_nothing(agent, name, path, arguments):
    raw = json.dumps(arguments)
    expected = agent.client.post(f"/api/v1/{path}", raw, content_type="application/json")
    assert expected.status_code >= 400
    assert agent.refused(name, **arguments) == expected.json()["error"]
    assert not Scenario.objects.exists()
    assert not MediaFile.objects.exists()


@pytest.mark.parametrize("inline", ["survey", "folder"])
@pytest.mark.parametrize("value", [{"title": "New"}, {}, "New", []])
def test_inline_survey_and_folder_are_refused_with_the_way_to_go(agent, inline, value):
    actions = [WELCOME["actions"][0], {"action_type": "message", inline: value}]
    error = agent.refused("create_scenario", **{**WELCOME, "actions": actions})
    assert error["code"] == "validation_failed"
    ((path, (message,)),) = error["details"].items()
    assert path == f"actions.1.{inline}"
    assert "POST /api/v1/scenarios" in message
    assert '{"id": 123}' in message


def test_bytes_are_refused_with_the_way_to_go(agent):
    error = agent.refused("upload_media_file", file="aGVsbG8=")
    assert error["details"].keys() == {"file"}
    assert "POST /api/v1/media_files" in error["details"]["file"][0]


@pytest.mark.parametrize("value", [None, "x", 1.5, True, [1], {}, "1" * 19, -1, "٣"])
def test_id_must_be_one(agent, value):
    error = agent.refused("get_scenario", id=value, colour="red")
    assert set(error["details"]) == {"id", "colour"}


def test_lists_of_values_are_refused(agent):
    error = agent.refused("list_contacts", status=["active"], search={"a": 1})
    assert set(error["details"]) == {"status", "search"}


def test_half_characters_find_nothing_and_are_not_stored(agent):
    """The newest revision lets them through to the tools; the older ones do not."""

    def ask(name, arguments):
        return agent.ask_newest("tools/call", {"name": name, "arguments": arguments})

    assert ask("list_contacts", {"search": "\ud800"})["structuredContent"]["contacts"] == []
    refused = ask("create_scenario", {"title": "\ud800"})
    assert refused["isError"] is True
    assert refused["structuredContent"]["error"]["code"] == "malformed_json"


@pytest.mark.parametrize("name", ["fly", "", "Create_scenario"])
def test_unknown_tool_is_named_with_those_there_are(agent, name):
    error = agent.refused(name)
    assert error["code"] == "not_found"
    assert "create_scenario" in error["message"]


@pytest.mark.parametrize(
    ("name", "arguments", "ability"),
    [
        ("get_trigger_types", {}, "scenarios.read"),
        ("get_action_types", {}, "scenarios.read"),
        ("list_scenarios", {}, "scenarios.read"),
        ("get_scenario", {"id": 1}, "scenarios.read"),
        ("create_scenario", WELCOME, "scenarios.write"),
        ("list_media_files", {}, "media.read"),
        ("get_media_file", {"id": 1}, "media.read"),
        ("upload_media_file", {"file_url": "https://x.example/a.jpg"}, "media.write"),
        ("list_contacts", {}, "contacts.read"),
        ("get_contact", {"id": 1}, "contacts.read"),
    ],
)
def test_missing_ability_is_named(workspace, name, arguments, ability):
    agent = Agent(client_of(workspace, ["messages.read"]))
    assert agent.refused(name, **arguments) == {
        "code": "missing_ability",
        "message": f"Token does not have the required ability: {ability}",
    }
    assert not Scenario.objects.exists()


def test_reading_ability_does_not_write(workspace):
    agent = Agent(client_of(workspace, ["scenarios.read"]))
    assert agent.call("list_scenarios")["scenarios"] == []
    assert agent.refused("create_scenario", **WELCOME)["code"] == "missing_ability"


def test_rows_of_others_are_not_there(stranger, scenario, media_file, contact):
    agent = Agent(client_of(stranger))
    for name, pk in [
        ("get_scenario", scenario["id"]),
        ("get_media_file", media_file["id"]),
        ("get_contact", contact.pk),
    ]:
        assert agent.refused(name, id=pk) == agent.refused(name, id=99999999)
        assert agent.refused(name, id=pk)["code"] == "not_found"
    for name in ("scenarios", "media_files", "contacts"):
        assert agent.call(f"list_{name}")[name] == []
    action = {"action_type": "image", "media_file": {"id": media_file["id"]}}
    error = agent.refused("create_scenario", **{**WELCOME, "actions": [action]})
    assert "actions.0.media_file.id" in error["details"]


@pytest.mark.parametrize("place", ["automations.views.scenarios.create_scenario", "call"])
def test_unexpected_error_names_the_request_and_is_logged(agent, monkeypatch, caplog, place):
    def broken(*args):
        raise ZeroDivisionError("secret")

    if place == "call":
        monkeypatch.setattr(calling, "resolve", broken)
    else:
        monkeypatch.setattr(place, broken)
    params = {"name": "create_scenario", "arguments": WELCOME}
    answer = agent.post({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    result = answer.json()["result"]
    assert result["isError"] is True
    assert result["structuredContent"]["error"] == {
        "code": "internal_error",
        "message": f"Something went wrong here; request {answer.headers['X-Request-Id']}.",
    }
    assert "unexpected error" in caplog.text


@pytest.mark.parametrize("name", ["upload_media_file", "replace_media_file"])
def test_without_a_url_only_the_url_is_asked_for(agent, media_file, name):
    ids = {"id": media_file["id"]} if name == "replace_media_file" else {}
    details = agent.refused(name, **ids, colour="red")["details"]
    assert details["colour"] == ["Unknown field."]
    assert "file" not in details
    error = agent.refused(name, **ids)
    assert error["details"] == {"file_url": ["This field is required."]}
    assert (error["code"], error["message"]) == ("validation_failed", "One field is not valid.")
    assert agent.refused(name, **ids, file="aGVsbG8=")["details"].keys() == {"file"}
    assert MediaFile.objects.count() == 1
