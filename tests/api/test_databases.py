"""What one database takes and another does not comes to the same answer on both."""

import json
from urllib.parse import quote

import pytest
from drf_spectacular.generators import SchemaGenerator

from messaging.connecting import connect_channel

pytestmark = pytest.mark.django_db

# Beyond 64 bits; beyond 32; text that PostgreSQL cannot hold; bytes that are no text.
NUMBERS = [str(2**63), str(2**31), str(-(2**63) - 1), "0"]
TEXTS = ["a\0b", "\ud800", "x" * 5_000, "é" * 200, "%", "_", "\\", "'"]


def gets():
    schema = SchemaGenerator().get_schema(request=None, public=True)
    for path, methods in schema["paths"].items():
        if "get" in methods:
            yield path, methods["get"].get("parameters", [])


def encoded(value: str) -> str:
    return quote(value.encode("utf-8", "surrogatepass"), safe="")


CASES = [
    (path, parameter["name"], parameter["in"])
    for path, given in gets()
    for parameter in given
    if parameter["in"] in {"path", "query"}
]


@pytest.mark.parametrize(("path", "name", "place"), CASES)
def test_odd_values_in_addresses_are_answered(api, path, name, place):
    api.raise_request_exception = False
    for value in [*NUMBERS, *TEXTS]:
        address = f"{path}?{name}={encoded(value)}"
        if place == "path":
            address = path.replace(f"{{{name}}}", encoded(value))
        address = address.replace("{id}", "1")
        assert api.get(address).status_code < 500, (address[:100], value[:20])


@pytest.mark.parametrize("value", [*TEXTS, 2**63, 2**31, -1, 1e308, [[[]]], None], ids=repr)
def test_odd_values_in_bodies_are_answered(api, workspace, value):
    api.raise_request_exception = False
    sandbox = connect_channel(workspace, "sandbox", "", {})
    bodies = {
        "/api/v1/scenarios": [
            {"title": value, "actions": [{"action_type": "message", "content": "hi"}]},
            {"title": "x", "actions": [{"action_type": "message", "content": value}]},
            {"title": "x", "actions": [{"action_type": "image", "media_file": {"id": value}}]},
        ],
        "/api/v1/channels": [{"kind": "sandbox", "name": value}],
        "/api/v1/media_files": [{"file_url": value}, {"file_url": "x", "caption": value}],
        f"/api/v1/channels/{sandbox.pk}/simulate": [
            {"from": value, "text": "hello"},
            {"from": "jane", "text": value},
        ],
    }
    for path, each in bodies.items():
        for body in each:
            answer = api.post(path, json.dumps(body), content_type="application/json")
            assert answer.status_code < 500, (path, body)
