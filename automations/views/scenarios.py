from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import (
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from automations.definition.shapes import ScenarioChangeShape, ScenarioShape
from automations.editing import change_scenario, delete_scenario, version_of
from automations.exporting import exported
from automations.metrics import measure
from automations.models import Scenario
from automations.scenarios import create_scenario, validate_scenario
from automations.serializers.exports import ExportSerializer, ValidationSerializer
from automations.serializers.scenarios import ScenarioSerializer
from automations.views import examples
from inro.api.authentication import actor_of
from inro.api.preconditions import IF_MATCH, STALE_EDIT, entity_tag, versions_in
from inro.api.views import ReadViewSet
from inro.common.folding import fold

_NOT_FETCHED = OpenApiResponse(
    description="`download_failed` at the path of a `file_url`, or `storage_unavailable` with "
    "`Retry-After`; nothing was saved."
)


class ScenarioFilter(django_filters.FilterSet):
    active = extend_schema_field({"type": "boolean", "description": "Switched on, or not."})(
        # Not a BooleanFilter: that one ignores a value that it does not know.
        django_filters.TypedChoiceFilter(
            choices=[("true", "true"), ("false", "false")],
            coerce=lambda value: value == "true",
            error_messages={"invalid_choice": "Must be true or false."},
        )
    )
    search = django_filters.CharFilter(method="by_title", help_text="In the title.")

    def by_title(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(title_folded__contains=fold(value))


@extend_schema(tags=["scenarios"])
@extend_schema_view(
    list=extend_schema(summary="List the scenarios", examples=[examples.SCENARIO]),
)
class ScenarioViewSet(ReadViewSet):
    """What starts by itself when a trigger fires, and runs a tree of actions for the contact."""

    ability_noun = "scenarios"
    resource = "scenarios"
    order_columns = ("created_at", "updated_at", "title")
    queryset = Scenario.in_full()
    serializer_class = ScenarioSerializer
    filterset_class = ScenarioFilter

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        measure(page or ())
        return page

    def get_object(self) -> Scenario:
        scenario: Scenario = super().get_object()
        measure([scenario])
        return scenario

    @extend_schema(summary="Get one scenario", examples=[examples.SCENARIO])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Its `ETag` goes into the `If-Match` of a change."""
        return self._answer(self.get_object())

    @extend_schema(
        summary="Create a scenario from JSON",
        request=ScenarioShape,
        responses={
            201: ScenarioSerializer,
            502: _NOT_FETCHED,
            503: OpenApiResponse(
                description="`ai_not_configured`: nobody is there for a `prompt`."
            ),
        },
        examples=[
            examples.WELCOME_FLOW,
            examples.KEYWORD_TO_IMAGE,
            examples.QUESTION,
            examples.SCENARIO,
        ],
    )
    def create(self, request: Request) -> Response:
        """Actions come as a flat list; each but the first names its parent and a branch of it.

        Every fault of the request is reported at once and nothing is kept of a refused one. A
        `media_file` is {"id": …} or {"file_url": …}; a file that is slow to arrive leaves the
        scenario saved and inactive, with the warning `media_pending`.
        """
        create_scenario(
            self.workspace,
            request.data,
            actor=actor_of(request),
            before_commit=self._keep_created,
        )
        return self.kept

    def _keep_created(self, new: Scenario) -> None:
        scenario = self._in_full(new.pk)
        answer = self.created(ScenarioSerializer(scenario).data, scenario.pk)
        answer["ETag"] = entity_tag(version_of(scenario))
        self.keep(answer)

    @extend_schema(
        summary="Change a scenario",
        request=ScenarioChangeShape,
        parameters=[IF_MATCH],
        responses={200: ScenarioSerializer, 409: STALE_EDIT, 502: _NOT_FETCHED},
        examples=[examples.TITLE_CHANGE, examples.ACTIONS_CHANGE, examples.SCENARIO],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """What is left out stays as it is; `triggers` and `actions` are complete lists.

        In a list, {"id": 7} keeps an element, {"id": 7, "content": "…"} changes those fields of
        it, one without an id is made, and one that is not in the list is removed. One fault
        refuses the whole change. What GET answers can be sent back.
        """
        change_scenario(
            self.get_object(), request.data, versions_in(request), actor=actor_of(request)
        )
        return self._answer(self._in_full(int(pk)))

    @extend_schema(
        summary="Check a scenario without making it",
        request=ScenarioShape,
        responses=ValidationSerializer,
        examples=[examples.WELCOME_FLOW, examples.VALIDATION],
    )
    @action(detail=False, methods=["post"])
    def validate(self, request: Request) -> Response:
        """Takes what POST /scenarios takes, and writes nothing.

        Answers with every fault, as POST would refuse it, and every warning, each by its path. The
        files at a `file_url` are not fetched.
        """
        details, warnings = validate_scenario(self.workspace, request.data)
        report = {"valid": not details, "details": details, "warnings": warnings}
        return Response(ValidationSerializer(report).data)

    @extend_schema(
        summary="Export a scenario", responses=ExportSerializer, examples=[examples.EXPORT]
    )
    @action(detail=True)
    def export(self, request: Request, pk: str) -> Response:
        """What POST /scenarios takes to make an equal one, in any workspace.

        Without ids; files come by their addresses, and are read from the storage again. What only
        this workspace has (the channels of a trigger) is left out, as `warnings` says, and the
        copy is inactive then.
        """
        return Response(ExportSerializer(exported(super().get_object())).data)

    @extend_schema(summary="Delete a scenario", responses={204: None}, examples=[])
    def destroy(self, request: Request, pk: str) -> Response:
        """Its triggers and actions go with it, and its executions, also those under way.

        Messages that it has sent, or handed over to be sent, stay in their conversations.
        """
        delete_scenario(self.get_object(), actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _in_full(self, pk: int) -> Scenario:
        scenario: Scenario = get_object_or_404(self.get_queryset(), pk=pk)
        measure([scenario])
        return scenario

    @staticmethod
    def _answer(scenario: Scenario) -> Response:
        tag = entity_tag(version_of(scenario))
        return Response(ScenarioSerializer(scenario).data, headers={"ETag": tag})
