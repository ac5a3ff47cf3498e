from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from media_library.serializers.media_files import MediaFileSerializer
from messaging.buttons import ButtonType
from messaging.models import Message

ERROR = {
    "type": ["object", "null"],
    "properties": {
        "code": {"type": "string"},
        "provider_code": {"type": ["string", "null"]},
        "message": {"type": "string"},
        "retryable": {"type": "boolean"},
    },
    "example": {
        "code": "outside_window",
        "provider_code": None,
        "message": "This person has not written within the last 24 hours; wait for a message.",
        "retryable": True,
    },
}


BUTTONS = {
    "type": "array",
    "description": "What the person can tap: a reply comes back with its payload.",
    "items": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": [each.value for each in ButtonType]},
            "title": {"type": "string"},
            "payload": {"type": "string"},
            "url": {"type": "string", "format": "uri"},
        },
        "required": ["type", "title"],
    },
}


@extend_schema_field(BUTTONS)
class ButtonsField(serializers.ReadOnlyField):
    """`Message.buttons` as it is stored: `payload` in a reply, `url` in a link."""


class MessageSerializer(serializers.ModelSerializer):
    """A message, in or out. `error` is set while one waits for another try, too."""

    channel_id = serializers.IntegerField()
    contact_id = serializers.IntegerField()
    batch_task_id = serializers.SerializerMethodField()
    media_file = MediaFileSerializer(allow_null=True)
    buttons = ButtonsField()
    error = serializers.SerializerMethodField()
    provider_message_id = serializers.SerializerMethodField()

    class Meta:
        model = Message
        fields = (
            "id",
            "direction",
            "channel_id",
            "contact_id",
            "batch_task_id",
            "message_type",
            "text",
            "media_file",
            "buttons",
            "status",
            "error",
            "provider_message_id",
            "scheduled_at",
            "created_at",
            "sent_at",
            "delivered_at",
            "read_at",
        )

    def get_batch_task_id(self, message: Message) -> int | None:
        return None

    @extend_schema_field(ERROR)
    def get_error(self, message: Message) -> dict[str, Any] | None:
        if not message.error_code:
            return None
        return {
            "code": message.error_code,
            "provider_code": message.provider_code or None,
            "message": message.error_message,
            "retryable": message.error_retryable,
        }

    def get_provider_message_id(self, message: Message) -> str | None:
        return message.provider_message_id or None
