"""The API's documents of scenarios, held against what the API says and takes."""

import jsonschema  # type: ignore[import-untyped]
import pytest
from drf_spectacular.generators import SchemaGenerator

from automations.views import examples
from tests.automations.support import faults_of

PATHS = ("scenarios", "scenarios/{id}", "trigger_types", "action_types")


@pytest.fixture(scope="module")
def document():
    return SchemaGenerator().get_schema(request=None, public=True)


def operations(document):
    return [
        operation for path in PATHS for operation in document["paths"][f"/api/v1/{path}"].values()
    ]


def test_every_operation_has_a_summary_a_tag_and_an_example(document):
    for operation in operations(document):
        assert operation["summary"]
        assert operation["tags"] == ["scenarios"]
        [(code, success)] = [each for each in operation["responses"].items() if each[0] < "300"]
        assert code == "204" or success["content"]["application/json"]["examples"]


def test_answers_are_as_documented(api, document):
    answer = api.post("/api/v1/scenarios", examples.WELCOME_FLOW.value).json()
    schema = {"$ref": "#/components/schemas/Scenario", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer)
    jsonschema.Draft202012Validator(schema).validate(examples.SCENARIO.value)
    assert set(examples.SCENARIO.value) == set(answer)


@pytest.mark.parametrize("example", [examples.WELCOME_FLOW, examples.KEYWORD_TO_IMAGE])
def test_examples_are_accepted(example):
    assert faults_of(example.value["actions"], example.value["triggers"], "instagram") == {}
