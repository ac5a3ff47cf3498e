from typing import Any

from rest_framework import serializers

from inro.api.serializers import StrictSerializer
from media_library import limits
from media_library.serializers.media_files import (
    MediaFileSerializer,
    check_one_source,
    known_folder,
)


def _text(most: int) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=most)


class MediaFileChangeSerializer(StrictSerializer):
    """What may change of a file; what is left out stays as it is, null empties."""

    ignored = MediaFileSerializer.Meta.fields

    name = _text(limits.MAX_NAME)
    caption = _text(limits.MAX_CAPTION)
    description = _text(limits.MAX_DESCRIPTION)
    folder_id = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    updated_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="The change is refused with 409 if the file is no longer of this time.",
    )

    def validate_name(self, name: str | None) -> str:
        return name or ""

    def validate_caption(self, caption: str | None) -> str:
        return caption or ""

    def validate_description(self, description: str | None) -> str:
        return description or ""

    def validate_folder_id(self, folder_id: int | None) -> int | None:
        return known_folder(self.context["workspace"], folder_id)


class FetchedReplacementSerializer(StrictSerializer):
    """Other bytes by their URL."""

    ignored = MediaFileSerializer.Meta.fields

    file_url = serializers.CharField(write_only=True)


class ReplacementSerializer(FetchedReplacementSerializer):
    """Other bytes, uploaded or by their URL."""

    file = serializers.FileField(write_only=True, required=False)
    file_url = serializers.CharField(write_only=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        check_one_source(self.initial_data, attrs)
        return attrs


class UsageSerializer(serializers.Serializer):
    """What would still send a file: an action of a scenario, or a message."""

    type = serializers.ChoiceField(["scenario", "message"])
    id = serializers.IntegerField()
    title = serializers.CharField(required=False, help_text="Of a scenario.")
    action_key = serializers.CharField(required=False, help_text="Of a scenario's action.")
    status = serializers.CharField(required=False, help_text="Of a message.")
    scheduled_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Of a message."
    )

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        shown = dict(instance)
        if at := shown.get("scheduled_at"):
            shown["scheduled_at"] = self.fields["scheduled_at"].to_representation(at)
        return shown
