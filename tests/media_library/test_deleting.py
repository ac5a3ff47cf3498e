"""`DELETE /api/v1/media_files/:id`: the tombstone, the bytes, and who still names it."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automations.models import Scenario
from inro.accounts.models import AuditEntry
from inro.common.retention import RETENTIONS, Walked, walk
from media_library.models import Blob, Fetch, MediaFile
from messaging.connecting import connect_channel
from messaging.models import Contact, Identity, Message, MessageType
from messaging.queueing import Draft, queue_messages
from tests.conftest import client_of
from tests.media_library import files
from tests.media_library.conftest import details, refusal, stored, upload
from tests.media_library.test_folders import made

FILES, SCENARIOS = "/api/v1/media_files", "/api/v1/scenarios"


@pytest.fixture
def file(api):
    return upload(api, files.picture(), "welcome.jpg", caption="Hi", description="D").json()


def using(api, *file_ids, **changes):
    """A scenario whose actions send these files."""
    actions = [
        {
            "action_key": f"photo{number}",
            "action_type": "image",
            "parent_key": f"photo{number - 1}" if number else None,
            "media_file": {"id": pk},
        }
        for number, pk in enumerate(file_ids)
    ]
    trigger = {"trigger_type": "contact_create"}
    body = {"title": "Welcome", "active": True, "triggers": [trigger], "actions": actions}
    return api.post(SCENARIOS, {**body, **changes})


def queued(workspace, file_id, count=1):
    channel = connect_channel(workspace, "sandbox", "Sandbox", {})
    contact = Contact.objects.create(workspace=workspace)
    Identity.objects.create(
        workspace=workspace, channel=channel, contact=contact, external_id="jane"
    )
    draft = Draft(contact.pk, channel.pk, MessageType.IMAGE, media_file_id=file_id)
    return queue_messages(workspace.pk, [draft] * count)


def deleted(api, file, query=""):
    answer = api.delete(f"{FILES}/{file['id']}{query}")
    assert (answer.status_code, answer.content) == (204, b""), answer.content


def local(file):
    return file["url"].removeprefix("http://127.0.0.1:8000")


def rows():
    models = (MediaFile, Blob, Fetch, Scenario, Message, AuditEntry)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


@pytest.mark.usefixtures("transactional_db")
class TestDeleting:
    def test_only_the_name_is_left(self, api, file):
        folder = made(api)["id"]
        api.patch(f"{FILES}/{file['id']}", {"folder_id": folder})
        assert len(stored()) == 1
        deleted(api, file)
        row = MediaFile.objects.get()
        assert (row.status, row.name, row.media_type) == ("deleted", "welcome.jpg", "image")
        assert (row.blob_id, row.folder_id) == (None, None)
        assert (row.caption, row.description, row.source_url) == ("", "", "")
        assert row.search_text == "welcome.jpg"
        assert (Blob.objects.count(), stored()) == (0, [])
        noted = AuditEntry.objects.get(action="media file deleted")
        assert (noted.target, noted.details) == ("welcome.jpg", {"id": file["id"]})

    def test_of_shared_bytes_looks_at_no_more_than_one_other(self, api, file, monkeypatch):
        """Thousands may share them: nothing is tried that would read them all."""
        upload(api, files.picture())

        def fail(*_: object) -> None:
            pytest.fail("The bytes are still named.")

        monkeypatch.setattr(Blob, "delete", fail)
        deleted(api, file)
        assert (Blob.objects.count(), len(stored())) == (1, 1)

    def test_nobody_sees_it_any_more(self, api, file):
        folder = made(api)["id"]
        api.patch(f"{FILES}/{file['id']}", {"folder_id": folder})
        assert api.get(local(file)).status_code == 200
        deleted(api, file)
        assert api.get(local(file)).status_code == 404
        for query in ("", "?search=welcome", "?media_type=image", f"?folder_id={folder}"):
            shown = api.get(f"{FILES}{query}").json()
            assert (shown["media_files"], shown["meta"]["total"]) == ([], 0), query
        assert api.get(f"/api/v1/media_folders/{folder}").json()["files"] == 0
        missing = api.get(f"{FILES}/987654")
        before = rows()
        for answer in (
            api.get(f"{FILES}/{file['id']}"),
            api.get(f"{FILES}/{file['id']}/usages"),
            api.patch(f"{FILES}/{file['id']}", {"name": "x"}),
            api.put(f"{FILES}/{file['id']}", {"file_url": "https://example.com/a.jpg"}),
            api.delete(f"{FILES}/{file['id']}"),
        ):
            assert (answer.status_code, answer.content) == (404, missing.content)
        assert rows() == before
        assert api.delete(f"/api/v1/media_folders/{folder}").status_code == 204

    def test_shared_bytes_go_with_the_last(self, api, file):
        twin = upload(api, files.picture(), "twin.jpg").json()
        deleted(api, file)
        assert (Blob.objects.count(), len(stored())) == (1, 1)
        assert api.get(local(twin)).status_code == 200
        deleted(api, twin)
        assert (Blob.objects.count(), stored()) == (0, [])

    def test_the_same_bytes_can_come_again(self, api, file):
        deleted(api, file)
        again = upload(api, files.picture(), on_duplicate="error").json()
        assert (again["status"], again["id"] != file["id"]) == ("ready", True)
        assert api.get(local(again)).status_code == 200
        assert api.get(local(file)).status_code == 404

    def test_a_download_is_given_up(self, api, workers, serve, settings, web):
        settings.MEDIA_DOWNLOAD_WAIT = 0
        go_on = threading.Event()
        answer = api.post(FILES, {"file_url": serve(hold=go_on)})
        assert answer.status_code == 202
        deleted(api, answer.json())
        go_on.set()
        workers.finish()
        row = MediaFile.objects.get()
        assert (row.status, row.source_url) == ("deleted", "")
        assert (Fetch.objects.count(), Blob.objects.count(), stored()) == (0, 0, [])

    def test_an_address_of_ours_that_is_gone(self, api, file, workers, settings, serve):
        serve()
        deleted(api, file)
        answer = api.post(FILES, {"file_url": file["url"]})
        assert refusal(answer)[0] in (400, 502)
        assert MediaFile.objects.count() == 1


class TestNaming:
    def test_alone_it_is_media_deleted(self, api, file):
        deleted(api, file)
        before = rows()
        answer = using(api, file["id"])
        assert refusal(answer) == (409, "media_deleted", ["actions.0.media_file.id"])
        message = f"The media file {file['id']} was deleted."
        assert details(answer) == {"actions.0.media_file.id": [message]}
        assert answer.json()["error"]["message"] == message
        assert rows() == before

    def test_two_of_them(self, api, file):
        other = upload(api, files.picture()).json()
        deleted(api, file)
        deleted(api, other)
        answer = using(api, file["id"], other["id"])
        paths = ["actions.0.media_file.id", "actions.1.media_file.id"]
        assert refusal(answer) == (409, "media_deleted", paths)

    def test_with_other_faults_all_at_once(self, api, file):
        deleted(api, file)
        before = rows()
        answer = using(api, file["id"], 987654, title="x" * 201)
        assert refusal(answer) == (
            400,
            "validation_failed",
            ["title", "actions.0.media_file.id", "actions.1.media_file.id"],
        )
        found = details(answer)["actions.0.media_file.id"]
        assert found == [f"The media file {file['id']} was deleted."]
        assert rows() == before

    def test_another_workspaces_looks_missing(self, api, stranger, file):
        deleted(api, file)
        answer = using(client_of(stranger), file["id"])
        assert details(answer) == {
            "actions.0.media_file.id": [f"No media file has the id {file['id']}."]
        }

    def test_validating_says_it(self, api, file):
        deleted(api, file)
        actions = [{"action_type": "image", "media_file": {"id": file["id"]}}]
        trigger = {"trigger_type": "contact_create"}
        body = {"triggers": [trigger], "actions": actions}
        report = api.post(f"{SCENARIOS}/validate", body).json()
        assert (report["valid"], list(report["details"])) == (False, ["actions.0.media_file.id"])


class TestScenariosThatHaveIt:
    @pytest.fixture
    def scenario(self, api, file):
        answer = using(api, file["id"]).json()
        assert (answer["active"], answer["warnings"]) == (True, [])
        deleted(api, file)
        return api.get(f"{SCENARIOS}/{answer['id']}").json()

    def test_it_stays_active_with_a_warning(self, scenario):
        assert scenario["active"] is True
        assert scenario["warnings"] == [
            {
                "code": "media_deleted",
                "path": "actions.0.media_file",
                "message": "The file was deleted; what sends it fails.",
            }
        ]
        shown = scenario["actions"][0]["media_file"]
        assert (shown["status"], shown["name"], shown["url"]) == ("deleted", "welcome.jpg", None)

    def test_what_get_answers_can_be_sent_back(self, api, scenario):
        answer = api.patch(f"{SCENARIOS}/{scenario['id']}", {**scenario, "title": "New"})
        assert (answer.status_code, answer.json()["title"]) == (200, "New")
        assert answer.json()["active"] is True

    def test_it_cannot_be_named_by_another_action_of_another_scenario(self, api, file, scenario):
        body = {"actions": [{"action_type": "image", "media_file": {"id": file["id"]}}]}
        empty = api.post(SCENARIOS, {"actions": [], "triggers": []}).json()
        answer = api.patch(f"{SCENARIOS}/{empty['id']}", body)
        assert refusal(answer) == (409, "media_deleted", ["actions.0.media_file.id"])

    def test_it_is_not_activated_again(self, api, file, scenario):
        address = f"{SCENARIOS}/{scenario['id']}"
        assert api.patch(address, {"active": False}).status_code == 200
        before = rows()
        answer = api.patch(address, {"active": True})
        assert refusal(answer) == (409, "media_deleted", ["actions.0.media_file.id"])
        assert rows() == before
        other = upload(api, files.picture()).json()
        action = {"id": scenario["actions"][0]["id"], "media_file": {"id": other["id"]}}
        answer = api.patch(address, {"active": True, "actions": [action]})
        assert (answer.json()["active"], answer.json()["warnings"]) == (True, [])

    def test_its_export_leaves_it_out(self, api, scenario):
        document = api.get(f"{SCENARIOS}/{scenario['id']}/export").json()
        assert (document["active"], document["actions"][0]["media_file"]) == (False, None)
        [warning] = document["warnings"]
        assert (warning["code"], warning["path"]) == ("media_deleted", "actions.0.media_file")

    def test_going_back_to_it_is_refused(self, api, file, scenario):
        address = f"{SCENARIOS}/{scenario['id']}"
        text = {"action_type": "message", "content": "Hi"}
        assert api.patch(address, {"actions": [text]}).status_code == 200
        answer = api.post(f"{address}/revisions/1/restore", {})
        assert refusal(answer) == (409, "media_deleted", ["actions.0.media_file.id"])


class TestUsages:
    def test_nothing(self, api, file):
        answer = api.get(f"{FILES}/{file['id']}/usages").json()
        assert answer == {
            "usages": [],
            "meta": {"page": 1, "per_page": 25, "total": 0, "total_pages": 0},
        }

    def test_scenarios_and_messages(self, api, workspace, file):
        scenario = using(api, file["id"], file["id"], active=False).json()
        other = upload(api, files.picture()).json()
        using(api, other["id"])
        sent, waiting, planned = queued(workspace, file["id"], 3)
        Message.objects.filter(pk=sent.pk).update(status="sent")
        at = timezone.now() + timedelta(days=1)
        Message.objects.filter(pk=planned.pk).update(status="scheduled", scheduled_at=at)
        shown = api.get(f"{FILES}/{file['id']}/usages").json()
        of_scenario = {"type": "scenario", "id": scenario["id"], "title": "Welcome"}
        assert shown["usages"] == [
            {**of_scenario, "action_key": "photo1"},
            {**of_scenario, "action_key": "photo0"},
            {
                "type": "message",
                "id": planned.pk,
                "status": "scheduled",
                "scheduled_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            },
            {"type": "message", "id": waiting.pk, "status": "queued", "scheduled_at": None},
        ]
        assert shown["meta"] == {"page": 1, "per_page": 25, "total": 4, "total_pages": 1}

    def test_pages_go_on_from_kind_to_kind(self, api, workspace, file):
        using(api, *[file["id"]] * 3)
        queued(workspace, file["id"], 3)
        whole = api.get(f"{FILES}/{file['id']}/usages").json()["usages"]
        assert len(whole) == 6
        for per_page in (1, 2, 4, 5):
            found: list[dict] = []
            page = 1
            while part := api.get(
                f"{FILES}/{file['id']}/usages?per_page={per_page}&page={page}"
            ).json()["usages"]:
                found, page = found + part, page + 1
            assert found == whole

    def test_query_count_does_not_grow(self, api, workspace, file):
        counts = []
        for more in (1, 20):
            for _ in range(more):
                using(api, file["id"])
            if more == 20:
                queued(workspace, file["id"], 20)
            with CaptureQueriesContext(connection) as queries:
                found = api.get(f"{FILES}/{file['id']}/usages?per_page=100").json()["usages"]
            counts.append(len(queries))
        assert len(found) == 41
        assert counts[0] == counts[1] <= 10


class TestIfUnused:
    @pytest.fixture
    def address(self, file):
        return f"{FILES}/{file['id']}?if_unused=true"

    def test_unused(self, api, address):
        assert api.delete(address).status_code == 204

    def test_used_by_a_scenario(self, api, file, address):
        scenario = using(api, file["id"]).json()
        before = rows()
        answer = api.delete(address)
        assert refusal(answer) == (409, "in_use", ["usages"])
        assert details(answer)["usages"] == [f"scenario {scenario['id']}, action 'photo0'"]
        assert (rows(), len(stored())) == (before, 1)
        assert api.delete(address.replace("true", "false")).status_code == 204

    def test_used_by_a_message(self, api, workspace, file, address):
        [message] = queued(workspace, file["id"])
        answer = api.delete(address)
        assert details(answer) == {"usages": [f"message {message.pk}"]}
        Message.objects.update(status="sent")
        assert api.delete(address).status_code == 204
        assert Message.objects.get().media_file_id == file["id"]

    def test_many_are_counted(self, api, file, address):
        using(api, *[file["id"]] * 25)
        found = details(api.delete(address))["usages"]
        assert (len(found), found[-1]) == (21, "and 5 more")

    @pytest.mark.parametrize("query", ["?if_unused=1", "?if_unused=", "?force=true"])
    def test_what_makes_no_sense(self, api, file, query):
        answer = api.delete(f"{FILES}/{file['id']}{query}")
        assert answer.status_code == 400
        assert MediaFile.objects.undeleted().count() == 1


class TestWhatIsForgotten:
    @pytest.fixture
    def old(self):
        return timezone.now() - timedelta(days=181)

    def test_tombstones_that_nothing_names(self, api, workspace, old):
        alone, used, sent, young = [upload(api, files.picture()).json() for _ in range(4)]
        using(api, used["id"])
        queued(workspace, sent["id"])
        for each in (alone, used, sent, young):
            deleted(api, each)
        upload(api, files.picture())
        MediaFile.objects.exclude(pk=young["id"]).update(updated_at=old)
        assert walk(RETENTIONS["deleted media files"]) == Walked(1)
        left = set(MediaFile.objects.filter(status="deleted").values_list("pk", flat=True))
        assert left == {used["id"], sent["id"], young["id"]}
        assert MediaFile.objects.undeleted().count() == 1

    def test_downloads_that_failed(self, api, workspace, settings):
        failed = MediaFile.objects.create(workspace=workspace, status="failed")
        used = MediaFile.objects.create(workspace=workspace, status="failed", media_type="image")
        using(api, used.pk, active=False)
        assert walk(RETENTIONS["failed media files"]) == Walked(0)
        MediaFile.objects.update(updated_at=timezone.now() - timedelta(days=31))
        settings.RETAIN_FAILED_MEDIA_DAYS = 0
        assert walk(RETENTIONS["failed media files"]) == Walked(0)
        settings.RETAIN_FAILED_MEDIA_DAYS = 30
        assert walk(RETENTIONS["failed media files"]) == Walked(1)
        assert not MediaFile.objects.filter(pk=failed.pk).exists()
