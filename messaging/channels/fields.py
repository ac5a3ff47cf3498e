"""Fields that the options of channel types are made of."""

from typing import Any

from rest_framework import serializers

from inro.common import crypto


class SecretField(serializers.CharField):
    """A secret: taken as it is, shown as a mask, and a mask is never taken for the secret."""

    default_error_messages = {"mask": "This is only a mask. Give the secret itself."}

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if value.startswith(crypto.MASK):
            self.fail("mask")
        return str(value)

    def to_representation(self, value: Any) -> str:
        return crypto.mask(str(value))
