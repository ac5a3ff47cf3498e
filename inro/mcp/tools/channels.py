"""The accounts that are written on, and the sandbox to try things out."""

from inro.mcp.tools.base import Tool


class ListChannels(Tool):
    """List channels

    Pages through the accounts that people write to, newest first, each with its state and why it
    does not send, if it does not. Secrets are masked.
    """

    name = "list_channels"
    path = "channels"
    example = {"per_page": 10}


class GetChannel(Tool):
    """Get a channel

    One channel by its id: its state, its limits, and the webhook address and verify token that the
    provider asks for. Secrets are masked and cannot be read.
    """

    name = "get_channel"
    path = "channels/{id}"
    example = {"id": 3}


class CreateChannel(Tool):
    """Connect a channel

    Connects an account of the `kind` instagram, with its account_id, access_token and app_secrets;
    the answer's `webhook_url` and `verify_token` are to be entered at the provider. A channel of
    the kind sandbox needs nothing: its people are simulated, and nothing leaves the server.
    """

    name = "create_channel"
    method = "POST"
    path = "channels"
    example = {"kind": "sandbox", "name": "Rehearsal"}


class UpdateChannel(Tool):
    """Update a channel

    Changes the name, the options or the pacing of one channel by id, gives it new secrets, or
    pauses it (`status: "paused"`) and connects it again; what is left out stays, and so does a
    secret that is sent as its mask. Nothing goes out on a paused channel, its messages wait.
    """

    name = "update_channel"
    method = "PATCH"
    path = "channels/{id}"
    destructive = True
    example = {"id": 3, "status": "paused"}


class DeleteChannel(Tool):
    """Delete a channel

    Removes one channel on which nobody has written yet. One with messages is refused with
    `in_use`, since they are the history of its contacts: pause it with update_channel instead.
    """

    name = "delete_channel"
    method = "DELETE"
    path = "channels/{id}"
    destructive = True
    example = {"id": 3}


class CheckChannel(Tool):
    """Check the credentials of a channel

    Asks the provider whether the secrets of one channel are good. Its `status` is then connected,
    or error with the reason in `status_reason`; a paused one stays paused.
    """

    name = "check_channel"
    method = "POST"
    path = "channels/{id}/check"
    example = {"id": 3}


class SimulateEvent(Tool):
    """Write on a sandbox as a pretend person

    Has somebody write a text to a sandbox channel, send a file or tap a button, exactly as a
    provider would tell of it: scenarios start and answer. Look at list_outbox or list_executions a
    moment later to see what became of it. No real person is written to.
    """

    name = "simulate_event"
    method = "POST"
    path = "channels/{id}/simulate"
    example = {"id": 3, "from": "jane", "text": "hello"}


class ListOutbox(Tool):
    """List what went out on a sandbox

    Pages through what pretend people were sent on one sandbox channel, newest first, as they see
    it: texts, files and buttons. Call it after simulate_event to read the answer of a scenario.
    """

    name = "list_outbox"
    path = "channels/{channel_id}/outbox"
    example = {"channel_id": 3, "per_page": 10}
