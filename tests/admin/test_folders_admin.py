"""Folders in the admin, and files that are put in and deleted."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from automations.models import Scenario
from automations.scenarios import create_scenario
from inro.accounts.models import AuditEntry
from media_library.deleting import delete_media_file
from media_library.folders import create_folder
from media_library.ingest import ingest_upload
from media_library.models import Blob, MediaFile, MediaFolder
from messaging.connecting import connect_channel
from messaging.models import Contact, Message, MessageType
from messaging.queueing import Draft, queue_messages
from tests.admin.test_scoping import address
from tests.media_library.files import picture


@pytest.fixture
def file(workspace):
    upload = SimpleUploadedFile("welcome.jpg", picture(), "image/jpeg")
    return ingest_upload(workspace, upload, caption="Hi")


def form(workspace, name="Summer", parent=""):
    return {"workspace": workspace.pk, "name": name, "parent": parent}


def test_making_renaming_moving(browser, workspace, operator):
    top = create_folder(workspace, "Top")
    assert browser.post(address(MediaFolder, "add"), form(workspace)).status_code == 302
    folder = MediaFolder.objects.get(name="Summer")
    data = {"name": "Winter", "parent": top.pk}
    answer = browser.post(address(MediaFolder, "change", folder.pk), data)
    assert answer.status_code == 302, answer.context["errors"]
    folder.refresh_from_db()
    assert (folder.path, folder.name_folded) == (["Top", "Winter"], "winter")
    page = browser.get(address(MediaFolder, "changelist"), {"q": "WINTER"}).text
    assert "Winter" in page
    assert str(AuditEntry.objects.latest("pk")).startswith(f"{operator}: media folder changed")


def test_what_is_refused_stands_at_its_field(browser, workspace, stranger):
    top = create_folder(workspace, "Top")
    foreign = create_folder(stranger, "Theirs")
    page = browser.post(address(MediaFolder, "add"), form(workspace, "TOP"))
    assert set(page.context["adminform"].form.errors) == {"name"}
    data = {"name": "Top", "parent": top.pk}
    page = browser.post(address(MediaFolder, "change", top.pk), data)
    assert set(page.context["adminform"].form.errors) == {"parent"}
    page = browser.post(address(MediaFolder, "add"), form(workspace, parent=foreign.pk))
    assert set(page.context["adminform"].form.errors) == {"parent"}
    assert MediaFolder.objects.count() == 2


def test_removing(browser, workspace, file):
    folder = create_folder(workspace, "Folder")
    MediaFile.objects.update(folder=folder)
    create_folder(workspace, "Same", folder.pk)
    clash = create_folder(workspace, "SAME")
    page = browser.post(address(MediaFolder, "delete", folder.pk), {"post": "yes"}, follow=True)
    assert "Rename or move &#x27;Same&#x27; first." in page.text
    assert MediaFolder.objects.count() == 3
    clash.delete()
    assert "move to where it stands" in browser.get(address(MediaFolder, "delete", folder.pk)).text
    assert (
        browser.post(address(MediaFolder, "delete", folder.pk), {"post": "yes"}).status_code == 302
    )
    assert MediaFolder.objects.get().parent is None
    file.refresh_from_db()
    assert file.folder is None


def test_a_file_is_put_into_a_folder_of_its_workspace(chief, workspace, stranger, file):
    mine, theirs = create_folder(workspace, "Mine"), create_folder(stranger, "Theirs")
    page = chief.get(address(MediaFile, "change", file.pk)).text
    assert ("Mine" in page, "Theirs" in page) == (True, False)
    data = {"name": "a.jpg", "caption": "Hi", "description": "", "folder": theirs.pk}
    page = chief.post(address(MediaFile, "change", file.pk), data)
    assert set(page.context["adminform"].form.errors) == {"folder"}
    assert not AuditEntry.objects.exists()
    answer = chief.post(address(MediaFile, "change", file.pk), {**data, "folder": mine.pk})
    assert answer.status_code == 302
    file.refresh_from_db()
    assert (file.folder, file.name) == (mine, "a.jpg")
    chief.post(address(MediaFile, "change", file.pk), {**data, "folder": mine.pk, "caption": "Ho"})
    noted = AuditEntry.objects.order_by("pk").values_list("actor", "action", "target", "details")
    moved = {"id": file.pk, "folder_id": mine.pk}
    assert list(noted) == [  # it was moved once
        ("root", "media file changed", "welcome.jpg", {"id": file.pk, "fields": ["name"]}),
        ("root", "media file moved", "welcome.jpg", moved),
        ("root", "media file changed", "a.jpg", {"id": file.pk, "fields": ["caption"]}),
    ]


def test_deleting_shows_first_what_uses_it(browser, workspace, operator, file):
    action = {"action_type": "image", "media_file": {"id": file.pk}}
    body = {"title": "Flow <1>", "triggers": [{"trigger_type": "message"}], "actions": [action]}
    create_scenario(workspace, body)
    page = browser.get(address(MediaFile, "delete", file.pk)).text
    assert "used in: Flow &lt;1&gt;" in page
    assert MediaFile.objects.get().status == "ready"
    assert browser.post(address(MediaFile, "delete", file.pk), {"post": "yes"}).status_code == 302
    row = MediaFile.objects.get()
    assert (row.status, row.blob, Blob.objects.count()) == ("deleted", None, 0)
    assert AuditEntry.objects.get().actor == str(operator)
    assert browser.get(address(MediaFile, "change", file.pk)).status_code == 302
    assert browser.get(address(MediaFile, "changelist")).context["cards"] == []


def test_deleting_several(browser, workspace, file):
    other = ingest_upload(workspace, SimpleUploadedFile("b.jpg", picture(), "image/jpeg"))
    data = {"action": "delete_selected", "_selected_action": [file.pk, other.pk], "post": "yes"}
    assert browser.post(address(MediaFile, "changelist"), data).status_code == 302
    assert MediaFile.objects.undeleted().count() == 0
    assert Blob.objects.count() == 0


def test_what_still_names_a_deleted_file_says_so(browser, workspace, file):
    action = {"action_type": "image", "media_file": {"id": file.pk}}
    scenario = create_scenario(workspace, {"triggers": [], "actions": [action]})
    channel = connect_channel(workspace, "sandbox", "Sandbox", {})
    contact = Contact.objects.create(workspace=workspace, name="Jane")
    [message] = queue_messages(
        workspace.pk, [Draft(contact.pk, channel.pk, MessageType.IMAGE, media_file_id=file.pk)]
    )
    Message.objects.filter(pk=message.pk).update(status="sent")
    link = address(MediaFile, "change", file.pk)
    assert link in browser.get(address(Scenario, "change", scenario.pk)).text
    delete_media_file(file)
    page = browser.get(address(Scenario, "change", scenario.pk)).text
    assert ("welcome.jpg (deleted)" in page, link in page) == (True, False)
    page = browser.get(address(Contact, "change", contact.pk)).text
    assert "The file is no longer in the library." in page
