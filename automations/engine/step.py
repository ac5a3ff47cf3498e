"""What an action may touch while it runs. It records; the runner does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

from automations.engine.payloads import NO_STORY, payload_of
from automations.engine.templating import render, render_url
from messaging.buttons import Button

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
    buttons: tuple[Button, ...] = ()


@dataclass(slots=True)
class Step:
    """One action at work for one person; `rng` is the only chance it may take.

    `attempt` counts how often the action has been at work in this step: 1 when it runs, more when a
    wait of it ends. `messages` are those that it made before.
    """

    number: int
    variables: Mapping[str, Any]
    now: datetime
    rng: Random
    story: UUID = NO_STORY
    attempt: int = 1
    messages: int = 0
    sent: list[Send] = field(default_factory=list)
    learned: dict[str, Any] = field(default_factory=dict)

    def render(self, template: str) -> str:
        """`template` with its variables filled in and one choice made at each `{…|…}`."""
        return render(template, self.variables, self.rng)

    def render_url(self, template: str) -> str:
        """The same for an address: what is filled in is quoted, and cannot change its parts."""
        return render_url(template, self.variables, self.rng)

    def payload(self, branch: str) -> str:
        """For a button under a message of this step; whoever taps it takes `branch`."""
        return payload_of(self.story, self.number, branch)

    def learn(self, name: str, value: Any) -> None:
        """Have later actions know `{{name}}`."""
        self.learned[name] = value

    def send(
        self,
        message_type: str,
        text: str = "",
        media_file_id: int | None = None,
        buttons: tuple[Button, ...] = (),
    ) -> None:
        place = self.messages + len(self.sent)
        if place == POSITIONS_PER_STEP:
            raise ValueError("A step made too many messages.")
        position = self.number * POSITIONS_PER_STEP + place
        self.sent.append(Send(position, message_type, text, media_file_id, buttons))
