"""The engine: what one event does to one execution. Pure – no database, clock or hidden chance."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any

from automations.engine.events import GO, Event, Go, Reply, TimeUp
from automations.engine.outcomes import Finish, Outcome, Proceed, Wait, WaitForReply
from automations.engine.state import Effect, Node, Ran, State, Status, Tree, Waiting
from automations.engine.step import Step

STEPS_PER_TURN = 100
STEPS_IN_ALL = 1_000


def advance(
    state: State, tree: Tree, event: Event, now: datetime, rng: Random
) -> tuple[State, list[Effect]]:
    """Run until the execution ends, waits or has used up its turn (then it is still running).

    An event that it does not wait for changes nothing.
    """
    effects: list[Effect] = []
    if not _is_for(event, state, now):
        return state, effects
    for _ in range(STEPS_PER_TURN):
        state, caused = _step(state, tree, event, now, rng)
        effects += caused
        if state.status is not Status.RUNNING:
            break
        event = GO
    return state, effects


def _is_for(event: Event, state: State, now: datetime) -> bool:
    match event:
        case Go():
            return state.status is Status.RUNNING
        case TimeUp():
            return state.wake_at is not None and state.wake_at <= now
        case Reply():
            return state.waiting is not None and state.waiting.awaited is not None


def _step(
    state: State, tree: Tree, event: Event, now: datetime, rng: Random
) -> tuple[State, list[Effect]]:
    node, waiting = tree.nodes.get(state.key), state.waiting
    number = state.steps_taken if waiting else state.steps_taken + 1
    acting = waiting.action if waiting else node
    if node is None or acting is None:
        ended = _ended(state, Status.STOPPED, "action_removed")
        return ended, _cut_short(number, waiting)
    if acting.type is None:
        ended = _ended(state, Status.FAILED, "action_type_unknown")
        return ended, _cut_short(number, waiting)
    if number > STEPS_IN_ALL:
        return _ended(state, Status.FAILED, "step_limit"), []
    if waiting and not isinstance(event, Go):
        attempt = waiting.attempts + 1
        step = Step(number, state.variables, now, rng, state.story, attempt, waiting.messages)
        outcome = acting.type.resume(acting, step, event)
    else:
        step = Step(number, state.variables, now, rng, state.story)
        outcome = acting.type.run(acting, step)
    after = _after(state, node, acting, step, outcome)
    return after, [_logged(acting, step, outcome, event), *step.sent]


def _after(state: State, node: Node, acting: Node, step: Step, outcome: Outcome) -> State:
    """`node` stands in the tree as it is now, `acting` is what ran."""
    state = replace(state, steps_taken=step.number, variables=_known(state, step))
    match outcome:
        case Proceed(branch, childless):
            child = node.children.get(branch)
            if child is None:
                return _ended(state, Status(childless))
            return replace(state, key=child, status=Status.RUNNING, wake_at=None, waiting=None)
        case Wait(until):
            waiting = replace(_waiting(state, acting, step), within=None)
            return replace(state, status=Status.WAITING, wake_at=until, waiting=waiting)
        case WaitForReply(within):
            if not step.sent:
                raise ValueError("There is no message that a reply could answer.")
            waiting = _waiting(state, acting, step)
            waiting = replace(waiting, awaited=step.sent[-1].position, within=within)
            return replace(state, status=Status.WAITING, wake_at=None, waiting=waiting)
        case Finish(status, reason_code):
            return _ended(state, Status(status), reason_code)


def _known(state: State, step: Step) -> Mapping[str, Any]:
    return {**state.variables, **step.learned} if step.learned else state.variables


def _waiting(state: State, acting: Node, step: Step) -> Waiting:
    before = state.waiting or Waiting(acting)
    messages = step.messages + len(step.sent)
    return replace(before, attempts=step.attempt, messages=messages)


def _logged(node: Node, step: Step, outcome: Outcome, event: Event) -> Ran:
    branch = ""
    match outcome:
        case Proceed(branch):
            status = "done"
        case Wait() | WaitForReply():
            status = "waiting"
        case Finish(ended):
            status = "failed" if ended == "failed" else "done"
    answer = event.text if isinstance(event, Reply) else ""
    messages = step.messages + len(step.sent)
    return Ran(step.number, node, status, branch, step.attempt, messages, answer)


def _cut_short(number: int, waiting: Waiting | None) -> list[Effect]:
    """The log of a wait that cannot go on."""
    if waiting is None:
        return []
    attempts = waiting.attempts + 1
    return [Ran(number, waiting.action, "stopped", attempts=attempts, messages=waiting.messages)]


def broken(state: State) -> tuple[State, list[Effect]]:
    """What a fault of ours in a turn comes to: nothing of the turn is kept."""
    failed = _ended(state, Status.FAILED, "internal_error")
    return failed, _cut_short(state.steps_taken, state.waiting)


def _ended(state: State, status: Status, reason_code: str = "") -> State:
    return replace(state, status=status, reason_code=reason_code, wake_at=None, waiting=None)
