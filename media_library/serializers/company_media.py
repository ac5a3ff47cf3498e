from typing import Any

from rest_framework import serializers

from inro.api.rows import MAX_ID
from inro.api.serializers import StrictSerializer
from inro.common.errors import Refused, invalid
from media_library import limits
from media_library.company_media import TAKEN, as_object, row_of
from media_library.ingest import ingest_upload
from media_library.models import MediaFile
from media_library.serializers.media_files import at_file, check_one_file, known_folder


class CompanyMediaSerializer(serializers.Serializer):
    """A file of the library. What needs the bytes is null without them."""

    id = serializers.IntegerField()
    mediaId = serializers.IntegerField(help_text="The same as `id`.")
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    folderId = serializers.IntegerField(allow_null=True)
    url = serializers.URLField(allow_null=True)
    mimeType = serializers.CharField(allow_null=True)
    size = serializers.IntegerField(allow_null=True, help_text="Bytes.")
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    createdAt = serializers.DateTimeField()

    def to_representation(self, instance: MediaFile) -> dict[str, Any]:
        return as_object(row_of(instance))


class NewCompanyMediaSerializer(StrictSerializer):
    """A new file, uploaded."""

    ignored = frozenset(CompanyMediaSerializer._declared_fields)

    file = serializers.FileField(write_only=True, help_text="JPEG, PNG, GIF or MP4.")
    name = serializers.CharField(required=False, allow_blank=True, max_length=limits.MAX_NAME)
    description = serializers.CharField(
        required=False, allow_blank=True, max_length=limits.MAX_DESCRIPTION
    )
    folderId = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_ID
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        check_one_file(self.initial_data)
        return attrs

    def validate_folderId(self, folder_id: int | None) -> int | None:
        return known_folder(self.context["workspace"], folder_id)

    def create(self, validated_data: dict[str, Any]) -> MediaFile:
        try:
            return ingest_upload(
                self.context["workspace"],
                validated_data["file"],
                name=validated_data.get("name", ""),
                description=validated_data.get("description", ""),
                folder_id=validated_data.get("folderId"),
                only=TAKEN,
                before_commit=validated_data["before_commit"],
            )
        except Refused as refused:
            if "folder_id" in refused.details:  # deleted a moment ago
                raise invalid({"folderId": refused.details["folder_id"]}) from None
            raise at_file(refused) from None
