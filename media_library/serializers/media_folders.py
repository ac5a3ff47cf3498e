from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from inro.api.serializers import StrictModelSerializer, StrictSerializer
from media_library import limits, naming
from media_library.models import MediaFolder
from media_library.serializers.media_files import known_folder


class MediaFolderSerializer(StrictModelSerializer):
    """A folder; rows as `MediaFolderQuerySet.in_full` gives them."""

    parent_id = serializers.IntegerField(read_only=True, allow_null=True)
    path = serializers.SerializerMethodField(help_text="The names from the top down.")
    files = serializers.IntegerField(
        source="file_count", read_only=True, help_text="How many stand in this very folder."
    )

    class Meta:
        model = MediaFolder
        fields = ("id", "name", "parent_id", "path", "files", "created_at", "updated_at")
        read_only_fields = fields

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_path(self, folder: MediaFolder) -> list[str]:
        return folder.path


class NewMediaFolderSerializer(StrictSerializer):
    """A new folder; without `parent_id` it stands at the top."""

    ignored = MediaFolderSerializer.Meta.fields

    name = serializers.CharField(max_length=limits.MAX_FOLDER_NAME)
    parent_id = serializers.IntegerField(required=False, allow_null=True, min_value=1)

    def validate_name(self, name: str) -> str:
        if cleaned := naming.clean(name):
            return cleaned
        raise ValidationError("Has no character that can be seen.")

    def validate_parent_id(self, parent_id: int | None) -> int | None:
        return known_folder(self.context["workspace"], parent_id)


class MediaFolderChangeSerializer(NewMediaFolderSerializer):
    """What may change of a folder; what is left out stays as it is."""

    name = serializers.CharField(max_length=limits.MAX_FOLDER_NAME, required=False)
    updated_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="The change is refused with 409 if the folder is no longer of this time.",
    )
