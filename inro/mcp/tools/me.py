"""On whose behalf an agent works."""

from inro.mcp.tools.base import Tool


class GetMe(Tool):
    """Get the workspace behind the token

    Name, plan and time zone of the workspace, what the token is allowed to do, and the channels
    with their state. Call it first where you do not know what you are connected to.
    """

    name = "get_me"
    path = "me"
