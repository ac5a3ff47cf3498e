"""The wall of files as a place to work: folders, what is chosen, badges, cards that change."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from inro.accounts.models import AuditEntry, Membership
from media_library.folders import create_folder
from media_library.ingest import ingest_upload
from media_library.models import Blob, MediaFile, MediaFolder
from tests.admin.test_media_admin import UPLOAD, WALL, names_on, using
from tests.admin.test_scoping import address
from tests.media_library import files

FOLDER = reverse("admin:media_library_mediafile_folder")
CARDS = reverse("admin:media_library_mediafile_cards")
READY = {"status": "ready", "size": 1000}


def stored(workspace, name="welcome.jpg", content=b"", folder=None):
    upload = SimpleUploadedFile(name, content or files.picture())
    return ingest_upload(workspace, upload, folder_id=folder.pk if folder else None)


def said(page):
    return [str(each) for each in page.context["messages"]]


def inside(folder):
    return f"{WALL}?folder_id={folder.pk}"


class TestFolders:
    def test_inside_one(self, browser, workspace):
        top = create_folder(workspace, "Top")
        sub = create_folder(workspace, "<i>Sub</i>", top.pk)
        stored(workspace, "loose.jpg")
        stored(workspace, "in-top.jpg", folder=top)
        stored(workspace, "in-sub.jpg", folder=sub)
        page = browser.get(WALL)
        assert names_on(page) == ["in-sub.jpg", "in-top.jpg", "loose.jpg"]
        assert [(str(each), count) for each, count in page.context["folders"]] == [("Top", 1)]
        page = browser.get(inside(top))
        assert names_on(page) == ["in-top.jpg"]
        assert [(str(each), count) for each, count in page.context["folders"]] == [
            ("<i>Sub</i>", 1)
        ]
        assert "&lt;i&gt;Sub&lt;/i&gt;" in page.text
        page = browser.get(inside(sub))
        assert [str(each) for each in page.context["above"]] == ["Top"]
        page = browser.get(WALL + "?folder_id=null")
        assert (names_on(page), page.context["folders"]) == (["loose.jpg"], [])
        assert names_on(browser.get(inside(top) + "&q=in-sub")) == []
        assert names_on(browser.get(inside(sub) + "&q=in-sub")) == ["in-sub.jpg"]

    def test_words_for_an_empty_one(self, browser, workspace):
        page = browser.get(inside(create_folder(workspace, "Top"))).text
        assert "No files in this folder yet." in page
        assert "Every file is in a folder." in browser.get(WALL + "?folder_id=null").text

    def test_a_foreign_one_is_not_there(self, browser, stranger):
        theirs = create_folder(stranger, "Theirs")
        stored(stranger, folder=theirs)
        page = browser.get(inside(theirs))
        assert (page.context["here"], names_on(page), "Theirs" in page.text) == (None, [], False)

    @pytest.mark.parametrize("wrong", ["x", "-1", "9" * 30])
    def test_no_folder_at_all(self, browser, wrong):
        assert browser.get(f"{WALL}?folder_id={wrong}", follow=True).status_code == 200

    def test_a_new_one(self, browser, workspace, operator):
        top = create_folder(workspace, "Top")
        data = {"workspace": workspace.pk, "name": " Summer ", "parent_id": top.pk}
        answer = browser.post(FOLDER, data)
        folder = MediaFolder.objects.get(name="Summer")
        assert (folder.parent, answer.headers["Location"]) == (top, inside(folder))
        assert str(AuditEntry.objects.get()).startswith(f"{operator}: media folder made")
        page = browser.post(FOLDER, {**data, "name": "SUMMER"}, follow=True)
        assert said(page) == [f"There is a folder of this name already: {folder.pk}."]
        assert page.context["here"] == top
        page = browser.post(FOLDER, {**data, "name": " "}, follow=True)
        assert said(page) == ["Give the folder a name."]
        assert MediaFolder.objects.count() == 2

    def test_none_of_or_in_a_foreign_workspace(self, browser, workspace, stranger):
        theirs = create_folder(stranger, "Theirs")
        browser.post(FOLDER, {"workspace": stranger.pk, "name": "A"})
        browser.post(FOLDER, {"workspace": workspace.pk, "name": "A", "parent_id": theirs.pk})
        Membership.objects.all().delete()
        answer = browser.post(FOLDER, {"workspace": workspace.pk, "name": "A"})
        assert answer.status_code == 403
        assert MediaFolder.objects.count() == 1

    def test_bringing_files_into_it(self, browser, workspace, stranger):
        top, theirs = create_folder(workspace, "Top"), create_folder(stranger, "Theirs")
        data = {"workspace": workspace.pk, "folder_id": top.pk}
        answer = browser.post(UPLOAD, {**data, "file": SimpleUploadedFile("a.txt", b"hello")})
        assert answer.headers["Location"] == inside(top)
        assert MediaFile.objects.get().folder == top
        upload = SimpleUploadedFile("b.txt", b"hello")
        data = {**data, "folder_id": theirs.pk, "file": upload, "fragment": "1"}
        assert f"No folder has the id {theirs.pk}." in browser.post(UPLOAD, data).text
        assert MediaFile.objects.count() == 1


class TestChosen:
    def act(self, browser, action, *media_files, **fields):
        data = {"action": action, "_selected_action": [each.pk for each in media_files], **fields}
        return browser.post(WALL, data, follow=True)

    def test_moving_in_and_out(self, browser, workspace):
        top = create_folder(workspace, "Top")
        one, two = stored(workspace, "a.jpg"), stored(workspace, "b.jpg")
        stored(workspace, "c.jpg")
        page = self.act(browser, "move_selected", one, two, to=top.pk)
        assert said(page) == ["2 files are now in Top."]
        assert names_on(browser.get(inside(top))) == ["b.jpg", "a.jpg"]
        page = self.act(browser, "move_selected", one, to="null")
        assert said(page) == ["1 file is now in no folder."]
        assert names_on(browser.get(inside(top))) == ["b.jpg"]
        self.act(browser, "move_selected", two, to=top.pk)  # where it is already
        noted = AuditEntry.objects.order_by("pk")
        assert list(noted.values_list("actor", "action", "target", "details")) == [
            ("olga", "media file moved", "a.jpg", {"id": one.pk, "folder_id": top.pk}),
            ("olga", "media file moved", "b.jpg", {"id": two.pk, "folder_id": top.pk}),
            ("olga", "media file moved", "a.jpg", {"id": one.pk, "folder_id": None}),
        ]

    @pytest.mark.parametrize("to", ["", "x", "9" * 30, "theirs"])
    def test_not_to_where_there_is_no_folder(self, browser, workspace, stranger, to):
        theirs = create_folder(stranger, "Theirs")
        page = self.act(
            browser, "move_selected", stored(workspace), to=theirs.pk if to == "theirs" else to
        )
        assert said(page) == ["Choose the folder to move them to."]
        assert MediaFile.objects.get().folder is None
        assert not AuditEntry.objects.exists()

    def test_not_into_a_folder_of_another_of_ones_workspaces(
        self, browser, operator, workspace, stranger
    ):
        Membership.objects.create(user=operator, workspace=stranger)
        top = create_folder(workspace, "Top")
        mine, other = stored(workspace, "mine.jpg"), stored(stranger, "other.jpg")
        page = self.act(browser, "move_selected", mine, other, to=top.pk)
        assert said(page) == [
            "1 file is now in Top.",
            "1 stayed where they were: the folder is not of their workspace.",
        ]
        assert list(MediaFile.objects.filter(folder=top)) == [mine]

    def test_a_foreign_file_is_not_moved(self, browser, workspace, stranger):
        theirs = stored(stranger)
        self.act(browser, "move_selected", theirs, to=create_folder(workspace, "Top").pk)
        assert MediaFile.objects.get().folder is None

    def test_deleting_tells_first_what_uses_them(self, browser, workspace):
        used, other = stored(workspace, "used.jpg"), stored(workspace, "other.jpg")
        using(workspace, used)
        page = self.act(browser, "delete_selected", used, other)
        assert "used in: Welcome" in page.text
        assert MediaFile.objects.undeleted().count() == 2
        self.act(browser, "delete_selected", used, other, post="yes")
        assert (MediaFile.objects.undeleted().count(), Blob.objects.count()) == (0, 0)

    def test_nothing_chosen(self, browser, workspace):
        stored(workspace)
        page = self.act(browser, "delete_selected", post="yes")
        assert page.status_code == 200
        assert MediaFile.objects.undeleted().count() == 1


def badges_on(page):
    return re.findall(r'<li class="badge badge-(\w+)" title="([^"]*)">', page.text)


class TestCards:
    def test_each_channel_in_words(self, browser, workspace):
        stored(workspace, "a.webp", files.picture("WEBP"))
        Blob.objects.update(made={"jpeg-5mb": {"status": "running", "progress": 40}})
        page = browser.get(WALL)
        assert [tone for tone, _ in badges_on(page)] == ["busy", "busy", "busy"]
        assert badges_on(page)[1][1] == (
            "WhatsApp: WhatsApp takes images as JPG or PNG; this file is WEBP. "
            "A JPEG of up to 5 MB is being made: 40 % done."
        )
        Blob.objects.update(made={"jpeg-5mb": {"status": "failed", "message": "It is damaged."}})
        assert [tone for tone, _ in badges_on(browser.get(WALL))] == ["bad", "bad", "bad"]
        Blob.objects.update(made={"jpeg-5mb": READY})
        assert badges_on(browser.get(WALL))[2] == (
            "good",
            "RCS: Goes out as a JPEG of up to 5 MB.",
        )
        assert re.findall(r"(IG|WA|RCS) [✓…✕]", browser.get(WALL).text) == ["IG", "WA", "RCS"]

    def test_what_was_made_to_look_at(self, browser, workspace):
        media_file = stored(workspace, "film.mp4", files.mp4())
        assert "kinds.svg#video" in browser.get(WALL).text
        Blob.objects.update(made={"poster": READY}, duration=65.2)
        page = browser.get(WALL).text
        assert f'<img src="/media/{media_file.pk}.poster:' in page
        assert '<span aria-hidden="true">▶</span> 1:05' in page

    def shown(self, browser):
        [shown] = re.findall(rf'hx-get="{CARDS}\?shown=([^"]*)"', browser.get(WALL).text)
        return shown

    def test_only_what_has_changed_comes_anew(self, browser, workspace):
        media_file = stored(workspace)
        stored(workspace, "b.txt", b"hello")
        shown = self.shown(browser)
        assert shown.startswith(f"{media_file.pk}:")
        assert "," not in shown
        assert browser.get(CARDS, {"shown": shown}).status_code == 204
        Blob.objects.filter(media_files=media_file).update(made={"thumbnail": READY})
        page = browser.get(CARDS, {"shown": shown}).text
        assert f'id="card-{media_file.pk}" hx-swap-oob="true"' in page
        assert f"/media/{media_file.pk}.thumbnail:" in page
        assert "hx-get" not in page

    def test_a_download_that_has_come(self, browser, workspace):
        other = stored(workspace, "b.txt", b"hello")
        pending = MediaFile.objects.create(workspace=workspace, status="pending", name="slow.txt")
        shown = self.shown(browser)
        MediaFile.objects.filter(pk=pending.pk).update(
            status="ready", blob=other.blob, media_type="document"
        )
        page = browser.get(CARDS, {"shown": shown}).text
        assert ("being downloaded" in page, "kinds.svg#document" in page) == (False, True)

    @pytest.mark.parametrize("shown", ["", "x", ":", "1", "9" * 40 + ":1", ",,", "²:1"])
    def test_whatever_is_asked(self, browser, db, shown):
        assert browser.get(CARDS, {"shown": shown}).status_code == 204

    def test_foreign_cards_are_not_shown(self, browser, stranger):
        theirs = stored(stranger)
        assert browser.get(CARDS, {"shown": f"{theirs.pk}:x"}).status_code == 204

    def test_queries(self, browser, workspace, django_assert_max_num_queries):
        for each in range(9):
            stored(workspace, f"{each}.jpg")
        shown = self.shown(browser).replace(":", ":x")
        with django_assert_max_num_queries(7):
            assert browser.get(CARDS, {"shown": shown}).text.count("hx-swap-oob") == 9


def test_the_page_of_folders_leads_to_the_wall(browser, workspace):
    folder = create_folder(workspace, "Top")
    stored(workspace, folder=folder)
    page = browser.get(address(MediaFile, "change", MediaFile.objects.get().pk)).text
    assert f'<a href="{inside(folder)}" dir="auto">Top</a>' in page
