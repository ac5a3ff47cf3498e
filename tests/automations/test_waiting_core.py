"""Waits in the core: what ends them, and that no step is lost or doubled whatever happens."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.actions import ACTION_TYPES
from automations.engine.core import advance
from automations.engine.events import GO, Event, Reply, TimeUp
from automations.engine.outcomes import Finish, Proceed, Wait, WaitForReply
from automations.engine.state import Node, Ran, State, Status, Tree, Waiting
from automations.engine.step import Send

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOON = NOW + timedelta(seconds=60)


class Asks:
    def run(self, action, step):
        step.send("text", "Well?")
        return WaitForReply(60)

    def resume(self, action, step, event):
        if isinstance(event, Reply):
            step.learn("answer", event.text)
            return Proceed("replied")
        return Proceed("expired", "expired")


class AsksNothing(Asks):
    def run(self, action, step):
        return WaitForReply(60)


def asking(**children):
    return Node("ask", "test", Asks(), children=children)


def says(key="say", content="You said {{answer}}"):
    kind = ACTION_TYPES["message"]
    return Node(key, "message", kind, content, kind.complete({}))


def tree(*nodes):
    return Tree(nodes[0].key, {node.key: node for node in nodes})


def go(definition, state, event=GO, now=NOW):
    return advance(state, definition, event, now, Random(0))


@pytest.fixture
def asked():
    definition = tree(asking(replied="say"), says())
    state, effects = go(definition, State("ask"))
    assert [type(each) for each in effects] == [Ran, Send]
    return definition, state


def test_question_waits_without_a_time(asked):
    definition, state = asked
    assert (state.status, state.key, state.wake_at) == (Status.WAITING, "ask", None)
    assert state.waiting == Waiting(definition.nodes["ask"], 1, 1, 100, 60)


def test_reply_goes_on_and_is_known_to_what_follows(asked):
    definition, state = asked
    state, effects = go(definition, state, Reply("Yes"))
    assert (state.status, state.key, state.steps_taken) == (Status.COMPLETED, "say", 2)
    assert (state.waiting, state.variables) == (None, {"answer": "Yes"})
    ran, after, sent = effects
    assert (ran.number, ran.branch, ran.status, ran.answer) == (1, "replied", "done", "Yes")
    assert (ran.attempts, after.number, sent.text) == (2, 2, "You said Yes")


@pytest.mark.parametrize("event", [GO, TimeUp(NOW)])
def test_unsent_question_takes_a_reply_only(asked, event):
    definition, state = asked
    assert go(definition, state, event) == (state, [])


def test_time_is_up_when_it_is_and_not_before(asked):
    definition, state = asked
    armed = replace(state, wake_at=SOON)
    assert go(definition, armed, TimeUp(SOON)) == (armed, [])
    state, [ran] = go(definition, armed, TimeUp(SOON), SOON)
    assert (state.status, state.wake_at, ran.branch) == (Status.EXPIRED, None, "expired")


def test_delay_takes_no_reply():
    delay = Node("d", "delay", ACTION_TYPES["delay"], options={"seconds": 60})
    state, _ = go(tree(delay), State("d"))
    assert (state.wake_at, state.waiting.awaited) == (SOON, None)
    assert go(tree(delay), state, Reply("now")) == (state, [])


@pytest.mark.parametrize("event", [GO, Reply("x"), TimeUp(NOW)])
def test_running_one_takes_go_only(event):
    definition = tree(says())
    state = State("say")
    after, effects = go(definition, state, event)
    assert (after.status is Status.COMPLETED) is bool(effects) is (event is GO)


def test_removed_action_ends_the_step_too(asked):
    _, state = asked
    after, [ran] = go(tree(says()), state, Reply("Yes"))
    assert (after.status, after.reason_code) == (Status.STOPPED, "action_removed")
    assert (after.waiting, ran.number, ran.status) == (None, 1, "stopped")


def test_wait_for_a_reply_needs_a_message():
    with pytest.raises(ValueError, match="no message"):
        go(tree(Node("ask", "test", AsksNothing())), State("ask"))


class Anything:
    """Does as its options say, one thing each time that it is at work in a step."""

    def run(self, action, step):
        return self._next(action, step)

    def resume(self, action, step, event):
        return self._next(action, step)

    def _next(self, action, step):
        script = action.options["script"]
        does = script[min(step.attempt, len(script)) - 1]
        step.send("text", f"{action.key} {step.attempt}")
        return {
            "wait": Wait(step.now + timedelta(seconds=60)),
            "ask": WaitForReply(60),
            "end": Finish(),
        }.get(does) or Proceed(does)


DOES = ["a", "b", "wait", "ask", "end"]
scripts = st.lists(st.sampled_from(DOES), min_size=1, max_size=3).map(
    lambda script: [*script, "a"]  # in the end it goes on
)
events = st.lists(st.sampled_from(["go", "reply", "early", "time", "arm"]), max_size=40)


@given(st.lists(scripts, min_size=2, max_size=7), events)
def test_no_step_is_lost_or_doubled(each_script, happening):
    """Nodes form a binary tree; whatever happens, the log is that of one walk from its root."""
    nodes = {}
    for index, script in enumerate(each_script):
        places = {"a": 2 * index + 1, "b": 2 * index + 2}
        children = {name: f"n{at}" for name, at in places.items() if at < len(each_script)}
        node = Node(f"n{index}", "any", Anything(), options={"script": script}, children=children)
        nodes[node.key] = node
    definition, now = Tree("n0", nodes), NOW
    state, log, sent = State("n0"), [], []
    for what in ["go", *happening]:
        now += timedelta(seconds=1)
        if what == "arm" and state.waiting and state.waiting.within:
            waiting = replace(state.waiting, within=None)
            state = replace(state, waiting=waiting, wake_at=now + timedelta(seconds=60))
        if what == "time" and state.wake_at:
            now = max(now, state.wake_at)
        kinds: dict[str, Event] = {"go": GO, "reply": Reply("x"), "arm": GO}
        event = kinds.get(what) or TimeUp(now)
        before = state
        state, effects = advance(state, definition, event, now, Random(0))
        if state == before:
            assert effects == []
        log += [each for each in effects if isinstance(each, Ran)]
        sent += [each for each in effects if isinstance(each, Send)]
    positions = [each.position for each in sent]
    assert positions == sorted(set(positions))
    numbers = [(each.number, each.attempts) for each in log]
    assert len(set(numbers)) == len(numbers) == len(sent)
    walked = [each for each in log if each.status != "waiting"]
    assert [each.number for each in walked] == list(range(1, len(walked) + 1))
    for above, below in pairwise(walked):
        assert above.node.children[above.branch] == below.node.key
    assert (state.waiting is not None) == (state.status is Status.WAITING)
    live = state.status in {Status.WAITING, Status.RUNNING}
    assert state.steps_taken == len(walked) + (state.status is Status.WAITING)
    assert live or state.wake_at is None
