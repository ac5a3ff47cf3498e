"""Revisions as the API shows them."""

from rest_framework import serializers

from automations.models import Revision


class DifferenceSerializer(serializers.Serializer):
    """One thing that a change made otherwise; `before` and `after` where there is one."""

    change = serializers.ChoiceField(["added", "removed", "changed", "moved"])
    path = serializers.CharField(help_text="Actions by their keys, triggers by their types.")
    before = serializers.JSONField(required=False)
    after = serializers.JSONField(required=False)


class RevisionSerializer(serializers.ModelSerializer):
    """One change of a scenario; the first is its creation."""

    changes = DifferenceSerializer(many=True)

    class Meta:
        model = Revision
        fields = ("number", "actor", "restored_from", "changes", "created_at")


class SnapshotTriggerSerializer(serializers.Serializer):
    trigger_type = serializers.CharField()
    options = serializers.DictField()


class SnapshotActionSerializer(serializers.Serializer):
    action_key = serializers.CharField()
    action_type = serializers.CharField()
    parent_key = serializers.CharField(allow_null=True)
    parent_branch = serializers.CharField(allow_null=True)
    content = serializers.CharField()
    options = serializers.DictField()
    media_file = serializers.DictField(allow_null=True, child=serializers.IntegerField())


class RevisionInFullSerializer(serializers.ModelSerializer):
    """The same with what the scenario was after it."""

    changes = DifferenceSerializer(many=True)
    title = serializers.CharField(source="snapshot.title")
    active = serializers.BooleanField(source="snapshot.active")
    scenario_type = serializers.CharField(source="snapshot.scenario_type")
    triggers = SnapshotTriggerSerializer(source="snapshot.triggers", many=True)
    actions = SnapshotActionSerializer(source="snapshot.actions", many=True)

    class Meta:
        model = Revision
        fields = (
            *("number", "actor", "restored_from", "changes", "created_at"),
            *("title", "active", "scenario_type", "triggers", "actions"),
        )
