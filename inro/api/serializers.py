"""What all request bodies share."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError


class StrictSerializer(serializers.Serializer):
    """Refuses fields it does not know, together with every other fault of the body.

    Read-only fields are accepted and ignored, so that what our own GET returns can be sent back;
    so are the names in `ignored`, for answers that another serializer makes.
    """

    ignored: ClassVar[Collection[str]] = ()

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


class NoFields(StrictSerializer):
    """The body of a request that says nothing: there may be none, or an empty object."""


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer):
    """A model's serializer that refuses unknown fields."""
