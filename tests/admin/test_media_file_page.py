"""The page of a file: where it goes out, trying again, replacing, parts that renew themselves."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from inro.accounts.models import AuditEntry
from media_library import orders
from media_library.cards import shown_path
from media_library.ingest import ingest_upload
from media_library.models import Blob, MediaFile, Rendition
from media_library.recipes import MP4
from tests.admin.test_media_admin import using
from tests.admin.test_scoping import address
from tests.media_library import files


def stored(workspace, name="welcome.webp", content=b""):
    return ingest_upload(
        workspace, SimpleUploadedFile(name, content or files.picture("WEBP")), caption="Hi"
    )


def part(name, media_file):
    return reverse(f"admin:media_library_mediafile_{name}", args=[media_file.pk])


def page_of(browser, media_file):
    return browser.get(address(MediaFile, "change", media_file.pk))


def said(page):
    return [str(each) for each in page.context["messages"]]


def test_facts_and_action_keys(browser, workspace):
    media_file = stored(workspace)
    using(workspace, media_file, media_file)
    Blob.objects.update(
        details={"pages": 3, "video_codec": "h264", "audio_codec": "aac", "stripped": True},
        duration=3661.04,
    )
    page = page_of(browser, media_file).text
    for term, text in {
        "Kind": "image, image/webp",
        "Pictures": "H264",
        "Sound": "AAC",
        "Pages": "3",
        "Length": "1:01:01 (3661.0 s)",
    }.items():
        assert f"<dt>{term}</dt><dd>{text}</dd>" in page
    assert re.findall(r"<code>(\w+)</code>", page) == ["a0", "a1"]


def test_where_it_goes_out_while_it_is_made(browser, workspace):
    media_file = stored(workspace)
    page = page_of(browser, media_file).text
    assert page.count("waits for its turn") == 2
    [address] = re.findall(rf'hx-get="({part("ways", media_file)}\?shown=\w+)"', page)
    assert browser.get(address).status_code == 204
    orders.place_new()
    assert browser.get(address).status_code == 204, "nobody sees a difference"
    Rendition.objects.filter(recipe="jpeg-5mb").update(status="running", progress=40)
    answer = browser.get(address).text
    assert 'value="40" aria-label="Progress of a JPEG of up to 5 MB"' in answer
    assert "hx-get" in answer


def test_what_browsers_do_not_show_is_shown_as_what_was_made_of_it(browser, workspace):
    media_file = stored(workspace)
    Blob.objects.update(
        mime_type="image/heic", made={"thumbnail": {"status": "ready", "size": 1000}}
    )
    page = page_of(browser, media_file).text
    assert f'<img src="/media/{media_file.pk}.thumbnail:' in page
    assert f'<a href="/media/{media_file.pk}:' in page


def test_a_film_is_played_as_what_was_made_for_phones(browser, workspace):
    media_file = stored(workspace, "film.mov", files.mp4())
    assert f'src="{shown_path(media_file)}"' in page_of(browser, media_file).text
    Blob.objects.update(made={"mp4-16mb": {"status": "ready", "size": 1000}})
    page = page_of(browser, media_file).text
    media_file.refresh_from_db()
    assert f'src="{shown_path(media_file, MP4)}"' in page
    assert f'src="{shown_path(media_file)}"' not in page


def failed(media_file):
    orders.place_new()
    Rendition.objects.update(
        status="failed", error_code="damaged", error_message="It is <damaged>.", attempts=3
    )
    entry = {"status": "failed", "message": "It is <damaged>."}
    Blob.objects.update(made={"jpeg-5mb": entry, "thumbnail": entry})


def test_trying_again(browser, workspace):
    media_file, other = stored(workspace), stored(workspace, "b.jpg", files.picture())
    failed(media_file)
    page = page_of(browser, media_file).text
    assert page.count("failed. It is &lt;damaged&gt;.") == 2
    assert "could not be made of it: It is &lt;damaged&gt;." in page
    assert "hx-get" not in page, "nothing will change by itself"
    assert "Try again" in page
    assert said(browser.post(part("again", media_file), follow=True)) == ["It is tried again."]
    rows = Rendition.objects.filter(source=media_file.blob)
    assert set(rows.values_list("status", "attempts", "error_code")) == {("queued", 0, "")}
    left = Rendition.objects.filter(source=other.blob)
    assert set(left.values_list("status", flat=True)) == {"failed"}
    assert "Try again" not in page_of(browser, media_file).text
    page = browser.post(part("again", media_file), follow=True)
    assert said(page) == ["Nothing of it has failed."]


class TestReplacing:
    def replace(self, browser, media_file, **data):
        return said(browser.post(part("replace", media_file), data, follow=True))

    def test_by_a_file(self, browser, workspace, operator):
        media_file = stored(workspace)
        upload = SimpleUploadedFile("new.png", files.picture("PNG", size=(50, 40)))
        assert self.replace(browser, media_file, file=upload) == ["The file is replaced."]
        current = MediaFile.objects.select_related("blob").get()
        assert (current.name, current.caption) == ("welcome.png", "Hi")
        assert current.blob is not None
        assert (current.blob.mime_type, current.blob.width) == ("image/png", 50)
        assert Blob.objects.count() == 1
        entry = AuditEntry.objects.get()
        assert (entry.actor, entry.action) == (str(operator), "media file replaced")

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (
                {"file": SimpleUploadedFile("a.txt", b"hello")},
                "Not replaced: The new file is of the type document; this one is image.",
            ),
            ({"file": SimpleUploadedFile("a.jpg", b"")}, "Not replaced: The file is empty."),
            ({}, "Choose a file, or give the address of one."),
        ],
    )
    def test_refused_it_stays_as_it_was(self, browser, workspace, data, words):
        media_file = stored(workspace)
        assert self.replace(browser, media_file, **data) == [words]
        self.is_unchanged(media_file)

    def test_by_an_address_that_is_refused(self, browser, workspace):
        media_file = stored(workspace)
        [words] = self.replace(browser, media_file, file_url="http://127.0.0.1/x.jpg")
        assert words.startswith("Not replaced: ")
        self.is_unchanged(media_file)

    def is_unchanged(self, media_file):
        assert MediaFile.objects.get().blob_id == media_file.blob_id
        assert (Blob.objects.count(), AuditEntry.objects.count()) == (1, 0)


def test_a_download_shows_itself_when_it_has_come(browser, workspace):
    media_file = MediaFile.objects.create(workspace=workspace, status="pending", name="slow.webp")
    page = page_of(browser, media_file).text
    shown = re.findall(r'hx-get="([^"]*)"', page)
    assert [each.split("?")[0] for each in shown] == [
        part("about", media_file), part("ways", media_file),
    ]  # fmt: skip
    assert [browser.get(each).status_code for each in shown] == [204, 204]
    other = stored(workspace)
    MediaFile.objects.filter(pk=media_file.pk).update(
        status="ready", blob=other.blob, media_type="image"
    )
    about, ways = (browser.get(each).text for each in shown)
    assert 'alt="The image slow.webp"' in about
    assert "hx-get" not in about
    assert "WhatsApp" in ways


@pytest.mark.parametrize("name", ["about", "ways", "replace", "again"])
def test_parts_of_foreign_files_are_not_there(browser, stranger, name):
    theirs = stored(stranger)
    for pk in (theirs.pk, 0, 10**30):
        url = reverse(f"admin:media_library_mediafile_{name}", args=[pk])
        ask = browser.post if name in {"replace", "again"} else browser.get
        assert ask(url).status_code == 404
    assert MediaFile.objects.get().blob_id == theirs.blob_id
