"""One turn of many executions: what the core makes of them, and writing that down in bulk."""

import traceback
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import structlog

from automations.actions import ACTION_TYPES
from automations.engine import variables
from automations.engine.core import advance, broken
from automations.engine.events import Event
from automations.engine.state import Effect, Node, Ran, State, Status, Tree, Waiting
from automations.engine.step import Send
from automations.models import Execution, ExecutionStatus, Step
from inro.common.updating import update_each
from messaging.models import Contact, MessageType, StreamKind
from messaging.queueing import Draft, queue_messages

log = structlog.get_logger(__name__)

# The columns of an execution that a turn moves.
MOVED = (
    "status",
    "reason_code",
    "current_key",
    "variables",
    "steps_taken",
    "awaited",
    "within",
    "due_at",
    "lease_until",
    "turn",
    "finished_at",
    "updated_at",
)
# News of a message that a wait depends on come with it; this is for those that were lost.
LOOK_AFTER = timedelta(hours=6)


# The columns of a step that had waited which the end of its wait moves.
CONTINUED = ("branch", "status", "answer", "attempts", "messages")


@dataclass(frozen=True)
class Turn:
    """`step` is the row of the step that it waited in, if it did."""

    execution: Execution
    step: Step | None
    effects: list[Effect]


def take_turn(
    execution: Execution,
    tree: Tree,
    contact: Contact,
    event: Event,
    now: datetime,
    step: Step | None = None,
) -> Turn:
    """Advance `execution` in memory. A fault of ours ends it, and costs no other execution."""
    before = _state(execution, tree, contact, step)
    # The same turn taken again, after a crash, makes the same choices.
    rng = Random(f"{execution.story}/{execution.steps_taken}")  # noqa: S311 - no secret
    try:
        after, effects = advance(before, tree, event, now, rng)
    except Exception as error:
        _report(execution, error)
        after, effects = broken(before)
    _move(execution, after, now)
    return Turn(execution, step, effects)


def _state(execution: Execution, tree: Tree, contact: Contact, step: Step | None) -> State:
    return State(
        key=execution.current_key or tree.root,
        variables={**execution.variables, **variables.of_contact(contact)},
        status=Status(execution.status),
        steps_taken=execution.steps_taken,
        wake_at=execution.wake_at,
        waiting=_waiting(execution, tree, step),
        story=execution.story,
    )


def _waiting(execution: Execution, tree: Tree, step: Step | None) -> Waiting | None:
    if execution.status != ExecutionStatus.WAITING:
        return None
    action = restored(step.action) if step else tree.nodes.get(execution.current_key)
    return Waiting(
        action=action or Node(execution.current_key, "", None),
        attempts=step.attempts if step else 1,
        messages=step.messages if step else 0,
        awaited=execution.awaited,
        within=execution.within,
    )


def _report(execution: Execution, error: Exception) -> None:
    # Neither the text of the error nor a traceback with it: they may hold what a person wrote.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    log.error(
        "execution broke",
        execution_id=execution.pk,
        definition_id=execution.definition_id,
        error=type(error).__name__,
        at=f"{frame.filename}:{frame.lineno}",
    )


def _move(execution: Execution, state: State, now: datetime) -> None:
    waiting = state.waiting
    execution.status = state.status.value
    execution.reason_code = state.reason_code
    execution.current_key = state.key
    execution.variables = variables.kept(state.variables)
    execution.steps_taken = state.steps_taken
    execution.awaited = waiting.awaited if waiting else None
    execution.within = waiting.within if waiting else None
    due_at = {Status.RUNNING: now, Status.WAITING: state.wake_at or now + LOOK_AFTER}
    execution.due_at = due_at.get(state.status)
    execution.finished_at = None if execution.due_at else now
    execution.lease_until = None
    execution.turn += 1
    execution.updated_at = now


def write_effects(turns: Iterable[Turn], stream_kind: StreamKind, now: datetime) -> None:
    """Log the steps and queue the messages; the executions must be rows already."""
    begun: list[Step] = []
    continued: list[Step] = []
    drafts: dict[int, list[Draft]] = defaultdict(list)
    for turn in turns:
        for effect in turn.effects:
            match effect:
                case Ran() if turn.step and effect.number == turn.step.number:
                    continued.append(_continued(turn.step, effect))
                case Ran():
                    begun.append(_step(turn.execution, effect, now))
                case Send():
                    drafts[turn.execution.workspace_id].append(_draft(turn.execution, effect))
    Step.objects.bulk_create(begun)
    update_each(continued, CONTINUED)
    for workspace_id, messages in drafts.items():
        queue_messages(workspace_id, messages, stream_kind=stream_kind)


def _continued(step: Step, ran: Ran) -> Step:
    for name in CONTINUED:
        setattr(step, name, getattr(ran, name))
    return step


def _step(execution: Execution, ran: Ran, now: datetime) -> Step:
    return Step(
        execution=execution,
        number=ran.number,
        action_key=ran.node.key,
        action=snapshot(ran.node),
        branch=ran.branch,
        status=ran.status,
        answer=ran.answer,
        attempts=ran.attempts,
        messages=ran.messages,
        at=now,
    )


def snapshot(node: Node) -> Mapping[str, Any]:
    """The action as the log keeps it; `children` are the actions that its branches led to."""
    return {
        "action_key": node.key,
        "action_type": node.type_name,
        "content": node.content,
        "options": dict(node.options),
        "media_file": {"id": node.media_file_id} if node.media_file_id else None,
        "children": dict(node.children),
    }


def restored(snapshot: Mapping[str, Any]) -> Node:
    """The action of a snapshot, as the person saw it."""
    media_file = snapshot.get("media_file")
    return Node(
        key=snapshot["action_key"],
        type_name=snapshot["action_type"],
        type=ACTION_TYPES.get(snapshot["action_type"]),
        content=snapshot["content"],
        options=snapshot["options"],
        media_file_id=media_file["id"] if media_file else None,
        children=snapshot.get("children", {}),
    )


def _draft(execution: Execution, send: Send) -> Draft:
    return Draft(
        contact_id=execution.contact_id,
        channel_id=execution.channel_id,
        message_type=MessageType(send.message_type),
        text=send.text,
        media_file_id=send.media_file_id,
        buttons=send.buttons,
        story=execution.story,
        position=send.position,
    )
