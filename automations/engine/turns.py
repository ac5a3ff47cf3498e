"""One turn of many executions: what the core makes of them, and writing that down in bulk."""

import traceback
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any

import structlog

from automations.engine import variables
from automations.engine.core import advance
from automations.engine.state import Effect, Event, Node, Ran, State, Status, Tree
from automations.engine.step import Send
from automations.models import Execution, Step
from messaging.models import Contact, MessageType, StreamKind
from messaging.queueing import Draft, queue_messages

log = structlog.get_logger(__name__)

# The columns of an execution that a turn moves.
MOVED = (
    "status",
    "reason_code",
    "current_key",
    "steps_taken",
    "due_at",
    "lease_until",
    "finished_at",
    "updated_at",
)


@dataclass(frozen=True)
class Turn:
    execution: Execution
    effects: list[Effect]


def take_turn(execution: Execution, tree: Tree, contact: Contact, now: datetime) -> Turn:
    """Advance `execution` in memory. A fault of ours ends it, and costs no other execution."""
    before = State(
        key=execution.current_key or tree.root,
        variables={**execution.variables, **variables.of_contact(contact)},
        status=Status(execution.status),
        steps_taken=execution.steps_taken,
    )
    event = Event.TIME_UP if before.status is Status.WAITING else Event.GO
    # The same turn taken again, after a crash, makes the same choices.
    rng = Random(f"{execution.story}/{execution.steps_taken}")  # noqa: S311 - no secret
    try:
        after, effects = advance(before, tree, event, now, rng)
    except Exception as error:
        _report(execution, error)
        after, effects = replace(before, status=Status.FAILED, reason_code="internal_error"), []
    _move(execution, after, now)
    return Turn(execution, effects)


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
    execution.status = state.status.value
    execution.reason_code = state.reason_code
    execution.current_key = state.key
    execution.steps_taken = state.steps_taken
    execution.due_at = {Status.RUNNING: now, Status.WAITING: state.wake_at}.get(state.status)
    execution.finished_at = None if execution.due_at else now
    execution.lease_until = None
    execution.updated_at = now


def write_effects(turns: Iterable[Turn], stream_kind: StreamKind, now: datetime) -> None:
    """Log the steps and queue the messages; the executions must be rows already."""
    steps: list[Step] = []
    drafts: dict[int, list[Draft]] = defaultdict(list)
    for turn in turns:
        for effect in turn.effects:
            match effect:
                case Ran():
                    steps.append(_step(turn.execution, effect, now))
                case Send():
                    drafts[turn.execution.workspace_id].append(_draft(turn.execution, effect))
    Step.objects.bulk_create(steps)
    for workspace_id, messages in drafts.items():
        queue_messages(workspace_id, messages, stream_kind=stream_kind)


def _step(execution: Execution, ran: Ran, now: datetime) -> Step:
    return Step(
        execution=execution,
        number=ran.number,
        action_key=ran.node.key,
        action=snapshot(ran.node),
        branch=ran.branch,
        status=ran.status,
        at=now,
    )


def snapshot(node: Node) -> Mapping[str, Any]:
    return {
        "action_key": node.key,
        "action_type": node.type_name,
        "content": node.content,
        "options": dict(node.options),
        "media_file": {"id": node.media_file_id} if node.media_file_id else None,
    }


def _draft(execution: Execution, send: Send) -> Draft:
    return Draft(
        contact_id=execution.contact_id,
        channel_id=execution.channel_id,
        message_type=MessageType(send.message_type),
        text=send.text,
        media_file_id=send.media_file_id,
        story=execution.story,
        position=send.position,
    )
