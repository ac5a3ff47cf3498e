"""Conversations on the sandbox: a person writes, what is queued goes out, time passes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import time_machine
from django.utils import timezone

from automations.engine.payloads import payload_of
from automations.engine.runner import continue_executions, due
from automations.models import Execution
from messaging.channels.base import EventKind, InboundEvent
from messaging.delivery.pump import deliver
from messaging.models import Channel, Message
from messaging.receiving import apply_events, record

OPTIONS = {"answers": ["Yes", {"label": "No", "keywords": ["nope"]}], "expires_in": 3600}
QUESTION = {
    "action_key": "q1",
    "action_type": "ask_question",
    "content": "Are you interested?",
    "options": OPTIONS,
}


def under(branch: str, content: str, parent: str = "q1", **more: Any) -> dict[str, Any]:
    return {
        "action_key": f"{parent}_{branch}",
        "parent_key": parent,
        "parent_branch": branch,
        "action_type": "message",
        "content": content,
        **more,
    }


TREE = [
    QUESTION,
    under("option_0", "Great!"),
    under("option_1", "No problem."),
    under("option_replied", "You wrote: {{answer}}"),
    under("option_expired", "Too late."),
]


class Person:
    """Somebody on a sandbox channel. Nothing goes out before `receive`."""

    _count = 0

    def __init__(self, channel: Channel, name: str = "jane") -> None:
        self.channel, self.name = channel, name

    def record(self, text: str = "", payload: str = "", **more: Any) -> list[int]:
        """What the webhook does with a message of theirs."""
        Person._count += 1
        event = InboundEvent(
            kind=EventKind.MESSAGE,
            account_id="",
            external_id=self.name,
            key=f"event {Person._count}",
            happened_at=more.pop("at", None) or timezone.now(),
            payload={
                "id": f"m{Person._count}",
                "from": self.name,
                "text": text,
                "quick_reply": payload,
                **more,
            },
        )
        return record([(self.channel, event)])

    def write(self, text: str = "", payload: str = "", **more: Any) -> None:
        apply_events(self.record(text, payload, **more))

    def receive(self) -> list[str]:
        """Deliver what waits, and return the texts that they have received, in order."""
        deliver(self.channel.pk)
        return self.received()

    def received(self) -> list[str]:
        ours = Message.objects.filter(direction="outbound", contact__username=self.name)
        out = ours.filter(sent_at__isnull=False).order_by("pk")
        return list(out.values_list("text", flat=True))

    def tap(self, label: str) -> None:
        """Tap the newest button of that name."""
        ours = Message.objects.filter(direction="outbound", contact__username=self.name)
        for message in ours.order_by("-pk"):
            for button in message.buttons:
                if button["title"] == label:
                    return self.write(label, button["payload"])
        raise AssertionError(f"There is no button {label!r}.")


def tick() -> list[Execution]:
    """What the clock does every two seconds."""
    return continue_executions(due(timezone.now()))


@contextmanager
def later(**after: float) -> Iterator[None]:
    """The same at another time."""
    with time_machine.travel(timezone.now() + timedelta(**after), tick=False):
        yield


def the_execution() -> Execution:
    return Execution.objects.get()


def steps(execution: Execution) -> list[tuple[Any, ...]]:
    return list(execution.steps.values_list("number", "action_key", "branch", "status", "answer"))


def payload(execution: Execution, branch: str, number: int = 1) -> str:
    return payload_of(execution.story, number, branch)
