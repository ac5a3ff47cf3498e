"""What the core reads and returns: where an execution stands, what happened, what is to be done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from automations.engine.outcomes import Outcome
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

    def resume(self, action: "Node", step: Step) -> Outcome: ...


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
    children: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tree:
    """A definition as it runs; `root` is empty when it has no actions."""

    root: str
    nodes: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class State:
    """Where an execution stands. `key` names the action that runs next, waits, or ran last."""

    key: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    status: Status = Status.RUNNING
    reason_code: str = ""
    steps_taken: int = 0
    wake_at: datetime | None = None


class Event(StrEnum):
    GO = "go"  # begin, or carry on after a full turn
    TIME_UP = "time_up"  # the time that a wait named has come


@dataclass(frozen=True, slots=True)
class Ran:
    """One step for the log: its number, the action as it was, what came of it."""

    number: int
    node: Node
    status: str
    branch: str = ""


Effect = Ran | Send
