"""What every route refuses alike: each sentence of the conventions, asked of every route.

Other dialects have conventions, and tests, of their own.
"""

import json
from typing import Any

import pytest
from django.utils import timezone

from inro.accounts.models import ApiToken
from inro.api.models import IdempotencyKey
from tests.api.matrix import ROUTES
from tests.api.test_matrix import Asking, bearer, everything, told

OURS = [name for name in ROUTES if not ROUTES[name].dialect]
WRITES = [name for name in OURS if name.partition(" ")[0] in ("POST", "PUT", "PATCH")]
POSTS = [name for name in WRITES if name.startswith("POST ")]
each_route = pytest.mark.parametrize("name", OURS)
each_route_of_a_row = pytest.mark.parametrize("name", [n for n in OURS if ROUTES[n].of])
each_route_that_reads = pytest.mark.parametrize("name", [n for n in OURS if n[:4] == "GET "])
each_write = pytest.mark.parametrize("name", WRITES)
each_post = pytest.mark.parametrize("name", POSTS)


def refused(answer: Any, status: int, code: str) -> Any:
    """The one shape of errors: nothing else in it, and words for a person."""
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert set(error) <= {"code", "message", "details", "retry_after"}
    assert len(error["message"]) > 10
    details = error.get("details", {})
    assert all(isinstance(each, str) for found in details.values() for each in found)
    return details


class Sending:
    """A write with any body, of which nothing may come."""

    def __init__(self, name: str, workspace: Any, api: Any) -> None:
        self.ask = Asking(name, ROUTES[name], workspace)
        self.api = api
        self.before = everything()

    def __call__(self, raw: Any, kind: str = "application/json", **headers: str) -> Any:
        address = self.ask.address()
        answer = self.api.generic(self.ask.method, address, raw, kind, headers=headers)
        assert everything() == self.before
        return answer


@pytest.fixture
def send(request: Any, name: str, workspace: Any, api: Any) -> Sending:
    return Sending(name, workspace, api)


@each_write
@pytest.mark.once
class TestBodies:
    def test_malformed_json(self, name, send):
        for raw in (b"{", b"\xff", b'{"a": NaN}', b"{'a': 1}", b'{"a": "\\ud800"}'):
            assert refused(send(raw), 400, "malformed_json") == {}, raw

    def test_anything_but_an_object(self, name, send):
        for raw in ("[]", "1", '"text"', "true"):
            refused(send(raw), 400, "validation_failed")

    def test_unknown_fields_are_named_with_all_other_faults(self, name, send):
        body = {**(send.ask.body or {}), "colour": "red", "a.b": 1}
        body.pop("file", None)
        if name == "POST /scenarios/validate":  # which reports instead of refusing
            answer = send(json.dumps(body))
            assert answer.status_code == 200
            details = answer.json()["details"]
        else:
            details = refused(send(json.dumps(body)), 400, "validation_failed")
        assert details["colour"] == details["a.b"] == ["Unknown field."]

    def test_other_types_of_body(self, name, send):
        for kind in ("text/plain", "application/xml", "image/png"):
            assert refused(send(b"x", kind), 415, "unsupported_media_type") == {}, kind

    def test_forms_only_where_files_are_taken(self, name, send):
        answer = send(b"colour=red", "application/x-www-form-urlencoded")
        if name in ("POST /media_files", "PUT /media_files/{pk}"):
            assert "colour" in refused(answer, 400, "validation_failed")
        else:
            refused(answer, 415, "unsupported_media_type")

    def test_too_large(self, name, send, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
        assert refused(send(json.dumps({"title": "x" * 2000})), 413, "too_large") == {}

    def test_without_a_length(self, name, send):
        answer = send(b"{}", **{"Transfer-Encoding": "chunked"})
        assert refused(answer, 411, "length_required") == {}


@pytest.mark.once
class TestAddresses:
    @each_route
    def test_one_trailing_slash_is_accepted_and_no_more(self, name, workspace, api):
        ask = Asking(name, ROUTES[name], workspace)
        ask.path += "//"
        before = everything()
        assert refused(ask(api), 404, "not_found") == {}
        assert everything() == before
        ask.path = ask.path[:-1]
        assert 200 <= ask(api).status_code < 300

    @each_route_of_a_row
    def test_what_is_no_id_names_nothing(self, name, workspace, api):
        ask = Asking(name, ROUTES[name], workspace)
        before = everything()
        for pk in (0, "x", "-1", "1.5", "9" * 18, "9" * 30, "１", "%00"):
            answer = ask(api, names=dict.fromkeys(ask.names, pk))
            # In a query it is a value that makes no sense, in a path an address there is not.
            in_query = ROUTES[name].query and answer.status_code == 400
            assert told(answer) == ((400, "validation_failed") if in_query else (404, "not_found"))
            assert everything() == before, pk

    def test_addresses_there_are_not(self, api, db):
        for path in ("/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/me", "/nothing"):
            for method in ("get", "post", "delete"):
                assert refused(getattr(api, method)(path), 404, "not_found") == {}


SENSELESS = [
    *((f"page={value}", "page") for value in ("0", "-1", "x", "1.5", "１", "9" * 30, "")),
    *((f"per_page={value}", "per_page") for value in ("0", "-1", "x", "1.5")),
    ("order_column=nothing", "order_column"),
    ("order_direction=up", "order_direction"),
    ("page=1&page=2", "page"),
    *((f"cursor={value}", "cursor") for value in ("!", "MA", "LTE", "eA", "OTk5" * 8)),
    ("cursor=MTA1&page=1", "cursor"),
    ("cursor=MTA1&order_direction=asc", "cursor"),
]


@each_route_that_reads
@pytest.mark.once
class TestReading:
    @pytest.fixture
    def get(self, name: str, workspace: Any, api: Any) -> Any:
        """The route with a query added."""
        address = Asking(name, ROUTES[name], workspace).address()
        sign = "&" if "?" in address else "?"
        return lambda query="": api.get(f"{address}{sign}{query}" if query else address)

    def test_unknown_parameters_are_named(self, name, get):
        details = refused(get("colour=red&page2=1"), 400, "validation_failed")
        assert {"colour", "page2"} <= set(details)

    def test_paging_that_makes_no_sense(self, name, get):
        """Where nothing is paged, these are unknown."""
        for query, path in SENSELESS:
            assert path in refused(get(query), 400, "validation_failed"), query

    def test_a_large_page_is_capped_and_one_beyond_the_end_empty(self, name, get):
        first = get().json()
        if "meta" not in first:
            assert refused(get("per_page=100"), 400, "validation_failed")
            return
        most = 500 if name.endswith("/outbox") else 100
        assert get("per_page=100000").json()["meta"]["per_page"] == most
        (resource,) = set(first) - {"meta"}
        beyond = get("page=1000").json()
        assert (beyond[resource], beyond["meta"]["page"]) == ([], 1000)
        assert beyond["meta"]["total"] == first["meta"]["total"]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("messages", ["since", "until"]),
        ("media_files", ["created_since", "created_until"]),
    ],
)
@pytest.mark.parametrize(
    "moment", ["yesterday", "2026-13-01", "12:00", "2026-02-30T00:00:00Z", "0001-01-01T00:00+14:00"]
)
@pytest.mark.once
def test_what_is_no_moment(api, path, names, moment):
    for name in names:
        answer = api.get(f"/api/v1/{path}", {name: moment})
        assert set(refused(answer, 400, "validation_failed")) == {name}


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("media_files", "media_type", "smell"),
        ("media_files", "media_type", "Image"),
        ("contacts", "status", "asleep"),
        ("contacts", "channel_id", "99"),
        ("messages", "status", "lost"),
        ("messages", "direction", "up"),
        ("messages", "contact_id", "99"),
        ("messages", "channel_id", "x"),
        ("scenarios", "active", "maybe"),
        ("scenarios", "active", "1"),
    ],
)
@pytest.mark.once
def test_unknown_values_of_filters(api, path, name, value):
    answer = api.get(f"/api/v1/{path}", {name: value})
    assert set(refused(answer, 400, "validation_failed")) == {name}


@each_post
class TestSendingAgain:
    KEY = {"Idempotency-Key": "k"}

    def test_done_once_and_answered_the_same(self, name, workspace, api):
        ask = Asking(name, ROUTES[name], workspace)
        first = ask(api, headers=self.KEY)
        assert 200 <= first.status_code < 300, first.content
        before = everything()
        again = ask(api, headers=self.KEY)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["Idempotent-Replay"] == "true"
        for header in ("Location", "ETag", "Content-Type"):
            assert again.headers.get(header) == first.headers.get(header)
        assert everything() == before

    def test_other_content_is_a_conflict(self, name, workspace, api):
        ask = Asking(name, ROUTES[name], workspace)
        ask(api, headers=self.KEY)
        before = everything()
        answer = api.post(ask.address(), {"colour": "red"}, headers=self.KEY)
        assert refused(answer, 409, "conflict") == {}
        assert "Retry-After" not in answer.headers
        assert everything() == before

    def test_one_that_still_runs_is_waited_for(self, name, workspace, api):
        ask = Asking(name, ROUTES[name], workspace)
        ask(api, headers=self.KEY)
        until = timezone.now() + IdempotencyKey.LEASE
        IdempotencyKey.objects.update(status="running", lease_until=until)
        before = everything()
        answer = ask(api, headers=self.KEY)
        assert refused(answer, 409, "conflict") == {}
        assert answer.headers["Retry-After"] == str(answer.json()["error"]["retry_after"]) == "5"
        assert everything() == before

    def test_a_key_that_is_none(self, name, send):
        for key in ("", "a b", "x" * 256):
            answer = send(b"{}", **{"Idempotency-Key": key})
            assert set(refused(answer, 400, "validation_failed")) == {"Idempotency-Key"}


@each_route
def test_beyond_the_limit(name, workspace, settings, time_machine):
    time_machine.move_to("2026-01-01T12:00:15+00:00", tick=False)
    settings.API_RATE_LIMIT = "1/min"
    client = bearer(ApiToken.issue(workspace)[1])
    ask = Asking(name, ROUTES[name], workspace)
    assert client.get("/api/v1/me").headers["X-RateLimit-Remaining"] == "0"
    before = everything()
    answer = ask(client)
    assert told(answer) == (429, "rate_limited")
    assert answer.headers["Retry-After"] == str(answer.json()["error"]["retry_after"]) == "45"
    assert answer.headers["X-RateLimit-Limit"] == "1"
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert everything() == before
