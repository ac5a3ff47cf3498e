"""GET and cancel executions."""

from datetime import timedelta
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from automations.engine.runner import Start, start_many
from automations.models import Execution
from automations.views import examples
from inro.accounts.models import AuditEntry
from messaging.channels.base import Outcome, Verdict
from messaging.delivery.claim import claim as claim_messages
from messaging.delivery.news import News
from messaging.delivery.settle import settle
from messaging.models import Message
from tests.automations.conftest import new_contact
from tests.automations.support import message, stored
from tests.automations.talking import QUESTION, TREE, Person, under
from tests.conftest import client_of

URL = "/api/v1/executions"


@pytest.fixture
def waiting(workspace, channel):
    """Jane has the question, behind a text."""
    jane = Person(channel)
    tree = [message("a", content="Hi"), {**QUESTION, "parent_key": "a"}, *TREE[1:]]
    stored(workspace, *tree, title="Interested?")
    jane.write("Hello")
    jane.receive()
    return Execution.objects.get()


def get(api, path="", status=200):
    answer = api.get(f"{URL}{path}")
    assert answer.status_code == status, answer.content
    return answer.json()


def test_one_in_full(api, waiting):
    shown = get(api, f"/{waiting.pk}")
    steps = shown.pop("steps")
    assert shown == {
        "id": waiting.pk,
        "scenario_id": waiting.definition.scenario.pk,
        "scenario_title": "Interested?",
        "contact_id": waiting.contact_id,
        "channel_id": waiting.channel_id,
        "trigger_type": "message",
        "status": "waiting",
        "reason_code": None,
        "current_action": "q1",
        "wake_at": waiting.due_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "variables": {"trigger": {"message": "Hello"}},
        "created_at": waiting.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "finished_at": None,
    }
    first, second = steps
    assert (first["branch"], first["status"], first["error"]) == ("next", "done", None)
    assert second == {
        "number": 2,
        "action_key": "q1",
        "action": {
            "action_key": "q1",
            "action_type": "ask_question",
            "content": "Are you interested?",
            "options": QUESTION["options"],
            "media_file": None,
            "children": {each["parent_branch"]: each["action_key"] for each in TREE[1:]},
        },
        "branch": None,
        "status": "waiting",
        "error": None,
        "answer": None,
        "attempts": 1,
        "at": second["at"],
    }


def test_answered_one_shows_the_way(api, waiting, channel):
    Person(channel).write("NOPE")
    shown = get(api, f"/{waiting.pk}")
    assert (shown["status"], shown["current_action"]) == ("completed", "q1_option_1")
    assert shown["variables"]["answer"] == "NOPE"
    step = shown["steps"][1]
    assert (step["branch"], step["answer"], step["attempts"]) == ("option_1", "NOPE", 2)
    assert shown["finished_at"]


def test_list_is_newest_first_without_steps(api, workspace, channel, waiting):
    other = stored(workspace, message("b"), title="Other")
    [newer] = start_many(
        workspace.pk, [Start(other.definition_id, waiting.contact_id, channel.pk, "api")]
    )
    listed = get(api)
    assert [each["id"] for each in listed["executions"]] == [newer.pk, waiting.pk]
    assert "steps" not in listed["executions"][0]
    assert listed["meta"]["total"] == 2
    filters = {
        f"scenario_id={other.pk}": [newer.pk],
        f"contact_id={waiting.contact_id}": [newer.pk, waiting.pk],
        f"contact_id={waiting.contact_id}&status=waiting": [waiting.pk],
        "status=failed": [],
    }
    for query, ids in filters.items():
        assert [each["id"] for each in get(api, f"?{query}")["executions"]] == ids, query


def test_cursor_walks_them_all(api, workspace, channel, contact):
    scenario = stored(workspace, message("a"))
    start = Start(scenario.definition_id, contact.pk, channel.pk, "api")
    ids = [start_many(workspace.pk, [start])[0].pk for _ in range(5)]
    page = get(api, "?per_page=2")
    seen = [each["id"] for each in page["executions"]]
    while cursor := page["meta"]["next_cursor"]:
        page = get(api, f"?per_page=2&cursor={cursor}")
        seen += [each["id"] for each in page["executions"]]
    assert seen == ids[::-1]


def test_queries_do_not_grow(api, workspace, channel, waiting, django_assert_num_queries):
    get(api)  # notes that the token was used
    with django_assert_num_queries(3):
        get(api)
    for number in range(5):
        scenario = stored(workspace, message("a"), title=f"S{number}")
        contact = new_contact(channel, f"p{number}")
        start_many(workspace.pk, [Start(scenario.definition_id, contact.pk, channel.pk, "api")])
    with django_assert_num_queries(3):
        assert len(get(api)["executions"]) == 6


@pytest.mark.parametrize(
    "query", ["status=open", "scenario_id=x", "contact_id=0", "colour=red", "page=1&cursor=MTA1"]
)
def test_bad_filters_are_refused(api, waiting, query):
    error = get(api, f"?{query}", 400)["error"]
    assert error["code"] == "validation_failed"


def test_strangers_see_nothing(stranger, waiting):
    theirs = client_of(stranger)
    assert get(theirs)["executions"] == []
    assert get(theirs, f"/{waiting.pk}", 404)["error"]["code"] == "not_found"
    assert get(theirs, f"?contact_id={waiting.contact_id}", 400)
    assert theirs.post(f"{URL}/{waiting.pk}/cancel").status_code == 404
    waiting.refresh_from_db()
    assert waiting.status == "waiting"


def test_abilities(workspace, waiting):
    reader = client_of(workspace, ["scenarios.read"])
    assert get(reader, f"/{waiting.pk}")["status"] == "waiting"
    assert reader.post(f"{URL}/{waiting.pk}/cancel").status_code == 403
    assert client_of(workspace, ["messages.read"]).get(URL).status_code == 403
    waiting.refresh_from_db()
    assert waiting.status == "waiting"


def cancel(api, execution, status=200, **headers):
    answer = api.post(f"{URL}/{execution.pk}/cancel", headers=headers)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_cancel_stops_a_wait(api, waiting, channel):
    shown = cancel(api, waiting)
    assert (shown["status"], shown["reason_code"]) == ("stopped", "canceled")
    assert (shown["wake_at"], shown["current_action"]) == (None, "q1")
    assert [each["status"] for each in shown["steps"]] == ["done", "stopped"]
    assert shown == get(api, f"/{waiting.pk}")
    jane = Person(channel)
    jane.write("yes")  # answers nothing, and starts the scenario again
    assert jane.receive()[2:] == ["Hi", "Are you interested?"]


def test_cancel_withdraws_what_did_not_go_out(api, workspace, channel):
    texts = [message("a", content="1"), message("b", "a", content="2")]
    tree = [*texts, message("c", "b", content="3"), {**QUESTION, "parent_key": "c"}]
    stored(workspace, *tree)
    Person(channel).write("Hello")
    execution = Execution.objects.get()
    rows: dict[str, dict[str, Any]] = {
        "1": {"status": "sent"},
        "2": {"status": "unconfirmed"},
        "3": {"status": "queued", "unconfirmed_at": execution.created_at},
    }
    for text, row in rows.items():
        Message.objects.filter(text=text).update(**row)
    cancel(api, execution)
    ours = Message.objects.filter(direction="outbound").order_by("pk")
    assert list(ours.values_list("status", "error_code")) == [
        ("sent", ""),
        ("unconfirmed", ""),
        ("unconfirmed", ""),  # may have gone out before
        ("canceled", "canceled"),
    ]


def test_cancel_while_a_message_is_being_sent_ends_its_tries(api, workspace, channel):
    stored(workspace, message("a", content="1"), message("b", "a", content="2"))
    jane = Person(channel)
    jane.write("Hello")
    first = Message.objects.get(text="1")
    [attempt] = claim_messages(channel.pk, 1, timezone.now(), timezone.now() + timedelta(minutes=1))
    assert attempt.message_id == first.pk
    Execution.objects.update(status="running")
    cancel(api, Execution.objects.get())
    first.refresh_from_db()
    assert (first.status, first.withdrawn) == ("sending", True)
    settle([attempt.is_(News.BUSY, Verdict(Outcome.BUSY, code="rate_limited"))])
    assert set(Message.objects.values_list("text", "status")) == {
        ("Hello", "received"),
        ("1", "canceled"),
        ("2", "canceled"),
    }
    assert jane.receive() == []


@pytest.mark.parametrize("status", ["completed", "stopped", "expired", "failed"])
def test_what_has_ended_cannot_be_canceled(api, waiting, status):
    Execution.objects.update(status=status, awaited=None, due_at=None, reason_code="before")
    error = cancel(api, waiting, 409)["error"]
    assert (error["code"], status in error["message"]) == ("conflict", True)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.reason_code) == (status, "before")


def test_the_same_cancel_twice_is_answered_twice(api, waiting):
    first = cancel(api, waiting, **{"Idempotency-Key": "k"})
    assert cancel(api, waiting, **{"Idempotency-Key": "k"}) == first
    assert cancel(api, waiting, 409)["error"]["code"] == "conflict"
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target) == ("execution canceled", str(waiting))


def test_documents_agree(api, waiting):
    document = SchemaGenerator().get_schema(request=None, public=True)
    for path, shown in (
        (f"/{waiting.pk}", examples.EXECUTION_IN_FULL),
        ("", examples.EXECUTION),
    ):
        name = "ExecutionInFull" if path else "Execution"
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        answer = get(api, path)
        answer = answer if path else answer["executions"][0]
        jsonschema.Draft202012Validator(schema).validate(answer)
        jsonschema.Draft202012Validator(schema).validate(shown.value)
        assert set(shown.value) == set(answer)
    operations = [
        document["paths"][f"{URL}{path}"][method]
        for path, method in (("", "get"), ("/{id}", "get"), ("/{id}/cancel", "post"))
    ]
    assert all(each["tags"] == ["executions"] and each["summary"] for each in operations)


def test_deleted_scenario_takes_waits_along(api, waiting, channel):
    assert api.delete(f"/api/v1/scenarios/{waiting.definition.scenario.pk}").status_code == 204
    Person(channel).write("yes")
    assert get(api)["executions"] == []


def test_question_under_nothing_completes(api, workspace, channel):
    stored(workspace, QUESTION, under("option_0", "Great!"))
    jane = Person(channel)
    jane.write("Hello")
    jane.receive()
    jane.write("no")
    [shown] = get(api)["executions"]
    assert (shown["status"], shown["reason_code"]) == ("completed", None)
