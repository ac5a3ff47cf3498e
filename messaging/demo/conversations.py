"""Conversations for the demo workspace: people who write, answers in every state.

People write by way of events, as they do everywhere; so scenarios answer them. What happened is
then dated to when it is said to have happened.
"""

import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from inro.accounts.models import Workspace
from messaging import receiving
from messaging.channels import CHANNELS
from messaging.connecting import connect_channel
from messaging.delivery.claim import claim
from messaging.delivery.news import Attempt, Change, News
from messaging.delivery.pump import deliver
from messaging.delivery.settle import settle
from messaging.demo.people import ON_INSTAGRAM, PEOPLE, Person
from messaging.models import (
    OPEN,
    Channel,
    ChannelStatus,
    Contact,
    Direction,
    Identity,
    Message,
    MessageStatus,
    MessageType,
    Pump,
)
from messaging.queueing import Draft, queue_messages

ACCOUNT = "17841400000000001"
_STORIES = uuid.UUID("3e0f2c5a-5b1e-4d0c-9d51-8d6a4c2b7f10")
_PATIENCE_SECONDS = 8.0
_LEASE = timedelta(seconds=30)


def hold_conversations(workspace: Workspace) -> dict[str, int]:
    """Have everybody write who has not; what was said before stays as it is."""
    mine = Channel.objects.for_workspace(workspace)
    sandbox = mine.filter(kind="sandbox").order_by("pk").first()
    sandbox = sandbox or connect_channel(workspace, "sandbox", "Sandbox", {})
    now = timezone.now().replace(microsecond=0)
    for person in PEOPLE:
        _converse(sandbox, person, now)
    _be_in_trouble(_instagram(workspace), now)
    return {
        "channels": mine.count(),
        "contacts": Contact.objects.for_workspace(workspace).count(),
        "messages": Message.objects.for_workspace(workspace).count(),
    }


def _converse(channel: Channel, person: Person, now: datetime) -> None:
    at, said = now - timedelta(hours=person.ago), list[tuple[int, datetime]]()
    for number, line in enumerate(person.lines):
        moment = at + timedelta(minutes=3 * number)
        said += _said(channel, person, number, line, min(moment, now))
    if not said:
        return
    _introduce(channel, person)
    _deliver(channel)
    _date(said)
    if person.reads:
        _read(dict(said))


def _read(moments: dict[int, datetime]) -> None:
    """All but the newest of these messages, if they arrived."""
    arrived = Message.objects.filter(pk__in=moments, status=MessageStatus.DELIVERED).order_by("-pk")
    ids = arrived.values_list("pk", flat=True)[1:]
    later = timedelta(minutes=1)
    settle([Change(pk, News.READ, at=moments[pk] + later) for pk in ids])


def _said(
    channel: Channel, person: Person, number: int, line: str, at: datetime
) -> Iterator[tuple[int, datetime]]:
    """Say one line; the messages that came of it, with the moments they are of."""
    before = _newest(channel.workspace_id)
    if line.startswith("> "):
        _answer(channel, person, number, line[2:])
    else:
        _write(channel, person, number, line, at)
    came = Message.objects.filter(workspace=channel.workspace_id, pk__gt=before).order_by("pk")
    for place, pk in enumerate(came.values_list("pk", flat=True)):
        yield pk, at + timedelta(seconds=4 * place)


def _newest(workspace_id: int) -> int:
    rows = Message.objects.filter(workspace=workspace_id).order_by("-pk")
    return rows.values_list("pk", flat=True).first() or 0


def _write(channel: Channel, person: Person, number: int, text: str, at: datetime) -> None:
    channel_type, key = CHANNELS[channel.kind], f"demo-{person.username}-{number}"
    if Message.objects.filter(channel=channel, provider_message_id=key).exists():
        return
    payload = _PAYLOADS[channel.kind](channel, person, key, text, at)
    with transaction.atomic():
        ids = receiving.record((channel, event) for event in channel_type.parse(payload))
    receiving.apply_events(ids)


def _sandbox_payload(
    channel: Channel, person: Person, key: str, text: str, at: datetime
) -> dict[str, Any]:
    return {"id": key, "from": person.username, "at": at.isoformat(), "text": text}


def _instagram_payload(
    channel: Channel, person: Person, key: str, text: str, at: datetime
) -> dict[str, Any]:
    milliseconds = int(at.timestamp() * 1000)
    event = {
        "sender": {"id": person.username},
        "recipient": {"id": channel.account_id},
        "timestamp": milliseconds,
        "message": {"mid": key, "text": text},
    }
    entry = {"id": channel.account_id, "time": milliseconds, "messaging": [event]}
    return {"object": "instagram", "entry": [entry]}


_PAYLOADS = {"sandbox": _sandbox_payload, "instagram": _instagram_payload}


def _answer(channel: Channel, person: Person, number: int, text: str) -> None:
    story = uuid.uuid5(_STORIES, f"{channel.pk}/{person.username}/{number}")
    identity = Identity.objects.get(channel=channel, external_id=person.username)
    if not Message.objects.filter(story=story).exists():
        draft = Draft(identity.contact_id, channel.pk, MessageType.TEXT, text, None, story, 0)
        queue_messages(channel.workspace_id, [draft])


def _introduce(channel: Channel, person: Person) -> None:
    contact = Contact.objects.get(
        identities__channel=channel, identities__external_id=person.username
    )
    contact.name, contact.email = person.name, person.email
    contact.phone, contact.language = person.phone, person.language
    contact.status = person.status
    contact.save()


def _deliver(channel: Channel) -> None:
    """Deliver, or wait for the pump of a running worker to do so."""
    until = time.monotonic() + _PATIENCE_SECONDS
    waiting = Message.objects.filter(channel=channel, status__in=OPEN)
    while channel.status == ChannelStatus.CONNECTED and waiting.exists():
        deliver(channel.pk)
        if time.monotonic() > until:
            return
        time.sleep(0.05)


def _date(said: list[tuple[int, datetime]]) -> None:
    """Give each message the moment it is of, instead of this one."""
    for pk, at in said:
        row = Message.objects.filter(pk=pk)
        row.update(created_at=at, updated_at=at)
        row.filter(sent_at__isnull=False, direction=Direction.OUTBOUND).update(
            sent_at=at + timedelta(seconds=1), attempted_at=at + timedelta(seconds=1)
        )


def _instagram(workspace: Workspace) -> Channel:
    """Paused from the start: nobody is behind it, and nothing may be sent there."""
    found = Channel.objects.for_workspace(workspace).filter(kind="instagram", account_id=ACCOUNT)
    if channel := found.first():
        return channel
    options = {"account_id": ACCOUNT, "access_token": "for-show-only", "app_secrets": ["for-show"]}
    with transaction.atomic():
        channel = connect_channel(workspace, "instagram", "Studio Lumen", options)
        channel.status = ChannelStatus.PAUSED
        channel.status_reason = "Only for show: there is no account behind it."
        channel.save()
    return channel


def _be_in_trouble(channel: Channel, now: datetime) -> None:
    """Answers that were refused, are not known of, or have to wait, each with its reason."""
    for person, verdict in ON_INSTAGRAM:
        at = now - timedelta(hours=person.ago)
        said = [each for line in person.lines for each in _said(channel, person, 0, line, at)]
        if said:
            _introduce(channel, person)
            settle([attempt.came_to(verdict) for attempt in _attempts(channel)])
            _date(said)


def _attempts(channel: Channel) -> list[Attempt]:
    """Claim one message of a paused channel: connected for this transaction, which nobody sees."""
    now, row = timezone.now(), Channel.objects.filter(pk=channel.pk)
    with transaction.atomic():
        Pump.objects.select_for_update().get(channel=channel)
        row.update(status=ChannelStatus.CONNECTED)
        attempts = claim(channel.pk, 1, now, now + _LEASE)
        row.update(status=ChannelStatus.PAUSED)
    return attempts
