from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from automations import catalogue
from automations.serializers.catalogue import ActionTypesSerializer, TriggerTypesSerializer
from automations.views import examples
from inro.api.views import WorkspaceApiView


class TriggerTypesView(WorkspaceApiView):
    ability_noun = "scenarios"

    @extend_schema(
        responses=TriggerTypesSerializer, tags=["scenarios"], examples=[examples.TRIGGER_TYPES]
    )
    def get(self, request: Request) -> Response:
        """List the trigger types, with the options that each takes."""
        return Response({"trigger_types": catalogue.trigger_types()})


class ActionTypesView(WorkspaceApiView):
    ability_noun = "scenarios"

    @extend_schema(
        responses=ActionTypesSerializer, tags=["scenarios"], examples=[examples.ACTION_TYPES]
    )
    def get(self, request: Request) -> Response:
        """List the action types, with their content, options, branches and limits."""
        return Response({"action_types": catalogue.action_types()})
