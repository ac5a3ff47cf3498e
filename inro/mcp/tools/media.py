"""The media library."""

from collections.abc import Mapping
from typing import Any

from inro.common.errors import Details
from inro.mcp.tools.base import Tool


class ListMediaFiles(Tool):
    """List media files

    Pages through the images, audio, video and documents of the library, newest first. Call it to
    find the id of a file that was uploaded before, then use that as `media_file: {"id": …}`.
    """

    name = "list_media_files"
    path = "media_files"
    example = {"media_type": "image", "search": "welcome", "per_page": 10}


class GetMediaFile(Tool):
    """Get a media file

    One file of the library by its id. Call it again after an upload that answered
    `status: "pending"`, until the status is `ready` or `failed`.
    """

    name = "get_media_file"
    path = "media_files/{id}"
    example = {"id": 123}


class UploadMediaFile(Tool):
    """Upload a media file by URL

    Downloads a file from a public URL into the library; its type is detected. Only needed for a
    file that is to be used several times: a scenario takes `media_file: {"file_url": …}` directly.
    """

    name = "upload_media_file"
    method = "POST"
    path = "media_files"
    example = {"file_url": "https://mybrand.com/welcome.jpg", "caption": "Welcome!"}

    def refusals(self, arguments: Mapping[str, Any]) -> Details:
        if "file" not in arguments:
            return {}
        return {"file": ["Give file_url, a public URL; bytes go to POST /api/v1/media_files."]}
