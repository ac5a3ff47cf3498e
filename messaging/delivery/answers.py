"""What calls come to, and where their answers are waited for."""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from messaging.delivery.news import Attempt


class Reach(StrEnum):
    """How far a call got."""

    ANSWERED = "answered"
    UNCALLED = "uncalled"  # too late, or this process stops
    UNSENT = "unsent"  # failed before anything was written
    UNANSWERED = "unanswered"  # failed after something may have been written


@dataclass(frozen=True)
class Answer:
    attempt: Attempt
    reach: Reach
    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Answers:
    """Where answers come in, from the loop's thread, and are waited for by many at a time.

    Waking the one who waits for each answer costs more than the answer.
    """

    def __init__(self) -> None:
        self._waiting: deque[Answer] = deque()
        self._wanted = 1
        self._enough = threading.Event()

    def put(self, answer: Answer) -> None:
        self._waiting.append(answer)
        if len(self._waiting) >= self._wanted:
            self._enough.set()

    def take(self, wanted: int, seconds: float) -> list[Answer]:
        """All that are there, as soon as `wanted` are or the time is up."""
        self._enough.clear()
        self._wanted = wanted
        if len(self._waiting) < wanted:
            self._enough.wait(max(0, seconds))
        return [self._waiting.popleft() for _ in range(len(self._waiting))]
