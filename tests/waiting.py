"""Waiting in tests: never without an end, and saying who waited for what.

Threads are daemons: one that stands still fails its own test, and holds up neither the next one nor
the end of the process.
"""

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from django.db import connections

T = TypeVar("T")
Item = TypeVar("Item")

# Longer than anything takes on a machine that is busy with other tests.
SECONDS = 30.0
# A command that sets up Django, and perhaps a database.
COMMAND_SECONDS = 90.0


def eventually(condition: Callable[[], T], what: str, seconds: float = SECONDS) -> T:
    """What `condition` returns once it is true; fails the test when it is not in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def wait_for(event: threading.Event, what: str, seconds: float = SECONDS) -> None:
    assert event.wait(seconds), f"not within {seconds:g} s: {what}"


class Run(Generic[T]):
    """Something in a thread of its own, with connections of its own."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._value: list[T] = []
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value.append(self._work())
        except BaseException as error:
            self.error = error
        finally:
            connections.close_all()

    def ends(self, seconds: float = SECONDS) -> bool:
        """Whether it does so within `seconds`."""
        self._thread.join(max(0, seconds))
        return not self._thread.is_alive()

    def result(self, seconds: float = SECONDS) -> T:
        """What it returns; what it raises is raised."""
        return results([self], seconds)[0]

    def __enter__(self) -> "Run[T]":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """It has to be done by then, unless the block has failed."""
        if kind is None:
            self.result()

    def where(self) -> str:
        """Where it is at this moment."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        lines = traceback.format_stack(frame) if frame else ["  at its end\n"]
        return f"{self._work} is\n{''.join(lines)}"


def results(runs: Sequence[Run[T]], seconds: float = SECONDS) -> list[T]:
    """What all of them return. Raises what the first of them raised, which broke the others."""
    deadline = time.monotonic() + seconds
    late = [run for run in runs if not run.ends(deadline - time.monotonic())]
    places = "\n".join(run.where() for run in late)
    errors = [run.error for run in runs if run.error]
    for error in sorted(errors, key=lambda each: isinstance(each, threading.BrokenBarrierError)):
        if places:
            error.add_note(f"Meanwhile {places}")
        raise error
    assert not late, f"After {seconds:g} s {places}"
    return [value for run in runs for value in run._value]


def at_once(*works: Callable[[], Any], seconds: float = SECONDS) -> list[Any]:
    """What each of them returns, all begun at the same moment."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        barrier.wait(seconds)
        return work()

    return results([Run(partial(run, work)) for work in works], seconds)


def shared_out(work: Callable[[Item], T], items: Iterable[Item], threads: int) -> list[T]:
    """`work` done on each of `items`, in their order, by so many threads at once."""
    every = list(items)

    def part(number: int) -> list[T]:
        return [work(item) for item in every[number::threads]]

    done = at_once(*(partial(part, number) for number in range(threads)))
    return [done[place % threads][place // threads] for place in range(len(every))]
