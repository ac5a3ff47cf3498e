"""What was said, in both directions."""

from inro.mcp.tools.base import Tool


class ListMessages(Tool):
    """List messages

    Pages through what people wrote and what was sent to them, newest first, with what became of
    each. Call it with `contact_id` to read one conversation, with `status: "failed"` to see what
    did not arrive and why.
    """

    name = "list_messages"
    path = "messages"
    example = {"contact_id": 451, "direction": "inbound", "per_page": 10}


class GetMessage(Tool):
    """Get a message

    One message by its id: text, file, status, when it was sent, delivered and read, and the error
    of one that failed.
    """

    name = "get_message"
    path = "messages/{id}"
    example = {"id": 9001}
