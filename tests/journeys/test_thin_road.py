"""From a fresh folder to a photo in the chat, through real processes."""

import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress

import httpx2
import psutil
import pytest

from tests.journeys.product import ROOT, Product, direct_message
from tests.journeys.standin import InstagramStandIn, PictureServer
from tests.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]


def welcome(picture: dict) -> dict:
    """The scenario of the seeds' story: the picture for whoever writes "hello"."""
    return {
        "title": "Welcome",
        "active": True,
        "triggers": [
            {
                "trigger_type": "message",
                "options": {"message_type": "keywords", "keywords": ["hello"]},
            }
        ],
        "actions": [
            {"action_key": "photo", "action_type": "image", "media_file": picture},
        ],
    }


def test_photo_arrives_on_instagram(
    product: Product, standin: InstagramStandIn, pictures: PictureServer, picture: bytes
):
    channel = product.connect_instagram()
    scenario = product.post("/scenarios", welcome({"file_url": pictures.url}))
    assert scenario["active"] is True
    assert product.webhook(channel, direct_message("Hello!")) == 200
    eventually(lambda: standin.sent, "the picture at Instagram")
    eventually(
        lambda: (
            [m["status"] for m in product.get("/messages?direction=outbound")["messages"]]
            == ["sent"]
        ),
        "the message sent",
    )
    (sent,) = standin.sent
    assert sent.path == "/v26.0/1784/messages"
    assert sent.token == "Bearer EAAG-token-of-the-shop"
    url = sent.body["message"]["attachment"]["payload"]["url"]
    assert sent.body == {
        "recipient": {"id": "9001"},
        "message": {"attachment": {"type": "image", "payload": {"url": url}}},
    }
    served = product.client.get(url, headers={"Authorization": ""})
    assert (served.status_code, served.headers["content-type"]) == (200, "image/jpeg")
    assert served.content == picture
    assert standin.faults == []


def test_photo_arrives_in_the_sandbox(product: Product, picture: bytes):
    answer = product.client.post(
        "/api/v1/media_files", files={"file": ("welcome.jpg", picture, "image/jpeg")}
    )
    assert answer.status_code == 201, answer.text
    product.post("/scenarios", welcome({"id": answer.json()["id"]}))
    channel = product.sandbox()
    product.post(
        f"/channels/{channel['id']}/simulate", {"from": "jane", "text": "hello"}, status=202
    )
    outbox = f"/channels/{channel['id']}/outbox"
    (out,) = eventually(lambda: product.get(outbox)["outbox"], "the picture in the outbox")
    assert (out["to"], out["message_type"]) == ("jane", "image")
    assert product.client.get(out["media_url"]).content == picture
    contact = product.get("/contact?username=jane")
    assert [m["content"] for m in contact["last_messages"]] == ["", "hello"]


@pytest.mark.once
def test_ctrl_c_leaves_nothing_behind_and_a_second_start_has_the_data(
    product: Product, picture: bytes
):
    files = {"file": ("welcome.jpg", picture, "image/jpeg")}
    stored = product.client.post("/api/v1/media_files", files=files).json()
    running = product.processes()
    assert len(running) >= 5
    assert product.stop(signal.SIGINT) == 0
    assert [p for p in running if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    product.start()
    assert "issue_token --workspace demo" in product.line("Token")
    shown = product.get(f"/media_files/{stored['id']}")
    # A thumbnail may have been made meanwhile.
    assert shown | {"thumbnail_url": None} == stored | {"thumbnail_url": None}
    page = product.client.get(product.line("Admin"), follow_redirects=True)
    assert (page.status_code, page.url.path) == (200, "/admin/")


@pytest.mark.once
def test_killed_supervisor_takes_everything_along(product: Product):
    running = product.processes()
    running[0].kill()
    _, alive = psutil.wait_procs(running, timeout=30)
    assert alive == []


@pytest.mark.once
def test_second_start_on_the_same_data_is_refused(product: Product):
    second = Product(product.folder)
    with pytest.raises(AssertionError, match="already running on the data"):
        second.start()


@pytest.mark.once
@pytest.mark.parametrize("end", ["full", "broken", "terminal"])
def test_nobody_has_to_read_what_it_prints(tmp_path, tables, end):
    """It stops neither the web process nor what watches over it, nor the way down."""
    silent = Product(tmp_path / "data", LOG_LEVEL="INFO")
    if tables:
        silent.give(tables)
    reading, writing = pty.openpty() if end == "terminal" else os.pipe()
    silent.process = subprocess.Popen(
        [sys.executable, "manage.py", "runall"],
        cwd=ROOT,
        env=silent.environment,
        stdout=writing,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    os.close(writing)
    output = os.fdopen(reading)
    try:
        assert any(line.strip() == "Ready" for line in output)
        if end == "broken":
            output.close()
        with httpx2.Client(base_url=silent.base, timeout=10, trust_env=False) as client:
            codes = {client.get("/api/v1/me").status_code for _ in range(700)}
        assert codes == {401}
        killed = silent.workers()
        silent.kill_workers()
        psutil.wait_procs(killed, timeout=10)
        eventually(lambda: len(silent.workers()) >= len(killed), "workers again")
        running = silent.processes()
        assert silent.stop(signal.SIGTERM) == 0
        _, alive = psutil.wait_procs(running, timeout=10)
        assert alive == []
    finally:
        silent.destroy()
        with suppress(OSError):
            output.close()
