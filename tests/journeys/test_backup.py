"""A backup of the running product, brought to life in another folder."""

import threading
from functools import partial
from pathlib import Path

import pytest

from tests.common.backups.test_restoring import Folder
from tests.journeys.product import Product, direct_message
from tests.journeys.standin import InstagramStandIn
from tests.waiting import Run, eventually, results

pytestmark = [pytest.mark.processes, pytest.mark.once, pytest.mark.timeout(300)]


def test_made_while_traffic_flows_and_restored_elsewhere(
    product: Product, standin: InstagramStandIn, tmp_path: Path, picture: bytes
):
    channel = product.connect_instagram()
    photo = product.client.post(
        "/api/v1/media_files", files={"file": ("welcome.jpg", picture, "image/jpeg")}
    ).json()
    words = {"action_type": "message", "content": 'Hello, {{contact.name|default:"you"}}!'}
    product.post(
        "/scenarios",
        {
            "title": "Welcome",
            "active": True,
            "triggers": [{"trigger_type": "message", "options": {"keywords": ["hello"]}}],
            "actions": [
                {"action_key": "words", **words},
                {
                    "action_key": "photo",
                    "parent_key": "words",
                    "action_type": "image",
                    "media_file": {"id": photo["id"]},
                },
            ],
        },
    )
    assert product.webhook(channel, direct_message("hello", "9001")) == 200
    eventually(lambda: len(standin.sent) == 2, "the answer")
    stop = threading.Event()

    def write(person: int) -> int:
        sent = 0
        while not stop.is_set():
            assert product.webhook(channel, direct_message("hello", f"80{person}")) == 200
            sent += 1
            name = f"{person}-{sent}.jpg"
            content = picture + f"{person}-{sent}".encode()
            files = {"file": (name, content, "image/jpeg")}
            assert product.client.post("/api/v1/media_files", files=files).status_code == 201
        return sent

    data = Folder(tmp_path / "a folder" / "data")
    data.port = product.port
    writers = [Run(partial(write, person)) for person in range(2)]
    try:
        data.done("backup " + str(tmp_path / "backup"))
    finally:
        stop.set()
    assert all(sent > 0 for sent in results(writers))
    assert "already running" in data.run("restore", str(tmp_path / "backup"), "--force").stderr
    assert product.get("/me")["workspace"]["subdomain"] == "demo"
    assert product.stop() == 0
    before = len(standin.sent)

    fresh = Product(
        tmp_path / "another",
        INSTAGRAM_API_URL=standin.url,
        UNCONFIRMED_AFTER="6",
        # Addresses that were handed out begin with it.
        PUBLIC_URL=product.base,
    )
    other = Folder(tmp_path / "another" / "data")
    other.port = fresh.port
    other.done("restore " + str(tmp_path / "backup"))
    fresh.token = product.token
    try:
        fresh.start()
        assert fresh.get(f"/media_files/{photo['id']}")["name"] == photo["name"]
        # A link that was made before the backup: its signature needs the old secret key.
        path = photo["url"].removeprefix(product.base)
        assert fresh.client.get(path, headers={"Authorization": ""}).content == picture
        listed = fresh.get("/media_files?per_page=100")["media_files"]
        assert len(listed) >= 1
        for each in listed:
            served = fresh.client.get(each["url"].removeprefix(product.base))
            assert (served.status_code, len(served.content)) == (200, each["size"]), each
        assert fresh.get("/contacts")["meta"]["total"] >= 1
        texts = [m["text"] for m in fresh.get("/messages?per_page=100")["messages"]]
        assert texts.count("Hello, you!") >= 1
        # The channel's secrets: its signature is checked, its token is sent.
        same = next(c for c in fresh.get("/channels")["channels"] if c["kind"] == "instagram")
        same["webhook_url"] = same["webhook_url"].replace(product.base, fresh.base)
        assert fresh.webhook(same, direct_message("hello", "9777")) == 200
        assert fresh.webhook(same, direct_message("hello", "9777"), secret="wrong") == 401
        eventually(
            lambda: [sent for sent in standin.sent[before:] if sent.to == "9777"],
            "the answer of the restored product",
        )
        answer = next(sent for sent in standin.sent[before:] if sent.to == "9777")
        assert (answer.text, answer.token) == ("Hello, you!", "Bearer EAAG-token-of-the-shop")
        findings = other.run("doctor", PUBLIC_URL=fresh.base)
        assert findings.returncode == 0, findings.stdout
    finally:
        print("\n".join(fresh.output[-50:]))
        fresh.destroy()
