"""Carries one Django request through the SDK's ASGI transport, and its answer back."""

import asyncio
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from rest_framework.request import Request

from inro.mcp.server import CARRIER, SERVER

# ALLOWED_HOSTS has judged the host already.
_SECURITY = TransportSecuritySettings(enable_dns_rebinding_protection=False)


async def carry(request: Request, body: bytes) -> HttpResponse:
    """Serve one POST. Nothing outlives it: no session, no stream, no task."""
    unread = [body]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not unread:  # the transport listens for a disconnect, which a view never hears of
            await asyncio.Event().wait()
        return {"type": "http.request", "body": unread.pop(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    manager = StreamableHTTPSessionManager(
        app=SERVER,
        stateless=True,
        json_response=True,
        security_settings=_SECURITY,
        max_request_body_size=settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    )
    async with manager.run():
        await manager.handle_request(_scope(request), receive, send)
    return _answer(sent)


def _scope(request: Request) -> dict[str, Any]:
    headers = {
        name.lower(): value
        for name, value in request.headers.items()
        if name.lower() == "content-type" or name.lower().startswith("mcp-")
    }
    # We answer in JSON only, whatever a client says that it would like.
    headers["accept"] = "application/json, text/event-stream"
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers.items()],
        "client": None,
        "server": None,
        CARRIER: request,
    }


def _answer(sent: list[Any]) -> HttpResponse:
    start, *parts = sent
    content = b"".join(part.get("body", b"") for part in parts)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
    headers.pop("content-length", None)
    kind = headers.pop("content-type", "application/json")
    return HttpResponse(content, status=start["status"], headers=headers, content_type=kind)
