"""The seeds' story by the official MCP client: one sentence to an agent, a photo in the chat."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from inro.mcp.tools import TOOLS
from tests.journeys.product import ROOT, Product
from tests.journeys.standin import PictureServer
from tests.waiting import SECONDS, eventually

pytestmark = [pytest.mark.processes, pytest.mark.once, pytest.mark.timeout(180)]


def with_client(product: Product, story: Any, mode: Any = "auto") -> Any:
    """What `story(client)` returns, told to the running product over HTTP."""

    async def run() -> Any:
        headers = {"Authorization": f"Bearer {product.token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30, trust_env=False) as http:
            transport = streamable_http_client(f"{product.base}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                return await story(client)

    return asyncio.run(run())


def welcome(url: str) -> dict[str, Any]:
    return {
        "title": "Welcome",
        "active": True,
        "triggers": [{"trigger_type": "message", "options": {"keywords": ["hello"]}}],
        "actions": [{"action_type": "image", "media_file": {"file_url": url}}],
    }


async def look_around(client: Client, version: str) -> None:
    """Lists the tools, asks several at once, and makes a mistake."""
    assert client.protocol_version == version
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert tools["create_scenario"].input_schema["additionalProperties"] is False
    several = await asyncio.gather(*(client.call_tool("get_action_types") for _ in range(6)))
    assert not any(each.is_error for each in several)
    refused = await client.call_tool("create_scenario", {"titel": "Welcome"})
    assert refused.is_error
    assert "titel" in refused.structured_content["error"]["details"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_agent_builds_the_welcome_scenario_in_one_call(
    product: Product, pictures: PictureServer, picture: bytes, mode: str
):
    """Create a welcome scenario that sends the image at URL when someone DMs me 'hello'."""

    async def story(client: Client) -> Any:
        await look_around(client, {"auto": "2026-07-28", "legacy": "2025-11-25"}[mode])
        return await client.call_tool("create_scenario", welcome(pictures.url))

    result = with_client(product, story, mode)
    assert not result.is_error, result.structured_content
    scenario = result.structured_content
    assert scenario == product.get(f"/scenarios/{scenario['id']}")
    assert scenario["active"] is True
    channel = product.sandbox()
    hello = {"from": "jane", "text": "hello"}
    product.post(f"/channels/{channel['id']}/simulate", hello, status=202)
    outbox = f"/channels/{channel['id']}/outbox"
    (out,) = eventually(lambda: product.get(outbox)["outbox"], "the picture in the outbox")
    assert (out["to"], out["message_type"]) == ("jane", "image")
    assert product.client.get(out["media_url"]).content == picture
    assert pictures.requests == 1


@pytest.mark.skipif(not shutil.which("curl"), reason="the call is made with curl")
def test_what_the_document_prints_works(product: Product, pictures: PictureServer, tmp_path: Path):
    text = (ROOT / "docs" / "mcp.md").read_text()
    text = text.replace("http://127.0.0.1:8000", product.base).replace("apitk_…", product.token)
    text = text.replace("https://mybrand.com/welcome.jpg", pictures.url)
    (python,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (curl,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=SECONDS
        )
        return done.stdout

    listed = run(sys.executable, "-c", python)
    assert re.findall(r"^\w+", listed, re.MULTILINE) == TOOLS.keys()
    result = json.loads(run("sh", "-c", f"TOKEN={product.token}\n{curl}"))["result"]
    assert result["isError"] is False
    assert result["structuredContent"]["active"] is True
