"""What the core reads and returns: where an execution stands, and what is to be done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from automations.engine.events import End
from automations.engine.outcomes import Outcome
from automations.engine.payloads import NO_STORY
from automations.engine.step import Send, Step


class Status(StrEnum):
    """The values of `automations.models.ExecutionStatus`, for code that knows no database."""

    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    STOPPED = "stopped"
    EXPIRED = "expired"
    FAILED = "failed"


class Behaviour(Protocol):
    """The part of an `ActionType` that the core calls."""

    def run(self, action: "Node", step: Step) -> Outcome: ...

    def resume(self, action: "Node", step: Step, event: End) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Node:
    """An action as it runs: options complete, children by branch label."""

    key: str
    type_name: str
    # None for a type that this version does not have, after a step back to an older one.
    type: Behaviour | None
    content: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    media_file_id: int | None = None
    media_type: str = ""
    children: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tree:
    """A definition as it runs; `root` is empty when it has no actions."""

    root: str
    nodes: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an execution waits for, in the step that it took last.

    `action` is as it was when it ran: the person answers what they saw. `awaited` is the position
    of the message that asks for a reply, if one is waited for; `within` seconds after it was sent
    time is up, which is None once that moment is known. `attempts` and `messages` as in `Step`.
    """

    action: Node
    attempts: int = 1
    messages: int = 0
    awaited: int | None = None
    within: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Where an execution stands. `key` names the action that runs next, waits, or ran last."""

    key: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    status: Status = Status.RUNNING
    reason_code: str = ""
    steps_taken: int = 0
    wake_at: datetime | None = None
    waiting: Waiting | None = None
    story: UUID = NO_STORY


@dataclass(frozen=True, slots=True)
class Ran:
    """One step for the log: its number, the action as it was, what came of it.

    `attempts` above 1 continue a step that is in the log already.
    """

    number: int
    node: Node
    status: str
    branch: str = ""
    attempts: int = 1
    messages: int = 0
    answer: str = ""


Effect = Ran | Send
