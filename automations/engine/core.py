"""The engine: what one event does to one execution. Pure – no database, clock or hidden chance."""

from dataclasses import replace
from datetime import datetime
from random import Random

from automations.engine.outcomes import Finish, Outcome, Proceed, Wait
from automations.engine.state import Effect, Event, Node, Ran, State, Status, Tree
from automations.engine.step import Step

STEPS_PER_TURN = 100
STEPS_IN_ALL = 1_000


def advance(
    state: State, tree: Tree, event: Event, now: datetime, rng: Random
) -> tuple[State, list[Effect]]:
    """Run until the execution ends, waits or has used up its turn (then it is still running)."""
    effects: list[Effect] = []
    for _ in range(STEPS_PER_TURN):
        if state.status not in {Status.RUNNING, Status.WAITING}:
            break
        state, caused = _step(state, tree, event, now, rng)
        effects += caused
        if state.status is not Status.RUNNING:
            break
        event = Event.GO
    return state, effects


def _step(
    state: State, tree: Tree, event: Event, now: datetime, rng: Random
) -> tuple[State, list[Effect]]:
    node = tree.nodes.get(state.key)
    if node is None:
        return _ended(state, Status.STOPPED, "action_removed"), []
    if node.type is None:
        return _ended(state, Status.FAILED, "action_type_unknown"), []
    if state.steps_taken >= STEPS_IN_ALL:
        return _ended(state, Status.FAILED, "step_limit"), []
    step = Step(state.steps_taken + 1, state.variables, now, rng)
    outcome = node.type.run(node, step) if event is Event.GO else node.type.resume(node, step)
    after = _after(replace(state, steps_taken=step.number, wake_at=None), node, outcome)
    return after, [_logged(step.number, node, outcome), *step.sent]


def _after(state: State, node: Node, outcome: Outcome) -> State:
    match outcome:
        case Proceed(branch):
            child = node.children.get(branch)
            if child is None:
                return _ended(state, Status.COMPLETED)
            return replace(state, key=child, status=Status.RUNNING)
        case Wait(until):
            return replace(state, status=Status.WAITING, wake_at=until)
        case Finish(status, reason_code):
            return _ended(state, Status(status), reason_code)


def _logged(number: int, node: Node, outcome: Outcome) -> Ran:
    match outcome:
        case Proceed(branch):
            return Ran(number, node, "done", branch)
        case Wait():
            return Ran(number, node, "waiting")
        case Finish(status):
            return Ran(number, node, "failed" if status == "failed" else "done")


def _ended(state: State, status: Status, reason_code: str = "") -> State:
    return replace(state, status=status, reason_code=reason_code, wake_at=None)
