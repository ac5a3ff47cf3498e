import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from automations.scenarios import create_scenario
from inro.accounts.models import Membership
from media_library.folders import create_folder
from media_library.ingest import ingest_upload
from media_library.models import Blob, Fetch, MediaFile
from tests.admin.test_scoping import address

WALL = reverse("admin:media_library_mediafile_changelist")
UPLOAD = reverse("admin:media_library_mediafile_upload")
XSS = "<script>alert(1)</script>.jpg"


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
    assert f'<img src="/media/{media_file.pk}:' in page
    assert f'value="http://127.0.0.1:8000/media/{media_file.pk}:' in page


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


def stored(workspace, name="welcome.jpg", content=None):
    return ingest_upload(workspace, SimpleUploadedFile(name, content or jpeg()))


def names_on(page):
    return re.findall(r'<strong dir="auto">([^<]*)</strong></a>', page.text)


def using(workspace, *media_files, title="Welcome"):
    return create_scenario(
        workspace,
        {
            "title": title,
            "actions": [
                {
                    "action_key": f"a{index}",
                    "action_type": "image",
                    "media_file": {"id": media_file.pk},
                    **({"parent_key": f"a{index - 1}"} if index else {}),
                }
                for index, media_file in enumerate(media_files)
            ],
        },
    )


class TestWall:
    def test_it_shows_each_file_as_what_it_is(self, browser, workspace):
        picture = stored(workspace)
        stored(workspace, "prices.txt", b"one, two")
        MediaFile.objects.create(workspace=workspace, status="pending", name="slow.mp4")
        MediaFile.objects.create(
            workspace=workspace, status="failed", name="gone.png", error_message="It was not there."
        )
        page = browser.get(WALL)
        assert names_on(page) == ["gone.png", "slow.mp4", "prices.txt", "welcome.jpg"]
        shown = r'<img src="/media/([0-9]+):[^"]*" alt="" loading="lazy" width="40" height="30">'
        assert re.findall(shown, page.text) == [str(picture.pk)]
        assert re.findall(r"kinds.svg#(\w+)", page.text) == ["failed", "pending", "document"]
        assert "being downloaded" in page.text
        assert "failed: It was not there." in page.text

    @pytest.mark.parametrize(
        ("source_url", "called"),
        [
            ("https://files.example/a/tulips%20%C3%A9.jpg?token=geheim#x", "tulips é.jpg"),
            ("https://files.example/summer/", "summer"),
            ("https://files.example/a%2Fb.png", "b.png"),
            ("https://anna:geheim@files.example:8443/?token=geheim", "files.example"),
            ("https://files.example", "files.example"),
            ("https://files.example/%E2%80%AE%00%20?geheim", "files.example"),
            ("https://[geheim", "Media file {pk}"),
            ("", "Media file {pk}"),
        ],
    )
    @pytest.mark.parametrize("status", ["pending", "failed"])
    def test_one_without_a_name_goes_by_where_it_comes_from(
        self, browser, workspace, status, source_url, called
    ):
        row = MediaFile.objects.create(workspace=workspace, status=status, source_url=source_url)
        page = browser.get(WALL)
        assert names_on(page) == [called.format(pk=row.pk)]
        assert "geheim" not in page.text
        page = browser.get(address(MediaFile, "change", row.pk))
        assert page.context["title"] == called.format(pk=row.pk)

    def test_a_name_that_was_given_stays(self, browser, workspace):
        url = "https://files.example/a.jpg"
        MediaFile.objects.create(
            workspace=workspace, status="failed", name="Tulips", source_url=url
        )
        assert names_on(browser.get(WALL)) == ["Tulips"]

    def test_it_goes_by_that_wherever_it_is_shown(self, browser, api, workspace):
        url = "https://files.example/<i>tulips.jpg"
        file = MediaFile.objects.create(workspace=workspace, status="pending", source_url=url)
        scenario = using(workspace, file)
        picture = browser.get(address(type(scenario), "change", scenario.pk)).text
        assert "File: &lt;i&gt;tulips.jpg (pending)" in picture
        page = browser.post(WALL, {"action": "delete_selected", "_selected_action": [file.pk]}).text
        assert "&lt;i&gt;tulips.jpg" in page
        assert "<i>tulips.jpg" not in picture + page
        assert api.get(f"/api/v1/media_files/{file.pk}").json()["name"] == ""

    def test_a_picture_that_is_large_is_an_icon(self, browser, workspace):
        stored(workspace)
        Blob.objects.update(size=2 * 1024 * 1024 + 1)
        page = browser.get(WALL).text
        assert 'src="/media/' not in page
        assert "kinds.svg#image" in page

    def test_chips_and_search(self, browser, workspace):
        stored(workspace, "Café.jpg")
        stored(workspace, "prices.txt", b"one, two")
        assert names_on(browser.get(WALL + "?media_type__exact=document")) == ["prices.txt"]
        assert names_on(browser.get(WALL + "?status__exact=failed")) == []
        assert names_on(browser.get(WALL + "?q=CAFE")) == ["Café.jpg"]
        page = browser.get(WALL + "?q=100%25").text
        assert "Nothing here is like that." in page

    def test_empty(self, browser):
        assert "The library is empty." in browser.get(WALL).text

    def test_names_are_no_markup(self, browser, workspace):
        media_file = stored(workspace)
        MediaFile.objects.update(name=XSS, caption=XSS, description=XSS)
        using(workspace, media_file, title=XSS)
        for page in (WALL, address(MediaFile, "change", media_file.pk)):
            text = browser.get(page).text
            assert "<script>alert" not in text
            assert "&lt;script&gt;alert(1)" in text

    def test_queries_do_not_grow_with_the_files(
        self, browser, workspace, django_assert_max_num_queries
    ):
        files = [stored(workspace, f"{each}.txt", f"file {each}".encode()) for each in range(30)]
        using(workspace, stored(workspace))
        assert len(files) == 30
        for each in range(9):
            create_folder(workspace, "Inside", create_folder(workspace, f"Folder {each}").pk)
        with django_assert_max_num_queries(12):
            assert len(names_on(browser.get(WALL))) == 31

    def test_pages(self, browser, workspace):
        for each in range(50):
            stored(workspace, f"{each}.txt", f"file {each}".encode())
        assert len(names_on(browser.get(WALL))) == 48
        assert names_on(browser.get(WALL + "?p=2")) == ["1.txt", "0.txt"]

    def test_foreign_files_are_not_shown(self, browser, stranger):
        theirs = stored(stranger)
        assert names_on(browser.get(WALL)) == []
        assert browser.get(address(MediaFile, "change", theirs.pk)).status_code == 302


class TestBringing:
    def bring(self, browser, workspace, *files, **fields):
        uploads = [SimpleUploadedFile(name, content) for name, content in files]
        return browser.post(UPLOAD, {"workspace": workspace.pk, "file": uploads, **fields})

    def test_several_files_one_of_them_refused(self, browser, workspace, own_files):
        answer = self.bring(
            browser, workspace, ("a.jpg", jpeg()), ("bad.svg", b"<svg xmlns='x'/>"),
            ("b.txt", b"hello"), fragment="1",
        )  # fmt: skip
        assert answer.status_code == 200
        lines = re.findall(r'<li class="(\w+)"><strong>([^<]*)</strong>', answer.text)
        assert lines == [("taken", "a.jpg"), ("refused", "bad.svg"), ("taken", "b.txt")]
        assert sorted(MediaFile.objects.values_list("name", flat=True)) == ["a.jpg", "b.txt"]
        assert len([path for path in own_files.rglob("*") if path.is_file()]) == 2

    def test_refusals_are_the_librarys_words(self, browser, workspace):
        answer = self.bring(browser, workspace, ("empty.txt", b""), fragment="1")
        assert "The file is empty." in answer.text
        assert not MediaFile.objects.exists()

    def test_without_script_it_leads_back_to_the_wall(self, browser, workspace):
        answer = self.bring(browser, workspace, (XSS, jpeg()), ("bad.svg", b"<svg/>"))
        assert (answer.status_code, answer.headers["Location"]) == (302, WALL)
        page = browser.get(WALL).text
        assert "is here." in page
        assert "Bad.svg: " in page
        assert "<script>alert" not in page

    def test_a_url_that_is_refused(self, browser, workspace):
        answer = self.bring(browser, workspace, file_url="http://127.0.0.1/x.jpg", fragment="1")
        assert re.findall(r'<li class="(\w+)"><strong>([^<]*)', answer.text) == [
            ("refused", "http://127.0.0.1/x.jpg")
        ]
        assert (MediaFile.objects.count(), Fetch.objects.count()) == (0, 0)

    def test_nothing_at_all(self, browser, workspace):
        answer = browser.post(UPLOAD, {"workspace": workspace.pk, "fragment": "1"})
        assert "Choose a file" in answer.text

    @pytest.mark.parametrize("wanted", ["theirs", "", "x", "0"])
    def test_not_into_a_foreign_workspace(self, browser, stranger, wanted):
        pk = stranger.pk if wanted == "theirs" else wanted
        file = SimpleUploadedFile("a.jpg", jpeg())
        answer = browser.post(UPLOAD, {"workspace": pk, "file": file, "fragment": "1"})
        assert "refused" in answer.text
        assert not MediaFile.objects.exists()

    def test_who_may(self, browser, operator, workspace, stranger):
        assert browser.get(UPLOAD).status_code == 405
        assert Client().post(UPLOAD).headers["Location"].startswith("/admin/login/")
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(operator)
        assert self.bring(strict, workspace, ("a.jpg", jpeg())).status_code == 403
        Membership.objects.all().delete()
        assert self.bring(browser, workspace, ("a.jpg", jpeg())).status_code == 403
        assert not MediaFile.objects.exists()

    def test_the_form_asks_for_the_workspace_where_there_are_two(
        self, browser, operator, workspace, stranger
    ):
        assert f'type="hidden" name="workspace" value="{workspace.pk}"' in browser.get(WALL).text
        Membership.objects.create(user=operator, workspace=stranger)
        page = browser.get(WALL).text
        assert 'type="hidden" name="workspace"' not in page
        assert '<select name="workspace"' in page


class TestPage:
    def test_where_it_is_used_each_scenario_once(self, browser, workspace):
        media_file = stored(workspace)
        scenario = using(workspace, media_file, media_file, title="Sale")
        using(workspace, stored(workspace, "other.txt.jpg"), title="Other")
        page = browser.get(address(MediaFile, "change", media_file.pk)).text
        link = reverse("admin:automations_scenario_change", args=[scenario.pk])
        assert page.count(f'<a href="{link}">Sale</a>') == 1
        assert "Other" not in page

    @pytest.mark.parametrize(
        ("kind", "shown"), [("audio", "<audio controls"), ("video", "<video controls"),
                            ("document", "Open the document")],
    )  # fmt: skip
    def test_previews(self, browser, workspace, kind, shown):
        media_file = stored(workspace)
        types = {"audio": "audio/mpeg", "video": "video/mp4", "document": "application/pdf"}
        Blob.objects.update(mime_type=types[kind])
        MediaFile.objects.update(media_type=kind)
        assert shown in browser.get(address(MediaFile, "change", media_file.pk)).text

    def test_an_image_that_browsers_do_not_show(self, browser, workspace):
        media_file = stored(workspace)
        Blob.objects.update(mime_type="image/heic")
        page = browser.get(address(MediaFile, "change", media_file.pk)).text
        assert "Open the image" in page
        assert "<img" not in page

    def test_one_that_failed_has_no_address(self, browser, workspace):
        media_file = MediaFile.objects.create(
            workspace=workspace, status="failed", error_message="It was not there."
        )
        page = browser.get(address(MediaFile, "change", media_file.pk)).text
        assert "It could not be downloaded: It was not there." in page
        assert "/media/" not in page
