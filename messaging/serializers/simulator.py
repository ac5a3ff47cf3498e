"""The sandbox's two sides: what comes in by the simulator, and what went out."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from inro.api.serializers import StrictSerializer
from media_library.models import MediaStatus
from media_library.serving import url_of
from messaging.models import Message

_LATER = {"comment", "story_reply", "quick_reply", "reaction", "postback"}
_NOT_SIMULATED = ErrorDetail("The simulator makes texts and attachments only.")


class SimulatedEventSerializer(StrictSerializer):
    """A message of a pretend person: a text, a file, or both."""

    text = serializers.CharField(required=False, max_length=4096)
    attachment_url = serializers.URLField(required=False, max_length=2048)

    def get_fields(self) -> dict[str, serializers.Field]:
        person = serializers.CharField(
            max_length=150, help_text="The person's id on this channel, and username."
        )
        return {"from": person, **super().get_fields()}

    def to_internal_value(self, data: Any) -> Any:
        try:
            return super().to_internal_value(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                for name in _LATER & set(error.detail):
                    error.detail[name] = [_NOT_SIMULATED]
            raise

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("text") and not attrs.get("attachment_url"):
            raise serializers.ValidationError({"text": ["Give text or attachment_url."]})
        return attrs


class SimulatedSerializer(serializers.Serializer):
    event_id = serializers.IntegerField()


class OutboxSerializer(serializers.ModelSerializer):
    """A message that went out, as the person sees it."""

    to = serializers.CharField(help_text="The person's id on this channel.")
    media_url = serializers.SerializerMethodField()
    buttons = serializers.SerializerMethodField()
    at = serializers.DateTimeField(source="sent_at")

    class Meta:
        model = Message
        fields = ("id", "to", "message_type", "text", "media_url", "buttons", "at")

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_media_url(self, message: Message) -> str | None:
        file = message.media_file
        return url_of(file) if file and file.status == MediaStatus.READY else None

    @extend_schema_field(serializers.ListField(child=serializers.DictField()))
    def get_buttons(self, message: Message) -> list[dict[str, Any]]:
        return []
