"""Instagram's notifications, read leniently: what is signed becomes an event, if only an OTHER.

An account's items come in `messaging` (or `standby`, while another app answers the person), its
comments in `changes` or, from some apps, flat as `field` and `value`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from messaging.channels.base import Attachment, EventKind, InboundContent, InboundEvent
from messaging.channels.meta import MAX_MESSAGE_ID
from messaging.models.messages import MessageType

MAX_KEY = 400
MAX_ID = 200
# Beyond this a number counts milliseconds: as seconds it would be the year 5138.
MILLISECONDS_FROM = 100_000_000_000

_PARTS = {
    "message": EventKind.MESSAGE,
    "message_edit": EventKind.EDITED,
    "reaction": EventKind.REACTION,
    "postback": EventKind.POSTBACK,
    "read": EventKind.READ,
    "referral": EventKind.REFERRAL,
}
# What the account itself does is no event of a person, whatever it looks like.
_OF_PERSONS = {EventKind.MESSAGE, EventKind.READ, EventKind.REACTION}
_COMMENT_FIELDS = {"comments", "live_comments"}
_ATTACHMENTS = {
    "image": MessageType.IMAGE,
    "video": MessageType.VIDEO,
    "audio": MessageType.AUDIO,
    "file": MessageType.FILE,
    **dict.fromkeys(
        ("share", "ig_post", "reel", "ig_reel", "story", "ig_story", "story_mention"),
        MessageType.SHARE,
    ),
}


def parse(payload: Any) -> list[InboundEvent]:
    """Every event of one body. Raises ValueError for a body that is not Instagram's."""
    bodies = payload if isinstance(payload, list) else [payload]
    if any(not isinstance(body, dict) or body.get("object") != "instagram" for body in bodies):
        raise ValueError("not a notification of Instagram")
    return [event for body in bodies for entry in _entries(body) for event in _events(entry)]


def _entries(body: dict[str, Any]) -> list[Any]:
    entries = body.get("entry")
    return entries if isinstance(entries, list) else [body]


def _events(entry: Any) -> Iterator[InboundEvent]:
    if not isinstance(entry, dict):
        yield _other(entry)
        return
    items = [(item, False) for item in _listed(entry, "messaging")]
    items += [(item, True) for item in _listed(entry, "standby")]
    changes = _listed(entry, "changes")
    if "field" in entry:
        changes = [*changes, {"field": entry["field"], "value": entry.get("value")}]
    for item, standby in items:
        yield _messaging(entry, item, standby)
    for change in changes:
        yield _change(entry, change)
    if not items and not changes:
        yield _other(entry, entry)


def _messaging(entry: dict[str, Any], item: Any, standby: bool) -> InboundEvent:
    if not isinstance(item, dict):
        return _other(item, entry)
    account, sender = _id(entry.get("id")), _party(item, "sender")
    recipient = _party(item, "recipient")
    kind, body = _kind(item)
    own = sender == account
    if kind in {EventKind.POSTBACK, EventKind.REFERRAL} and own:
        # Some samples name the person in `entry.id`; nobody taps a button of their own.
        account, own = recipient, False
    person = recipient if own or kind == EventKind.ECHO else sender
    itself = item.get("is_self") is True or body.get("is_self") is True
    if not person or itself or (own and kind in _OF_PERSONS):
        kind = EventKind.OTHER
    happened_at = _moment(item.get("timestamp")) or _moment(entry.get("time"))
    return InboundEvent(
        kind=kind,
        account_id=account,
        external_id=person,
        key=_item_key(kind, item, body),
        happened_at=happened_at or timezone.now(),
        payload={**item, "standby": True} if standby else item,
    )


def _kind(item: dict[str, Any]) -> tuple[EventKind, dict[str, Any]]:
    """What an item is, and the part of it that says so."""
    for name, kind in _PARTS.items():
        body = item.get(name)
        if not isinstance(body, dict):
            continue
        if name == "message" and body.get("is_deleted") is True:
            kind = EventKind.DELETED
        elif name == "message" and body.get("is_echo") is True:
            kind = EventKind.ECHO
        return kind, body
    return EventKind.OTHER, {}


def _change(entry: dict[str, Any], change: Any) -> InboundEvent:
    value = change.get("value") if isinstance(change, dict) else None
    if not isinstance(value, dict) or _text(change.get("field")) not in _COMMENT_FIELDS:
        return _other(change, entry)
    author = value["from"] if isinstance(value.get("from"), dict) else {}
    person, comment = _id(author.get("id")), _id(value.get("id") or value.get("comment_id"))
    own = person == _id(entry.get("id")) or "self_ig_scoped_id" in author
    if not person or not comment or own:
        return _other(change, entry)
    return InboundEvent(
        kind=EventKind.COMMENT,
        account_id=_id(entry.get("id")),
        external_id=person,
        # A comment is announced more than once when its post is also an ad.
        key=_key(EventKind.COMMENT, comment),
        happened_at=_moment(entry.get("time")) or timezone.now(),
        payload=change,
    )


def _other(item: Any, entry: Mapping[str, Any] | None = None) -> InboundEvent:
    entry = entry or {}
    return InboundEvent(
        kind=EventKind.OTHER,
        account_id=_id(entry.get("id")),
        external_id="",
        key=_key(EventKind.OTHER, _digest(item)),
        happened_at=_moment(entry.get("time")) or timezone.now(),
        payload=item if isinstance(item, dict) else {"value": item},
    )


def read(kind: EventKind, payload: Mapping[str, Any]) -> InboundContent:
    """What the payload of a stored event says."""
    if kind == EventKind.COMMENT:
        value = _part(payload, "value")
        return InboundContent(
            text=_text(value.get("text")), username=_text(_part(value, "from").get("username"))
        )
    name = next((name for name in _PARTS if isinstance(payload.get(name), dict)), "")
    body = _part(payload, name)
    tapped = body if name == "postback" else _part(body, "quick_reply")
    return InboundContent(
        provider_message_id=_text(body.get("mid"), MAX_MESSAGE_ID),
        text=_text(body.get("text") or body.get("title") or _text_of_template(body)),
        attachments=tuple(_attachments(body)),
        reply_payload=_text(tapped.get("payload")),
        standby=payload.get("standby") is True,
    )


def _text_of_template(body: Mapping[str, Any]) -> str:
    """A text with buttons goes out as a template, and so it is echoed."""
    for each in _listed(body, "attachments"):
        if isinstance(each, dict) and each.get("type") == "template":
            return _text(_part(each, "payload").get("text")) or _text(each.get("title"))
    return ""


def _attachments(body: Mapping[str, Any]) -> Iterator[Attachment]:
    for each in _listed(body, "attachments"):
        if isinstance(each, dict) and each.get("type") != "template":
            kind = _ATTACHMENTS.get(_text(each.get("type")), MessageType.OTHER)
            yield Attachment(kind, _text(_part(each, "payload").get("url")))


def _item_key(kind: EventKind, item: dict[str, Any], body: dict[str, Any]) -> str:
    mid = _text(body.get("mid"))
    if kind == EventKind.OTHER or not mid:
        return _key(kind, _digest(item))
    version = (body.get("action"), body.get("num_edit"), item.get("timestamp"))
    return _key(kind, mid, *("" if part is None else str(part) for part in version))


def _key(kind: EventKind, *parts: str) -> str:
    key = "|".join((kind, *parts))
    return key if len(key) <= MAX_KEY else f"{kind}|{_digest(parts)}"


def _digest(item: Any) -> str:
    return hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()


def _moment(value: Any) -> datetime | None:
    """Seconds or milliseconds since 1970, judged by magnitude; None for what cannot be."""
    try:
        number = float(value)
        seconds = number / 1000 if number >= MILLISECONDS_FROM else number
        found = datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return found if found.year >= 2010 and found < timezone.now() + timedelta(days=1) else None


def _party(item: Mapping[str, Any], name: str) -> str:
    return _id(_part(item, name).get("id"))


def _id(value: Any) -> str:
    """An id as text; '' for what cannot be one."""
    known = isinstance(value, str | int) and not isinstance(value, bool)
    text = str(value) if known else ""
    return text if len(text) <= MAX_ID else ""


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _listed(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []


def _text(value: Any, limit: int | None = None) -> str:
    """'' for what is no text, or too long to be what it should be."""
    fits = isinstance(value, str) and (limit is None or len(value) <= limit)
    return value if fits else ""
