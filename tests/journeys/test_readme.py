"""The README's five-minute walk, exactly as printed."""

import json
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.journeys.product import ROOT, Product
from tests.waiting import SECONDS, eventually

pytestmark = [pytest.mark.processes, pytest.mark.once, pytest.mark.timeout(180)]


@pytest.fixture(scope="session")
def tables() -> None:
    """Nothing is there before the first start."""


def blocks_of_the_walk() -> list[str]:
    readme = (ROOT / "README.md").read_text()
    walk = readme.split("## Five minutes", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```sh\n(.*?)```", walk, re.DOTALL)


@pytest.mark.skipif(not shutil.which("curl"), reason="the walk is made with curl")
def test_five_minute_walk(product: Product, tmp_path):
    keep, picture, scenario, message, results = blocks_of_the_walk()
    keep = re.sub(r"apitk_….*", product.token, keep)
    keep = keep.replace("http://127.0.0.1:8000", product.base)

    def shell(block: str) -> str:
        script = f"set -e\n{keep}\n{block.replace('.venv/bin/python', shlex.quote(sys.executable))}"
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=SECONDS,
        )
        return done.stdout

    assert json.loads(shell(picture))["id"] == 1
    assert json.loads(shell(scenario))["active"] is True
    assert "event_id" in json.loads(shell(message))
    eventually(lambda: shell(results).count('"to":"jane"') == 2, "both messages in the outbox")
    outbox, contact = (
        json.loads(line) for line in shell(results).replace("}{", "}\n{").split("\n")
    )
    words, photo = outbox["outbox"]
    assert (photo["message_type"], words["text"]) == ("image", "Nice to meet you, friend!")
    assert product.client.get(photo["media_url"]).content == (tmp_path / "welcome.jpg").read_bytes()
    assert contact["username"] == "jane"
