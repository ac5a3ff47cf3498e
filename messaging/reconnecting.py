"""Changing and removing a channel that exists."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from inro.common import crypto
from inro.common.errors import Refused
from inro.common.waking import wake
from messaging.channels import CHANNELS
from messaging.connecting import pacing_of, set_pacing
from messaging.delivery.lease import announce_wake_up
from messaging.delivery.tasks import pump
from messaging.models import Channel, ChannelStatus


def unmasked(given: Any, secret: Any) -> Any:
    """`given` with the masks of `secret`, as our own answers show it, put back to what they hide.

    What is no mask, or the mask of something else, stays as it is.
    """
    if isinstance(secret, list) and isinstance(given, list):
        return [_unmasked_in(each, index, secret) for index, each in enumerate(given)]
    if isinstance(secret, str) and given == crypto.mask(secret):
        return secret
    return given


def _unmasked_in(given: Any, index: int, secrets: list[str]) -> Any:
    if index < len(secrets) and given == crypto.mask(secrets[index]):
        return secrets[index]
    hidden = {secret for secret in secrets if given == crypto.mask(secret)}
    return hidden.pop() if len(hidden) == 1 else given


def change_channel(
    channel: Channel,
    name: str,
    options: Mapping[str, Any],
    status: str | None = None,
    pacing: Mapping[str, int | None] | None = None,
) -> list[str]:
    """Give `channel`, whose row is locked, a name, all the `options` of its kind, and a status.

    Answers the names of what is not as it was. One that could not send is tried again with new
    secrets. Raises Refused with `conflict` when the account is that of another channel.
    """
    channel_type = CHANNELS[channel.kind]
    was, before, rest = _said_of(channel), channel.status, dict(options)
    set_pacing(channel, pacing or {})
    secrets = {field: rest.pop(field) for field in channel_type.secret_fields}
    channel.account_id = rest.pop(channel_type.account_field, "")
    channel.name, channel.settings = name.strip() or channel_type.label, rest
    if secrets != channel.secrets:
        channel.seal(secrets)
        if before == ChannelStatus.ERROR and status is None:
            status = ChannelStatus.CONNECTED
    if status is not None and status != before:
        channel.status, channel.status_reason = status, ""
    _save(channel)
    if channel.status == ChannelStatus.CONNECTED != before:
        announce_wake_up(channel.pk, timezone.now())
        wake(pump, channel.pk)
    return [name for name, value in _said_of(channel).items() if was.get(name) != value]


def _said_of(channel: Channel) -> dict[str, Any]:
    """What people say of `channel`, under the names of the API; secrets in the clear."""
    return {
        "name": channel.name,
        "status": channel.status,
        CHANNELS[channel.kind].account_field: channel.account_id,
        "pacing": pacing_of(channel),
        **channel.settings,
        **channel.secrets,
    }


def switch_channel(channel: Channel, status: ChannelStatus, reason: str = "") -> bool:
    """Pause or resume `channel`, whose row is locked; False when it is so already.

    What waited on it goes out from the moment it is connected again.
    """
    if channel.status == status:
        return False
    channel.status, channel.status_reason = status, reason
    channel.save(update_fields=["status", "status_reason", "updated_at"])
    if status == ChannelStatus.CONNECTED:
        announce_wake_up(channel.pk, timezone.now())
        wake(pump, channel.pk)
    return True


def _save(channel: Channel) -> None:
    try:
        with transaction.atomic():
            channel.save()
    except IntegrityError:
        raise Refused(
            "conflict",
            f"This workspace already has a channel for the account {channel.account_id}.",
        ) from None


def remove_channel(channel: Channel) -> None:
    """Remove `channel`, whose row is locked, unless conversations were held on it."""
    if channel.messages.exists():
        raise Refused(
            "in_use",
            "There are messages on this channel, which would be lost with it. Pause it instead.",
        )
    channel.delete()
