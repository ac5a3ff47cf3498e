"""What all request bodies share."""

from collections.abc import Collection, Mapping
from copy import copy, deepcopy
from typing import Any, ClassVar, NoReturn

from rest_framework import serializers
from rest_framework.exceptions import ValidationError


class StrictSerializer(serializers.Serializer):
    """Refuses fields it does not know, together with every other fault of the body.

    Read-only fields are accepted and ignored, so that what our own GET returns can be sent back;
    so are the names in `ignored`, for answers that another serializer makes.
    """

    ignored: ClassVar[Collection[str]] = ()

    def get_fields(self) -> dict[str, Any]:
        """Copies of the declared fields, each of which is then told where it belongs.

        Nothing else of a simple field is ever changed, so that a flat copy does; to make each
        anew from its arguments, as REST framework does, takes ten times as long. What holds
        fields is not simple, nor is a default that whoever validates may change.
        """
        return {name: _own(field) for name, field in self._declared_fields.items()}

    def to_internal_value(self, data: Any) -> Any:
        unknown: dict[str, list[str]] = {}
        if isinstance(data, Mapping):
            unknown = {
                str(name): ["Unknown field."]
                for name in data
                if str(name) not in self.fields and str(name) not in self.ignored
            }
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if isinstance(error.detail, dict):
                raise ValidationError({**error.detail, **unknown}) from None
            raise
        if unknown:
            raise ValidationError(unknown)
        return value


class ChoiceField(serializers.ChoiceField):
    """One of some words; a refusal names them."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid_choice": "Must be one of: {choices}."
    }

    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        super().fail(key, **kwargs, choices=", ".join(map(str, self.choices)))


def _own(field: Any) -> Any:
    holds_fields = isinstance(field, serializers.BaseSerializer | serializers.ManyRelatedField)
    holds_fields = holds_fields or hasattr(field, "child")
    is_simple = not holds_fields and not isinstance(field.default, list | dict | set)
    return copy(field) if is_simple else deepcopy(field)


class NoFields(StrictSerializer):
    """The body of a request that says nothing: there may be none, or an empty object."""


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer):
    """A model's serializer that refuses unknown fields."""

    def get_fields(self) -> dict[str, Any]:
        return dict(serializers.ModelSerializer.get_fields(self))
