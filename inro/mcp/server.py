"""The tools as the protocol shows them. Loaded at the first request: the SDK takes a second."""

import json
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as ShownTool
from rest_framework.request import Request

from inro.api.errors import exception_handler
from inro.common.errors import Refused, invalid
from inro.mcp.calling import call
from inro.mcp.schemas import input_schema
from inro.mcp.tools import TOOLS
from inro.mcp.tools.base import Tool

log = structlog.get_logger(__name__)

CARRIER = "inro.request"
INSTRUCTIONS = (
    "The media library, channels, contacts, conversations and automations of one business. To "
    "automate answers, look at get_trigger_types and get_action_types, then make everything with "
    "one create_scenario; simulate_event tries it out on a sandbox channel. "
    "A refused call answers {error: {code, message, details}}: details names every fault by the "
    "path of the argument; mend all of them and call again."
)


async def list_tools(
    context: ServerRequestContext, params: PaginatedRequestParams | None
) -> ListToolsResult:
    # In the request's own thread: the schemas ask the models, and those may ask the database.
    return await sync_to_async(_list_tools, thread_sensitive=True)()


def _list_tools() -> ListToolsResult:
    return ListToolsResult(tools=[_shown(tool) for tool in TOOLS])


def _shown(tool: Tool) -> ShownTool:
    return ShownTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=input_schema(tool),
        annotations=ToolAnnotations(
            title=tool.title, read_only_hint=tool.reads, destructive_hint=tool.destructive
        ),
    )


async def call_tool(context: ServerRequestContext, params: CallToolRequestParams) -> CallToolResult:
    carrier = context.request.scope[CARRIER]  # type: ignore[union-attr]
    # The SDK's own worker threads would each open a database connection, and leave it open.
    answer = sync_to_async(_call_tool, thread_sensitive=True)
    return await answer(carrier, params.name, params.arguments or {})


def _call_tool(carrier: Request, name: str, arguments: dict[str, Any]) -> CallToolResult:
    tool = TOOLS.get(name)
    try:
        if tool is None:
            raise Refused(
                "not_found", f"There is no such tool. Known are: {', '.join(TOOLS.keys())}."
            )
        response = call(tool, arguments, carrier)
        # A deletion answers nothing, which is no JSON.
        status, text = response.status_code, response.content.decode() or "{}"
        if status >= 400:
            _retell(tool, text)
    except Exception as error:
        refusal = exception_handler(error, {"request": carrier})
        status, text = refusal.status_code, json.dumps(refusal.data, ensure_ascii=False)
    # Never the arguments: they say who people are and what they wrote.
    log.info("tool called", tool=tool.name if tool else None, status=status)
    return CallToolResult(
        content=[TextContent(text=text)],
        structured_content=json.loads(text),
        is_error=status >= 400,
    )


def _retell(tool: Tool, text: str) -> None:
    """Raise the refusal of the API anew where the tool tells its faults in other words."""
    details = json.loads(text).get("error", {}).get("details")
    if details and (told := tool.told(details)) != details:
        raise invalid(told)


SERVER: Server = Server(
    "inro",
    title="Inrō",
    version="1",
    instructions=INSTRUCTIONS,
    on_list_tools=list_tools,
    on_call_tool=call_tool,
    # No argument of ours travels in a header: there is nothing to look up before each call.
    get_tool_input_schema=lambda name: None,
)
