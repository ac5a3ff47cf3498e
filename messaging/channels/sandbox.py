"""The sandbox: a channel without a provider, for trying things out and for tests.

What goes out is delivered by being recorded; what comes in is made by the simulator.
"""

import mimetypes
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from inro.api.serializers import StrictSerializer
from media_library.kinds import TYPES, MediaKind
from messaging.buttons import ButtonType
from messaging.channels.base import (
    Account,
    Attachment,
    Capabilities,
    ChannelType,
    EventKind,
    InboundContent,
    InboundEvent,
    MediaLimit,
    Outcome,
    Outgoing,
    Verdict,
)
from messaging.channels.layouts import Layout
from messaging.models.messages import MessageType

MB = 1024 * 1024
KINDS = {
    MessageType.IMAGE: MediaKind.IMAGE,
    MessageType.AUDIO: MediaKind.AUDIO,
    MessageType.VIDEO: MediaKind.VIDEO,
    MessageType.FILE: MediaKind.DOCUMENT,
}


def _all_types(kind: MediaKind) -> frozenset[str]:
    """Whatever the library takes."""
    return frozenset(each.mime_type for each in TYPES.values() if each.kind == kind)


class Sandbox(ChannelType):
    """Pretend conversations: nothing leaves this server, and people are simulated."""

    kind = "sandbox"
    label = "Sandbox"
    idempotent = True
    has_webhook = False
    capabilities = Capabilities(
        media={
            message_type: MediaLimit(_all_types(kind), 100 * MB)
            for message_type, kind in KINDS.items()
        },
        captions=frozenset(KINDS),
        text_max_chars=4096,
        layouts=(Layout("buttons", frozenset(ButtonType), frozenset({MessageType.TEXT, *KINDS})),),
    )

    class Options(StrictSerializer):
        pass

    def request(self, account: Account, outgoing: Outgoing) -> None:
        return None

    def verdict(self, status: int, body: bytes) -> Verdict:
        return Verdict(Outcome.ACCEPTED)

    def parse(self, payload: Any) -> list[InboundEvent]:
        if not isinstance(payload, dict) or not payload.get("from"):
            raise ValueError("not an event of the simulator")
        written = payload.get("at")
        kind = EventKind.POSTBACK if payload.get("postback") else EventKind.MESSAGE
        return [
            InboundEvent(
                kind=kind,
                account_id="",
                external_id=str(payload["from"]),
                key=f"{kind}|{payload['id']}",
                happened_at=_moment(written) or timezone.now(),
                payload=payload,
            )
        ]

    def read(self, kind: EventKind, payload: Mapping[str, Any]) -> InboundContent:
        url = str(payload.get("attachment_url") or "")
        return InboundContent(
            provider_message_id=str(payload.get("id") or ""),
            text=str(payload.get("text") or ""),
            attachments=(Attachment(_type_of(url), url),) if url else (),
            username=str(payload.get("from") or ""),
            reply_payload=str(payload.get("quick_reply") or payload.get("postback") or ""),
        )


def simulated(person: str, text: str = "", **content: str) -> dict[str, str]:
    """The payload of what `person` does now.

    `content` is an `attachment_url`, the payload of a tapped `quick_reply` with its title as the
    text, or that of a `postback`.
    """
    happened = {"id": f"sim_{uuid.uuid4().hex}", "from": person, "at": timezone.now().isoformat()}
    return {**content, "text": text, **happened}


def _moment(written: object) -> datetime | None:
    try:
        found = parse_datetime(str(written))
    except ValueError:
        return None
    return found if found and timezone.is_aware(found) else None


def _type_of(url: str) -> MessageType:
    """By the name in the address: nothing is fetched to find out."""
    guessed, _ = mimetypes.guess_type(urlsplit(url).path)
    family = (guessed or "").split("/")[0]
    return MessageType(family) if family in {"image", "audio", "video"} else MessageType.FILE
