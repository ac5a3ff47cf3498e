"""Rows as a business has them, for the pages that show them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from automations.models import Execution, Step
from inro.accounts.models import Workspace
from messaging.connecting import connect_channel
from messaging.models import Channel, Contact, Direction, Identity, Message, Stream, StreamKind
from tests.automations.support import message, stored

# Shown as text wherever it turns up; run, it would be an attribute or an element.
HOSTILE = """<img src=x onerror=alert(1)>"'><script>alert(2)</script>{{7*7}}"""


def instagram(workspace: Workspace, account_id: str = "1784", name: str = "Shop") -> Channel:
    options = {"account_id": account_id, "access_token": "IGAA", "app_secrets": ["a-secret"]}
    return connect_channel(workspace, "instagram", name, options)


def person(channel: Channel, name: str = "Jane", *, wrote: timedelta | None = None) -> Contact:
    contact = Contact.objects.create(workspace=channel.workspace, name=name, username="jane")
    Identity.objects.create(
        workspace=channel.workspace,
        channel=channel,
        contact=contact,
        external_id=f"9-{contact.pk}",
        last_inbound_at=timezone.now() - wrote if wrote is not None else None,
    )
    return contact


def written(channel: Channel, contact: Contact, text: str = "Hello", **more: Any) -> Message:
    """What the person wrote."""
    now = timezone.now()
    fields: dict[str, Any] = {"message_type": "text", "status": "received", "sent_at": now}
    return Message.objects.create(
        workspace=channel.workspace,
        channel=channel,
        contact=contact,
        direction=Direction.INBOUND,
        text=text,
        **{**fields, **more},
    )


def sent(channel: Channel, contact: Contact, text: str = "Welcome", **more: Any) -> Message:
    """What we wrote."""
    fields: dict[str, Any] = {"message_type": "text", "status": "sent"}
    if more.get("status", "sent") in {"sent", "delivered", "read"}:
        fields["sent_at"] = timezone.now()
    return Message.objects.create(
        workspace=channel.workspace,
        channel=channel,
        contact=contact,
        stream=Stream.objects.get(channel=channel, kind=StreamKind.REPLIES),
        direction=Direction.OUTBOUND,
        text=text,
        **{**fields, **more},
    )


def execution(channel: Channel, contact: Contact, title: str = "Welcome flow", **more: Any) -> Any:
    """An execution of a scenario of its own, with one step that is done."""
    scenario = stored(channel.workspace, message("hello"), title=title)
    found = Execution.objects.create(
        workspace=channel.workspace,
        definition=scenario.definition,
        contact=contact,
        channel=channel,
        **{"trigger_type": "message", "status": "completed", "steps_taken": 1, **more},
    )
    snapshot = {"action_key": "hello", "action_type": "message", "content": "Hi", "options": {}}
    Step.objects.create(
        execution=found, number=1, action_key="hello", action=snapshot, branch="next", status="done"
    )
    return found
