"""What takes one of some words names them when it refuses another."""

import pytest

from media_library.models import MediaFile


@pytest.mark.parametrize(
    ("query", "name", "fault"),
    [
        (
            "media_files?media_type=film",
            "media_type",
            "Must be one of: image, audio, video, document.",
        ),
        ("messages?direction=up", "direction", "Must be one of: inbound, outbound."),
        ("contacts?status=gone", "status", "Must be one of: active, inactive, blocked."),
        ("scenarios?active=yes", "active", "Must be true or false."),
        ("executions?scenario_id=99", "scenario_id", "There is none with this id."),
        ("messages?contact_id=jane", "contact_id", "There is none with this id."),
        ("contacts?channel_id=99", "channel_id", "There is none with this id."),
    ],
)
def test_filters_name_what_they_take(api, query, name, fault):
    answer = api.get(f"/api/v1/{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["details"] == {name: [fault]}


@pytest.mark.parametrize(
    ("path", "body", "at", "fault"),
    [
        (
            "media_files",
            {"file_url": "https://shop.example/a.jpg", "on_duplicate": "keep"},
            "on_duplicate",
            "Must be one of: reuse, return, error.",
        ),
        ("contacts", {"name": "J", "status": "x"}, "status", "active, inactive, blocked."),
        (
            "scenarios",
            {
                "triggers": [
                    {"trigger_type": "message", "options": {"keywords": ["a"], "keyword_logic": 1}}
                ]
            },
            "triggers.0.options.keyword_logic",
            "Must be one of: or, and.",
        ),
    ],
)
def test_bodies_are_told_what_their_fields_take(api, path, body, at, fault):
    answer = api.post(f"/api/v1/{path}", body, format="json")
    assert answer.status_code == 400
    details = answer.json()["error"]["details"]
    assert details.keys() == {at}
    assert details[at][0].endswith(fault)
    assert MediaFile.objects.count() == 0
    assert api.get(f"/api/v1/{path}").json()["meta"]["total"] == 0
