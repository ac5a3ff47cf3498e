"""Who may call what: one line for each route of the API, each tool and each public address.

A route, a tool or an address without its line fails the suite, and so does a line without one.
`test_matrix` asks every line everything that can be refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from automations.models import Execution, Scenario
from automations.scenarios import create_scenario
from inro.accounts.models import Workspace
from media_library import serving
from media_library.folders import create_folder
from media_library.ingest import ingest_upload
from media_library.models import MediaFile
from messaging.connecting import connect_channel
from messaging.models import Channel, Contact, Identity, Message
from tests.media_library.files import picture

# What of a workspace's rows an address or an argument names.
Names = Mapping[str, Any]
# A body, or what makes one in a workspace (in JSON; with a "file" it goes as a form).
Body = Any


@dataclass(frozen=True)
class Route:
    """`ability` is what a token needs, None for none; `of` makes the row that the path names.

    `body` is the least that is taken. `query` is for routes that name their row there. `dialect`:
    its errors and lists do not follow our conventions.
    """

    ability: str | None
    of: Callable[[Workspace], Names] | None = None
    body: Body = None
    query: str = ""
    dialect: bool = False


@dataclass(frozen=True)
class Call:
    """The same of a tool, whose arguments are those of `of` and `arguments`."""

    ability: str | None
    of: Callable[[Workspace], Names] | None = None
    arguments: Body = field(default_factory=dict)


def channel(workspace: Workspace) -> Names:
    return {"pk": _channel(workspace).pk}


def outbox(workspace: Workspace) -> Names:
    return {"channel_id": _channel(workspace).pk}


def contact(workspace: Workspace) -> Names:
    return {"pk": _contact(workspace).pk}


def message(workspace: Workspace) -> Names:
    on, person = _channel(workspace), _contact(workspace)
    row = Message.objects.create(
        workspace=workspace, channel=on, contact=person, direction="inbound", status="received"
    )
    return {"pk": row.pk}


def media_file(workspace: Workspace) -> Names:
    return {"pk": _media_file(workspace).pk}


def media_folder(workspace: Workspace) -> Names:
    return {"pk": create_folder(workspace, "Summer").pk}


def scenario(workspace: Workspace) -> Names:
    return {"pk": _scenario(workspace).pk}


def history(workspace: Workspace) -> Names:
    return {"scenario_id": _scenario(workspace).pk}


def revision(workspace: Workspace) -> Names:
    return {"scenario_id": _scenario(workspace).pk, "number": 1}


def execution(workspace: Workspace) -> Names:
    row = Execution.objects.create(
        workspace=workspace,
        definition=_scenario(workspace).definition,
        contact=_contact(workspace),
        channel=_channel(workspace),
        trigger_type="message",
    )
    return {"pk": row.pk}


def a_file(workspace: Workspace) -> Body:
    return {"file": _upload()}


def an_address(workspace: Workspace) -> Body:
    """Ours, so that nothing has to be fetched."""
    return {"file_url": serving.url_of(_media_file(workspace))}


def _channel(workspace: Workspace) -> Channel:
    known = Channel.objects.filter(workspace=workspace).first()
    return known or connect_channel(workspace, "sandbox", "Sandbox", {})


def _contact(workspace: Workspace) -> Contact:
    person = Contact.objects.create(workspace=workspace, username="jane")
    Identity.objects.create(
        workspace=workspace, channel=_channel(workspace), contact=person, external_id="jane"
    )
    return person


def _media_file(workspace: Workspace) -> MediaFile:
    return ingest_upload(workspace, _upload())


def _upload() -> SimpleUploadedFile:
    return SimpleUploadedFile("a.jpg", picture("JPEG"), "image/jpeg")


def _scenario(workspace: Workspace) -> Scenario:
    return create_scenario(workspace, WELCOME)


TEXT = {"action_key": "hi", "action_type": "message", "content": "Hello"}
WELCOME = {"triggers": [{"trigger_type": "contact_create"}], "actions": [TEXT]}
SANDBOX, EVENT = {"kind": "sandbox"}, {"from": "jane", "text": "hello"}
NAMED, TITLED = {"name": "x"}, {"title": "x"}

ROUTES: dict[str, Route] = {
    "GET /me": Route(None),
    "GET /media_files": Route("media.read"),
    "POST /media_files": Route("media.write", None, a_file),
    "GET /media_files/{pk}": Route("media.read", media_file),
    "PATCH /media_files/{pk}": Route("media.write", media_file, NAMED),
    "PUT /media_files/{pk}": Route("media.write", media_file, a_file),
    "DELETE /media_files/{pk}": Route("media.write", media_file),
    "GET /media_files/{pk}/usages": Route("media.read", media_file),
    "GET /media_folders": Route("media.read"),
    "POST /media_folders": Route("media.write", None, NAMED),
    "GET /media_folders/{pk}": Route("media.read", media_folder),
    "PATCH /media_folders/{pk}": Route("media.write", media_folder, NAMED),
    "DELETE /media_folders/{pk}": Route("media.write", media_folder),
    "GET /media": Route("media.read", dialect=True),
    "POST /media": Route("media.write", None, a_file, dialect=True),
    "GET /media/{pk}": Route("media.read", media_file, dialect=True),
    "DELETE /media/{pk}": Route("media.write", media_file, dialect=True),
    "GET /channels": Route("channels.read"),
    "POST /channels": Route("channels.write", None, SANDBOX),
    "GET /channels/{pk}": Route("channels.read", channel),
    "PATCH /channels/{pk}": Route("channels.write", channel, NAMED),
    "DELETE /channels/{pk}": Route("channels.write", channel),
    "POST /channels/{pk}/simulate": Route("channels.write", channel, EVENT),
    "GET /channels/{channel_id}/outbox": Route("channels.read", outbox),
    "POST /channels/{pk}/check": Route("channels.write", channel),
    "GET /contacts": Route("contacts.read"),
    "POST /contacts": Route("contacts.write", None, NAMED),
    "GET /contacts/search": Route("contacts.read", query="?query=x"),
    "GET /contacts/{pk}": Route("contacts.read", contact),
    "PATCH /contacts/{pk}": Route("contacts.write", contact, NAMED),
    "PUT /contacts/{pk}": Route("contacts.write", contact, {"contact": NAMED}),
    "GET /contact": Route("contacts.read", contact, query="?id={pk}"),
    "PUT /contact": Route("contacts.write", contact, {"contact": NAMED}, query="?id={pk}"),
    "GET /messages": Route("messages.read"),
    "GET /messages/{pk}": Route("messages.read", message),
    "GET /executions": Route("scenarios.read"),
    "GET /executions/{pk}": Route("scenarios.read", execution),
    "POST /executions/{pk}/cancel": Route("scenarios.write", execution),
    "GET /trigger_types": Route("scenarios.read"),
    "GET /action_types": Route("scenarios.read"),
    "GET /scenarios": Route("scenarios.read"),
    "POST /scenarios": Route("scenarios.write", None, WELCOME),
    "POST /scenarios/validate": Route("scenarios.write", None, WELCOME),
    "GET /scenarios/{pk}": Route("scenarios.read", scenario),
    "PATCH /scenarios/{pk}": Route("scenarios.write", scenario, TITLED),
    "DELETE /scenarios/{pk}": Route("scenarios.write", scenario),
    "GET /scenarios/{pk}/export": Route("scenarios.read", scenario),
    "GET /scenarios/{scenario_id}/revisions": Route("scenarios.read", history),
    "GET /scenarios/{scenario_id}/revisions/{number}": Route("scenarios.read", revision),
    "POST /scenarios/{scenario_id}/revisions/{number}/restore": Route("scenarios.write", revision),
}

# The path's `pk` is called `id` here.
TOOL_CALLS: dict[str, Call] = {
    "get_me": Call(None),
    "get_trigger_types": Call("scenarios.read"),
    "get_action_types": Call("scenarios.read"),
    "list_scenarios": Call("scenarios.read"),
    "get_scenario": Call("scenarios.read", scenario),
    "create_scenario": Call("scenarios.write", None, WELCOME),
    "update_scenario": Call("scenarios.write", scenario, TITLED),
    "validate_scenario": Call("scenarios.write", None, WELCOME),
    "export_scenario": Call("scenarios.read", scenario),
    "delete_scenario": Call("scenarios.write", scenario),
    "list_scenario_revisions": Call("scenarios.read", history),
    "get_scenario_revision": Call("scenarios.read", revision),
    "restore_scenario_revision": Call("scenarios.write", revision),
    "list_executions": Call("scenarios.read"),
    "get_execution": Call("scenarios.read", execution),
    "cancel_execution": Call("scenarios.write", execution),
    "list_media_files": Call("media.read"),
    "get_media_file": Call("media.read", media_file),
    "upload_media_file": Call("media.write", None, an_address),
    "update_media_file": Call("media.write", media_file, NAMED),
    "replace_media_file": Call("media.write", media_file, an_address),
    "list_media_file_usages": Call("media.read", media_file),
    "delete_media_file": Call("media.write", media_file),
    "list_media_folders": Call("media.read"),
    "get_media_folder": Call("media.read", media_folder),
    "create_media_folder": Call("media.write", None, NAMED),
    "update_media_folder": Call("media.write", media_folder, NAMED),
    "delete_media_folder": Call("media.write", media_folder),
    "list_contacts": Call("contacts.read"),
    "get_contact": Call("contacts.read", contact),
    "create_contact": Call("contacts.write", None, NAMED),
    "update_contact": Call("contacts.write", contact, NAMED),
    "list_messages": Call("messages.read"),
    "get_message": Call("messages.read", message),
    "list_channels": Call("channels.read"),
    "get_channel": Call("channels.read", channel),
    "create_channel": Call("channels.write", None, SANDBOX),
    "update_channel": Call("channels.write", channel, NAMED),
    "delete_channel": Call("channels.write", channel),
    "check_channel": Call("channels.write", channel),
    "simulate_event": Call("channels.write", channel, EVENT),
    "list_outbox": Call("channels.read", outbox),
}

# Everything else that is mounted: what anybody gets there without a token, by GET and by POST.
PUBLIC: dict[str, tuple[int, int]] = {
    "/": (302, 405),
    "/favicon.ico": (302, 405),
    "/login/{secret}": (403, 405),
    "/health/live": (200, 405),
    "/health/ready": (200, 405),
    "/metrics": (200, 405),
    "/api/schema/": (200, 405),
    "/api/docs/": (200, 405),
    "/mcp/": (401, 401),
    "/media/{signed}/{name}": (404, 405),
    "/webhooks/{kind}/{uuid}": (404, 404),
}
