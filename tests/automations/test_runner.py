from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from automations.actions import ACTION_TYPES
from automations.actions.base import ActionType
from automations.engine import core, resuming, runner
from automations.engine.compiling import TreeCache, trees_of
from automations.engine.outcomes import Proceed, Wait
from automations.engine.runner import Start, continue_executions, due, start_many
from automations.engine.state import Node, Tree
from automations.models import Action, Execution, Step
from automations.tasks import continue_executions as continue_task
from inro.common.claims import SWEEPS, claim
from messaging.models import Message
from tests.automations.conftest import new_contact
from tests.automations.support import message, stored

NOW = timezone.now()


class Sleep(ActionType):
    """Waits five minutes."""

    action_type = "sleep"
    label = "Sleep"
    example = {"action_type": "sleep"}

    def run(self, action, step):
        return Wait(step.now + timedelta(minutes=5))

    def resume(self, action, step, event):
        return Proceed()


class Broken(Sleep):
    """Fails by a fault of ours."""

    action_type = "broken"

    def run(self, action, step):
        step.send("text", "never")
        raise RuntimeError("what Jane wrote")


@pytest.fixture(autouse=True)
def more_types(monkeypatch):
    for kind in (Sleep(), Broken()):
        monkeypatch.setitem(ACTION_TYPES._items, kind.action_type, kind)


def start(scenario, contact, channel, **more):
    return Start(scenario.definition_id, contact.pk, channel.pk, "message", **more)


def started(scenario, contact, channel, now=NOW, **more):
    return start_many(channel.workspace_id, [start(scenario, contact, channel, **more)], now=now)


def texts():
    return list(Message.objects.order_by("pk").values_list("text", flat=True))


def test_runs_at_once_and_writes_everything(workspace, channel, contact):
    scenario = stored(workspace, message("a", content="Hi {{contact.name}}"), message("b", "a"))
    variables = {"trigger": {"message": "hello"}}
    [execution] = started(scenario, contact, channel, variables=variables)

    execution = Execution.objects.get()
    assert (execution.status, execution.reason_code) == ("completed", "")
    assert (execution.current_key, execution.steps_taken) == ("b", 2)
    assert (execution.created_at, execution.finished_at) == (NOW, NOW)
    assert (execution.due_at, execution.variables) == (None, variables)
    assert list(Step.objects.values_list("number", "action_key", "branch", "status", "at")) == [
        (1, "a", "next", "done", NOW),
        (2, "b", "next", "done", NOW),
    ]
    assert Step.objects.get(number=1).action == {
        "action_key": "a",
        "action_type": "message",
        "content": "Hi {{contact.name}}",
        "options": {"message_variants": [], "buttons": []},
        "media_file": None,
        "children": {"next": "b"},
    }
    sent = Message.objects.order_by("pk")
    assert [(row.text, row.status, row.contact_id, row.channel_id) for row in sent] == [
        ("Hi Jane", "queued", contact.pk, channel.pk),
        ("Hi", "queued", contact.pk, channel.pk),
    ]
    assert {row.story for row in sent} == {execution.story}
    assert len({row.position for row in sent}) == 2


def test_many_starts_cost_as_much_as_one(
    workspace, channel, contact, django_assert_max_num_queries, django_assert_num_queries
):
    scenario = stored(workspace, message("a"), message("b", "a"))
    others = [new_contact(channel, f"person{number}") for number in range(15)]
    started(scenario, contact, channel)  # compiles the tree, once for all

    with django_assert_max_num_queries(20) as few:
        started(scenario, others[0], channel)
    with django_assert_num_queries(len(few)):
        begun = start_many(workspace.pk, [start(scenario, each, channel) for each in others[1:]])
    assert len(begun) == 14
    assert Message.objects.count() == 2 * 16


def test_running_scenario_does_not_start_again(workspace, channel, contact):
    scenario = stored(workspace, {"action_key": "s", "action_type": "sleep"})
    other = new_contact(channel, "joe")
    assert len(started(scenario, contact, channel)) == 1
    assert started(scenario, contact, channel) == []
    begun = start_many(
        workspace.pk, [start(scenario, contact, channel), start(scenario, other, channel)]
    )
    assert [each.contact_id for each in begun] == [other.pk]
    assert Execution.objects.count() == 2


def test_twice_in_one_batch_starts_once(workspace, channel, contact):
    scenario = stored(workspace, message("a"))
    twice = [start(scenario, contact, channel)] * 2
    assert len(start_many(workspace.pk, twice)) == 1
    assert texts() == ["Hi"]


def test_constraint_stands_behind_the_check(workspace, channel, contact, monkeypatch):
    scenario = stored(workspace, {"action_key": "s", "action_type": "sleep"})
    started(scenario, contact, channel)
    monkeypatch.setattr(runner, "_allowed", lambda wanted, *rest: list(wanted.values()))
    with pytest.raises(IntegrityError), transaction.atomic():
        started(scenario, contact, channel)
    assert Execution.objects.count() == 1


def test_cooldown(workspace, channel, contact):
    scenario, other = stored(workspace, message("a")), stored(workspace, message("b"))
    assert started(scenario, contact, channel, NOW - timedelta(seconds=59))
    assert started(scenario, contact, channel, cooldown=59)
    assert started(scenario, contact, channel, NOW + timedelta(seconds=30), cooldown=60) == []
    assert started(other, contact, channel, NOW + timedelta(seconds=30), cooldown=60)
    assert started(scenario, contact, channel, NOW + timedelta(seconds=60), cooldown=60)


def test_contact_of_another_workspace_does_not_start(workspace, stranger, channel, contact):
    scenario = stored(stranger, message("a"))
    assert start_many(stranger.pk, [start(scenario, contact, channel)]) == []
    assert Execution.objects.count() == 0


def test_a_fault_of_ours_costs_one_execution_only(workspace, channel, contact, caplog):
    good = stored(workspace, message("a", content="good"))
    broken = {"action_type": "broken", "parent_key": "a"}
    bad = stored(workspace, message("a", content="bad"), broken)
    starts = [start(bad, contact, channel), start(good, contact, channel)]
    start_many(workspace.pk, starts)
    ended = {each.definition_id: each for each in Execution.objects.all()}
    assert ended[good.definition_id].status == "completed"
    assert ended[bad.definition_id].status == "failed"
    assert ended[bad.definition_id].reason_code == "internal_error"
    assert texts() == ["good"]
    assert "execution broke" in caplog.text
    assert "what Jane wrote" not in caplog.text


def test_wait_is_kept_and_taken_up_in_time(workspace, channel, contact):
    sleep = {"action_key": "s", "action_type": "sleep", "parent_key": "a"}
    scenario = stored(workspace, message("a", content="1"), sleep, message("b", "s", content="2"))
    [execution] = started(scenario, contact, channel)
    later = NOW + timedelta(minutes=5)
    execution.refresh_from_db()
    assert (execution.status, execution.current_key) == ("waiting", "s")
    assert (execution.due_at, execution.finished_at) == (later, None)
    assert list(execution.steps.values_list("number", "status")) == [(1, "done"), (2, "waiting")]

    assert due(later - timedelta(seconds=1)) == []
    assert continue_executions([execution.pk], later - timedelta(seconds=1)) == []
    assert due(later) == [execution.pk]
    assert len(continue_executions([execution.pk], later)) == 1
    execution.refresh_from_db()
    assert (execution.status, execution.current_key) == ("completed", "b")
    assert (execution.due_at, execution.lease_until, execution.finished_at) == (None, None, later)
    assert texts() == ["1", "2"]
    done = [(1, "done", 1), (2, "done", 2), (3, "done", 1)]
    assert list(execution.steps.values_list("number", "status", "attempts")) == done
    assert continue_executions([execution.pk], later) == []
    assert texts() == ["1", "2"]


def test_long_run_goes_on_in_the_next_turn(workspace, channel, contact, monkeypatch):
    scenario = stored(workspace, message("a"))
    kind = ACTION_TYPES["message"]
    loop = Node("a", "message", kind, "Hi", kind.complete({}), children={"next": "a"})
    for module in (runner, resuming):
        monkeypatch.setattr(
            module, "trees_of", lambda ids: dict.fromkeys(ids, Tree("a", {"a": loop}))
        )
    monkeypatch.setattr(core, "STEPS_IN_ALL", 250)
    [execution] = started(scenario, contact, channel)
    assert (execution.status, execution.steps_taken, execution.due_at) == ("running", 100, NOW)
    for _ in range(2):
        assert due(NOW) == [execution.pk]
        continue_executions([execution.pk], NOW)
    execution.refresh_from_db()
    assert (execution.status, execution.reason_code) == ("failed", "step_limit")
    assert (Message.objects.count(), Step.objects.count()) == (250, 250)
    assert due(NOW) == []


@pytest.mark.parametrize(
    "meanwhile", [{"turn": 99}, {"status": "failed"}], ids=["taken over", "ended"]
)
def test_turn_is_discarded_when_the_execution_went_elsewhere(
    workspace, channel, contact, monkeypatch, meanwhile
):
    sleep = {"action_key": "s", "action_type": "sleep"}
    [execution] = started(stored(workspace, sleep, message("b", "s")), contact, channel)
    later = NOW + timedelta(minutes=5)

    def claim_and_lose(rows, pk, lease, now):
        turn = claim(rows, pk, lease, now)
        Execution.objects.filter(pk=pk).update(**meanwhile)
        return turn

    monkeypatch.setattr(runner, "claim", claim_and_lose)
    assert continue_executions([execution.pk], later) == []
    assert (texts(), Step.objects.count()) == ([], 1)


def test_two_workers_do_not_take_the_same_turn(workspace, channel, contact):
    sleep = {"action_key": "s", "action_type": "sleep"}
    [execution] = started(stored(workspace, sleep), contact, channel)
    later = NOW + timedelta(minutes=5)
    claim(Execution.objects.all(), execution.pk, timedelta(seconds=60), later)
    assert due(later) == []
    assert continue_executions([execution.pk], later) == []
    # The other one died: its lease ends, and the execution is taken up again.
    after = later + timedelta(seconds=61)
    assert due(after) == [execution.pk]
    assert len(continue_executions([execution.pk], after)) == 1


def test_sweep_wakes_what_is_due(workspace, channel, contact, monkeypatch):
    woken = []
    monkeypatch.setattr("automations.tasks.wake", lambda task, ids: woken.append((task.name, ids)))
    sleep = {"action_key": "s", "action_type": "sleep"}
    [execution] = started(stored(workspace, sleep), contact, channel)
    sweep = SWEEPS["executions"]
    assert sweep.model is Execution
    assert sweep.run(NOW) == 0
    assert sweep.run(NOW + timedelta(minutes=6)) == 1
    assert woken == [("automations.continue_executions", [execution.pk])]


def test_task_takes_the_turn_once(workspace, channel, contact):
    sleep = {"action_key": "s", "action_type": "sleep"}
    past = NOW - timedelta(hours=1)
    scenario = stored(workspace, sleep, message("b", "s"))
    [execution] = started(scenario, contact, channel, past)
    for _ in range(2):
        continue_task([execution.pk])
    assert texts() == ["Hi"]


def test_trees_are_compiled_once_for_each_revision(workspace, django_assert_num_queries):
    scenario = stored(workspace, message("a"))
    pk = scenario.definition_id
    with django_assert_num_queries(2):
        first = trees_of([pk])[pk]
    with django_assert_num_queries(1):
        assert trees_of([pk])[pk] is first
    Action.objects.update(content="changed")
    scenario.definition.revision += 1
    scenario.definition.save()
    with django_assert_num_queries(2):
        assert trees_of([pk])[pk].nodes["a"].content == "changed"


def test_cache_forgets_what_was_used_longest_ago():
    cache = TreeCache(2)
    keys = [(number, 1, NOW) for number in range(3)]
    trees = [Tree("", {}) for _ in keys]
    cache.put(keys[0], trees[0])
    cache.put(keys[1], trees[1])
    assert cache.get(keys[0]) is trees[0]
    cache.put(keys[2], trees[2])
    assert [cache.get(key) is not None for key in keys] == [True, False, True]


def test_type_that_this_version_does_not_have_fails(workspace, channel, contact):
    scenario = stored(workspace, message("a"))
    Action.objects.update(action_type="of_tomorrow")
    [execution] = started(scenario, contact, channel)
    assert (execution.status, execution.reason_code) == ("failed", "action_type_unknown")
