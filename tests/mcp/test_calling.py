"""How arguments become the request of an operation."""

import json

import pytest
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from inro.api.authentication import Access
from inro.common.errors import Refused
from inro.mcp import calling
from inro.mcp.tools.base import Tool


class Rename(Tool):
    """Rename a scenario"""

    name = "rename"
    method = "PATCH"
    path = "scenarios/{id}"
    example = {"id": 7, "title": "Other"}


@pytest.fixture
def carrier(workspace):
    wsgi = APIRequestFactory().post("/mcp", headers={"Authorization": "Bearer apitk_x"})
    wsgi.META["inro.request_id"] = "abc-12345"
    request = Request(wsgi)
    request.auth = Access(workspace)
    return request


@pytest.fixture
def asked(monkeypatch):
    """The requests that reach the operation."""
    requests = []

    def view(request, *args, **kwargs):
        request.META["inro.note"] = "of the operation"
        requests.append(request)
        return HttpResponse(b"{}")

    monkeypatch.setattr(calling, "resolve", lambda path: (view, (), {}))
    return requests


def test_id_goes_into_the_path_and_all_else_into_the_body(carrier, asked):
    calling.call(Rename(), {"id": 7, "title": "Other", "active": None}, carrier)
    (request,) = asked
    assert (request.method, request.path) == ("PATCH", "/api/v1/scenarios/7")
    assert request.content_type == "application/json"
    assert json.loads(request.body) == {"title": "Other", "active": None}
    assert request.META["QUERY_STRING"] == ""


def test_a_missing_id_stops_the_call(carrier, asked):
    with pytest.raises(Refused) as refused:
        calling.call(Rename(), {"title": "Other"}, carrier)
    assert refused.value.details == {"id": ["This field is required."]}
    assert asked == []


def test_operation_acts_for_whom_the_carrier_let_in(carrier, asked, workspace):
    calling.call(Rename(), {"id": 7}, carrier)
    request = Request(asked[0])
    assert request.auth == Access(workspace)
    assert not request.user.is_authenticated
    assert "HTTP_AUTHORIZATION" not in asked[0].META


def test_our_notes_travel_both_ways(carrier, asked):
    calling.call(Rename(), {"id": 7}, carrier)
    assert asked[0].META["inro.request_id"] == "abc-12345"
    assert carrier.META["inro.note"] == "of the operation"
