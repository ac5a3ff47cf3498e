"""Every process started alone, by the commands of `compose.yaml`, on PostgreSQL and Redis."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import own_redis
from tests.journeys.composed import Composed, told
from tests.journeys.product import direct_message, free_port
from tests.journeys.standin import InstagramStandIn
from tests.waiting import eventually

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")),
        reason="needs DATABASE_URL and REDIS_URL",
    ),
]

ANSWER = {
    "title": "Answer",
    "active": True,
    "triggers": [{"trigger_type": "message", "options": {"message_type": "any"}}],
    "actions": [{"action_type": "message", "content": "You wrote {{trigger.message}}"}],
}


@pytest.fixture
def composed(tmp_path: Path, standin: InstagramStandIn) -> Iterator[Callable[..., Composed]]:
    """A product of separate processes, not started yet."""
    with ExitStack() as stack:

        def make(**more: str) -> Composed:
            product = Composed(tmp_path / "a folder", INSTAGRAM_API_URL=standin.url, **more)
            stack.callback(lambda: print("\n".join(product.output[-200:])))
            stack.callback(product.destroy)
            return product

        yield make


@pytest.fixture
def own(tmp_path: Path) -> Iterator[own_redis.Server]:
    with own_redis.server(tmp_path / "redis") as server:
        yield server


def test_a_message_comes_in_and_an_answer_goes_out(
    composed: Callable[..., Composed], standin: InstagramStandIn
):
    product = composed().start()
    channel = product.connect_instagram()
    product.post("/scenarios", ANSWER)
    assert product.webhook(channel, direct_message("hi")) == 200
    eventually(lambda: standin.sent, "the answer at Instagram")
    assert [sent.text for sent in standin.sent] == ["You wrote hi"]
    assert product.client.get("/health/ready").json()["checks"] == {
        "database": "ok",
        "queue": "ok",
        "storage": "ok",
    }
    for name in ("web", "worker", "media", "beat"):
        product.parts[name].send_signal(signal.SIGTERM)
    codes = {name: process.wait(40) for name, process in product.parts.items()}
    assert codes == dict.fromkeys(("migrate", "web", "worker", "media", "beat"), 0)
    assert standin.faults == []


def test_two_web_processes_count_in_one_window_and_answer_without_redis(
    composed: Callable[..., Composed], own: own_redis.Server
):
    product = composed(redis_url=own.url, API_RATE_LIMIT="5/day").start("web")
    second = product.client_of(product.start_web("second", free_port()))
    both = [product.client, second]
    assert [told(both[n % 2]) for n in range(7)] == [
        (200, "4"),
        (200, "3"),
        (200, "2"),
        (200, "1"),
        (200, "0"),
        (429, "0"),
        (429, "0"),
    ]
    own.kill()
    assert [told(client) for client in both] == [(200, None), (200, None)]
    own.start()
    assert [told(both[n % 2]) for n in range(2)] == [(200, "4"), (200, "3")]


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_what_comes_in_without_a_queue_is_taken_and_applied_later(
    composed: Callable[..., Composed],
    own: own_redis.Server,
    standin: InstagramStandIn,
    fault: str,
):
    """A queue that is away costs a request no more than its own time-out."""
    product = composed(redis_url=own.url).start()
    channel = product.connect_instagram()
    product.post("/scenarios", ANSWER)
    own.freeze() if fault == "frozen" else own.kill()
    started = time.monotonic()
    people = [f"90{n:02}" for n in range(20)]
    assert {product.webhook(channel, direct_message("hi", each)) for each in people} == {200}
    product.post("/scenarios", {**ANSWER, "title": "Another", "active": False})
    assert time.monotonic() - started < 60, "each of them waited for the queue"
    if fault == "frozen":
        own.kill()
    own.start()
    eventually(lambda: len(standin.sent) >= 20, "an answer for each", 60)
    assert sorted(sent.to for sent in standin.sent) == people
