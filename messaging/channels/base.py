"""The contract of a channel type: what an adapter states, builds and reads.

Adapters are pure: they turn our words into a provider's and back. They open no connection and
touch no database, so each is tested on payloads alone. `messaging.delivery` makes the calls,
`messaging.receiving` stores what was read.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from rest_framework import serializers

from messaging.buttons import Button
from messaging.channels.layouts import Layout
from messaging.models.messages import MessageType
from messaging.pacing import Pacing


class EventKind(StrEnum):
    """What a provider can tell us."""

    MESSAGE = "message"
    ECHO = "echo"  # a message that went out, ours or typed by the owner in the app
    READ = "read"
    EDITED = "edited"
    DELETED = "deleted"
    REACTION = "reaction"
    POSTBACK = "postback"
    REFERRAL = "referral"
    COMMENT = "comment"
    OTHER = "other"


@dataclass(frozen=True)
class InboundEvent:
    """One event as it arrived: enough to store it once and to put it in line."""

    kind: EventKind
    account_id: str  # of the receiving account, as the provider names it
    external_id: str  # of the person
    key: str  # unique within the channel for this event in this version
    happened_at: datetime
    payload: dict[str, Any]


@dataclass(frozen=True)
class Attachment:
    """A file that a person sent; `url` is the provider's and may expire."""

    message_type: MessageType
    url: str


@dataclass(frozen=True)
class InboundContent:
    """What a stored event says, in our words."""

    provider_message_id: str = ""
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    username: str = ""
    name: str = ""
    reply_payload: str = ""  # of a tapped quick reply or button
    # Another app answers this person at the moment: we listen, and start nothing.
    standby: bool = False


@dataclass(frozen=True)
class MediaLimit:
    mime_types: frozenset[str]
    max_bytes: int


@dataclass(frozen=True)
class Capabilities:
    """What a channel can carry, by the provider's documentation."""

    media: Mapping[MessageType, MediaLimit]
    captions: frozenset[MessageType] = frozenset()  # kinds that carry a text in the same call
    text_max_bytes: int | None = None
    text_max_chars: int | None = None
    # The ways in which buttons can be shown, the best first; none = they are written out.
    layouts: tuple[Layout, ...] = ()
    # How long after the person's last message we may write; None = always.
    window: timedelta | None = None


@dataclass(frozen=True)
class Account:
    """A channel as an adapter sees it, with its secrets opened."""

    channel_id: int
    account_id: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outgoing:
    """A message on its way out."""

    message_id: int
    to: str  # external id
    message_type: MessageType
    text: str = ""
    media_url: str = ""
    mime_type: str = ""
    size: int = 0
    buttons: tuple[Button, ...] = ()
    # The name of the layout that shows the buttons; see `messaging.channels.arranging`.
    layout: str = ""


@dataclass(frozen=True)
class ProviderRequest:
    url: str
    json: dict[str, Any] | None
    headers: dict[str, str]
    method: str = "POST"


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"  # a documented permanent error
    BUSY = "busy"  # certainly not accepted, may be tried again later
    UNKNOWN = "unknown"  # may have been accepted: never blindly sent again


class Busy(StrEnum):
    """What a BUSY answer speaks of; what follows is in `messaging.delivery.backing_off`."""

    MESSAGE = "message"  # this call
    ACCOUNT = "account"  # whatever this account sends: a limit on its calls
    UNREACHED = "unreached"  # no connection came about


@dataclass(frozen=True)
class Verdict:
    """What a call came to. `code` is ours, a word a person can act on."""

    outcome: Outcome
    provider_message_id: str = ""
    code: str = ""
    provider_code: str = ""
    message: str = ""
    retryable: bool = False
    # Set when the answer says that the whole channel cannot send (token expired, account blocked).
    channel_error: str = ""
    # Of a BUSY one: what it speaks of, and how long the provider asks us to wait.
    busy: Busy = Busy.MESSAGE
    retry_after: timedelta | None = None


@dataclass(frozen=True)
class Health:
    """What a provider says of an account's credentials: `fault` is empty when they are good."""

    fault: str = ""
    # It has said neither yes nor no.
    unsure: bool = False


class ChannelType(ABC):
    """One kind of channel. The docstring of a subclass is its public description."""

    kind: ClassVar[str]
    label: ClassVar[str]
    # What creating one takes besides `name`; `secret_fields` of it are kept encrypted, write-only.
    Options: ClassVar[type[serializers.Serializer]]
    secret_fields: ClassVar[tuple[str, ...]] = ()
    # The option that is the provider's id of the account.
    account_field: ClassVar[str] = ""
    capabilities: ClassVar[Capabilities]
    # How fast the provider lets one account send.
    pacing: ClassVar[Pacing] = Pacing()
    # Whether sending one message twice reaches the person once (the provider knows our id).
    idempotent: ClassVar[bool] = False
    # Whether the provider tells us of events by HTTP.
    has_webhook: ClassVar[bool] = True

    @abstractmethod
    def request(self, account: Account, outgoing: Outgoing) -> ProviderRequest | None:
        """The provider's request for one message; None where recording it delivers it (sandbox).

        `outgoing` is arranged: it has buttons only in a layout of this channel.
        """

    @abstractmethod
    def verdict(self, status: int, body: bytes) -> Verdict:
        """What the provider's answer means. A 5xx without its own error body is UNKNOWN."""

    def retry_after(self, headers: Mapping[str, str], body: bytes) -> timedelta | None:
        """How long a BUSY answer asks us to wait, if it says so."""
        return seconds_in(headers.get("Retry-After", ""))

    def health_request(self, account: Account) -> ProviderRequest | None:
        """A GET that tells whether the credentials are good; None where there are none."""
        return None

    def health(self, account: Account, status: int, body: bytes) -> Health:
        """What the answer to `health_request` means."""
        return Health()

    def signing_secret(
        self, account: Account, headers: Mapping[str, str], raw: bytes
    ) -> str | None:
        """The secret of `account` that signs `raw`, or None; compared in constant time."""
        return None

    def challenge(self, verify_token: str, query: Mapping[str, str]) -> str | None:
        """What to answer to the provider's check of our address; None when it is not proven."""
        return None

    @abstractmethod
    def parse(self, payload: Any) -> list[InboundEvent]:
        """Every event of one webhook body, in its order; unknown things become OTHER events.

        Raises ValueError for a body that is not this provider's at all.
        """

    @abstractmethod
    def read(self, kind: EventKind, payload: Mapping[str, Any]) -> InboundContent:
        """What the payload of one stored event says."""

    def refusal(self, outgoing: Outgoing) -> Verdict | None:
        """Why this channel cannot carry the message, judged before any call."""
        return refused_by(self.capabilities, outgoing)


def seconds_in(header: str) -> timedelta | None:
    """The wait in a `Retry-After` that counts seconds; one that names a date is not read."""
    # No provider sends more digits; too many would not fit a timedelta.
    return timedelta(seconds=int(header)) if re.fullmatch("[0-9]{1,8}", header) else None


def _no(code: str, message: str) -> Verdict:
    return Verdict(Outcome.REFUSED, code=code, message=message)


def too_long(capabilities: Capabilities, text: str) -> Verdict | None:
    length, size = len(text), len(text.encode())
    if capabilities.text_max_bytes and size > capabilities.text_max_bytes:
        return _no(
            "text_too_long", f"The text has {size} bytes; {capabilities.text_max_bytes} fit."
        )
    if capabilities.text_max_chars and length > capabilities.text_max_chars:
        return _no(
            "text_too_long", f"The text has {length} characters; {capabilities.text_max_chars} fit."
        )
    return None


def refused_by(capabilities: Capabilities, outgoing: Outgoing) -> Verdict | None:
    """Kind, type, size, length and buttons against what the channel can carry."""
    if refusal := too_long(capabilities, outgoing.text):
        return refusal
    if outgoing.buttons and not outgoing.layout:
        return _no(
            "buttons_do_not_fit",
            "This channel cannot show these buttons, and the text has no room to write them out.",
        )
    if outgoing.message_type == MessageType.TEXT:
        return None if outgoing.text else _no("text_missing", "There is no text to send.")
    limit = capabilities.media.get(outgoing.message_type)
    if limit is None:
        return _no("type_not_supported", f"This channel cannot send {outgoing.message_type}.")
    if outgoing.mime_type not in limit.mime_types:
        return _no("media_not_supported", f"This channel cannot send {outgoing.mime_type} files.")
    if outgoing.size > limit.max_bytes:
        return _no(
            "media_too_large", f"The file has {outgoing.size:,} bytes; {limit.max_bytes:,} fit."
        )
    return None
