"""Who gets in, and what is said below the tools."""

import json
import logging
import subprocess
import sys

import pytest
from rest_framework.test import APIClient

from inro.accounts.models import ApiToken, Workspace
from tests.mcp.agent import BY_HANDSHAKE, NEWEST
from tests.waiting import COMMAND_SECONDS

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.mark.parametrize("header", [None, "Bearer apitk_wrong", "Basic YTpi"])
def test_missing_or_wrong_token_is_refused_before_the_protocol(workspace, header):
    client = APIClient(headers={"Authorization": header} if header else {})
    answer = client.post("/mcp", PING, format="json")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json() == client.get("/api/v1/me").json()
    assert answer.json()["error"]["code"] == "authentication_failed"


def test_session_of_the_admin_opens_nothing(django_user_model, workspace):
    client = APIClient()
    client.force_login(django_user_model.objects.create_superuser("olga"))
    assert client.post("/mcp", PING, format="json").status_code == 401


def test_free_plan_is_refused_before_the_protocol(agent, workspace):
    Workspace.objects.filter(pk=workspace.pk).update(plan="free")
    answer = agent.post(PING)
    assert answer.status_code == 403
    assert answer.json() == agent.client.get("/api/v1/me").json()
    assert answer.json()["error"]["code"] == "plan_required"


def test_api_key_header_means_the_same(workspace):
    _, plain = ApiToken.issue(workspace)
    client = APIClient(headers={"X-Api-Key": plain})
    assert client.post("/mcp", PING, format="json").json()["result"] == {}


@pytest.mark.parametrize("method", ["get", "delete", "put", "options"])
def test_only_post_is_served(agent, method):
    answer = getattr(agent.client, method)("/mcp", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.json()["error"]["code"] == "method_not_allowed"


def test_trailing_slash_is_accepted(agent):
    assert agent.client.post("/mcp/", PING, format="json").status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "*/*", "text/html"])
def test_answer_is_json_whatever_is_asked_for(agent, accept):
    answer = agent.post(PING, Accept=accept)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert "Mcp-Session-Id" not in answer.headers


def test_handshake_of_the_older_revisions(agent):
    hello = {
        "protocolVersion": BY_HANDSHAKE,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    result = agent.ask("initialize", hello)
    assert result["protocolVersion"] == BY_HANDSHAKE
    assert result["serverInfo"]["name"] == "inro"
    assert "tools" in result["capabilities"]
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = agent.post(done, **{"MCP-Protocol-Version": BY_HANDSHAKE})
    assert (answer.status_code, answer.content) == (202, b"")


def test_newest_revision_needs_no_handshake(agent):
    assert agent.ask_newest("server/discover")["supportedVersions"] == [NEWEST]
    listed = agent.ask_newest("tools/list")["tools"]
    assert [tool["name"] for tool in listed] == list(agent.tools())
    called = agent.ask_newest("tools/call", {"name": "list_scenarios", "arguments": {"page": 1}})
    assert called["structuredContent"] == agent.call("list_scenarios")


def test_notification_is_taken_and_dropped(agent):
    answer = agent.post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {}})
    assert (answer.status_code, answer.content) == (202, b"")


@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b"[" * 5000])
def test_bad_json_is_an_error_of_the_protocol(agent, body):
    answer = agent.client.post("/mcp", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == -32700


@pytest.mark.parametrize("body", [[], [PING], 1, {"id": 1}, {"jsonrpc": "1.0", "id": 1}])
def test_other_json_is_an_error_of_the_protocol(agent, body):
    answer = agent.post(body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] < -32000


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 5000])
@pytest.mark.parametrize("tool", ["create_scenario", "list_contacts"])
def test_numbers_that_are_none_do_no_harm(agent, tool, number):
    call = {"name": tool, "arguments": {"title": "NUMBER", "search": "NUMBER"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    raw = json.dumps(message).replace('"NUMBER"', number)
    answer = agent.client.post("/mcp", raw, content_type="application/json")
    body = answer.json()
    refused = "error" in body or body["result"]["isError"]
    assert answer.status_code < 500
    assert refused


@pytest.mark.parametrize("depth", [300, 900])
def test_deep_arguments_do_no_harm(agent, depth):
    raw = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_scenario",'
    raw += b'"arguments":{"title":' + b"[" * depth + b"]" * depth + b"}}}"
    answer = agent.client.post("/mcp", raw, content_type="application/json")
    assert answer.status_code < 500
    assert b"internal_error" not in answer.content
    assert "error" in answer.json() or answer.json()["result"]["isError"]


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x"])
def test_other_body_types_are_refused(agent, kind):
    answer = agent.client.post("/mcp", b"{}", content_type=kind)
    assert 400 <= answer.status_code < 500


def test_unknown_method_is_an_error_of_the_protocol(agent):
    answer = agent.post({"jsonrpc": "2.0", "id": 1, "method": "resources/list"})
    assert answer.json()["error"]["code"] == -32601


def test_body_limit_is_that_of_the_api(agent, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = agent.post({**PING, "params": {"filler": "x" * 2000}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_large_bodies_are_read_up_to_that_limit(agent):
    """The SDK's own limit is lower than ours."""
    error = agent.refused("create_scenario", title="x" * 4_500_000)
    assert "title" in error["details"]


def test_root_logger_is_left_alone_and_the_sdk_is_loaded_late(agent):
    before = list(logging.getLogger().handlers)
    agent.tools()
    assert logging.getLogger().handlers == before
    code = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'inro.settings';"
        "django.setup(); import inro.urls; print('mcp.server' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=COMMAND_SECONDS,
    )
    assert out.stdout.strip() == "False"


def test_calls_are_logged_without_their_arguments(agent, caplog):
    with caplog.at_level(logging.INFO):
        agent.refused("get_contact", email="secret@person.example")
        agent.refused("secret-name")
    text = json.dumps([str(record.msg) for record in caplog.records])
    assert "tool called" in text
    assert "get_contact" in text
    assert "secret" not in text
