"""The OpenAPI document: complete for every operation, and served to everybody."""

import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


def operations(schema):
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_document_is_valid(schema):
    validate_schema(schema)
    assert schema["openapi"].startswith("3.1")


def test_every_operation_has_a_summary_and_its_errors(schema):
    for name, operation in operations(schema):
        assert operation.get("summary"), name
        assert {"401", "403", "405", "429"} <= set(operation["responses"]), name
        if name.startswith(("POST", "PATCH", "PUT")):
            # A dialect may have one status for all bodies that it cannot read.
            has_415 = name == "POST /api/v1/media" or "415" in operation["responses"]
            assert {"400", "413"} <= set(operation["responses"]), name
            assert has_415, name


def test_every_post_takes_an_idempotency_key(schema):
    for name, operation in operations(schema):
        headers = [
            each["name"] for each in operation.get("parameters", []) if each["in"] == "header"
        ]
        assert ("Idempotency-Key" in headers) == name.startswith("POST"), name
        assert ("409" in operation["responses"]) >= name.startswith("POST"), name


def test_every_operation_with_a_body_has_an_example(schema):
    def examples(part):
        return any("example" in key for media in part.get("content", {}).values() for key in media)

    for name, operation in operations(schema):
        if "204" in operation["responses"]:
            continue
        shown = [operation.get("requestBody", {}), *operation["responses"].values()]
        assert any(examples(part) for part in shown if part), name


def test_document_and_browsable_documents_are_public(db):
    assert Client().get("/api/schema/").status_code == 200
    page = Client().get("/api/docs/")
    assert page.status_code == 200
    assert "swagger-ui" in page.text
    assert "//cdn" not in page.text


def test_list_parameters_are_documented(schema):
    listed = schema["paths"]["/api/v1/media_files"]["get"]["parameters"]
    names = {parameter["name"] for parameter in listed}
    assert {"page", "per_page", "cursor", "media_type", "search"} <= names


def test_every_parameter_of_a_query_says_what_it_means(schema):
    asked = [
        (name, each["name"], each.get("description"))
        for name, operation in operations(schema)
        for each in operation.get("parameters", [])
        if each["in"] == "query"
    ]
    assert len(asked) > 50
    assert [each for each in asked if not each[2]] == []
    told = {
        each["name"]: each["description"]
        for each in schema["paths"]["/api/v1/media_files"]["get"]["parameters"]
    }
    assert told["per_page"] == "At most 100; more count as that."
    assert told["folder_id"] == "In this very folder; `null`: in none."


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        ("GET /api/v1/contact", {"404"}),
        ("POST /api/v1/scenarios", {"502", "503"}),
        ("PATCH /api/v1/scenarios/{id}", {"502"}),
    ],
)
def test_statuses_that_only_some_operations_answer_are_told(schema, operation, statuses):
    assert statuses <= set(dict(operations(schema))[operation]["responses"])


def test_notes_for_those_who_work_on_the_code_stay_there(schema):
    body = schema["components"]["schemas"]["SimulatedEventRequest"]
    assert body["description"] == (
        "What a pretend person does: writes a text, sends a file (or both), or taps a button."
    )


def test_it_is_made_without_warnings(tmp_path):
    """Each stands for a type or a name that the document can only guess."""
    call_command("spectacular", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))
