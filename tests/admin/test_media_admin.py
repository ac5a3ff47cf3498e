import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from media_library.models import Blob, MediaFile
from tests.admin.test_scoping import address


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(file, "JPEG")
    return file.getvalue()


def form(workspace, content: bytes, **changes):
    upload = SimpleUploadedFile("welcome.jpg", content, "image/jpeg")
    return {
        "workspace": workspace.pk, "file": upload, "name": "", "caption": "Hi", "description": "",
        **changes,
    }  # fmt: skip


def test_uploading(browser, workspace):
    answer = browser.post(address(MediaFile, "add"), form(workspace, jpeg()))
    assert answer.status_code == 302, answer.context["errors"]
    media_file = MediaFile.objects.get()
    assert (media_file.name, media_file.caption) == ("welcome.jpg", "Hi")
    assert media_file.blob is not None
    assert (media_file.blob.width, media_file.blob.height) == (40, 30)
    page = browser.get(address(MediaFile, "change", media_file.pk)).text
    assert f'<img src="http://127.0.0.1:8000/media/{media_file.pk}:' in page


@pytest.mark.parametrize("content", [b"<svg xmlns='x'/>", jpeg()[:300], b"MZ\x90\0" * 50])
def test_refused_file_leaves_nothing(browser, workspace, content, own_files):
    page = browser.post(address(MediaFile, "add"), form(workspace, content))
    assert page.status_code == 200
    assert set(page.context["adminform"].form.errors) == {"file"}
    assert (MediaFile.objects.count(), Blob.objects.count()) == (0, 0)
    assert not own_files.exists() or not [p for p in own_files.rglob("*") if p.is_file()]


def test_fault_elsewhere_stores_nothing(browser, workspace):
    data = form(workspace, jpeg(), caption="x" * 3000)
    assert browser.post(address(MediaFile, "add"), data).status_code == 200
    assert MediaFile.objects.count() == 0


def test_foreign_workspace_is_refused(browser, stranger):
    assert browser.post(address(MediaFile, "add"), form(stranger, jpeg())).status_code == 200
    assert MediaFile.objects.count() == 0


def test_renaming(browser, workspace):
    browser.post(address(MediaFile, "add"), form(workspace, jpeg()))
    media_file = MediaFile.objects.get()
    data = {"name": "Hello.jpg", "caption": "", "description": "For the shop"}
    assert browser.post(address(MediaFile, "change", media_file.pk), data).status_code == 302
    media_file.refresh_from_db()
    assert (media_file.name, media_file.description) == ("Hello.jpg", "For the shop")
