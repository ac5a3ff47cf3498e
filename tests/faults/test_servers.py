"""Real processes of the product while what they stand on fails, or while they die themselves."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import own_postgres, own_redis
from tests.journeys.composed import Composed
from tests.journeys.conftest import migrated, own_database, standin
from tests.journeys.product import direct_message
from tests.journeys.standin import InstagramStandIn
from tests.waiting import Run, eventually, results, shared_out

__all__ = ["migrated", "own_database", "standin"]

pytestmark = [
    pytest.mark.processes,
    pytest.mark.kills,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")),
        reason="needs DATABASE_URL and REDIS_URL",
    ),
]

SCENARIO = {
    "title": "Greeting",
    "active": True,
    "triggers": [{"trigger_type": "message", "options": {"message_type": "any"}}],
    "actions": [
        {"action_key": "one", "action_type": "message", "content": "one"},
        {"action_key": "two", "parent_key": "one", "action_type": "message", "content": "two"},
    ],
}
PEOPLE = [f"90{n:03}" for n in range(40)]


class Crowd:
    """People who write, one after the other; what is not taken is sent again, as providers do."""

    def __init__(self, product: Composed) -> None:
        self._product = product
        self._channel = product.connect_instagram()
        product.post("/scenarios", SCENARIO)
        self.answers: Counter[int] = Counter()
        self._writing: list[Run[None]] = []

    def write(self, people: list[str]) -> None:
        """Two of them at a time."""
        parts = (people[::2], people[1::2])
        self._writing = [Run(partial(self._all_say_hi, part)) for part in parts]

    def _all_say_hi(self, people: list[str]) -> None:
        for person in people:
            self._say_hi(person)

    def _say_hi(self, person: str) -> None:
        message = direct_message("hi", person)
        until = time.monotonic() + 100
        while time.monotonic() < until:
            status = 0
            with suppress(httpx2.TransportError):
                status = self._product.webhook(self._channel, message)
            self.answers[status] += 1
            if status == 200:
                return
            time.sleep(0.1)  # the provider waits, too
        raise AssertionError(f"the webhook is not taken: {self.answers}")

    def everybody_is_taken(self) -> None:
        results(self._writing, 110)

    def answers_end(self) -> list[dict[str, Any]]:
        """All messages to them, once each of them has come to an end."""
        path = "/messages?direction=outbound&per_page=100"

        def ended() -> list[dict[str, Any]]:
            with suppress(httpx2.TransportError, AssertionError):
                rows: list[dict[str, Any]] = self._product.get(path)["messages"]
                if len(rows) >= 2 * len(PEOPLE) and {r["status"] for r in rows} <= ENDS:
                    return rows
            return []

        found: list[dict[str, Any]] = eventually(ended, "every answer comes to an end", 120)
        return found


ENDS = {"sent", "failed"}


def wait_for(standin: InstagramStandIn, answers: int) -> None:
    eventually(lambda: len(standin.sent) >= answers, f"{answers} answers", 60)


def check(product: Composed, standin: InstagramStandIn, answers: list[dict[str, Any]]) -> int:
    """Nothing is lost or doubled; how many answers nobody knows the fate of."""
    contacts = product.get("/contacts?per_page=100")["contacts"]
    inbound = product.get("/messages?direction=inbound&per_page=100")["messages"]
    assert len(contacts) == len(inbound) == len(PEOPLE)
    assert len(answers) == 2 * len(PEOPLE)
    reached = Counter((sent.to, sent.text) for sent in standin.sent)
    assert max(reached.values()) == 1, "sent twice"
    unknown = [row for row in answers if row["status"] == "failed"]
    assert {row["error"]["code"] for row in unknown} <= {"delivery_unknown"}
    assert len(reached) >= 2 * len(PEOPLE) - len(unknown)
    for person in PEOPLE:
        texts = [sent.text for sent in standin.sent if sent.to == person]
        assert texts in (["one", "two"], ["one"], ["two"], [])
    assert standin.faults == []
    return len(unknown)


@pytest.fixture
def composed(tmp_path: Path, standin: InstagramStandIn) -> Iterator[Callable[..., Composed]]:
    with ExitStack() as stack:

        def make(**more: str) -> Composed:
            product = Composed(
                tmp_path / "product",
                INSTAGRAM_API_URL=standin.url,
                UNCONFIRMED_AFTER="6",
                LOG_LEVEL="WARNING",
                **more,
            )
            stack.callback(lambda: print("\n".join(product.output[-200:])))
            stack.callback(product.destroy)
            return product

        yield make


def test_redis_is_emptied_again_and_again(
    composed: Callable[..., Composed], standin: InstagramStandIn, tmp_path: Path
):
    with own_redis.server(tmp_path / "redis") as redis:
        product = composed(redis_url=redis.url).start()
        crowd = Crowd(product)
        worker = product.parts["worker"]
        worker.send_signal(signal.SIGSTOP)
        crowd.write(PEOPLE[:20])
        crowd.everybody_is_taken()
        redis.client.flushall()
        worker.send_signal(signal.SIGCONT)
        crowd.write(PEOPLE[20:])
        for answered in range(1, 60, 4):
            wait_for(standin, answered)
            redis.client.flushall()
        crowd.everybody_is_taken()
        assert crowd.answers == {200: len(PEOPLE)}
        assert check(product, standin, crowd.answers_end()) == 0
        product.everything_runs()


def test_postgres_restarts_in_the_middle_of_traffic(
    composed: Callable[..., Composed], standin: InstagramStandIn
):
    with own_postgres.cluster() as cluster:
        product = composed(DATABASE_URL=cluster.url).start()
        crowd = Crowd(product)
        crowd.write(PEOPLE)
        for answered, mode in ((10, "immediate"), (30, "fast"), (50, "immediate")):
            wait_for(standin, answered)
            cluster.restart(mode)
        crowd.everybody_is_taken()
        assert all(status == 200 or status >= 500 for status in crowd.answers)
        # What was claimed in the very moment may or may not have been.
        assert check(product, standin, crowd.answers_end()) <= 6
        assert at_once(product) == {200}
        cluster.restart("fast")
        assert at_once(product) == {200}, "a connection was kept that the restart had closed"
        product.everything_runs()


def at_once(product: Composed) -> set[int]:
    """What requests are answered that keep all web threads busy."""
    return set(
        shared_out(lambda _: product.client.get("/api/v1/me").status_code, range(200), threads=32)
    )


def test_web_and_worker_die_at_one_commit_after_the_other(
    composed: Callable[..., Composed], standin: InstagramStandIn
):
    product = composed().start()
    crowd = Crowd(product)
    crowd.write(PEOPLE)
    lives = product.live_again_and_again({"web": 17, "worker": 40}, lambda: len(standin.sent) >= 60)
    crowd.everybody_is_taken()
    assert lives["worker"] >= 1  # many events make one commit
    unknown = check(product, standin, crowd.answers_end())
    assert unknown <= lives["worker"] * 10
