"""Every sentence of the product's help page on media files, as a client lives it."""

import pytest

from media_library.fields import MediaFileField
from media_library.gathering import resolve_references
from media_library.models import Fetch, MediaFile
from media_library.references import MediaReference
from tests.media_library import files
from tests.media_library.conftest import upload, upload_url


def test_lists_your_media_files_by_media_type_and_page(api, db):
    for body in (files.picture(), files.mp3(), files.mp4(), files.picture("PNG")):
        assert upload(api, body).status_code == 201
    page = api.get("/api/v1/media_files?media_type=image&per_page=1&page=2").json()
    assert [each["media_type"] for each in page["media_files"]] == ["image"]
    assert page["meta"]["total_pages"] == 2
    assert [
        api.get(f"/api/v1/media_files?media_type={kind}").json()["meta"]["total"]
        for kind in ("image", "audio", "video")
    ] == [2, 1, 1]


@pytest.mark.parametrize(
    ("body", "content_type", "media_type"),
    [
        (files.picture(), "image/jpeg", "image"),
        (files.mp3(), "audio/mpeg", "audio"),
        (files.mp4(), "video/mp4", "video"),
    ],
    ids=["image", "audio", "video"],
)
def test_uploads_a_file_url_that_inro_downloads(
    api, workers, serve, body, content_type, media_type
):
    """The media_type is detected automatically when you use file_url. You can add a caption."""
    url = serve(body, content_type=content_type)
    answer = upload_url(api, url, caption="Welcome!")
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["media_type"], shown["caption"]) == (media_type, "Welcome!")


def test_uploads_a_multipart_file_with_a_caption(api, db):
    answer = upload(api, files.picture(), "welcome.jpg", "image/jpeg", caption="Welcome!")
    assert (answer.status_code, answer.json()["caption"]) == (201, "Welcome!")


def test_fetches_a_single_media_file_by_its_id(api, db):
    shown = upload(api, files.picture()).json()
    assert api.get(f"/api/v1/media_files/{shown['id']}").json() == shown


def test_reads_the_files_content_type_to_set_media_type(api, workers, serve):
    """If a file comes back with the wrong type, check that the URL serves the right header."""
    kinds = [
        upload_url(api, serve(files.mp4(), f"/{n}", header)).json()["media_type"]
        for n, header in enumerate(["video/mp4", "audio/mp4"])
    ]
    assert kinds == ["video", "audio"]


def test_attach_inline_by_id_or_by_url(api, workspace, workers, serve):
    """{ "id": 123 } references a file you already uploaded; { "file_url": "https://..." }
    downloads and stores a new one inline, in the same request."""
    known = upload(api, files.picture()).json()["id"]
    field = MediaFileField()
    references = {
        "actions.0.media_file": field.run_validation({"id": known}),
        "actions.1.media_file": field.run_validation({"file_url": serve(files.mp4(), "/b.mp4")}),
        "actions.2.conversion_link.media_file": field.run_validation({"file_url": serve()}),
    }
    assert references["actions.0.media_file"] == MediaReference(id=known)
    found = resolve_references(workspace, references)
    assert found["actions.0.media_file"].pk == known
    assert [each.status for each in found.values()] == ["ready"] * 3
    assert (MediaFile.objects.count(), Fetch.objects.count()) == (3, 0)
