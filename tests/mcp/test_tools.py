"""Each tool answers exactly as the API does."""

from typing import Any

import pytest

from inro.accounts.models import AuditEntry
from messaging.delivery.tasks import pump
from messaging.models import Channel, Event, Message
from messaging.receiving import apply_events
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
        ("get_me", {}, "me"),
        ("list_messages", {}, "messages"),
        ("list_messages", {"contact_id": "{contact}"}, "messages?contact_id={contact}"),
        ("get_message", {"id": "{message}"}, "messages/{message}"),
        ("list_channels", {}, "channels"),
        ("get_channel", {"id": "{channel}"}, "channels/{channel}"),
        ("list_outbox", {"channel_id": "{channel}"}, "channels/{channel}/outbox"),
        (
            "list_scenario_revisions",
            {"scenario_id": "{scenario}", "per_page": 1},
            "scenarios/{scenario}/revisions?per_page=1",
        ),
        (
            "get_scenario_revision",
            {"scenario_id": "{scenario}", "number": 1},
            "scenarios/{scenario}/revisions/1",
        ),
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
        "channel": execution.channel_id,
        "message": Message.objects.get().pk,
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
    assert agent.call("get_media_folder", id=folder["id"])["path"] == ["Campaigns", "Summer"]
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


def test_a_scenario_becomes_again_what_it_was(agent, scenario):
    agent.call("update_scenario", id=scenario["id"], title="Other", active=True)
    newest, first = agent.call("list_scenario_revisions", scenario_id=scenario["id"])["revisions"]
    assert [(newest["number"], first["number"])] == [(2, 1)]
    was = agent.call("get_scenario_revision", scenario_id=scenario["id"], number=1)
    assert (was["title"], was["active"]) == ("Welcome", False)
    restored = agent.call("restore_scenario_revision", scenario_id=scenario["id"], number=1)
    assert restored == agent.client.get(f"/api/v1/scenarios/{scenario['id']}").json()
    assert (restored["title"], restored["active"]) == ("Welcome", True)
    [third, *_] = agent.call("list_scenario_revisions", scenario_id=scenario["id"])["revisions"]
    assert (third["number"], third["restored_from"]) == (3, 1)
    assert third["actor"].endswith(" over MCP")


@pytest.mark.parametrize("name", ["get_scenario_revision", "restore_scenario_revision"])
def test_a_revision_there_is_not(agent, scenario, name):
    way = f"/api/v1/scenarios/{scenario['id']}/revisions"
    for number in (2, 0, 10**9, 10**17):
        error = agent.refused(name, scenario_id=scenario["id"], number=number)
        assert error["code"] == "not_found"
    missing = agent.client.get(f"{way}/2").json()["error"]
    assert agent.refused("get_scenario_revision", scenario_id=scenario["id"], number=2) == missing
    error = agent.refused(name, number="x", scenario_id=None)
    assert error["details"] == {
        "scenario_id": ["This field is required."],
        "number": ["Must be a whole number."],
    }
    assert [each["number"] for each in agent.client.get(way).json()["revisions"]] == [1]


def test_a_contact_is_made_once_for_a_channel(agent, channel):
    reach = {"channel_id": channel.pk, "external_id": "9001"}
    made = agent.call("create_contact", name="Ann", email="ann@x.example", channels=[reach])
    assert made == agent.client.get(f"/api/v1/contacts/{made['id']}").json()
    assert made["channels"][0].items() >= reach.items()
    again = agent.refused("create_contact", name="Other", channels=[reach])
    assert (again["code"], list(again["details"])) == ("conflict", ["channels.0.external_id"])
    nobody = agent.refused("create_contact", notes="x", folders=[{"id": 1}])
    answer = agent.client.post("/api/v1/contacts", {"notes": "x", "folders": [{"id": 1}]})
    assert nobody == answer.json()["error"]
    assert agent.call("list_contacts")["meta"]["total"] == 1


def test_secrets_of_a_channel_go_in_and_never_come_out(agent, caplog):
    secrets: Any = {"access_token": "IGAA-a-token-4321", "app_secrets": ["0123456789abcdef"]}
    account = {"kind": "instagram", "name": "Shop", "account_id": "178"}
    made = agent.call("create_channel", **account, **secrets)
    assert made == agent.client.get(f"/api/v1/channels/{made['id']}").json()
    assert (made["access_token"], made["app_secrets"]) == ("•••4321", ["•••cdef"])
    kept = agent.call("update_channel", **{**made, "name": "Boutique"})
    assert (kept["name"], kept["access_token"]) == ("Boutique", "•••4321")
    assert Channel.objects.get().secrets == secrets
    renewed = {"access_token": "IGAA-another-9876"}
    changed = agent.call("update_channel", id=made["id"], status="paused", **renewed)
    assert (changed["access_token"], changed["status"]) == ("•••9876", "paused")
    assert Channel.objects.get().secrets == secrets | renewed
    refusals = [
        agent.refused("create_channel", **account, **secrets),
        agent.refused("create_channel", **{**account, **secrets, "login": 7, "colour": "red"}),
        agent.refused("update_channel", id=made["id"], access_token="IGAA a b"),
    ]
    assert [each["code"] for each in refusals] == [
        "conflict", "validation_failed", "validation_failed",
    ]  # fmt: skip
    assert refusals[1]["details"].keys() == {"login", "colour"}
    shown = [agent.call("list_channels"), agent.call("get_channel", id=made["id"])]
    said = f"{shown} {refusals} {changed} {agent.call('get_me')} {caplog.text}"
    noted = str(list(AuditEntry.objects.values()))
    for secret in (*secrets["app_secrets"], secrets["access_token"], renewed["access_token"]):
        assert secret not in said + noted
    assert Channel.objects.count() == 1


def test_a_channel_is_checked_and_deleted_unless_somebody_wrote(agent, channel):
    assert agent.call("check_channel", id=channel.pk)["status"] == "connected"
    other = agent.call("create_channel", kind="sandbox")
    assert agent.call("delete_channel", id=other["id"]) == {}
    agent.call("simulate_event", id=channel.pk, **{"from": "jane", "text": "hello"})
    apply_events([Event.objects.get().pk])
    assert agent.refused("delete_channel", id=channel.pk)["code"] == "in_use"
    assert [each["id"] for each in agent.call("list_channels")["channels"]] == [channel.pk]


def test_what_a_kind_of_channel_does_not_take_is_refused_as_by_the_api(agent):
    body = {"kind": "sandbox", "access_token": "x", "login": "facebook"}
    error = agent.refused("create_channel", **body)
    assert error == agent.client.post("/api/v1/channels", body).json()["error"]
    assert error["details"].keys() == {"access_token", "login"}
    assert not Channel.objects.exists()


def test_an_agent_tries_out_what_it_made(agent, channel):
    agent.call("create_scenario", **WELCOME, active=True)
    event = agent.call("simulate_event", id=channel.pk, **{"from": "jane", "text": "hello"})
    apply_events([event["event_id"]])
    pump(channel.pk)
    [out] = agent.call("list_outbox", channel_id=channel.pk)["outbox"]
    assert (out["to"], out["text"]) == ("jane", "Hello")
    inbound = agent.call("list_messages", direction="inbound")["messages"]
    assert [each["text"] for each in inbound] == ["hello"]
    error = agent.refused("simulate_event", id=channel.pk, **{"from": "jane"})
    assert list(error["details"]) == ["text"]
    assert Event.objects.count() == 1


def test_a_real_channel_is_no_sandbox(agent):
    secrets = {"access_token": "IGAA-a-token-4321", "app_secrets": ["0123456789abcdef"]}
    made = agent.call("create_channel", kind="instagram", account_id="178", **secrets)
    event = {"from": "jane", "text": "hello"}
    assert agent.refused("simulate_event", id=made["id"], **event)["code"] == "conflict"
    assert agent.refused("list_outbox", channel_id=made["id"])["code"] == "conflict"
    assert not Event.objects.exists()


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
