"""Scenarios as they travel, and what is said of one that is not there yet."""

from rest_framework import serializers

from automations.serializers.revisions import SnapshotActionSerializer, SnapshotTriggerSerializer
from automations.serializers.scenarios import NullField, WarningSerializer


class FileByAddressSerializer(serializers.Serializer):
    file_url = serializers.CharField()


class ExportedActionSerializer(SnapshotActionSerializer):
    media_file = FileByAddressSerializer(allow_null=True)  # type: ignore[assignment]
    conversion_link = NullField()
    survey = NullField()
    folder = NullField()


class ExportSerializer(serializers.Serializer):
    """A scenario without ids."""

    title = serializers.CharField()
    active = serializers.BooleanField()
    scenario_type = serializers.CharField()
    triggers = SnapshotTriggerSerializer(many=True)
    actions = ExportedActionSerializer(many=True)
    warnings = WarningSerializer(many=True)


class ValidationSerializer(serializers.Serializer):
    """What POST would say; `details` as in the error that it would answer with."""

    valid = serializers.BooleanField()
    details = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    warnings = WarningSerializer(many=True)
