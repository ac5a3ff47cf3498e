from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from inro.accounts.models import Workspace
from inro.api.rows import MAX_ID
from inro.api.serializers import ChoiceField, StrictModelSerializer, StrictSerializer
from inro.common.errors import Refused
from media_library import limits, showing
from media_library.duplicates import DuplicateError
from media_library.folders import no_folder
from media_library.ingest import ingest_upload, ingest_url
from media_library.kinds import MediaKind
from media_library.models import MediaFile, MediaFolder
from media_library.references import OnDuplicate

# What a refusal is about that names no field itself.
_ABOUT_THE_FILE = {"validation_failed", "unsupported_media", "too_large"}
# What the doors of the library take of a request as it is.
_ABOUT = ("name", "caption", "description", "folder_id", "on_duplicate", "before_commit")

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


def known_folder(workspace: Workspace, folder_id: int | None) -> int | None:
    """Judged again, and held, when something is put into it."""
    mine = MediaFolder.objects.for_workspace(workspace)
    is_known = folder_id is None or (folder_id <= MAX_ID and mine.filter(pk=folder_id).exists())
    if not is_known:
        raise ValidationError(no_folder(folder_id or 0))
    return folder_id


def at_file(refused: Refused) -> Refused:
    """What an upload was refused for, said of its field where it says of none itself."""
    of_it = refused.code in _ABOUT_THE_FILE or isinstance(refused, DuplicateError)
    return refused.at("file") if of_it and not refused.details else refused


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
    folder_id = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    on_duplicate = ChoiceField(
        [each.value for each in OnDuplicate],
        required=False,
        help_text="When the library has the same bytes: reuse makes another media file of them, "
        "return answers 200 with the newest there is, error refuses with 409 duplicate_media.",
    )

    def validate_on_duplicate(self, on_duplicate: str) -> OnDuplicate:
        return OnDuplicate(on_duplicate)

    def validate_folder_id(self, folder_id: int | None) -> int | None:
        return known_folder(self.context["workspace"], folder_id)


def check_one_source(data: Any, attrs: Mapping[str, Any]) -> None:
    """Whether a body names one file; raises ValidationError."""
    if len({"file", "file_url"} & attrs.keys()) != 1:
        message = ["Give either file or file_url."]
        raise ValidationError({"file": message, "file_url": message})
    check_one_file(data)


def check_one_file(data: Any) -> None:
    """Whether a form has one part `file` at the most; raises ValidationError."""
    if isinstance(data, QueryDict) and len(data.getlist("file")) > 1:
        raise ValidationError({"file": ["Give one file; each is a media file of its own."]})


class NewMediaFileSerializer(FetchedMediaFileSerializer):
    """A new file, uploaded or by its URL."""

    file = serializers.FileField(write_only=True, required=False)
    file_url = serializers.CharField(
        write_only=True,
        required=False,
        help_text="Downloaded; the response's Content-Type sets media_type.",
    )
    media_type = ChoiceField(
        MediaKind.choices,
        required=False,
        allow_null=True,
        help_text="Has to agree with the bytes of `file`; without effect on a `file_url`.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        check_one_source(self.initial_data, attrs)
        return attrs

    def create(self, validated_data: dict[str, Any]) -> MediaFile:
        workspace = self.context["workspace"]
        about = {name: validated_data[name] for name in _ABOUT if name in validated_data}
        if "file_url" in validated_data:
            return ingest_url(workspace, validated_data["file_url"], **about)
        media_type = validated_data.get("media_type")
        try:
            return ingest_upload(workspace, validated_data["file"], media_type=media_type, **about)
        except Refused as refused:
            raise at_file(refused) from None
