"""kill -9 in the middle: nothing lost, nothing sent twice."""

import time
from collections import Counter
from functools import partial

import pytest

from tests.journeys.product import Product, direct_message, echo
from tests.journeys.standin import InstagramStandIn, PictureServer
from tests.waiting import Run, eventually, results, shared_out

pytestmark = [pytest.mark.processes, pytest.mark.kills, pytest.mark.timeout(240)]

GREETING = {
    "title": "Greeting",
    "active": True,
    "triggers": [{"trigger_type": "message", "options": {"message_type": "any"}}],
    "actions": [
        {"action_key": "one", "action_type": "message", "content": "one {{trigger.message}}"},
        {"action_key": "two", "parent_key": "one", "action_type": "message", "content": "two"},
        {"action_key": "three", "parent_key": "two", "action_type": "message", "content": "three"},
    ],
}


def test_download_finishes_after_a_kill(product: Product, pictures: PictureServer, picture: bytes):
    pictures.hold.clear()
    pending = product.post("/media_files", {"file_url": pictures.url}, status=202)
    assert (pending["status"], pictures.requests) == ("pending", 1)
    product.freeze_supervisor()
    product.kill_workers()
    assert product.get("/me")["workspace"]["subdomain"] == "demo"
    pictures.hold.set()
    product.thaw_supervisor()
    address = f"/media_files/{pending['id']}"
    eventually(lambda: product.get(address)["status"] == "ready", "the download", 60)
    assert product.client.get(product.get(address)["url"]).content == picture
    assert not list((product.folder / "data" / "tmp").iterdir())


def test_kill_in_the_middle_of_deliveries(product: Product, standin: InstagramStandIn):
    """People whose message was in flight: half of them get an echo, half never hear of it."""
    channel = product.connect_instagram()
    product.post("/scenarios", GREETING)
    people = [f"90{n:02}" for n in range(8)]
    standin.hold.clear()
    for person in people:
        assert product.webhook(channel, direct_message("hi", person)) == 200
    eventually(lambda: len(standin.sent) == len(people), "a call in flight for each person")
    product.freeze_supervisor()
    product.kill_workers()
    in_flight = list(standin.sent)
    assert product.webhook(channel, direct_message("late", "9099")) == 200
    standin.hold.set()
    product.thaw_supervisor()

    confirmed = {sent.to: sent for sent in in_flight[:4]}
    for person, sent in confirmed.items():
        assert product.webhook(channel, echo(sent.mid, sent.body["message"], person)) == 200

    def outcome() -> dict[str, str]:
        rows = product.get("/messages?direction=outbound&per_page=100")["messages"]
        return {row["id"]: row["status"] for row in rows}

    eventually(
        lambda: len(outcome()) == 27 and set(outcome().values()) <= {"sent", "failed"},
        "every message settled",
        100,
    )
    rows = product.get("/messages?direction=outbound&per_page=100")["messages"]
    failed = [row for row in rows if row["status"] == "failed"]
    assert {row["error"]["code"] for row in failed} == {"delivery_unknown"}
    assert len(failed) == 4
    reached = Counter((sent.to, sent.text) for sent in standin.sent)
    assert max(reached.values()) == 1, "the stand-in must count none twice"
    expected = {(p, t) for p in people for t in ("one hi", "two", "three")}
    expected |= {("9099", t) for t in ("one late", "two", "three")}
    assert set(reached) == expected
    for person in [*people, "9099"]:
        texts = [sent.text.split()[0] for sent in standin.sent if sent.to == person]
        assert texts == ["one", "two", "three"], person


def test_web_answers_while_no_worker_runs(product: Product, pictures: PictureServer):
    channel = product.connect_instagram()
    product.freeze_supervisor()
    product.kill_workers()
    assert product.webhook(channel, direct_message("hi")) == 200
    assert product.get("/me")["workspace"]["subdomain"] == "demo"
    pending = product.post("/media_files", {"file_url": pictures.url}, status=202)
    assert pending["status"] == "pending"
    assert product.client.get("/health/live").status_code == 200
    product.thaw_supervisor()
    eventually(
        lambda: product.get(f"/media_files/{pending['id']}")["status"] == "ready",
        "the download after the workers are back",
    )
    eventually(lambda: product.get("/contacts")["contacts"], "the event applied")


def test_webhooks_are_answered_while_eight_downloads_hang(
    product: Product, pictures: PictureServer
):
    channel = product.connect_instagram()
    pictures.hold.clear()
    body = {"file_url": pictures.url}
    uploads = [Run(partial(product.post, "/media_files", body, 202)) for _ in range(8)]
    eventually(lambda: pictures.requests >= 8, "eight downloads that hang")
    for n in range(10):
        started = time.monotonic()
        assert product.webhook(channel, direct_message("hi", f"80{n:02}")) == 200
        assert time.monotonic() - started < 5
    eventually(lambda: len(product.get("/contacts")["contacts"]) == 10, "the events applied")
    assert {upload["status"] for upload in results(uploads)} == {"pending"}
    pictures.hold.set()
    eventually(
        lambda: {f["status"] for f in product.get("/media_files")["media_files"]} == {"ready"},
        "the downloads",
    )


def test_three_messages_of_a_story_arrive_in_order(product: Product, standin: InstagramStandIn):
    channel = product.connect_instagram()
    product.post("/scenarios", GREETING)
    people = [f"70{n:02}" for n in range(12)]
    codes = shared_out(lambda p: product.webhook(channel, direct_message("hi", p)), people, 4)
    assert set(codes) == {200}
    eventually(lambda: len(standin.sent) == 36, "all messages", 60)
    for person in people:
        texts = [sent.text for sent in standin.sent if sent.to == person]
        assert texts == ["one hi", "two", "three"]
