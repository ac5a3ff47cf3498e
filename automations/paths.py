"""The path that an execution took: each step with what it said and what became of it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from automations.actions import ACTION_TYPES
from automations.engine.step import step_of
from automations.models import LIVE, Execution, Step
from automations.reasons import reason_of_end
from automations.states import status_badge
from messaging.conversation import Bubble
from messaging.models import OPEN, Message
from messaging.reasons import Reason

STEPS_SHOWN = 200


@dataclass(frozen=True)
class Stop:
    """A step as it ran. `action` is the snapshot of then, whatever the scenario says now."""

    step: Step
    bubbles: list[Bubble]

    @property
    def label(self) -> str:
        kind = str(self._action.get("action_type") or "")
        found = ACTION_TYPES.get(kind)
        return found.label if found else kind

    @property
    def content(self) -> str:
        """What it was to say, where no message shows what it said."""
        return "" if self.bubbles else str(self._action.get("content") or "")

    @property
    def badge(self) -> SafeString:
        return status_badge(self.step.status)

    @property
    def _action(self) -> Mapping[str, Any]:
        return self.step.action if isinstance(self.step.action, dict) else {}


@dataclass(frozen=True)
class Path:
    execution: Execution
    stops: list[Stop]
    # How many steps before these are not shown.
    left_out: int

    @property
    def is_live(self) -> bool:
        """Whether something may still happen: a step, or the end of a message on its way."""
        bubbles = (bubble for stop in self.stops for bubble in stop.bubbles)
        return self.execution.status in LIVE or any(each.message.status in OPEN for each in bubbles)

    @property
    def badge(self) -> SafeString:
        return status_badge(self.execution.status)

    @property
    def reason(self) -> Reason | None:
        return reason_of_end(self.execution.reason_code)

    @property
    def summary(self) -> str:
        """One sentence on how it stands."""
        number = self.execution.steps_taken
        steps = "one step" if number == 1 else f"{number} steps"
        return f"{self.execution.get_status_display()} after {steps}."


def path_of(execution: Execution) -> Path:
    """The last steps of `execution`, with the messages they made."""
    newest = list(execution.steps.order_by("-number")[: STEPS_SHOWN + 1])
    steps = newest[:STEPS_SHOWN][::-1]
    left_out = steps[0].number - 1 if len(newest) > STEPS_SHOWN else 0
    bubbles = _bubbles(execution)
    stops = [Stop(step, bubbles.get(step.number, [])) for step in steps]
    return Path(execution, stops, left_out)


def _bubbles(execution: Execution) -> dict[int, list[Bubble]]:
    rows = Message.objects.filter(story=execution.story, position__isnull=False)
    newest = rows.select_related("media_file__blob", "channel").order_by("-position")
    found: dict[int, list[Bubble]] = defaultdict(list)
    for message in reversed(newest[: 2 * STEPS_SHOWN]):
        # A position of ours is two rows of messaging: a caption may go out on its own.
        found[step_of((message.position or 0) // 2)].append(Bubble(message))
    return found
