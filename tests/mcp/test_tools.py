"""Each tool answers exactly as the API does."""

import pytest

from tests.mcp.conftest import WELCOME
from tests.media_library import files
from tests.media_library.conftest import upload


@pytest.mark.parametrize(
    ("name", "arguments", "path"),
    [
        ("get_trigger_types", {}, "trigger_types"),
        ("get_action_types", {}, "action_types"),
        ("list_scenarios", {}, "scenarios"),
        ("list_scenarios", {"active": False, "search": "WEL"}, "scenarios?active=false&search=WEL"),
        ("list_scenarios", {"active": True}, "scenarios?active=true"),
        ("get_scenario", {"id": "{scenario}"}, "scenarios/{scenario}"),
        ("list_media_files", {}, "media_files"),
        ("list_media_files", {"per_page": 1, "search": None}, "media_files?per_page=1"),
        ("list_media_files", {"media_type": "audio"}, "media_files?media_type=audio"),
        ("get_media_file", {"id": "{media}"}, "media_files/{media}"),
        ("list_media_files", {"folder_id": "null"}, "media_files?folder_id=null"),
        ("list_media_folders", {"parent_id": "null"}, "media_folders?parent_id=null"),
        ("list_contacts", {"search": "é&=jane"}, "contacts?search=%C3%A9%26%3Djane"),
        ("list_contacts", {"search": "jane"}, "contacts?search=jane"),
        ("list_executions", {}, "executions"),
        ("list_executions", {"contact_id": "{contact}"}, "executions?contact_id={contact}"),
        ("list_executions", {"status": "waiting"}, "executions?status=waiting"),
        ("get_execution", {"id": "{execution}"}, "executions/{execution}"),
        ("get_contact", {"id": "{contact}"}, "contact?id={contact}"),
        ("get_contact", {"id": "{contact}"}, "contacts/{contact}"),
        ("get_contact", {"username": "@Jane"}, "contact?username=jane"),
        ("get_contact", {"email": "jane@x.example"}, "contact?email=jane@x.example"),
    ],
)
def test_reading_answers_as_the_api(
    agent, media_file, scenario, contact, execution, name, arguments, path
):
    ids = {
        "scenario": scenario["id"],
        "media": media_file["id"],
        "contact": contact.pk,
        "execution": execution.pk,
    }
    filled = {
        key: int(value.format(**ids)) if isinstance(value, str) and "{" in value else value
        for key, value in arguments.items()
    }
    expected = agent.client.get(f"/api/v1/{path.format(**ids)}")
    assert expected.status_code == 200
    assert agent.call(name, **filled) == expected.json()


def test_created_scenario_is_the_one_the_api_shows(agent):
    created = agent.call("create_scenario", **WELCOME)
    assert created == agent.client.get(f"/api/v1/scenarios/{created['id']}").json()
    posted = agent.client.post("/api/v1/scenarios", WELCOME, format="json").json()
    assert posted.keys() == created.keys()
    assert [a["content"] for a in posted["actions"]] == [a["content"] for a in created["actions"]]


def test_what_get_scenario_answers_can_be_created_again(agent, scenario):
    copy = agent.call("create_scenario", **agent.call("get_scenario", id=scenario["id"]))
    assert copy["id"] != scenario["id"]
    assert copy["title"] == scenario["title"]


def test_scenario_takes_a_media_file_by_id(agent, media_file):
    action = {"action_type": "image", "media_file": {"id": media_file["id"]}}
    created = agent.call("create_scenario", **{**WELCOME, "actions": [action]})
    assert created["actions"][0]["media_file"] == media_file


def test_a_scenario_is_changed_as_by_the_api(agent, scenario):
    shown = agent.call("get_scenario", id=scenario["id"])
    kept = shown["actions"][0]
    changed = agent.call(
        "update_scenario",
        id=scenario["id"],
        title="Hello",
        actions=[
            {"id": kept["id"]},
            {"action_type": "message", "content": "And this", "parent_key": kept["action_key"]},
        ],
    )
    assert changed == agent.client.get(f"/api/v1/scenarios/{scenario['id']}").json()
    assert changed["title"] == "Hello"
    assert changed["triggers"] == shown["triggers"]
    assert [each["content"] for each in changed["actions"]] == [kept["content"], "And this"]
    assert changed["actions"][0] == kept


def test_a_refused_change_changes_nothing(agent, scenario):
    actions = [{"action_type": "message", "content": "x", "survey": {"title": "New"}}]
    error = agent.refused("update_scenario", id=scenario["id"], actions=actions)
    assert list(error["details"]) == ["actions.0.survey"]
    error = agent.refused("update_scenario", id=scenario["id"], title="New", actions=[{"id": 0}])
    assert "actions.0.id" in error["details"]
    assert agent.call("get_scenario", id=scenario["id"]) == scenario


def test_the_life_of_a_file(agent, media_file):
    folder = agent.call("create_media_folder", name="Summer")
    assert agent.call("list_media_folders")["media_folders"] == [folder]
    again = agent.refused("create_media_folder", name="SUMMER")
    assert (again["code"], list(again["details"])) == ("conflict", ["name"])
    changed = agent.call("update_media_file", id=media_file["id"], folder_id=folder["id"])
    assert changed == agent.client.get(f"/api/v1/media_files/{media_file['id']}").json()
    assert changed["folder_id"] == folder["id"]
    body = {"file_url": media_file["url"], "on_duplicate": "return", "folder_id": folder["id"]}
    assert agent.call("upload_media_file", **body) == changed
    error = agent.refused("upload_media_file", **{**body, "on_duplicate": "error"})
    assert (error["code"], list(error["details"])) == ("duplicate_media", ["file_url"])
    assert agent.call("delete_media_file", id=media_file["id"], if_unused=True) == {}
    assert agent.refused("get_media_file", id=media_file["id"])["code"] == "not_found"


def test_a_file_gets_other_bytes_and_says_what_uses_it(agent, api, media_file):
    action = {"action_type": "image", "media_file": {"id": media_file["id"]}}
    scenario = agent.call("create_scenario", **{**WELCOME, "actions": [action]})
    usages = agent.call("list_media_file_usages", id=media_file["id"])
    assert usages == agent.client.get(f"/api/v1/media_files/{media_file['id']}/usages").json()
    assert [each["id"] for each in usages["usages"]] == [scenario["id"]]
    other = upload(api, files.picture("PNG"), "b.png").json()
    replaced = agent.call("replace_media_file", id=media_file["id"], file_url=other["url"])
    assert (replaced["id"], replaced["sha256"]) == (media_file["id"], other["sha256"])
    assert replaced["url"].startswith(media_file["url"].rpartition("/")[0])


def test_the_life_of_a_folder(agent, media_file):
    above = agent.call("create_media_folder", name="Campaigns")
    folder = agent.call("create_media_folder", name="Summer", parent_id=above["id"])
    agent.call("update_media_file", id=media_file["id"], folder_id=folder["id"])
    changed = agent.call("update_media_folder", id=folder["id"], name="Winter", parent_id=None)
    assert (changed["path"], changed["files"]) == (["Winter"], 1)
    again = agent.refused("update_media_folder", id=folder["id"], name="campaigns")
    assert (again["code"], list(again["details"])) == ("conflict", ["name"])
    assert agent.call("delete_media_folder", id=folder["id"]) == {}
    assert agent.call("list_media_folders")["meta"]["total"] == 1
    assert agent.call("get_media_file", id=media_file["id"])["folder_id"] is None


def test_the_life_of_a_scenario(agent):
    assert agent.call("validate_scenario", **WELCOME)["valid"] is True
    assert agent.call("list_scenarios")["scenarios"] == []
    scenario = agent.call("create_scenario", **WELCOME)
    copy = agent.call("export_scenario", id=scenario["id"])
    assert copy == agent.client.get(f"/api/v1/scenarios/{scenario['id']}/export").json()
    assert agent.call("delete_scenario", id=scenario["id"]) == {}
    assert agent.call("list_scenarios")["scenarios"] == []


def test_a_scenario_that_is_not_valid_is_told_of_and_not_made(agent):
    found = agent.call("validate_scenario", **{**WELCOME, "actions": [{"action_type": "dance"}]})
    assert (found["valid"], list(found["details"])) == (False, ["actions.0.action_type"])
    error = agent.refused("validate_scenario", actions=[{"action_type": "image", "survey": {}}])
    assert list(error["details"]) == ["actions.0.survey"]
    assert agent.call("list_scenarios")["scenarios"] == []


def test_an_execution_is_canceled_once(agent, execution):
    assert agent.call("cancel_execution", id=execution.pk)["status"] == "stopped"
    assert agent.refused("cancel_execution", id=execution.pk)["code"] == "conflict"


def test_a_file_that_is_used_stays(agent, media_file):
    action = {"action_type": "image", "media_file": {"id": media_file["id"]}}
    agent.call("create_scenario", **{**WELCOME, "actions": [action]})
    error = agent.refused("delete_media_file", id=media_file["id"], if_unused=True)
    assert (error["code"], list(error["details"])) == ("in_use", ["usages"])
    error = agent.refused("delete_media_file", id=media_file["id"], force=True)
    assert list(error["details"]) == ["force"]
    assert agent.call("get_media_file", id=media_file["id"]) == media_file
    assert agent.call("delete_media_file", id=media_file["id"]) == {}
