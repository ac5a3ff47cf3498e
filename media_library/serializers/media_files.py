from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from inro.api.serializers import StrictModelSerializer, StrictSerializer
from inro.common.errors import Refused
from media_library import limits, showing
from media_library.ingest import ingest_upload, ingest_url
from media_library.kinds import MediaKind
from media_library.models import MediaFile

# What a refusal is about that names no field itself.
_ABOUT_THE_FILE = {"validation_failed", "unsupported_media", "too_large"}

ERROR = {
    "type": ["object", "null"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
}


_TEXT = {"type": ["string", "null"]}
_NUMBER = {"type": ["integer", "null"]}
_ADDRESS = {"type": ["string", "null"], "format": "uri"}


DELIVERABLE = {
    "type": "object",
    "description": "By kind of channel: whether the file goes out there, in which form, why not.",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "ok": {"type": "boolean"},
            "rendition": {
                **_TEXT,
                "description": "The form in which it goes out; null: as it is, or not made yet.",
            },
            "reason": {
                **_TEXT,
                "description": "Why it does not go out, or what is still to be made for it.",
            },
        },
    },
}


def _shown(schema: dict[str, Any]) -> serializers.Field:
    """A field for the documents: what it shows is made by `showing.as_object`."""
    kind = type("ShownField", (serializers.ReadOnlyField,), {})
    field: serializers.Field = extend_schema_field(schema)(kind)()
    return field


class MediaFileSerializer(StrictModelSerializer):
    """A file of the library, everywhere one is shown. What needs the bytes is null without them."""

    media_type = _shown({"type": ["string", "null"], "enum": [*MediaKind.values, None]})
    mime_type = _shown(_TEXT)
    size = _shown(_NUMBER)
    width = _shown(_NUMBER)
    height = _shown(_NUMBER)
    duration = _shown({"type": ["number", "null"]})
    sha256 = _shown(_TEXT)
    url = _shown(_ADDRESS)
    thumbnail_url = _shown(_ADDRESS)
    folder_id = _shown(_NUMBER)
    source_url = _shown(_TEXT)
    error = _shown(ERROR)
    deliverable = _shown(DELIVERABLE)

    class Meta:
        model = MediaFile
        fields = (
            "id",
            "status",
            "media_type",
            "mime_type",
            "name",
            "description",
            "caption",
            "size",
            "width",
            "height",
            "duration",
            "sha256",
            "url",
            "thumbnail_url",
            "folder_id",
            "source_url",
            "error",
            "deliverable",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def to_representation(self, instance: MediaFile) -> dict[str, Any]:
        return showing.as_object(showing.row_of(instance))


class FetchedMediaFileSerializer(StrictSerializer):
    """A new file by its URL."""

    ignored = MediaFileSerializer.Meta.fields

    file_url = serializers.CharField(
        write_only=True, help_text="Downloaded; the response's Content-Type sets media_type."
    )
    name = serializers.CharField(required=False, allow_blank=True, max_length=limits.MAX_NAME)
    caption = serializers.CharField(required=False, allow_blank=True, max_length=limits.MAX_CAPTION)
    description = serializers.CharField(
        required=False, allow_blank=True, max_length=limits.MAX_DESCRIPTION
    )
    folder_id = serializers.IntegerField(required=False, allow_null=True)

    def validate_folder_id(self, folder_id: int | None) -> None:
        if folder_id is not None:
            raise ValidationError(f"No folder has the id {folder_id}.")


class NewMediaFileSerializer(FetchedMediaFileSerializer):
    """A new file, uploaded or by its URL."""

    file = serializers.FileField(write_only=True, required=False)
    file_url = serializers.CharField(
        write_only=True,
        required=False,
        help_text="Downloaded; the response's Content-Type sets media_type.",
    )
    media_type = serializers.ChoiceField(
        MediaKind.choices,
        required=False,
        allow_null=True,
        help_text="Has to agree with the bytes of `file`; without effect on a `file_url`.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in ("file", "file_url") if name in attrs]
        if len(given) != 1:
            message = ["Give either file or file_url."]
            raise ValidationError({"file": message, "file_url": message})
        if isinstance(self.initial_data, QueryDict) and len(self.initial_data.getlist("file")) > 1:
            raise ValidationError({"file": ["Give one file; each is a media file of its own."]})
        return attrs

    def create(self, validated_data: dict[str, Any]) -> MediaFile:
        workspace = self.context["workspace"]
        about = {
            name: validated_data[name]
            for name in ("name", "caption", "description", "before_commit")
            if name in validated_data
        }
        if "file_url" in validated_data:
            return ingest_url(workspace, validated_data["file_url"], **about)
        media_type = validated_data.get("media_type")
        try:
            return ingest_upload(workspace, validated_data["file"], media_type=media_type, **about)
        except Refused as refused:
            if refused.code in _ABOUT_THE_FILE and not refused.details:
                raise refused.at("file") from None
            raise
