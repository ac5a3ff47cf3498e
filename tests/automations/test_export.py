"""A scenario leaves one workspace as a document, and is the same in another."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from automations.models import Scenario
from inro.accounts.models import ApiToken
from media_library.models import Blob, Fetch, MediaFile, MediaStatus
from tests.automations.support import message
from tests.automations.test_scenario_api import media_file
from tests.conftest import client_of
from tests.media_library.files import picture

SCENARIOS = "/api/v1/scenarios"
BODY: Any = {
    "title": "Flow",
    "active": True,
    "scenario_type": "comment_to_dm",
    "triggers": [
        {"trigger_type": "message", "options": {"keywords": ["café", "x"], "strict": True}},
        {"trigger_type": "contact_create", "options": {"channel_ids": [], "cooldown": 5}},
    ],
    "actions": [
        message("b", "a", content=" spaced \n", parent_branch="next"),
        message("a", content="Hi", options={"message_variants": ["x", "y"]}),
    ],
}
# What a row of another workspace has of its own.
OWN = {"id", "parent_id", "created_at", "updated_at", "url", "source_url"}


def made(api: Any, body: Any = BODY) -> Any:
    answer = api.post(SCENARIOS, body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def export(api: Any, scenario: Any) -> Any:
    answer = api.get(f"{SCENARIOS}/{scenario['id']}/export")
    assert answer.status_code == 200, answer.content
    return answer.json()


def without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: without(each, names) for name, each in value.items() if name not in names}
    return [without(each, names) for each in value] if isinstance(value, list) else value


def names_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {*value, *(name for each in value.values() for name in names_in(each))}
    return {name for each in value for name in names_in(each)} if isinstance(value, list) else set()


@pytest.fixture
def with_image(api: Any) -> Any:
    file = SimpleUploadedFile("welcome.jpg", picture("JPEG"), "image/jpeg")
    uploaded = api.post("/api/v1/media_files", {"file": file}, format="multipart").json()
    image = {"action_key": "i", "action_type": "image", "media_file": {"id": uploaded["id"]}}
    return made(api, {**BODY, "actions": [*BODY["actions"], {**image, "parent_key": "b"}]})


class TestExport:
    def test_the_whole_document(self, api, with_image):
        document = export(api, with_image)
        file_url = with_image["actions"][2]["media_file"]["url"]
        nothing = dict.fromkeys(["conversion_link", "survey", "folder"])
        shown = [
            {**without(each, {"id", "parent_id"}), "media_file": None, **nothing}
            for each in with_image["actions"]
        ]
        shown[2]["media_file"] = {"file_url": file_url}
        assert document == {
            "title": "Flow",
            "active": True,
            "scenario_type": "comment_to_dm",
            "triggers": without(with_image["triggers"], {"id"}),
            "actions": shown,
            "warnings": [],
        }
        assert names_in(document).isdisjoint({"id", "parent_id", "created_at", "updated_at"})

    def test_an_equal_scenario_in_another_workspace(self, api, with_image, stranger):
        """The file is read from the storage: nothing in this test answers a download."""
        other = client_of(stranger)
        document = export(api, with_image)
        copy = made(other, document)
        assert without(copy, OWN) == without(with_image, OWN)
        again = export(other, copy)
        assert without(again, {"file_url"}) == without(document, {"file_url"})
        theirs = MediaFile.objects.get(workspace=stranger)
        assert (theirs.status, theirs.name) == ("ready", "welcome.jpg")
        assert theirs.pk == copy["actions"][2]["media_file"]["id"]
        assert Fetch.objects.count() == 0

    def test_byte_equal_where_there_is_no_file(self, api, stranger):
        other = client_of(stranger)
        first = api.get(f"{SCENARIOS}/{made(api)['id']}/export")
        copy = other.post(SCENARIOS, first.content, content_type="application/json").json()
        assert other.get(f"{SCENARIOS}/{copy['id']}/export").content == first.content

    def test_the_same_bytes_here_are_stored_once(self, api, with_image):
        made(api, export(api, with_image))
        assert (MediaFile.objects.count(), Blob.objects.count()) == (2, 1)

    def test_what_only_this_workspace_has_is_left_out_and_told(self, api, channel, stranger):
        limited = {"trigger_type": "message", "options": {"channel_ids": [channel.pk]}}
        document = export(api, made(api, {**BODY, "triggers": [*BODY["triggers"], limited]}))
        assert document["triggers"][2] == {"trigger_type": "message", "options": {}}
        assert document["triggers"][1]["options"] == {"channel_ids": [], "cooldown": 5}
        [warning] = document["warnings"]
        assert (warning["code"], warning["path"]) == (
            "left_out",
            "triggers.2.options.channel_ids",
        )
        assert document["active"] is False
        assert made(client_of(stranger), document)["active"] is False

    def test_a_file_that_is_not_here_goes_by_its_source(self, api, workspace):
        file = media_file(workspace, MediaStatus.PENDING)
        MediaFile.objects.update(source_url="https://mybrand.com/welcome.jpg")
        image = {"action_type": "image", "media_file": {"id": file.pk}}
        document = export(api, made(api, {"actions": [image]}))
        source = {"file_url": "https://mybrand.com/welcome.jpg"}
        assert document["actions"][0]["media_file"] == source

    def test_an_altered_address_is_not_ours(self, api, with_image, stranger):
        document = export(api, with_image)
        signed = document["actions"][2]["media_file"]["file_url"]
        altered = signed.replace(":", ":x", 2).replace(":x//", "://")
        document["actions"][2]["media_file"]["file_url"] = altered
        answer = client_of(stranger).post(SCENARIOS, document)
        assert answer.status_code == 400
        assert set(answer.json()["error"]["details"]) == {"actions.2.media_file.file_url"}
        assert not Scenario.objects.filter(workspace=stranger).exists()
        assert not MediaFile.objects.filter(workspace=stranger).exists()

    def test_the_cost_does_not_grow(self, api, django_assert_max_num_queries):
        chain = [message("m0"), *(message(f"m{n}", f"m{n - 1}") for n in range(1, 40))]
        scenario = made(api, {**BODY, "actions": chain})
        with django_assert_max_num_queries(5):
            assert len(export(api, scenario)["actions"]) == 40

    def test_of_others_there_is_none(self, api, stranger, workspace):
        address = f"{SCENARIOS}/{made(api)['id']}/export"
        assert client_of(stranger).get(address).status_code == 404
        assert client_of(workspace, ["media.read"]).get(address).status_code == 403


def everything() -> Any:
    models = (Scenario, MediaFile, Fetch, ApiToken)
    return [list(model._default_manager.order_by("pk").values("pk")) for model in models]


class TestValidate:
    def report(self, api: Any, body: Any) -> Any:
        before = everything()
        answer = api.post(f"{SCENARIOS}/validate", body)
        assert answer.status_code == 200, answer.content
        assert everything() == before
        return answer.json()

    def test_without_a_fault(self, api):
        assert self.report(api, BODY) == {"valid": True, "details": {}, "warnings": []}

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"title": "", "colour": 1, "active": "x", "actions": [{"action_type": "fly"}, 5]},
            {"triggers": [], "template_id": 3, "prompt": "x"},
            {"actions": [{"action_type": "image", "media_file": {"id": 99}}], "active": True},
            {"actions": [{"action_type": "image", "media_file": {"file_url": "ftp://x"}}]},
            {"actions": [message("a"), message("b", "q9"), message("c", "a", parent_branch="x")]},
        ],
    )
    def test_the_faults_are_those_of_a_post(self, api, body):
        refused = api.post(SCENARIOS, body)
        assert refused.status_code == 400
        report = self.report(api, body)
        assert report["valid"] is False
        assert report["details"] == refused.json()["error"]["details"] != {}

    def test_warnings_stand_where_the_request_has_them(self, api, workspace):
        file = media_file(workspace, MediaStatus.PENDING)
        image = {"action_type": "image", "media_file": {"id": file.pk}, "parent_key": "a"}
        body = {"actions": [image, message("a", content="Hi {{nobody}}")]}
        report = self.report(api, body)
        assert report["valid"] is True
        assert [(each["code"], each["path"]) for each in report["warnings"]] == [
            ("media_pending", "actions.0.media_file"),
            ("unknown_variable", "actions.1.content"),
        ]

    def test_warnings_come_with_faults(self, api):
        body = {"actions": [message("a", content="Hi {{nobody}}"), message("b", "q9")]}
        report = self.report(api, body)
        assert set(report["details"]) == {"actions.1.parent_key"}
        assert [each["path"] for each in report["warnings"]] == ["actions.0.content"]

    def test_nothing_is_fetched(self, api):
        """A download would be a connection, which no test may make."""
        image = {"action_type": "image", "media_file": {"file_url": "https://mybrand.com/a.jpg"}}
        assert self.report(api, {"actions": [image]})["valid"] is True

    def test_what_get_answers_is_valid(self, api):
        assert self.report(api, made(api))["valid"] is True

    @pytest.mark.parametrize("body", [[], "x", 5, None])
    def test_other_shapes(self, api, body):
        answer = api.post(
            f"{SCENARIOS}/validate", json.dumps(body), content_type="application/json"
        )
        assert answer.status_code == 400

    def test_as_long_as_nobody_writes_for_us(self, api):
        answer = api.post(f"{SCENARIOS}/validate", {"prompt": "Answer everybody."})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ai_not_configured")

    def test_it_needs_the_ability_to_write(self, workspace):
        reader = client_of(workspace, ["scenarios.read"])
        assert reader.post(f"{SCENARIOS}/validate", BODY).status_code == 403
