"""What two requests have to share to be the same."""

import pytest
from django.http import QueryDict
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from inro.api.fingerprints import fingerprint
from inro.api.parsers import JSONParser


def of(body, query="", format="json"):
    if isinstance(body, str):
        content_type = "application/x-www-form-urlencoded"
        raw = APIRequestFactory().post(f"/x?{query}", body, content_type=content_type)
    else:
        raw = APIRequestFactory().post(f"/x?{query}", body, format=format)
    return fingerprint(Request(raw, parsers=[JSONParser(), FormParser()]))


def form(**fields):
    query = QueryDict(mutable=True)
    for name, value in fields.items():
        query.setlist(name, value if isinstance(value, list) else [value])
    return query.urlencode()


@pytest.mark.parametrize(
    ("body", "same"),
    [
        ({"a": "x", "b": "y"}, form(b="y", a="x")),
        ({"id": 5, "on": True}, form(id="5", on="true")),
        ({"ids": [1, 2]}, form(ids=["1", "2"])),
        ({"contact": {"name": "Jane", "age": 5}}, form(contact='{"age":5,  "name":"Jane"}')),
        ({"text": "{not json"}, form(text="{not json")),
        ({"text": ""}, form(text="")),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}),
    ],
)
def test_encoding_does_not_matter(body, same):
    assert of(body) == of(same)


@pytest.mark.parametrize(
    ("body", "other"),
    [
        ({"a": "x"}, {"a": "y"}),
        ({"a": "x"}, {"b": "x"}),
        ({"a": None}, {"a": "null"}),
        ({"a": None}, {}),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}),
        ([1], {"0": 1}),
    ],
)
def test_content_does(body, other):
    assert of(body) != of(other)


def test_parameters_are_content():
    assert of({}, "a=1") != of({}, "a=2")
    assert of({}, "a=1") != of({"a": 1})
