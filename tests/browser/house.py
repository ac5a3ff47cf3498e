"""A workspace in which something of everything has happened."""

import io

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from automations.models import Scenario
from automations.scenarios import create_scenario
from inro.accounts.models import Workspace
from media_library import orders
from media_library.ingest import ingest_upload
from media_library.models import MediaFile
from messaging import receiving
from messaging.channels import CHANNELS
from messaging.channels.sandbox import simulated
from messaging.connecting import connect_channel
from messaging.delivery.tasks import pump
from messaging.models import Channel


def picture(width: int = 640, height: int = 400, color: str = "teal") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, "JPEG")
    return file.getvalue()


def upload(workspace: Workspace, name: str = "welcome.jpg", content: bytes = b"") -> MediaFile:
    """Stored, and its renditions ordered, as half a second later."""
    media_file = ingest_upload(workspace, SimpleUploadedFile(name, content or picture()))
    orders.place_new()
    return media_file


def welcome(workspace: Workspace, media_file: MediaFile, *, active: bool = True) -> Scenario:
    """Three messages, one of them a picture, one of them with a variable that nobody knows."""
    return create_scenario(
        workspace,
        {
            "title": "Welcome",
            "active": active,
            "triggers": [
                {"trigger_type": "contact_create"},
                {"trigger_type": "message", "options": {"keywords": ["hello", "price list"]}},
            ],
            "actions": [
                {
                    "action_key": "first",
                    "action_type": "message",
                    "content": "Hey {{contact.name}}, thanks for writing! We answer within a day.",
                },
                {
                    "action_key": "picture",
                    "action_type": "image",
                    "parent_key": "first",
                    "content": "Our shop",
                    "media_file": {"id": media_file.pk},
                },
                {
                    "action_key": "bye",
                    "action_type": "message",
                    "parent_key": "picture",
                    "content": "See you {{contact.shoesize}}",
                },
            ],
        },
    )


def write(channel: Channel, person: str, text: str) -> None:
    """`person` writes on the sandbox `channel`, and all that follows has happened."""
    events = CHANNELS[channel.kind].parse(simulated(person, text))
    receiving.apply_events(receiving.record((channel, event) for event in events))
    deliver(channel)


def deliver(channel: Channel) -> None:
    pump(channel.pk)


def furnish(workspace: Workspace) -> Channel:
    """A sandbox on which Jane has been welcomed."""
    channel = connect_channel(workspace, "sandbox", "Playground", {})
    welcome(workspace, upload(workspace))
    write(channel, "jane", "hello")
    return channel
