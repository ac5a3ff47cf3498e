import subprocess
import sys
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from automations.engine.core import advance
from automations.engine.events import GO, TimeUp
from automations.engine.outcomes import Finish, Proceed, Wait
from automations.engine.state import Node, Ran, State, Status, Tree
from automations.engine.step import POSITIONS_PER_STEP, Send, Step, step_of
from automations.models import LIVE, ExecutionStatus
from tests.waiting import SECONDS

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_knows_neither_django_nor_celery():
    code = (
        "import sys; sys.modules.update(django=None, rest_framework=None, celery=None);"
        "import automations.engine.core"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=SECONDS)


class Says:
    def run(self, action, step):
        step.send("text", step.render(action.content))
        return Proceed()


class Tosses:
    """Takes a branch by chance."""

    def run(self, action, step):
        return Proceed(step.rng.choice(["a", "b"]))


class Sleeps:
    def run(self, action, step):
        step.send("text", "wait")
        return Wait(step.now + timedelta(minutes=5))

    def resume(self, action, step, event):
        step.send("text", "awake")
        return Proceed("woken")


class Ends:
    def __init__(self, *arguments):
        self.arguments = arguments

    def run(self, action, step):
        return Finish(*self.arguments)


def tree(*nodes):
    return Tree(nodes[0].key, {node.key: node for node in nodes})


def node(key, behaviour, content="", **children):
    return Node(key, "test", behaviour, content, children=children)


def go(definition, state=None, event=GO, seed=0, now=NOW):
    state = state or State(definition.root, {"contact": {"name": "Jane"}})
    return advance(state, definition, event, now, Random(seed))


def test_runs_to_the_end_of_a_branch():
    one, two = node("one", Says(), "Hi {{contact.name}}", next="two"), node("two", Says(), "Bye")
    state, effects = go(tree(one, two))
    assert (state.status, state.key, state.steps_taken) == (Status.COMPLETED, "two", 2)
    assert effects == [
        Ran(1, one, "done", "next", messages=1),
        Send(100, "text", "Hi Jane"),
        Ran(2, two, "done", "next", messages=1),
        Send(200, "text", "Bye"),
    ]


def test_follows_the_branch_that_was_taken():
    definition = tree(
        node("toss", Tosses(), a="left", b="right"),
        node("left", Says(), "left"),
        node("right", Says(), "right"),
    )
    for seed in range(10):
        state, effects = go(definition, seed=seed)
        taken = "left" if effects[0].branch == "a" else "right"
        assert (state.key, effects[-1].text) == (taken, taken)


def test_branch_without_child_completes():
    state, _ = go(tree(node("toss", Tosses(), c="never"), node("never", Says())))
    assert (state.status, state.key) == (Status.COMPLETED, "toss")


def test_wait_stays_and_resumes():
    sleep = node("sleep", Sleeps(), woken="after")
    after = node("after", Says(), "after")
    state, effects = go(tree(sleep, after))
    assert (state.status, state.key) == (Status.WAITING, "sleep")
    assert state.wake_at == NOW + timedelta(minutes=5)
    assert effects == [Ran(1, sleep, "waiting", messages=1), Send(100, "text", "wait")]

    later = NOW + timedelta(minutes=5)
    state, effects = go(tree(sleep, after), state, TimeUp(later), now=later)
    assert (state.status, state.wake_at, state.steps_taken) == (Status.COMPLETED, None, 2)
    # The same step goes on: its number stays, its messages go on counting.
    assert effects == [
        Ran(1, sleep, "done", "woken", attempts=2, messages=2),
        Send(101, "text", "awake"),
        Ran(2, after, "done", "next", messages=1),
        Send(200, "text", "after"),
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "logged"),
    [
        ((), Status.COMPLETED, "done"),
        (("stopped", "asked_to"), Status.STOPPED, "done"),
        (("failed", "no_luck"), Status.FAILED, "failed"),
    ],
)
def test_finish_ends_whatever_stands_below(arguments, status, logged):
    end = node("end", Ends(*arguments), next="more")
    state, effects = go(tree(end, node("more", Says())))
    assert (state.status, state.key) == (status, "end")
    assert state.reason_code == (arguments[1] if arguments else "")
    assert effects == [Ran(1, end, logged)]


def test_turn_ends_after_a_hundred_steps_and_goes_on_in_the_next():
    loop = tree(node("a", Says(), next="b"), node("b", Says(), next="a"))
    state, effects = go(loop)
    assert (state.status, state.steps_taken, len(effects)) == (Status.RUNNING, 100, 200)
    state, effects = go(loop, state)
    assert (state.status, state.steps_taken) == (Status.RUNNING, 200)
    assert effects[0].number == 101


def test_a_thousand_steps_are_the_limit():
    loop = tree(node("a", Says(), next="a"))
    state, ran = State("a"), 0
    while state.status is Status.RUNNING:
        state, effects = go(loop, state)
        ran += sum(isinstance(each, Ran) for each in effects)
    assert (state.status, state.reason_code, ran) == (Status.FAILED, "step_limit", 1000)


def test_exactly_a_hundred_steps_complete_in_one_turn():
    nodes = [node(f"n{i}", Says(), next=f"n{i + 1}") for i in range(100)]
    state, _ = go(tree(*nodes))
    assert (state.status, state.steps_taken) == (Status.RUNNING, 100)
    nodes[-1] = node("n99", Says())
    state, _ = go(tree(*nodes))
    assert (state.status, state.steps_taken) == (Status.COMPLETED, 100)


def test_removed_action_stops():
    state, effects = go(tree(node("a", Says())), State("gone", steps_taken=3))
    assert (state.status, state.reason_code, effects) == (Status.STOPPED, "action_removed", [])


def test_unknown_type_fails():
    state, effects = go(tree(node("a", None)))
    assert (state.status, state.reason_code, effects) == (Status.FAILED, "action_type_unknown", [])


@pytest.mark.parametrize("status", [s for s in Status if s.value not in LIVE])
def test_what_has_ended_does_not_run(status):
    before = State("a", status=status)
    assert go(tree(node("a", Says())), before) == (before, [])


def test_same_chance_same_run():
    definition = tree(node("a", Says(), "{1|2|3|4|5|6}", next="a"))
    assert go(definition, seed=5) == go(definition, seed=5)
    assert go(definition, seed=5) != go(definition, seed=6)


def test_statuses_are_those_of_the_rows():
    assert [each.value for each in Status] == ExecutionStatus.values


def test_messages_lead_back_to_their_step():
    step = Step(7, {}, NOW, Random(0))
    for _ in range(POSITIONS_PER_STEP):
        step.send("text", "x")
    assert {step_of(each.position) for each in step.sent} == {7}
    assert len({each.position for each in step.sent}) == POSITIONS_PER_STEP
    with pytest.raises(ValueError, match="too many"):
        step.send("text", "x")
