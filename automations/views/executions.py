from typing import Any

from django.db import transaction
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from automations.executions import cancel_execution
from automations.models import Execution, ExecutionStatus, Scenario
from automations.serializers.executions import ExecutionInFullSerializer, ExecutionSerializer
from automations.views import examples
from inro.accounts.models import AuditEntry
from inro.api.authentication import access_of, actor_of
from inro.api.filters import ChoiceFilter, RowFilter
from inro.api.serializers import NoFields
from inro.api.views import ReadViewSet
from messaging.models import Contact


def _own(model: Any) -> Any:
    """The rows of the asking workspace, as a filter's queryset."""
    return lambda request: model.objects.for_workspace(
        access_of(request).workspace if request else None
    )


class ExecutionFilters(filters.FilterSet):
    scenario_id = RowFilter(
        "definition__scenario", queryset=_own(Scenario), label="Id of a scenario."
    )
    contact_id = RowFilter("contact", queryset=_own(Contact), label="Id of a contact.")
    status = ChoiceFilter(choices=ExecutionStatus.choices)

    class Meta:
        model = Execution
        fields: list[str] = []


@extend_schema(tags=["executions"])
class ExecutionViewSet(ReadViewSet):
    ability_noun = "scenarios"
    resource = "executions"
    queryset = Execution.objects.with_scenario()
    serializer_class = ExecutionSerializer
    filterset_class = ExecutionFilters
    unbounded = True

    @extend_schema(examples=[examples.EXECUTION])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What scenarios did, newest first; without the steps."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=ExecutionInFullSerializer, examples=[examples.EXECUTION_IN_FULL])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One execution, step by step."""
        return Response(self._in_full())

    @extend_schema(
        request=None,
        responses={
            200: ExecutionInFullSerializer,
            409: OpenApiResponse(description="`conflict`: it has ended already."),
        },
        examples=[examples.EXECUTION_IN_FULL],
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Stop one that runs or waits.

        Its messages that wait to be sent are withdrawn; those that may have gone out stay.
        """
        NoFields(data=request.data).is_valid(raise_exception=True)
        with transaction.atomic():
            execution = self.get_object()
            cancel_execution(execution)
            AuditEntry.record(self.workspace, actor_of(request), "execution canceled", execution)
            self.keep(Response(self._in_full()))
        return self.kept

    def _in_full(self) -> Any:
        execution = self.get_object()
        return ExecutionInFullSerializer(execution).data
