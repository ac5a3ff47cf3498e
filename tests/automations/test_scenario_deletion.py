"""DELETE of a scenario: what goes with it, what stays, and what is under way meanwhile."""

from typing import Any

import pytest

from automations.engine.runner import Start, continue_executions, start_many
from automations.models import Action, Definition, Execution, Scenario, Step, Trigger
from messaging.models import Message
from tests.automations.support import message, stored
from tests.conftest import client_of

OWN = (Scenario, Definition, Action, Trigger, Execution, Step)


def counts() -> list[int]:
    return [model._default_manager.count() for model in OWN]


def begun(scenario: Any, channel: Any, contact: Any) -> list[Execution]:
    start = Start(scenario.definition_id, contact.pk, channel.pk, "message")
    return start_many(channel.workspace_id, [start])


@pytest.fixture
def scenario(workspace: Any, channel: Any, contact: Any) -> Any:
    scenario = stored(workspace, message("a"), message("b", "a"))
    assert len(begun(scenario, channel, contact)) == 1
    return scenario


def test_all_that_is_its_own_goes_and_messages_stay(api, workspace, scenario, stranger):
    stored(stranger, message("a"))
    other = api.post("/api/v1/scenarios", {"actions": [message("a")]}).json()
    before = list(Message.objects.order_by("pk").values())
    answer = api.delete(f"/api/v1/scenarios/{scenario.pk}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert counts() == [2, 2, 2, 1, 0, 0]
    assert len(before) == 2
    assert list(Message.objects.order_by("pk").values()) == before
    assert api.get(f"/api/v1/scenarios/{scenario.pk}").status_code == 404
    assert api.delete(f"/api/v1/scenarios/{scenario.pk}").status_code == 404
    assert api.patch(f"/api/v1/scenarios/{scenario.pk}", {"title": "x"}).status_code == 404
    assert [each["id"] for each in api.get("/api/v1/scenarios").json()["scenarios"]] == [
        other["id"]
    ]


def test_executions_under_way_end_with_it(api, scenario):
    Execution.objects.update(status="running", due_at=scenario.created_at, finished_at=None)
    pk = Execution.objects.get().pk
    assert api.delete(f"/api/v1/scenarios/{scenario.pk}").status_code == 204
    assert continue_executions([pk]) == []


def test_start_that_was_chosen_before_comes_to_nothing(api, workspace, scenario, channel, contact):
    other = stored(workspace, message("a"))
    starts = [
        Start(each.definition_id, contact.pk, channel.pk, "message") for each in (scenario, other)
    ]
    api.delete(f"/api/v1/scenarios/{scenario.pk}")
    [execution] = start_many(workspace.pk, starts)
    assert execution.definition_id == other.definition_id


def test_refusals_delete_nothing(workspace, stranger, scenario):
    before = counts()
    url = f"/api/v1/scenarios/{scenario.pk}"
    assert client_of(stranger).delete(url).status_code == 404
    assert client_of(workspace, ["scenarios.read"]).delete(url).status_code == 403
    assert client_of(workspace).delete(f"{url}?force=1").status_code == 400
    assert counts() == before
