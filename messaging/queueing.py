"""Writing messages: the table is the outbox, and a row is one call to a provider."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from inro.common.waking import wake
from messaging.buttons import Button, as_rows
from messaging.channels import CHANNELS
from messaging.channels.arranging import layout_of
from messaging.channels.base import Capabilities, Outgoing
from messaging.delivery.tasks import pump
from messaging.models import (
    Channel,
    Direction,
    Message,
    MessageStatus,
    MessageType,
    Stream,
    StreamKind,
)
from messaging.models.channels import RANK_OF


@dataclass(frozen=True)
class Draft:
    """A message as a caller means it.

    `story` and `position` are the caller's key: the same pair is never written twice. A failure
    for good cancels what has a greater position in the story.
    """

    contact_id: int
    channel_id: int
    message_type: MessageType
    text: str = ""
    media_file_id: int | None = None
    story: UUID | None = None
    position: int | None = None
    buttons: tuple[Button, ...] = ()


def queue_messages(
    workspace_id: int, drafts: Sequence[Draft], *, stream_kind: StreamKind = StreamKind.REPLIES
) -> list[Message]:
    """Write `drafts` in their order and wake the pumps when the caller's transaction commits.

    Their order is that of delivery to each contact. A caption that the channel cannot carry
    becomes a text of its own right behind its media, and the buttons go with it; so do buttons that
    cannot stand under media. Position p of the caller holds the rows 2p and 2p + 1. Raises
    IntegrityError for a story and position that are taken.
    """
    if not drafts:
        return []
    kinds = _kinds(workspace_id, {draft.channel_id for draft in drafts})
    with transaction.atomic():
        streams = _streams(kinds, stream_kind)
        now = timezone.now()
        rows = Message.objects.bulk_create(
            _as_message(workspace_id, row, streams[row.channel_id], now)
            for row in _rows(drafts, kinds)
        )
        for channel_id in sorted(kinds):
            wake(pump, channel_id)
    return rows


def _kinds(workspace_id: int, channel_ids: Collection[int]) -> dict[int, str]:
    found = Channel.objects.for_workspace(workspace_id).filter(pk__in=channel_ids)
    kinds = dict(found.values_list("pk", "kind"))
    if len(kinds) != len(channel_ids):
        raise ValueError("A draft names a channel that the workspace does not have.")
    return kinds


def _rows(drafts: Iterable[Draft], kinds: dict[int, str]) -> Iterator[Draft]:
    """The drafts as rows: one for each call, positions doubled."""
    for draft in drafts:
        first = None if draft.position is None else 2 * draft.position
        if _in_one_call(draft, CHANNELS[kinds[draft.channel_id]].capabilities):
            yield replace(draft, position=first)
            continue
        second = None if first is None else first + 1
        yield replace(draft, text="", buttons=(), position=first)
        yield replace(draft, message_type=MessageType.TEXT, media_file_id=None, position=second)


def _in_one_call(draft: Draft, capabilities: Capabilities) -> bool:
    if draft.message_type in {MessageType.TEXT, *capabilities.captions}:
        return True
    alone = Outgoing(0, "", draft.message_type, buttons=draft.buttons)
    return not draft.text and (not draft.buttons or bool(layout_of(capabilities, alone)))


def _as_message(workspace_id: int, row: Draft, stream_id: int, now: datetime) -> Message:
    return Message(
        workspace_id=workspace_id,
        channel_id=row.channel_id,
        contact_id=row.contact_id,
        stream_id=stream_id,
        direction=Direction.OUTBOUND,
        message_type=row.message_type,
        text=row.text,
        media_file_id=row.media_file_id,
        buttons=as_rows(row.buttons),
        status=MessageStatus.QUEUED,
        story=row.story,
        position=row.position,
        due_at=now,
        created_at=now,
    )


def _streams(channel_ids: Iterable[int], kind: StreamKind) -> dict[int, int]:
    """The standing stream of each channel, made where it is missing."""
    channel_ids = set(channel_ids)
    standing = Stream.objects.filter(channel__in=channel_ids, kind=kind)
    found = dict(standing.values_list("channel_id", "pk"))
    missing = channel_ids - found.keys()
    if missing:
        Stream.objects.bulk_create(
            [Stream(channel_id=each, kind=kind, rank=RANK_OF[kind]) for each in sorted(missing)],
            ignore_conflicts=True,  # another caller makes the same one
        )
        found = dict(standing.values_list("channel_id", "pk"))
    return found
