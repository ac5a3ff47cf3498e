"""A conversation on a sandbox from the person's side: what they see, what they do."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from inro.api.errors import flatten
from inro.common.errors import invalid
from media_library.models import MediaStatus
from media_library.serving import path_of
from messaging import receiving
from messaging.channels import CHANNELS
from messaging.channels.sandbox import simulated
from messaging.models import Channel, Direction, Event, EventStatus, Identity, Message
from messaging.serializers.simulator import SimulatedEventSerializer
from messaging.tasks import wake_apply

MOST_SHOWN = 50
MOST_PEOPLE = 20


@dataclass(frozen=True)
class Line:
    """A message as the person sees it; `is_theirs` when they wrote it."""

    text: str
    is_theirs: bool
    at: Any
    state: str = ""
    error: str = ""
    media_path: str = ""
    media_name: str = ""
    media_type: str = ""
    links: list[str] = field(default_factory=list)
    buttons: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Conversation:
    """The latest lines, oldest first; `version` is another one whenever something has changed."""

    person: str
    lines: list[Line]
    version: str


def simulate(
    channel: Channel, data: Any, *, before_commit: Callable[[Sequence[int]], None] | None = None
) -> list[int]:
    """Have a pretend person do what `data` says; the ids of the events that come of it.

    `data` is the body of `POST /channels/:id/simulate`. Raises Refused with every fault in it.
    `before_commit` is called with the ids at the end of the transaction.
    """
    given = SimulatedEventSerializer(data=data, context={"channel": channel})
    if not given.is_valid():
        raise invalid(flatten(given.errors))
    content = dict(given.validated_data)
    payload = simulated(content.pop("from"), **content)
    with transaction.atomic():
        events = CHANNELS[channel.kind].parse(payload)
        ids = receiving.record((channel, event) for event in events)
        wake_apply(ids)
        if before_commit:
            before_commit(ids)
    return ids


def tap_of(button: Mapping[str, Any]) -> tuple[str, str]:
    """What tapping `button` does, as a field of `simulate` and its value."""
    return "quick_reply", button.get("payload") or button["title"]


def people_of(channel: Channel) -> "QuerySet[Identity]":
    """Those who wrote last."""
    known = Identity.objects.filter(channel=channel).select_related("contact")
    return known.order_by(F("last_inbound_at").desc(nulls_last=True), "-pk")[:MOST_PEOPLE]


def conversation_of(channel: Channel, person: str) -> Conversation:
    """What `person` has on their screen, and what they wrote that waits to be read by us."""
    theirs = Identity.objects.filter(channel=channel, external_id=person).values("contact")
    messages = Message.objects.filter(channel=channel, contact__in=theirs)
    latest = messages.select_related("media_file__blob").order_by("-pk")[:MOST_SHOWN]
    arriving = Event.objects.filter(
        channel=channel, external_id=person, status=EventStatus.RECORDED
    ).order_by("-pk")[:MOST_SHOWN]
    rows = [*reversed(latest)]
    events = [*reversed(arriving)]
    told = [(row.pk, row.status, row.error_code) for row in rows], [event.pk for event in events]
    version = hashlib.sha256(repr(told).encode()).hexdigest()[:16]
    lines = [*map(_line, rows), *map(_arriving, events)]
    return Conversation(person, lines, version)


def _line(message: Message) -> Line:
    is_theirs = message.direction == Direction.INBOUND
    file = message.media_file
    ready = file if file and file.status == MediaStatus.READY else None
    return Line(
        text=message.text,
        is_theirs=is_theirs,
        at=message.sent_at or message.created_at,
        state="" if is_theirs else message.status,
        error=message.error_message or message.error_code,
        media_path=path_of(ready) if ready else "",
        media_name=str(ready or ""),
        media_type=ready.media_type if ready else "",
        links=[str(each.get("url", "")) for each in message.content.get("attachments", [])],
        buttons=[_button(each) for each in message.buttons],
    )


def _button(row: Mapping[str, Any]) -> dict[str, Any]:
    if row.get("url"):
        return {"title": row["title"], "url": row["url"]}
    name, value = tap_of(row)
    return {"title": row["title"], "name": name, "value": value}


def _arriving(event: Event) -> Line:
    content = CHANNELS[event.channel.kind].read(event.kind, event.payload)  # type: ignore[arg-type]
    links = [each.url for each in content.attachments]
    return Line(content.text, is_theirs=True, at=event.happened_at, state="arriving", links=links)
