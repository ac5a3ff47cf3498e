"""What the options of trigger and action types share: reading, defaults, their JSON Schema.

A type states its options as one serializer; its validation, its documentation and the value that
an option has when nobody gave it are all taken from there.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import empty

from inro.api.errors import flatten
from inro.api.serializers import StrictSerializer
from inro.common.errors import Details

OptionsClass = type[StrictSerializer]


class NoOptions(StrictSerializer):
    """For types that take none."""


def read(serializer: StrictSerializer, data: Mapping[Any, Any]) -> tuple[dict[str, Any], Details]:
    """The fields of `data` that are valid, and the faults of the others by path.

    Defaults are left out: what is stored, and sent back, is what was said. A fault in one field
    costs the others nothing: they are judged, and what depends on them can be. `given` in the
    serializer's context are the names in `data`, with a fault or not.
    """
    serializer._context = {**serializer.context, "given": frozenset(data)}
    values: dict[str, Any] = {}
    faults: Details = {
        str(name): ["Unknown field."] for name in data if name not in serializer.fields
    }
    for name, field in serializer.fields.items():
        if field.read_only or not (field.required or name in data):
            continue
        try:
            values[name] = field.run_validation(data.get(name, empty))
        except ValidationError as error:
            faults |= flatten(error.detail, name)
        except RecursionError:  # DRF prints some values to judge them
            faults[name] = ["Is nested too deeply."]
    return values, faults | _faults_between(serializer, values, faults)


def _faults_between(
    serializer: StrictSerializer, values: Mapping[str, Any], faults: Details
) -> Details:
    """What the valid fields get wrong together, said of fields that have no fault of their own."""
    try:
        serializer.validate(complete(type(serializer), values))
    except ValidationError as error:
        faulty = {path.partition(".")[0] for path in faults}
        found = flatten(error.detail).items()
        return {path: messages for path, messages in found if path not in faulty}
    return {}


@cache
def _defaults(options: OptionsClass) -> Mapping[str, Any]:
    fields = options().fields.items()
    return {name: field.default for name, field in fields if field.default is not empty}


def complete(options: OptionsClass, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` with the defaults of what was left out."""
    return {**_defaults(options), **given}


def json_schema(options: OptionsClass) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a serializer."""
    fields = options().fields
    required = [name for name, field in fields.items() if field.required]
    return {
        "type": "object",
        "properties": {name: _field_schema(field) for name, field in fields.items()},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


_TYPES: list[tuple[type[serializers.Field], str]] = [
    (serializers.BooleanField, "boolean"),
    (serializers.IntegerField, "integer"),
    (serializers.FloatField, "number"),
    (serializers.ChoiceField, "string"),
    (serializers.CharField, "string"),
    (serializers.ListField, "array"),
]
_LIMITS = {
    "string": {"min_length": "minLength", "max_length": "maxLength"},
    "array": {"min_length": "minItems", "max_length": "maxItems"},
    "integer": {"min_value": "minimum", "max_value": "maximum"},
    "number": {"min_value": "minimum", "max_value": "maximum"},
}


class DescribedField(serializers.Field):
    """A field that states its own schema."""

    schema: ClassVar[Mapping[str, Any]]


def _field_schema(field: Any) -> dict[str, Any]:
    if isinstance(field, StrictSerializer):
        described = {"description": str(field.help_text)} if field.help_text else {}
        return {**json_schema(type(field)), **described}
    if isinstance(field, DescribedField):
        return dict(field.schema)
    kind = next(name for cls, name in _TYPES if isinstance(field, cls))
    schema: dict[str, Any] = {"type": [kind, "null"] if field.allow_null else kind}
    if field.help_text:
        schema["description"] = str(field.help_text)
    if isinstance(field, serializers.ChoiceField):
        schema["enum"] = list(field.choices)
    if isinstance(field, serializers.ListField):
        schema["items"] = _field_schema(field.child)
    for attribute, keyword in _LIMITS.get(kind, {}).items():
        limit = getattr(field, attribute, None)
        if limit is not None:
            schema[keyword] = limit
    if field.default is not empty:
        schema["default"] = field.default
    return schema
