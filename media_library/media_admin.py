"""The admin's pages of media files."""

from django.contrib import admin

from media_library.file_admin import FileAdmin
from media_library.models import MediaFile
from media_library.wall_admin import WallAdmin


@admin.register(MediaFile)
class MediaFileAdmin(WallAdmin, FileAdmin):
    """A wall of files to bring things to, and a page for each."""
