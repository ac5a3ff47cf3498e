"""The trees of the product's own help pages, as they stand there: in, run, out."""

import json

import pytest

from automations.models import Execution
from messaging.delivery.pump import deliver
from messaging.receiving import apply_events
from tests.automations.talking import later, tick

URL = "/api/v1/scenarios"
WELCOME = """{ "title": "Welcome flow", "triggers": [{ "trigger_type": "contact_create" }],
 "actions": [ { "action_key": "msg1", "action_type": "message",
 "content": "Hey, thanks for connecting!" } ]}"""
INTERESTED = """{ "actions": [ { "action_key": "q1", "action_type": "ask_question",
 "content": "Are you interested?" }, { "action_key": "yes", "parent_key": "q1",
 "parent_branch": "option_0", "action_type": "message", "content": "Great!" },
 { "action_key": "no", "parent_key": "q1", "parent_branch": "option_1",
 "action_type": "message", "content": "No problem." } ]}"""


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """What the simulator records is applied by the test."""
    monkeypatch.setattr("messaging.tasks.wake", lambda *args: None)
    monkeypatch.setattr("messaging.queueing.wake", lambda *args: None)


def posted(api, raw, **more):
    answer = api.post(URL, {**json.loads(raw), **more}, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.fixture
def chat(api, channel):
    def write(text):
        path = f"/api/v1/channels/{channel.pk}/simulate"
        answer = api.post(path, {"from": "jane", "text": text}, format="json")
        assert answer.status_code == 202, answer.content
        apply_events([answer.json()["event_id"]])
        return received()

    def received():
        deliver(channel.pk)
        outbox = api.get(f"/api/v1/channels/{channel.pk}/outbox").json()["outbox"]
        return [each["text"] for each in reversed(outbox)]

    return write


def test_welcome_flow(api, chat):
    shown = posted(api, WELCOME, active=True)
    assert shown["warnings"] == []
    assert chat("hi") == ["Hey, thanks for connecting!"]
    assert chat("hi again") == ["Hey, thanks for connecting!"]


def test_question_without_answers_is_taken_with_a_warning(api):
    shown = posted(api, INTERESTED)
    [warning] = shown["warnings"]
    assert (warning["code"], warning["path"]) == ("answers_missing", "actions.0.options.answers")
    # It stands alone on the home page of the admin, where no path says what is missing.
    assert warning["message"] == ("No answers are given, but 2 branches: people choose by number.")
    assert [each["parent_branch"] for each in shown["actions"]] == [None, "option_0", "option_1"]
    assert [each["options"] for each in shown["actions"]] == [{}, {}, {}]


@pytest.mark.parametrize(
    ("reply", "answer"), [("1", "Great!"), ("2", "No problem."), ("3", None), ("Yes", None)]
)
def test_question_without_answers_is_answered_by_number(api, chat, reply, answer):
    shown = posted(api, INTERESTED, triggers=[{"trigger_type": "contact_create"}], active=True)
    assert chat("hello") == ["Are you interested?"]
    assert chat(reply) == ["Are you interested?", *([answer] if answer else [])]
    path = f"/api/v1/executions?scenario_id={shown['id']}"
    [execution] = api.get(path).json()["executions"]
    assert (execution["status"], execution["variables"]["answer"]) == ("completed", reply)


def test_question_without_answers_expires_after_a_day(api, chat):
    posted(api, INTERESTED, triggers=[{"trigger_type": "contact_create"}], active=True)
    chat("hello")
    with later(seconds=86_390):
        assert tick() == []
    with later(seconds=86_401):
        assert len(tick()) == 1
    assert Execution.objects.get().status == "expired"


ANSWERS = [
    "Yes ",
    {"label": "No", "keywords": ["nope", " Not  now "]},
    {"keywords": [], "label": "¡Quizás!"},
]


def test_what_get_answers_can_be_sent_back(api):
    options = {"answers": ANSWERS, "reminder": {"after": 60, "content": " Well? "}}
    tree = json.loads(INTERESTED)["actions"]
    tree[0]["options"] = options
    tree[1]["options"] = {"buttons": [{"type": "url", "title": "Shop", "url": "https://x.example"}]}
    tree.append({"action_type": "delay", "parent_key": "yes", "action_key": "d"})
    tree[3]["options"] = {"until": {"time": "09:00", "timezone": "Europe/Rome"}}
    shown = posted(api, json.dumps({"actions": tree}))
    assert shown["actions"][0]["options"] == options
    assert shown["warnings"] == []
    answer = api.patch(f"{URL}/{shown['id']}", shown, format="json")
    assert answer.status_code == 200, answer.content
    assert answer.json() == shown
    again = {name: shown[name] for name in ("title", "triggers", "actions")}
    bare = json.loads(json.dumps(again))
    for each in [*bare["triggers"], *bare["actions"]]:
        each.pop("id")
        each.pop("parent_id", None)
    copy = posted(api, json.dumps(bare))
    assert [each["options"] for each in copy["actions"]] == [
        each["options"] for each in shown["actions"]
    ]


def test_open_question_warns_of_nothing(api):
    action = {"action_type": "ask_question", "content": "What is it?", "action_key": "q"}
    below = {"action_type": "message", "content": "{{answer}}!", "parent_key": "q"}
    tree = [action, {**below, "parent_branch": "option_replied"}]
    assert posted(api, json.dumps({"actions": tree}))["warnings"] == []


def test_option_beyond_the_answers_is_refused(api):
    tree = json.loads(INTERESTED)["actions"]
    tree[0]["options"] = {"answers": ["Yes"]}
    answer = api.post(URL, {"actions": tree}, format="json")
    [fault] = answer.json()["error"]["details"]["actions.2.parent_branch"]
    assert fault == (
        "'q1' has no branch 'option_1'; it has: option_0, option_replied, option_expired."
    )
    assert Execution.objects.count() == 0
