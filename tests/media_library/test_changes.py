"""`PATCH /api/v1/media_files/:id`."""

import pytest

from inro.accounts.models import AuditEntry
from media_library.models import MediaFile
from tests.conftest import client_of
from tests.mcp.agent import Agent
from tests.media_library import files
from tests.media_library.conftest import details, refusal, upload
from tests.media_library.test_folders import made

FILES = "/api/v1/media_files"


@pytest.fixture
def file(api):
    return upload(api, files.picture(), "welcome.jpg", caption="Hi", description="D").json()


def patched(api, file, body, **headers):
    return api.patch(f"{FILES}/{file['id']}", body, headers=headers)


def rows():
    return list(MediaFile.objects.order_by("pk").values())


def test_each_field(api, file):
    folder = made(api)["id"]
    body = {"name": "Bienvenue.jpg", "caption": "Salut", "description": "x", "folder_id": folder}
    changed = patched(api, file, body)
    assert changed.status_code == 200
    answer = changed.json()
    assert answer == {**file, **body, "updated_at": answer["updated_at"], "url": answer["url"]}
    assert answer["url"].endswith("/bienvenue.jpg")
    assert answer["updated_at"] > file["updated_at"]
    assert api.get(f"{FILES}/{file['id']}").json() == answer
    assert api.get(f"{FILES}?search=salut").json()["media_files"] == [answer]
    assert api.get(f"{FILES}?search=welcome").json()["media_files"] == []
    assert api.get(file["url"].removeprefix("http://127.0.0.1:8000")).status_code == 200


@pytest.mark.parametrize("empty", ["", None])
def test_empty_texts(api, file, empty):
    body = {"name": empty, "caption": empty, "description": empty, "folder_id": None}
    answer = patched(api, file, body).json()
    assert (answer["name"], answer["caption"], answer["description"]) == ("image.jpg", "", "")


def test_what_get_answers_can_be_sent_back(api, file):
    before = rows()
    answer = patched(api, file, file)
    assert (answer.status_code, answer.json()) == (200, file)
    assert patched(api, file, {}).json() == file
    assert rows() == before


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_a_file_without_bytes(api, workspace, status):
    row = MediaFile.objects.create(workspace=workspace, status=status, name="x")
    answer = patched(api, {"id": row.pk}, {"name": "", "caption": "C"})
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["caption"]) == ("", "C")
    assert answer.json()["status"] == status


def test_every_fault_at_once(api, file, stranger):
    foreign = made(client_of(stranger))["id"]
    before = rows()
    body = {"name": "x" * 256, "caption": "x" * 2201, "folder_id": foreign, "colour": 1}
    assert refusal(patched(api, file, body)) == (
        400,
        "validation_failed",
        ["name", "caption", "folder_id", "colour"],
    )
    fault = {"folder_id": [f"No folder has the id {foreign}."]}
    assert details(patched(api, file, {"folder_id": foreign})) == fault
    assert rows() == before


def test_of_two_writers_the_second_is_told(api, file):
    tag = api.get(f"{FILES}/{file['id']}")["ETag"]
    assert patched(api, file, {"caption": "A"}, **{"If-Match": tag}).status_code == 200
    before = rows()
    for answer in (
        patched(api, file, {"caption": "B"}, **{"If-Match": tag}),
        patched(api, file, {"caption": "B", "updated_at": file["updated_at"]}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_edit")
    assert rows() == before
    assert patched(api, file, {"caption": "B"}, **{"If-Match": "*"}).status_code == 200


def test_a_tag_is_given_with_the_upload(api):
    answer = upload(api, files.picture())
    address = f"{FILES}/{answer.json()['id']}"
    assert answer["ETag"] == api.get(address)["ETag"] == api.patch(address, {})["ETag"]


def noted():
    entries = AuditEntry.objects.order_by("pk")
    return list(entries.values_list("action", "target", "details"))


def test_it_is_noted_what_changed_and_never_the_text(api, workspace, file):
    folder = made(api)["id"]
    AuditEntry.objects.all().delete()
    body = {"name": "Geheim.jpg", "caption": "Hi", "description": "Vertraulich"}
    patched(api, file, {**body, "folder_id": folder})
    entry = AuditEntry.objects.order_by("pk")[0]
    assert (entry.workspace, entry.actor[:12]) == (workspace, "test (apitk_")
    assert noted() == [
        (
            "media file changed",
            "welcome.jpg",
            {"id": file["id"], "fields": ["name", "description"]},
        ),
        ("media file moved", "welcome.jpg", {"id": file["id"], "folder_id": folder}),
    ]
    Agent(api).call("update_media_file", id=file["id"], caption="Psst")
    last = AuditEntry.objects.latest("pk")
    assert (last.details["fields"], last.actor[-9:]) == (["caption"], " over MCP")


def test_what_changes_nothing_is_not_noted(api, file):
    assert patched(api, file, file).status_code == 200
    assert patched(api, file, {"name": "x", "folder_id": 987654}).status_code == 400
    assert patched(api, file, {"name": "x"}, **{"If-Match": '"old"'}).status_code == 409
    assert noted() == []


def test_an_address_does_not_outlive_its_file(api, workspace):
    address = "https://drive.example/share/a-capability?x=1"
    file = MediaFile.objects.create(workspace=workspace, status="failed", source_url=address)
    assert str(file) == "a-capability"
    path = f"/api/v1/media_files/{file.pk}"
    assert api.patch(path, {"caption": "x"}).status_code == 200
    assert api.delete(path).status_code == 204
    kept = AuditEntry.objects.order_by("pk").values_list("action", "target")
    called = f"Media file {file.pk}"
    assert list(kept) == [("media file changed", called), ("media file deleted", called)]
