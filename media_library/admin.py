from django.contrib import admin

from inro.accounts.workspace_admin import ReadOnlyAdmin
from media_library.folder_admin import MediaFolderAdmin
from media_library.media_admin import MediaFileAdmin
from media_library.models import Blob, Fetch

__all__ = ["BlobAdmin", "FetchAdmin", "MediaFileAdmin", "MediaFolderAdmin"]


@admin.register(Blob)
class BlobAdmin(ReadOnlyAdmin):
    under_the_hood = True
    nothing_yet = "No bytes yet. They come with the first file of the library."
    list_display = ("sha256", "mime_type", "size", "workspace", "created_at")
    search_fields = ("sha256",)
    list_filter = ("mime_type",)
    list_select_related = ("workspace",)


@admin.register(Fetch)
class FetchAdmin(ReadOnlyAdmin):
    """Downloads under way, and those whose request has gone."""

    under_the_hood = True
    list_display = ("id", "workspace", "status", "attempts", "error_code", "due_at", "created_at")
    nothing_yet = "No download is under way."
    list_filter = ("status",)
    list_select_related = ("workspace",)
