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
    With `on_duplicate: "return"` a file that the library has already is answered instead.
    `folder_id` puts it into a folder of list_media_folders.
    """

    name = "upload_media_file"
    method = "POST"
    path = "media_files"
    example = {"file_url": "https://mybrand.com/welcome.jpg", "caption": "Welcome!"}

    def refusals(self, arguments: Mapping[str, Any]) -> Details:
        return _no_bytes("POST /api/v1/media_files") if "file" in arguments else {}

    def told(self, details: Details) -> Details:
        return _of_url(details)


class UpdateMediaFile(Tool):
    """Update a media file

    Changes the name, description, caption or folder of one file by id; what is left out stays, an
    empty text clears the field, and `folder_id: null` takes it out of its folder. The file itself
    stays as it is.
    """

    name = "update_media_file"
    method = "PATCH"
    path = "media_files/{id}"
    destructive = True
    example = {"id": 123, "name": "welcome.jpg", "folder_id": 7}


class ReplaceMediaFile(Tool):
    """Replace a media file by URL

    Puts what is at a public URL in the place of one file's bytes. Its id and its addresses stay,
    so all that sends it sends the new one. Both have to be of the same type: an image for an image.
    """

    name = "replace_media_file"
    method = "PUT"
    path = "media_files/{id}"
    destructive = True
    example = {"id": 123, "file_url": "https://mybrand.com/welcome-2.jpg"}

    def refusals(self, arguments: Mapping[str, Any]) -> Details:
        return _no_bytes("PUT /api/v1/media_files/{id}") if "file" in arguments else {}

    def told(self, details: Details) -> Details:
        return _of_url(details)


class ListMediaFileUsages(Tool):
    """List what uses a media file

    Pages through the scenarios and waiting messages that would still send one file. Call it before
    delete_media_file, to tell the person what would fail.
    """

    name = "list_media_file_usages"
    path = "media_files/{id}/usages"
    example = {"id": 123}


class DeleteMediaFile(Tool):
    """Delete a media file

    Deletes one file by id, for good. Scenarios and messages that still need it fail from then on:
    send `if_unused: true`, which refuses that with `in_use` and names them, unless the person has
    said that it may happen.
    """

    name = "delete_media_file"
    method = "DELETE"
    path = "media_files/{id}"
    destructive = True
    example = {"id": 123, "if_unused": True}


class ListMediaFolders(Tool):
    """List the folders of the media library

    Pages through the folders of all levels, newest first, each with its path and how many files
    stand in it. `parent_id` narrows to the folders of one, `"null"` to those at the top.
    """

    name = "list_media_folders"
    path = "media_folders"
    example = {"search": "summer"}


class GetMediaFolder(Tool):
    """Get a folder of the media library

    One folder by its id, such as the `folder_id` of a file: the names on the way to it, and how
    many files stand in it. What stands in it is told by list_media_files with that `folder_id`.
    """

    name = "get_media_folder"
    path = "media_folders/{id}"
    example = {"id": 7}


class CreateMediaFolder(Tool):
    """Create a folder of the media library

    Makes a folder to put files into; without `parent_id` it stands at the top. Call
    list_media_folders first: a second one of the same name is refused with `conflict`.
    """

    name = "create_media_folder"
    method = "POST"
    path = "media_folders"
    example = {"name": "Summer", "parent_id": 3}


class UpdateMediaFolder(Tool):
    """Update a folder of the media library

    Gives one folder another name, or moves it with all that is in it: `parent_id` names the folder
    to stand in, null the top.
    """

    name = "update_media_folder"
    method = "PATCH"
    path = "media_folders/{id}"
    destructive = True
    example = {"id": 7, "name": "Summer 2026"}


class DeleteMediaFolder(Tool):
    """Delete a folder of the media library

    Takes one folder away; no file is lost: what stood in it moves to the folder above, or to none.
    """

    name = "delete_media_folder"
    method = "DELETE"
    path = "media_folders/{id}"
    destructive = True
    example = {"id": 7}


def _no_bytes(route: str) -> Details:
    return {"file": [f"Give file_url, a public URL; bytes go to {route}."]}


def _of_url(details: Details) -> Details:
    """Where the API asks for either, here only one of them can be given."""
    if {"file", "file_url"} <= details.keys():
        others = {path: told for path, told in details.items() if path != "file"}
        return {**others, "file_url": ["This field is required."]}
    return details
