from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from messaging.channels import CHANNELS
from messaging.models import Contact, Direction, Identity, Message


class ContactChannelSerializer(serializers.ModelSerializer):
    """How one channel knows the contact."""

    channel_id = serializers.IntegerField()
    kind = serializers.CharField(source="channel.kind")
    window_open_until = serializers.SerializerMethodField(
        help_text="24 h after the person last wrote; null where they never did or no limit is."
    )

    class Meta:
        model = Identity
        fields = ("channel_id", "kind", "external_id", "window_open_until")

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_window_open_until(self, identity: Identity) -> str | None:
        window = CHANNELS[identity.channel.kind].capabilities.window
        if window is None or identity.last_inbound_at is None:
            return None
        return _time(identity.last_inbound_at + window)


class LastMessageSerializer(serializers.ModelSerializer):
    """`received`: the contact wrote it, not the account."""

    content = serializers.CharField(source="text")
    received_at = serializers.SerializerMethodField()
    received = serializers.SerializerMethodField()

    class Meta:
        model = Message
        fields = ("id", "message_type", "direction", "content", "received_at", "received")

    @extend_schema_field(serializers.DateTimeField())
    def get_received_at(self, message: Message) -> str:
        return _time(message.sent_at or message.created_at)

    def get_received(self, message: Message) -> bool:
        return message.direction == Direction.INBOUND


class FolderOfContactSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()


class ContactSerializer(serializers.ModelSerializer):
    """Reads what `ContactQuerySet.in_full` has fetched."""

    instagram_url = serializers.SerializerMethodField()
    custom_properties = serializers.SerializerMethodField(help_text="Values by slug.")
    folders = serializers.SerializerMethodField()
    channels = ContactChannelSerializer(source="identities", many=True)
    last_messages = LastMessageSerializer(many=True, help_text="The latest ten, newest first.")

    class Meta:
        model = Contact
        fields = (
            "id",
            "name",
            "username",
            "email",
            "phone",
            "real_name",
            "language",
            "status",
            "notes",
            "bio",
            "website",
            "instagram_url",
            "profile_picture",
            "is_follower",
            "follower_count",
            "custom_properties",
            "folders",
            "channels",
            "last_messages",
            "created_at",
            "updated_at",
        )

    def get_instagram_url(self, contact: Contact) -> str:
        on_instagram = any(each.channel.kind == "instagram" for each in contact.identities.all())
        known = on_instagram and contact.username
        return f"https://www.instagram.com/{contact.username}/" if known else ""

    @extend_schema_field(serializers.DictField())
    def get_custom_properties(self, contact: Contact) -> dict[str, Any]:
        return {}

    @extend_schema_field(FolderOfContactSerializer(many=True))
    def get_folders(self, contact: Contact) -> list[dict[str, Any]]:
        return []


def _time(moment: datetime) -> str:
    return str(serializers.DateTimeField().to_representation(moment))
