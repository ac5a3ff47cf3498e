from datetime import timedelta

import pytest
from django.utils import timezone

from automations.models import Action, Definition, Execution, Scenario, Trigger
from media_library.models import Blob, Fetch, MediaFile, MediaStatus
from messaging.connecting import connect_channel
from tests.automations.support import message, stored
from tests.conftest import client_of

# Word for word from the product's help centre.
WELCOME_FLOW = {
    "title": "Welcome flow",
    "triggers": [{"trigger_type": "contact_create"}],
    "actions": [
        {
            "action_key": "msg1",
            "action_type": "message",
            "content": "Hey, thanks for connecting!",
        }
    ],
}
NOW = {"created_at", "updated_at"}


def post(api, body, status=201):
    answer = api.post("/api/v1/scenarios", body)
    assert answer.status_code == status, answer.content
    return answer.json()


def refused(api, body, code="validation_failed", status=400):
    error = post(api, body, status)["error"]
    assert error["code"] == code
    assert_nothing_kept()
    return error.get("details", {})


def assert_nothing_kept():
    models = (Scenario, Definition, Action, Trigger, Fetch)
    assert {model.__name__: model.objects.count() for model in models} == {
        model.__name__: 0 for model in models
    }


def media_file(workspace, status=MediaStatus.READY, media_type="image"):
    blob = None
    if status == MediaStatus.READY:
        number = Blob.objects.count()
        blob = Blob.objects.create(
            workspace=workspace,
            sha256=f"{number:064}",
            size=10,
            mime_type=f"{media_type}/{'jpeg' if media_type == 'image' else 'mp4'}",
            storage_name=f"x{number}",
        )
    return MediaFile.objects.create(
        workspace=workspace,
        status=status,
        blob=blob,
        media_type=media_type if blob else "",
        error_code="download_failed" if status == MediaStatus.FAILED else "",
    )


def test_welcome_flow_is_accepted_as_documented(api):
    answer = api.post("/api/v1/scenarios", WELCOME_FLOW)
    assert answer.status_code == 201
    made = answer.json()
    assert answer["Location"] == f"/api/v1/scenarios/{made['id']}"
    [trigger], [action] = made["triggers"], made["actions"]
    assert made == {
        "id": made["id"],
        "title": "Welcome flow",
        "active": False,
        "scenario_type": "custom",
        "webhook_url": None,
        "generation_data": None,
        "triggers": [{"id": trigger["id"], "trigger_type": "contact_create", "options": {}}],
        "actions": [
            {
                "id": action["id"],
                "action_key": "msg1",
                "action_type": "message",
                "parent_id": None,
                "parent_key": None,
                "parent_branch": None,
                "content": "Hey, thanks for connecting!",
                "options": {},
                "media_file": None,
                "conversion_link": None,
                "survey": None,
                "folder": None,
            }
        ],
        "metrics": {
            "executions": {"total": 0, "last_7_days": 0},
            "conversions": {"total": 0, "last_7_days": 0},
        },
        "warnings": [],
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    assert api.get(answer["Location"]).json() == made


def test_answer_can_be_sent_back_unchanged(api):
    made = post(
        api,
        {
            **WELCOME_FLOW,
            "scenario_type": "comment_to_dm",
            "triggers": [
                {"trigger_type": "message", "options": {"message_options": {"keywords": ["hi"]}}}
            ],
            "actions": [
                message("c", "b", content=" spaced "),
                message("a", options={"message_variants": ["x", "y"]}),
                message("b", "a", parent_branch="next"),
            ],
        },
    )
    assert made["triggers"][0]["options"] == {"keywords": ["hi"]}
    assert [each["action_key"] for each in made["actions"]] == ["a", "b", "c"]
    again = post(api, made)
    assert without_ids(again) == without_ids(made)
    assert again["id"] != made["id"]


def without_ids(value):
    if isinstance(value, list):
        return [without_ids(each) for each in value]
    if isinstance(value, dict):
        left_out = NOW | {"id", "parent_id"}
        return {key: without_ids(each) for key, each in value.items() if key not in left_out}
    return value


def test_defaults(api):
    made = post(api, {"triggers": [], "title": None, "active": None, "template_id": None})
    assert (made["title"], made["active"]) == ("Untitled scenario", False)
    assert (made["triggers"], made["actions"]) == ([], [])


def test_active_scenario_is_saved_active(api):
    assert post(api, {**WELCOME_FLOW, "active": True})["active"] is True


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, ["body"]),
        ({"title": "x"}, ["body"]),
        ([], ["body"]),
        ("x", ["body"]),
        ({**WELCOME_FLOW, "title": " "}, ["title"]),
        ({**WELCOME_FLOW, "title": "x" * 201}, ["title"]),
        ({**WELCOME_FLOW, "titel": "x", "active": "maybe"}, ["titel", "active"]),
        ({"template_id": 5}, ["template_id"]),
        ({"template_id": [[]]}, ["template_id"]),
        ({"prompt": ""}, ["prompt"]),
        ({"template_id": 5, "prompt": "x"}, ["template_id", "prompt"]),
        ({"template_id": 5, "actions": []}, ["template_id", "actions"]),
        ({**WELCOME_FLOW, "prompt": "x"}, ["prompt", "triggers", "actions"]),
        ({"active": True, "triggers": []}, ["triggers", "actions"]),
        ({**WELCOME_FLOW, "active": True, "actions": None}, ["actions"]),
        ({"triggers": {}, "actions": "x"}, ["triggers", "actions"]),
        ({"active": True}, ["body"]),
        ({"active": True, "template_id": 5}, ["template_id"]),
        (
            {
                "title": "",
                "colour": 1,
                "active": True,
                "triggers": [{"trigger_type": "message", "options": {"channel_ids": [99]}}],
                "actions": [
                    message("a", media_file={"id": 1}),
                    message("b", "q9"),
                    {"action_type": "image", "parent_key": "a", "media_file": {"id": 99}},
                ],
            },
            [
                "title",
                "colour",
                "triggers.0.options.channel_ids.0",
                "actions.0.media_file",
                "actions.1.parent_key",
                "actions.2.media_file.id",
            ],
        ),
    ],
)
def test_refusal_names_every_fault_and_keeps_nothing(api, body, paths):
    assert sorted(refused(api, body)) == sorted(paths)


def test_two_ways_at_once_are_both_named(api):
    details = refused(api, {"template_id": 5, "triggers": []})
    message = "template_id and triggers/actions exclude each other; give one of them."
    assert details == {
        "template_id": [message, "No template has the id 5."],
        "triggers": [message],
    }


def test_unknown_parent_is_refused_as_documented(api):
    body = {**WELCOME_FLOW, "actions": [message("q1"), message("yes", "q9")]}
    assert refused(api, body) == {"actions.1.parent_key": ["No action has the key 'q9'."]}


def test_type_of_a_later_version_is_refused_by_name(api):
    details = refused(api, {"actions": [{"action_type": "dance", "content": "?"}]})
    [fault] = details["actions.0.action_type"]
    assert "'dance'" in fault
    assert "message, image, ask_question, delay, stop" in fault


@pytest.mark.parametrize("more", [{}, {"active": True}])
def test_prompt_needs_a_provider(api, more):
    assert refused(api, {"prompt": "Welcome people", **more}, "ai_not_configured", 503) == {}


def test_what_is_no_list_is_said_once(api):
    details = refused(api, {"active": True, "triggers": {}, "actions": {}})
    assert details == {"triggers": ["Expected a list."], "actions": ["Expected a list."]}


def test_text_is_held_against_the_connected_channels(api, workspace, stranger):
    body = {"actions": [message("a", content="é" * 501)]}
    instagram = {"account_id": "1", "access_token": "t" * 20, "app_secrets": ["s" * 32]}
    connect_channel(stranger, "instagram", "", instagram)
    post(api, body)
    channel = connect_channel(workspace, "instagram", "", instagram | {"account_id": "2"})
    details = post(api, body, 400)["error"]["details"]
    assert details == {"actions.0.content": ["Has 1,002 bytes; Instagram takes at most 1,000."]}
    channel.status = "error"
    channel.save()
    post(api, body)


def test_unknown_variables_warn(api):
    body = {"actions": [message("a", content="Hi {{contact.name}} {x|{{foo}}} {{foo}}")]}
    made = post(api, body)
    assert made["warnings"] == [
        {
            "code": "unknown_variable",
            "path": "actions.0.content",
            "message": "{{foo}} is no variable that we know; it prints as nothing.",
        }
    ]
    assert api.get("/api/v1/scenarios").json()["scenarios"][0]["warnings"] == made["warnings"]


def image(**media):
    return {"action_key": "i", "action_type": "image", "content": "Look", "media_file": media}


def test_image_by_id(api, workspace):
    file = media_file(workspace)
    made = post(api, {**WELCOME_FLOW, "active": True, "actions": [image(id=file.pk)]})
    assert made["active"] is True
    [action] = made["actions"]
    assert (action["media_file"]["id"], action["media_file"]["status"]) == (file.pk, "ready")
    assert Action.objects.get().media_file == file
    again = post(api, made)
    assert again["actions"][0]["media_file"]["id"] == file.pk


def test_image_of_another_workspace_does_not_exist(api, workspace, stranger):
    file = media_file(stranger)
    details = refused(api, {"actions": [image(id=file.pk)]})
    assert details == {"actions.0.media_file.id": [f"No media file has the id {file.pk}."]}


def test_file_of_another_kind_is_refused(api, workspace):
    file = media_file(workspace, media_type="video")
    details = refused(api, {"actions": [image(id=file.pk)]})
    assert details == {"actions.0.media_file": ["Is of the type video; this action takes image."]}


def test_failed_file_warns_and_cannot_be_activated(api, workspace):
    file = media_file(workspace, MediaStatus.FAILED)
    body = {**WELCOME_FLOW, "actions": [image(id=file.pk)]}
    assert set(refused(api, {**body, "active": True})) == {"actions.0.media_file"}
    assert [each["code"] for each in post(api, body)["warnings"]] == ["media_failed"]


def test_pending_file_leaves_the_scenario_inactive(api, workspace):
    file = media_file(workspace, MediaStatus.PENDING)
    made = post(api, {**WELCOME_FLOW, "active": True, "actions": [image(id=file.pk)]})
    assert made["active"] is False
    assert [(each["code"], each["path"]) for each in made["warnings"]] == [
        ("media_pending", "actions.0.media_file")
    ]


def rows(workspace, count):
    for number in range(count):
        scenario = stored(workspace, message("a"), message("b", "a"), title=f"Flow {number}")
        file = media_file(workspace)
        Action.objects.filter(definition=scenario.definition).update(media_file=file)


def test_list_costs_the_same_for_few_and_many(api, workspace, django_assert_num_queries):
    rows(workspace, 2)
    api.get("/api/v1/scenarios")  # notes that the token was used
    with django_assert_num_queries(6):  # token, count, scenarios, triggers, actions, metrics
        assert len(api.get("/api/v1/scenarios").json()["scenarios"]) == 2
    rows(workspace, 20)
    with django_assert_num_queries(6):
        answer = api.get("/api/v1/scenarios").json()
    assert len(answer["scenarios"]) == 22
    assert answer["meta"] == {"page": 1, "per_page": 25, "total": 22, "total_pages": 1}
    assert [each["title"] for each in answer["scenarios"]][:2] == ["Flow 19", "Flow 18"]


def test_list_filters(api, workspace, stranger):
    stored(workspace, message("a"), title="Café flow")
    stored(workspace, message("a"), title="Other", active=False)
    stored(stranger, message("a"), title="Café of a stranger")

    def titles(query):
        return [each["title"] for each in api.get(f"/api/v1/scenarios?{query}").json()["scenarios"]]

    assert titles("active=true") == ["Café flow"]
    assert titles("active=false") == ["Other"]
    assert titles("search=CAFE") == ["Café flow"]
    assert titles("order_column=title&order_direction=asc") == ["Café flow", "Other"]
    for query in ("active=maybe", "colour=red", "order_column=id;drop", "cursor=x"):
        assert api.get(f"/api/v1/scenarios?{query}").status_code == 400


def test_other_workspaces_scenario_is_missing(api, stranger):
    scenario = stored(stranger, message("a"))
    theirs = api.get(f"/api/v1/scenarios/{scenario.pk}")
    missing = api.get("/api/v1/scenarios/999999")
    assert (theirs.status_code, theirs.json()) == (404, missing.json())


def test_metrics_count_executions(api, workspace, contact, channel):
    scenario = stored(workspace, message("a"))
    for days in (1, 6, 8):
        Execution.objects.create(
            workspace=workspace,
            definition=scenario.definition,
            contact=contact,
            channel=channel,
            trigger_type="message",
            status="completed",
            created_at=timezone.now() - timedelta(days=days),
        )
    shown = api.get(f"/api/v1/scenarios/{scenario.pk}").json()["metrics"]
    assert shown["executions"] == {"total": 3, "last_7_days": 2}


@pytest.mark.parametrize("path", ["scenarios", "trigger_types", "action_types"])
def test_abilities(workspace, path):
    assert client_of(workspace, ["scenarios.read"]).get(f"/api/v1/{path}").status_code == 200
    assert client_of(workspace, ["media.read"]).get(f"/api/v1/{path}").status_code == 403


def test_writing_needs_its_ability(workspace):
    refused(client_of(workspace, ["scenarios.read"]), WELCOME_FLOW, "missing_ability", 403)


def test_catalogues(api):
    triggers = api.get("/api/v1/trigger_types").json()["trigger_types"]
    assert [each["trigger_type"] for each in triggers] == ["contact_create", "message"]
    assert triggers[1]["options"]["properties"]["message_type"]["enum"] == [
        "any",
        "keywords",
        "emoji_only",
        "ai_intent",
    ]
    listed = api.get("/api/v1/action_types").json()["action_types"]
    message, image, question, delay, stop = listed
    assert (message["action_type"], message["branches"]) == ("message", ["next"])
    assert message["limits"]["instagram"]["text_max_bytes"] == 1000
    assert image["inline_objects"] == ["media_file"]
    assert image["content"] == {"meaning": "The caption.", "required": False}
    assert image["limits"]["instagram"]["media_max_bytes"] == 8 * 1024 * 1024
    branches = ["option_0", "option_1", "option_replied", "option_expired"]
    assert question["branches"] == branches
    assert question["limits"]["instagram"]["text_max_bytes"] == 1000
    assert (delay["branches"], delay["content"], delay["limits"]) == (["next"], None, {})
    assert stop["branches"] == []


@pytest.mark.parametrize("path", ["trigger_types", "action_types", "scenarios/1"])
def test_unknown_parameter_is_refused(api, path):
    assert api.get(f"/api/v1/{path}?colour=red").status_code == 400


def test_deep_and_huge_bodies_are_answered(api):
    deep = "[" * 800 + "]" * 800
    huge = "x" * 1_000_000
    for text in (
        f'{{"actions": [{{"action_type": "message", "id": {deep}, "options": {deep}}}]}}',
        f'{{"template_id": {deep}}}',
        f'{{"actions": [{{"action_type": "message", "parent_key": "{huge}"}}]}}',
        '{"\\ud800": 1, "actions": [{"\\ud800": 1, "action_type": "\\ud800"}]}',
        '{"actions": [{"action_type": "message", "content": "\\u0000"}]}',
    ):
        answer = api.post("/api/v1/scenarios", text, content_type="application/json")
        assert answer.status_code == 400, answer.content
    assert_nothing_kept()
