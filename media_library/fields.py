"""A file inside another body: `{"id": 123}` or `{"file_url": "https://…"}`."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.settings import api_settings

from inro.api.rows import MAX_ID
from media_library.gathering import url_fault
from media_library.models import MediaFile
from media_library.references import MediaReference
from media_library.serializers.media_files import MediaFileSerializer

_ONE_OF = ("id", "file_url")
_KNOWN = {*_ONE_OF, *MediaFileSerializer.Meta.fields}


class MediaFileField(serializers.Field):
    """Validates to a `MediaReference`; shows a `MediaFile` in full.

    Judges the form alone: whether the id exists and the URL leads to a file, `gathered` finds out,
    for all references of a body at once. Other keys of an answer of ours may come along.
    """

    def to_internal_value(self, data: Any) -> MediaReference:
        if not isinstance(data, dict):
            raise ValidationError('Must be {"id": 123} or {"file_url": "https://…"}.')
        faults = {str(key): ["Unknown field."] for key in data if key not in _KNOWN}
        given = [key for key in _ONE_OF if key in data]
        if len(given) != 1:
            faults[api_settings.NON_FIELD_ERRORS_KEY] = ["Give either id or file_url."]
        elif fault := _id_fault(data["id"]) if "id" in data else _url_fault(data["file_url"]):
            faults[given[0]] = [fault]
        if faults:
            raise ValidationError(faults)
        if "id" in data:
            return MediaReference(id=data["id"])
        return MediaReference(file_url=data["file_url"].strip())

    def to_representation(self, value: MediaFile) -> dict[str, Any]:
        return dict(MediaFileSerializer(value, context=self.context).data)


def _id_fault(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return None if 0 < value <= MAX_ID else f"No media file has the id {value}."
    return "Must be a whole number."


def _url_fault(value: Any) -> str | None:
    return url_fault(value.strip()) if isinstance(value, str) else "Must be a URL."


class MediaFileFieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = MediaFileField

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Any:
        if direction == "response":
            return auto_schema.resolve_serializer(MediaFileSerializer, direction).ref
        by = {
            "id": {"type": "integer", "minimum": 1},
            "file_url": {"type": "string", "format": "uri"},
        }
        return {
            "oneOf": [
                {"type": "object", "required": [key], "properties": {key: schema}}
                for key, schema in by.items()
            ],
            "example": {"file_url": "https://mybrand.com/welcome.jpg"},
        }
