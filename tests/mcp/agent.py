"""An agent's side of the wire, by hand: what it posts, and what it reads."""

import json
from typing import Any

from rest_framework.test import APIClient

NEWEST = "2026-07-28"
BY_HANDSHAKE = "2025-11-25"


class Agent:
    """Posts single requests to /mcp with the token of `client`."""

    def __init__(self, client: APIClient) -> None:
        self.client = client

    def post(self, message: Any, **headers: str) -> Any:
        # Not the client's own encoder: that one refuses texts which others do send.
        raw = json.dumps(message)
        return self.client.post("/mcp", raw, content_type="application/json", headers=headers)

    def ask(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """The result of a bare request, as clients send it that never say hello."""
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method}
        answer = self.post(message if params is None else message | {"params": params})
        assert answer.status_code == 200, answer.content
        body = answer.json()
        assert body["id"] == 1
        return body["result"]

    def ask_newest(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """The same in the revision of the protocol that knows no handshake."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": NEWEST,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        }
        message = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": method,
            "params": {**(params or {}), "_meta": meta},
        }
        headers = {"MCP-Protocol-Version": NEWEST, "Mcp-Method": method}
        if params and "name" in params:
            headers["Mcp-Name"] = params["name"]
        answer = self.post(message, **headers)
        assert answer.status_code == 200, answer.content
        return answer.json()["result"]

    def tools(self) -> dict[str, Any]:
        return {tool["name"]: tool for tool in self.ask("tools/list")["tools"]}

    def call(self, name: str, /, **arguments: Any) -> Any:
        """The answer of a tool that does its work."""
        result = self.result(name, arguments)
        assert result["isError"] is False, result
        return result["structuredContent"]

    def refused(self, name: str, /, **arguments: Any) -> Any:
        """The error of a tool that refuses."""
        result = self.result(name, arguments)
        assert result["isError"] is True, result
        assert set(result["structuredContent"]) == {"error"}
        return result["structuredContent"]["error"]

    def result(self, name: str, arguments: dict[str, Any]) -> Any:
        result = self.ask("tools/call", {"name": name, "arguments": arguments})
        (block,) = result["content"]
        assert block["type"] == "text"
        assert json.loads(block["text"]) == result["structuredContent"]
        return result
