"""Channels on the wire: what all have, and the options of each kind with its secrets masked."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from drf_spectacular.drainage import set_override
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from inro.accounts.models import Workspace
from inro.api.serializers import ChoiceField, StrictSerializer
from messaging.channels import CHANNELS
from messaging.connecting import MAX_NAME, pacing_of
from messaging.delivery import pausing
from messaging.models import Channel, ChannelStatus
from messaging.models.channels import MAX_PER_SECOND
from messaging.reconnecting import unmasked


class PacingSerializer(StrictSerializer):
    """How many messages go out a second; null means the provider's own limit, or none."""

    text_per_second = serializers.IntegerField(
        min_value=1, max_value=MAX_PER_SECOND, allow_null=True, required=False
    )
    media_per_second = serializers.IntegerField(
        min_value=1, max_value=MAX_PER_SECOND, allow_null=True, required=False
    )


class ChannelSerializer(StrictSerializer):
    """What every channel has; its subclass for a kind adds the options of that kind."""

    id = serializers.IntegerField(read_only=True)
    uuid = serializers.UUIDField(read_only=True)
    kind = ChoiceField(choices=CHANNELS.keys())
    name = serializers.CharField(
        max_length=MAX_NAME, required=False, help_text="For people; the kind's own by default."
    )
    webhook_url = serializers.CharField(
        read_only=True, allow_null=True, help_text="To be given to the provider, with the token."
    )
    verify_token = serializers.CharField(read_only=True, allow_null=True)
    status = serializers.ChoiceField(choices=ChannelStatus.choices, read_only=True)
    status_reason = serializers.CharField(read_only=True)
    paused_until = serializers.DateTimeField(
        read_only=True,
        allow_null=True,
        help_text="Until when nothing goes out, because the provider limits the account or cannot "
        "be reached; `status_reason` says which.",
    )
    pacing = PacingSerializer(required=False)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """`kind`, `name`, `pacing` if it is given, and apart from them the `options`."""
        options = dict(super().to_internal_value(data))
        common = {name: options.pop(name) for name in ("kind", "pacing") if name in options}
        return {"name": options.pop("name", ""), **common, "options": options}

    def to_representation(self, instance: Channel) -> dict[str, Any]:
        channel_type = CHANNELS[instance.kind]
        shown = pausing.shown_on(instance) | {"pacing": asdict(pacing_of(instance))}
        for name in ChannelSerializer._declared_fields.keys() - shown.keys():
            shown[name] = getattr(instance, name)
        if not channel_type.has_webhook:
            shown |= {"webhook_url": None, "verify_token": None}
        shown |= {channel_type.account_field: instance.account_id}
        return super().to_representation({**shown, **instance.settings, **instance.secrets})


def _kind(kind: str) -> serializers.Field:
    field = serializers.ChoiceField(choices=[kind])
    set_override(field, "field", {"type": "string", "const": kind})
    return field


SERIALIZERS: Mapping[str, type[ChannelSerializer]] = {
    channel_type.kind: type(
        f"{channel_type.label}Channel",
        (ChannelSerializer, channel_type.Options),
        {
            "__doc__": channel_type.__doc__,
            "kind": _kind(channel_type.kind),
        },
    )
    for channel_type in CHANNELS
}
# What people may say of its state; that it is in error it finds out itself.
SETTABLE = (ChannelStatus.CONNECTED.value, ChannelStatus.PAUSED.value)
# Without a kind nobody can tell which of the options are right: the kind is the only fault.
_OfUnknownKind = type(
    "ChannelOfUnknownKind",
    (ChannelSerializer,),
    {
        str(name): serializers.ReadOnlyField()
        for channel_type in CHANNELS
        for name in channel_type.Options().fields
    },
)
CHANNEL_SCHEMA = PolymorphicProxySerializer(
    component_name="Channel", serializers=dict(SERIALIZERS), resource_type_field_name="kind"
)
# The shape of a change: it is judged by ChannelChangeSerializer.
CHANNEL_CHANGE_SCHEMA = PolymorphicProxySerializer(
    component_name="ChannelChange",
    serializers={
        kind: type(
            f"{CHANNELS[kind].label}ChannelChange",
            (serializer,),
            # It may be sent back as it is, too.
            {"__doc__": serializer.__doc__, "status": ChoiceField(choices=ChannelStatus.choices)},
        )
        for kind, serializer in SERIALIZERS.items()
    },
    resource_type_field_name="kind",
)


class AnyChannelSerializer(serializers.BaseSerializer):
    """A channel of any kind, judged and shown by the serializer of its kind."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        kind = data.get("kind") if isinstance(data, Mapping) else None
        chosen = SERIALIZERS.get(kind) if isinstance(kind, str) else None
        serializer = (chosen or _OfUnknownKind)(data=data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def to_representation(self, instance: Channel) -> dict[str, Any]:
        return dict(SERIALIZERS[instance.kind](instance).data)


class ChannelChangeSerializer(serializers.BaseSerializer):
    """A change of a channel: what is left out, and a mask of ours, mean what is stored."""

    instance: Channel

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """`name`, `options` in full, and the `status` if it changes."""
        if not isinstance(data, Mapping):
            raise serializers.ValidationError("Expected an object.")
        channel = self.instance
        kind = CHANNELS[channel.kind]
        stored = {**channel.settings, **channel.secrets, "name": channel.name}
        if kind.account_field:
            stored[kind.account_field] = channel.account_id
        secrets = channel.secrets
        given = {
            name: unmasked(value, secrets[name]) if name in secrets else value
            for name, value in data.items()
        }
        serializer = SERIALIZERS[channel.kind](data={"kind": channel.kind, **stored, **given})
        faults = {} if serializer.is_valid() else dict(serializer.errors)
        status = data.get("status", channel.status)
        if status not in (channel.status, *SETTABLE):
            faults["status"] = ["Must be connected or paused."]
        if faults:
            raise serializers.ValidationError(faults)
        valid = serializer.validated_data
        changed = status if status != channel.status else None
        return {
            "name": valid["name"],
            "options": valid["options"],
            "status": changed,
            "pacing": valid.get("pacing"),
        }

    def to_representation(self, instance: Channel) -> dict[str, Any]:
        return dict(SERIALIZERS[instance.kind](instance).data)


def channels_of(workspace: Workspace) -> list[dict[str, Any]]:
    """The channels of `workspace` with their state, as `/me` tells them."""
    shown = ("id", "kind", "name", "status", "status_reason")
    return [dict(row) for row in Channel.objects.for_workspace(workspace).values(*shown)]
