"""The worked examples of `contributing.md`, taken out of the page and run as they stand."""

import hashlib
import hmac
import importlib
import json
import sys
import types
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from django.test import Client
from pytest_httpserver import HTTPServer

from automations.actions import ACTION_TYPES
from automations.engine.outcomes import Proceed
from automations.engine.state import Node
from automations.engine.step import Step
from automations.triggers import TRIGGER_TYPES
from inro.common.registry import Registry
from messaging import receiving
from messaging.channels import CHANNELS
from messaging.channels.sandbox import simulated
from messaging.connecting import connect_channel
from messaging.delivery import calling
from messaging.delivery.pump import deliver
from messaging.models import Channel, Contact, Event, Message
from tests.automations.support import faults_of, judged
from tests.docs.pages import ROOT, blocks

pytestmark = pytest.mark.django_db
PAGE = ROOT / "docs" / "contributing.md"


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Runs the Python of a section; what it adds to the registries goes afterwards."""
    registries: list[Registry[Any]] = [ACTION_TYPES, TRIGGER_TYPES, CHANNELS]
    for registry in registries:
        monkeypatch.setattr(registry, "_items", dict(registry._items))
    modules: list[str] = []

    def add(section: str) -> None:
        for block in blocks(PAGE, "python", section):
            path = block.splitlines()[0].removeprefix("# ")
            name = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
            if name in sys.modules:
                exec(compile(block, path, "exec"), {})
                continue
            module = types.ModuleType(name)
            sys.modules[name] = module
            modules.append(name)
            exec(compile(block, path, "exec"), module.__dict__)

    yield add
    # No others: what is imported meanwhile stays in use, and tests patch what stands there.
    for name in modules:
        del sys.modules[name]
    calling.stopping.clear()
    importlib.invalidate_caches()


def write(channel: Channel, text: str) -> None:
    events = CHANNELS[channel.kind].parse(simulated("jane", text))
    receiving.apply_events(receiving.record((channel, event) for event in events))


def sent(channel: Channel) -> list[str]:
    rows = Message.objects.filter(channel=channel, stream__isnull=False).order_by("pk")
    return list(rows.values_list("text", flat=True))


def scenario(api: Any, trigger: dict[str, Any], *actions: dict[str, Any]) -> Any:
    body = {"title": "T", "active": True, "triggers": [trigger], "actions": list(actions)}
    return api.post("/api/v1/scenarios", body)


def test_action(added: Callable[[str], None], api: Any, workspace: Any):
    added("Add an action")
    channel = connect_channel(workspace, "sandbox", "Sandbox", {})
    follow = {"parent_key": "c", "action_type": "message"}
    answer = scenario(
        api,
        {"trigger_type": "message"},
        {"action_key": "c", "action_type": "cheer", "content": "Hooray!", "options": {"share": 0}},
        {**follow, "action_key": "q", "parent_branch": "option_quiet", "content": "Hm."},
        {**follow, "action_key": "l", "parent_branch": "option_cheered", "content": "More!"},
    )
    assert answer.status_code == 201, answer.content
    write(channel, "hi")
    assert sent(channel) == ["Hm."]
    listed = api.get("/api/v1/action_types").json()["action_types"]
    cheer = next(each for each in listed if each["action_type"] == "cheer")
    assert cheer["branches"] == ["option_cheered", "option_quiet"]
    refused = scenario(
        api,
        {"trigger_type": "message"},
        {"action_key": "c", "action_type": "cheer", "options": {"share": 101}},
        {**follow, "parent_branch": "next", "content": "x"},
    )
    assert set(refused.json()["error"]["details"]) == {
        "actions.0.options.share",
        "actions.1.parent_branch",
    }


def test_cases_of_the_action(added: Callable[[str], None]):
    added("Add an action")
    (text,) = blocks(PAGE, "json", "Add an action")
    cases = json.loads(text)
    for case in cases["faults"]:
        found = faults_of([{"action_type": "cheer", **case["action"]}])
        assert set(found) == {f"actions.0.{path}" for path in case["at"]}
    kind = ACTION_TYPES["cheer"]
    for case in cases["runs"]:
        checked, faults = judged([{"action_type": "cheer", **case["action"]}])
        assert faults == {}
        (draft,) = checked.actions
        node = Node("c", "cheer", kind, draft.content, kind.complete(draft.options))
        step = Step(1, {}, datetime(2026, 1, 1, tzinfo=UTC), Random(1))
        assert kind.run(node, step) == Proceed(case["branch"])
        shown = [[str(each.message_type), each.text, each.media_file_id] for each in step.sent]
        assert shown == case["sends"]


def test_trigger(added: Callable[[str], None], api: Any, workspace: Any):
    added("Add a trigger")
    channel = connect_channel(workspace, "sandbox", "Sandbox", {})
    answer = scenario(
        api,
        {"trigger_type": "shout", "options": {"letters": 4}},
        {"action_type": "message", "content": "No need to shout."},
    )
    assert answer.status_code == 201, answer.content
    for text in ("hello", "HEY", "Hello YOU"):
        write(channel, text)
    assert sent(channel) == []
    write(channel, "HELLO!!")
    assert sent(channel) == ["No need to shout."]
    listed = api.get("/api/v1/trigger_types").json()["trigger_types"]
    assert "shout" in [each["trigger_type"] for each in listed]


@pytest.fixture
def pigeon(added: Callable[[str], None], workspace: Any, httpserver: HTTPServer) -> Channel:
    added("Add a channel")
    options = {"loft": "rome", "address": httpserver.url_for("").rstrip("/"), "token": "c" * 20}
    return connect_channel(workspace, "pigeon", "Loft", options)


def land(channel: Channel, letter: str, token: str = "c" * 20) -> int:
    news = {"from": "jane", "ring": "r1", "letter": letter, "landed_at": 1_767_225_600}
    raw = json.dumps({"loft": "rome", "letters": [news]}).encode()
    signature = hmac.new(token.encode(), raw, hashlib.sha256).hexdigest()
    headers = {"X-Pigeon-Signature": signature}
    path = f"/webhooks/pigeon/{channel.uuid}"
    client = Client(headers=headers)
    return client.post(path, raw, content_type="application/json").status_code


def test_channel(pigeon: Channel, api: Any, httpserver: HTTPServer):
    assert "c" * 20 not in pigeon.sealed_secrets
    answer = scenario(
        api,
        {"trigger_type": "message"},
        {"action_type": "message", "content": "Coo, {{contact.name}}!"},
    )
    assert answer.status_code == 201, answer.content
    assert land(pigeon, "hello", token="wrong") == 401
    assert not Event.objects.exists()
    assert land(pigeon, "hello") == land(pigeon, "hello") == 200
    receiving.apply_events(Event.objects.values_list("pk", flat=True))
    assert Contact.objects.get().name == "jane"
    httpserver.expect_oneshot_request(
        "/letters",
        method="POST",
        json={"to": "jane", "letter": "Coo, jane!"},
        headers={"Authorization": f"Bearer {'c' * 20}"},
    ).respond_with_json({"ring": "r2"}, status=201)
    deliver(pigeon.pk)
    httpserver.check_assertions()
    reply = Message.objects.get(stream__isnull=False)
    assert (reply.status, reply.provider_message_id) == ("sent", "r2")


def test_channel_that_cannot_reach_somebody(pigeon: Channel, api: Any, httpserver: HTTPServer):
    scenario(api, {"trigger_type": "message"}, {"action_type": "message", "content": "Coo!"})
    land(pigeon, "hello")
    receiving.apply_events(Event.objects.values_list("pk", flat=True))
    httpserver.expect_oneshot_request("/letters").respond_with_data("", status=404)
    deliver(pigeon.pk)
    reply = Message.objects.get(stream__isnull=False)
    assert (reply.status, reply.error_code) == ("failed", "recipient_not_found")


def test_news_that_make_no_sense(pigeon: Channel):
    raw = b'{"letters": 5}'
    signature = hmac.new(b"c" * 20, raw, hashlib.sha256).hexdigest()
    client = Client(headers={"X-Pigeon-Signature": signature})
    path = f"/webhooks/pigeon/{pigeon.uuid}"
    assert client.post(path, raw, content_type="application/json").status_code == 400
    assert not Event.objects.exists()
