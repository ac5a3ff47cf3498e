from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from inro.accounts.workspace_admin import ReadOnlyAdmin, WorkspaceAdmin
from media_library.models import Blob, Fetch, MediaFile


@admin.register(MediaFile)
class MediaFileAdmin(WorkspaceAdmin):
    list_display = ("__str__", "media_type", "status", "size", "pixels", "workspace", "created_at")
    list_filter = ("status", "media_type")
    search_fields = ("name", "caption")
    list_select_related = ("workspace", "blob")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Size")
    def size(self, media_file: MediaFile) -> str:
        return filesizeformat(media_file.blob.size) if media_file.blob else ""

    @admin.display(description="Pixels")
    def pixels(self, media_file: MediaFile) -> str:
        blob = media_file.blob
        return f"{blob.width} × {blob.height}" if blob and blob.width else ""


@admin.register(Blob)
class BlobAdmin(ReadOnlyAdmin):
    list_display = ("sha256", "mime_type", "size", "workspace", "created_at")
    search_fields = ("sha256",)
    list_filter = ("mime_type",)
    list_select_related = ("workspace",)


@admin.register(Fetch)
class FetchAdmin(ReadOnlyAdmin):
    """Downloads under way, and those whose request has gone."""

    list_display = ("id", "workspace", "status", "attempts", "error_code", "due_at", "created_at")
    list_filter = ("status",)
    list_select_related = ("workspace",)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("url")
