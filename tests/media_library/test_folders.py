"""`/api/v1/media_folders`, and files in folders."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inro.accounts.models import AuditEntry
from media_library.models import MediaFile, MediaFolder
from tests.conftest import client_of
from tests.mcp.agent import Agent
from tests.media_library import files
from tests.media_library.conftest import details, refusal, upload

FOLDERS = "/api/v1/media_folders"


def made(api, name="Summer", parent_id=None):
    answer = api.post(FOLDERS, {"name": name, "parent_id": parent_id})
    assert answer.status_code == 201, answer.content
    assert answer["Location"] == f"{FOLDERS}/{answer.json()['id']}"
    return answer.json()


def chain(api, length):
    """Folders in one another, from the top down."""
    found: list[dict] = []
    for number in range(length):
        found.append(made(api, f"L{number + 1}", found[-1]["id"] if found else None))
    return found


def tree():
    rows = MediaFolder.objects.order_by("pk")
    return list(rows.values_list("pk", "name", "name_folded", "parent"))


def listed(api, query=""):
    answer = api.get(f"{FOLDERS}{query}")
    assert answer.status_code == 200, answer.content
    return [each["name"] for each in answer.json()["media_folders"]]


def test_made_and_shown(api, workspace):
    top = made(api, "  Campaigns ")
    folder = made(api, "Summer", top["id"])
    assert folder == {
        "id": folder["id"],
        "name": "Summer",
        "parent_id": top["id"],
        "path": ["Campaigns", "Summer"],
        "files": 0,
        "created_at": folder["created_at"],
        "updated_at": folder["updated_at"],
    }
    assert api.get(f"{FOLDERS}/{folder['id']}").json() == folder
    assert api.get(FOLDERS).json()["media_folders"] == [folder, top]
    noted = AuditEntry.objects.filter(workspace=workspace).values_list("action", "target")
    assert list(noted) == [("media folder made", "Summer"), ("media folder made", "Campaigns")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Fotos", "Café", "Campaigns"]),
        ("?parent_id=null", ["Fotos", "Campaigns"]),
        ("?parent_id={top}", ["Café"]),
        ("?search=CAFE", ["Café"]),
        ("?search=%25", []),
        ("?search=o&parent_id=null", ["Fotos"]),
        ("?order_column=name&order_direction=asc&per_page=2", ["Café", "Campaigns"]),
    ],
)
def test_lists(api, query, found):
    top = made(api, "Campaigns")["id"]
    made(api, "Café", top)
    made(api, "Fotos")
    assert listed(api, query.format(top=top)) == found


@pytest.mark.parametrize("value", ["x", "0", "-1", "1.5", "nil", "", "9" * 30, "987654"])
def test_a_parent_that_is_none(api, value):
    assert refusal(api.get(f"{FOLDERS}?parent_id={value}")) == (
        400,
        "validation_failed",
        ["parent_id"],
    )


def test_query_count_does_not_grow(api):
    counts = []
    for more in (1, 9):
        for _ in range(more):
            top = made(api, f"Top {MediaFolder.objects.count()}")["id"]
            below = made(api, "Below", top)["id"]
            for _ in range(2):
                upload(api, files.picture(), folder_id=below)
        with CaptureQueriesContext(connection) as queries:
            shown = api.get(f"{FOLDERS}?per_page=100").json()["media_folders"]
        counts.append(len(queries))
        assert {each["name"][:3]: each["files"] for each in shown} == {"Top": 0, "Bel": 2}
    assert counts[0] == counts[1] <= 4


@pytest.mark.parametrize("name", ["CAFÉ", "cafe", " Café "])
def test_a_name_is_its_parents_once(api, name):
    top = made(api, "Café")
    inside = made(api, "Café", top["id"])
    before = tree()
    for parent_id in (None, top["id"]):
        answer = api.post(FOLDERS, {"name": name, "parent_id": parent_id})
        assert refusal(answer) == (409, "conflict", ["name"])
    other = made(api, "Other")
    answer = api.patch(f"{FOLDERS}/{other['id']}", {"name": name})
    assert refusal(answer) == (409, "conflict", ["name"])
    answer = api.patch(f"{FOLDERS}/{inside['id']}", {"parent_id": None})
    assert refusal(answer) == (409, "conflict", ["name"])
    assert tree()[:2] == before


def test_every_fault_at_once(api, stranger):
    foreign = made(client_of(stranger))["id"]
    answer = api.post(FOLDERS, {"name": "x" * 101, "parent_id": "x", "colour": 1})
    assert set(details(answer)) == {"name", "parent_id", "colour"}
    for body in ({}, {"name": ""}, {"name": None}, {"name": "\u202e"}):
        assert refusal(api.post(FOLDERS, body)) == (400, "validation_failed", ["name"])
    for pk in (foreign, 987654, 10**30):
        answer = api.post(FOLDERS, {"name": "x", "parent_id": pk})
        assert details(answer) == {"parent_id": [f"No folder has the id {pk}."]}
        answer = api.post(FOLDERS, {"name": "", "parent_id": pk})
        assert set(details(answer)) == {"name", "parent_id"}, "all faults at once"
    assert MediaFolder.objects.count() == 1


def test_renaming_and_moving(api):
    top, folder = made(api, "Campaigns"), made(api, "Summer")
    inside = made(api, "Fotos", folder["id"])
    changed = api.patch(f"{FOLDERS}/{folder['id']}", {"name": "Winter", "parent_id": top["id"]})
    assert changed.status_code == 200
    assert changed.json()["path"] == ["Campaigns", "Winter"]
    shown = api.get(f"{FOLDERS}/{inside['id']}").json()
    assert shown["path"] == ["Campaigns", "Winter", "Fotos"]
    assert listed(api, "?search=winter") == ["Winter"]
    back = api.patch(f"{FOLDERS}/{folder['id']}", {"parent_id": None}).json()
    assert (back["parent_id"], back["name"], back["path"]) == (None, "Winter", ["Winter"])
    assert api.patch(f"{FOLDERS}/{folder['id']}", back).json() == back
    assert api.patch(f"{FOLDERS}/{folder['id']}", {"name": "WINTER"}).json()["name"] == "WINTER"


def test_a_folder_cannot_go_into_itself(api):
    found = chain(api, 3)
    before = tree()
    for inside in found:
        answer = api.patch(f"{FOLDERS}/{found[0]['id']}", {"parent_id": inside["id"]})
        assert details(answer) == {"parent_id": ["A folder cannot be put into itself."]}
    assert tree() == before


def test_ten_deep_and_no_deeper(api):
    found = chain(api, 10)
    assert found[-1]["path"] == [f"L{n}" for n in range(1, 11)]
    before = tree()
    answer = api.post(FOLDERS, {"name": "L11", "parent_id": found[-1]["id"]})
    assert details(answer) == {"parent_id": ["Folders nest at most 10 deep."]}
    assert tree() == before
    pair = made(api, "A")
    made(api, "B", pair["id"])
    ninth, eighth = found[8]["id"], found[7]["id"]
    answer = api.patch(f"{FOLDERS}/{pair['id']}", {"parent_id": ninth})
    assert details(answer) == {"parent_id": ["Folders nest at most 10 deep."]}
    assert api.patch(f"{FOLDERS}/{pair['id']}", {"parent_id": eighth}).status_code == 200


def test_of_two_writers_the_second_is_told(api):
    folder = made(api)
    address = f"{FOLDERS}/{folder['id']}"
    tag = api.get(address)["ETag"]
    upload(api, files.picture(), folder_id=folder["id"])
    assert api.get(address)["ETag"] == tag
    changed = api.patch(address, {"name": "First"}, headers={"If-Match": tag})
    assert (changed.status_code, changed["ETag"] != tag) == (200, True)
    answer = api.patch(address, {"name": "Second"}, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_edit")
    answer = api.patch(address, {"name": "Second", "updated_at": folder["updated_at"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_edit")
    assert listed(api) == ["First"]


class TestRemoving:
    def test_what_is_inside_moves_up(self, api):
        top = made(api, "Top")
        folder = made(api, "Folder", top["id"])
        inside = made(api, "Folder", folder["id"])  # may take the place of the one around it
        other = made(api, "Other", folder["id"])
        file = upload(api, files.picture(), folder_id=folder["id"]).json()
        answer = api.delete(f"{FOLDERS}/{folder['id']}")
        assert (answer.status_code, answer.content) == (204, b"")
        shown = {each["id"]: each for each in api.get(FOLDERS).json()["media_folders"]}
        assert set(shown) == {top["id"], inside["id"], other["id"]}
        assert shown[inside["id"]]["path"] == ["Top", "Folder"]
        assert shown[other["id"]]["path"] == ["Top", "Other"]
        assert shown[top["id"]]["files"] == 1
        moved = api.get(f"/api/v1/media_files/{file['id']}").json()
        assert moved["folder_id"] == top["id"]
        assert moved["updated_at"] > file["updated_at"]
        assert api.get(f"{FOLDERS}/{folder['id']}").status_code == 404
        assert listed(api, "?search=folder") == ["Folder"]

    def test_names_that_clash_move_nothing(self, api):
        folder = made(api, "Folder")
        made(api, "Café", folder["id"])
        made(api, "Fine", folder["id"])
        made(api, "CAFE")
        upload(api, files.picture(), folder_id=folder["id"])
        before = tree(), list(MediaFile.objects.values())
        answer = api.delete(f"{FOLDERS}/{folder['id']}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
        assert details(answer) == {"folders": ["Rename or move 'Café' first."]}
        assert (tree(), list(MediaFile.objects.values())) == before
        assert "media folder removed" not in AuditEntry.objects.values_list("action", flat=True)


class TestFilesInFolders:
    def test_put_in_when_they_come(self, api, workers, serve):
        folder = made(api)["id"]
        first = upload(api, files.picture(), folder_id=folder).json()
        body = {"file_url": serve(), "folder_id": folder}
        second = api.post("/api/v1/media_files", body).json()
        third = upload(api, files.picture(), folder_id="").json()
        assert [each["folder_id"] for each in (first, second, third)] == [folder, folder, None]
        other = made(api, "Other")["id"]
        for query, found in ((folder, [second, first]), ("null", [third]), (other, [])):
            shown = api.get(f"/api/v1/media_files?folder_id={query}").json()
            assert shown["media_files"] == found
            assert shown["meta"]["total"] == len(found)

    def test_what_is_in_a_folder_that_there_is_not(self, api, stranger):
        foreign = made(client_of(stranger))["id"]
        upload(api, files.picture())
        for pk in (foreign, 987654):
            fault = [f"No folder has the id {pk}."]
            answer = api.get(f"/api/v1/media_files?folder_id={pk}&media_type=smell")
            assert answer.status_code == 400
            faults = details(answer)
            assert (faults["folder_id"], set(faults)) == (fault, {"folder_id", "media_type"})
            assert details(api.get(f"{FOLDERS}?parent_id={pk}")) == {"parent_id": fault}
            error = Agent(api).refused("list_media_files", folder_id=pk)
            assert (error["code"], error["details"]) == ("validation_failed", {"folder_id": fault})
            error = Agent(api).refused("list_media_folders", parent_id=pk)
            assert error["details"] == {"parent_id": fault}

    def test_a_folder_there_is_not(self, api, stranger, workers, serve, web):
        foreign = made(client_of(stranger))["id"]
        for pk in (foreign, 987654):
            fault = {"folder_id": [f"No folder has the id {pk}."]}
            assert details(upload(api, files.picture(), folder_id=pk)) == fault
            body = {"file_url": serve(), "folder_id": pk}
            assert details(api.post("/api/v1/media_files", body)) == fault
        assert (MediaFile.objects.count(), web.log) == (0, [])
