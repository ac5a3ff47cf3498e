from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html

from inro.accounts.workspace_admin import ReadOnlyAdmin, WorkspaceAdmin
from media_library.forms import UploadForm
from media_library.kinds import MediaKind
from media_library.models import Blob, Fetch, MediaFile
from media_library.serving import url_of


@admin.register(MediaFile)
class MediaFileAdmin(WorkspaceAdmin):
    list_display = ("__str__", "media_type", "status", "size", "pixels", "workspace", "created_at")
    list_filter = ("status", "media_type")
    search_fields = ("name", "caption")
    list_select_related = ("workspace", "blob")
    texts = ("name", "caption", "description")
    shown = (
        "workspace",
        "status",
        "error_message",
        "media_type",
        "size",
        "pixels",
        "preview",
        "source_url",
        "created_at",
    )

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs |= {"form": UploadForm, "fields": ("workspace", *self.texts)}
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.texts, *self.shown) if obj else ("workspace", "file", *self.texts)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.shown if obj else ()

    def save_model(self, request: HttpRequest, obj: MediaFile, form: Any, change: bool) -> None:
        # A new one was stored while the form was judged: only then is it known to be acceptable.
        if change:
            super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Preview")
    def preview(self, media_file: MediaFile) -> str:
        if not media_file.blob:
            return "–"
        url = url_of(media_file)
        if media_file.media_type != MediaKind.IMAGE:
            return format_html('<a href="{}">Open the file</a>', url)
        style = "max-width: min(100%, 320px); max-height: 320px"
        return format_html('<a href="{}"><img src="{}" alt="" style="{}"></a>', url, url, style)

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
