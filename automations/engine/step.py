"""What an action may touch while it runs. It records; the runner does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from automations.engine.templating import render

# Messages are numbered by their step, so that a message that fails leads back to it.
POSITIONS_PER_STEP = 100


def step_of(position: int) -> int:
    """The number of the step that made the message at `position`."""
    return position // POSITIONS_PER_STEP


@dataclass(frozen=True, slots=True)
class Send:
    """One message to make. Positions are unique within an execution, and grow."""

    position: int
    message_type: str
    text: str = ""
    media_file_id: int | None = None


@dataclass(slots=True)
class Step:
    """One action at work for one person; `rng` is the only chance it may take."""

    number: int
    variables: Mapping[str, Any]
    now: datetime
    rng: Random
    sent: list[Send] = field(default_factory=list)

    def render(self, template: str) -> str:
        """`template` with its variables filled in and one choice made at each `{…|…}`."""
        return render(template, self.variables, self.rng)

    def send(self, message_type: str, text: str = "", media_file_id: int | None = None) -> None:
        if len(self.sent) == POSITIONS_PER_STEP:
            raise ValueError("A step made too many messages.")
        position = self.number * POSITIONS_PER_STEP + len(self.sent)
        self.sent.append(Send(position, message_type, text, media_file_id))
