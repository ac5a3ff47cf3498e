"""Connecting a channel, and opening its secrets to its adapter."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from inro.accounts.models import Workspace
from inro.api.errors import flatten
from inro.common.errors import Details, Refused, invalid
from messaging.channels import CHANNELS
from messaging.channels.base import Account, ChannelType
from messaging.models import Channel, ChannelStatus, Pump, Stream
from messaging.models.channels import RANK_OF, STANDING
from messaging.pacing import Pacing

MAX_NAME = 120


def connect_channel(
    workspace: Workspace,
    kind: str,
    name: str,
    options: Mapping[str, Any],
    pacing: Mapping[str, int | None] | None = None,
) -> Channel:
    """A new channel with its pump and standing streams; its `options` are judged by its kind.

    Without a name it gets that of its kind. Raises Refused with every fault, or `conflict` when
    the workspace has this account already.
    """
    channel = _judged(workspace, kind, name, options)
    set_pacing(channel, pacing or {})
    try:
        with transaction.atomic():
            channel.save(force_insert=True)
            Pump.objects.create(channel=channel)
            for stream in STANDING:
                Stream.objects.create(channel=channel, kind=stream, rank=RANK_OF[stream])
    except IntegrityError:
        raise Refused(
            "conflict",
            f"This workspace already has a channel for the account {channel.account_id}.",
        ) from None
    return channel


def _judged(workspace: Workspace, kind: str, name: str, options: Mapping[str, Any]) -> Channel:
    channel_type = CHANNELS.get(kind)
    if channel_type is None:
        raise invalid({"kind": [f"Must be one of: {', '.join(CHANNELS.keys())}."]})
    given = channel_type.Options(data=dict(options))
    faults: Details = {} if given.is_valid() else flatten(given.errors)
    if len(name) > MAX_NAME:
        faults["name"] = [f"Has {len(name)} characters; {MAX_NAME} fit."]
    if faults:
        raise invalid(faults)
    return _prepared(workspace, channel_type, name, dict(given.validated_data))


def _prepared(
    workspace: Workspace, channel_type: ChannelType, name: str, options: dict[str, Any]
) -> Channel:
    secrets = {field: options.pop(field) for field in channel_type.secret_fields}
    account_id = options.pop(channel_type.account_field, "")
    channel = Channel(
        workspace=workspace,
        kind=channel_type.kind,
        name=name.strip() or channel_type.label,
        account_id=account_id,
        settings=options,
    )
    channel.seal(secrets)
    return channel


def open_account(channel: Channel) -> Account:
    """The channel as its adapter sees it, secrets in the clear: not to be kept or logged."""
    return Account(
        channel_id=channel.pk,
        account_id=channel.account_id,
        settings=channel.settings,
        secrets=channel.secrets,
    )


def pause_all(alias: str) -> int:
    """Pause every channel of the database `alias` that would send; how many there were."""
    connected = Channel.objects.using(alias).filter(status=ChannelStatus.CONNECTED)
    return connected.update(
        status=ChannelStatus.PAUSED, status_reason="Restored from a backup.", updated_at=Now()
    )


def set_pacing(channel: Channel, pacing: Mapping[str, int | None]) -> None:
    """Change the limits that are given; one that is the provider's own goes along with it later."""
    allowed = asdict(CHANNELS[channel.kind].pacing)
    for name, per_second in pacing.items():
        setattr(channel, name, None if per_second == allowed[name] else per_second)


def pacing_of(channel: Channel) -> Pacing:
    """How fast the channel sends: as fast as its provider allows, unless it says otherwise."""
    allowed = CHANNELS[channel.kind].pacing
    return allowed.overridden(channel.text_per_second, channel.media_per_second)
