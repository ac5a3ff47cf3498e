from rest_framework import serializers


class TriggerTypeSerializer(serializers.Serializer):
    trigger_type = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    category = serializers.CharField()
    description = serializers.CharField()
    options = serializers.DictField(help_text="JSON Schema of the trigger's `options`.")
    example = serializers.DictField()


class TriggerTypesSerializer(serializers.Serializer):
    trigger_types = TriggerTypeSerializer(many=True)


class ContentSerializer(serializers.Serializer):
    meaning = serializers.CharField()
    required = serializers.BooleanField()  # type: ignore[assignment]


class ActionTypeSerializer(serializers.Serializer):
    action_type = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    description = serializers.CharField()
    content = ContentSerializer(allow_null=True, help_text="Null for types without content.")
    options = serializers.DictField(help_text="JSON Schema of the action's `options`.")
    branches = serializers.ListField(
        child=serializers.CharField(), help_text="The labels that children may stand under."
    )
    inline_objects = serializers.ListField(child=serializers.CharField())
    limits = serializers.DictField(help_text="By channel, what it takes; null where nothing.")
    example = serializers.DictField()


class ActionTypesSerializer(serializers.Serializer):
    action_types = ActionTypeSerializer(many=True)
