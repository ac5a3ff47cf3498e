from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from automations.editing import version_of
from automations.metrics import measure
from automations.models import Revision, Scenario
from automations.restoring import restore_revision
from automations.serializers.revisions import RevisionInFullSerializer, RevisionSerializer
from automations.serializers.scenarios import ScenarioSerializer
from automations.views import examples
from inro.api.authentication import actor_of
from inro.api.preconditions import IF_MATCH, STALE_EDIT, entity_tag, versions_in
from inro.api.serializers import NoFields
from inro.api.views import ReadViewSet


@extend_schema(
    tags=["scenarios"],
    parameters=[OpenApiParameter("scenario_id", int, OpenApiParameter.PATH)],
)
class RevisionViewSet(ReadViewSet):
    """The changes of one scenario."""

    ability_noun = "scenarios"
    resource = "revisions"
    queryset = Revision.objects.all()
    serializer_class = RevisionSerializer
    lookup_field = "number"
    lookup_value_regex = "[0-9]{1,9}"

    def get_queryset(self) -> QuerySet[Revision]:
        revisions: QuerySet[Revision] = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return revisions
        revisions = revisions.filter(definition=self._scenario().definition_id)
        # What a scenario was like is looked at one by one.
        return revisions.defer("snapshot") if self.action == "list" else revisions

    def _scenario(self) -> Scenario:
        mine = Scenario.objects.for_workspace(self.workspace).select_related("definition")
        scenario: Scenario = get_object_or_404(mine, pk=self.kwargs["scenario_id"])
        return scenario

    @extend_schema(summary="List the changes of a scenario", examples=[examples.REVISION])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who changed what and when, newest first; the latest 200 are kept."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        summary="Get one change of a scenario",
        responses=RevisionInFullSerializer,
        examples=[examples.REVISION_IN_FULL],
    )
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The change, and what the scenario was after it."""
        return Response(RevisionInFullSerializer(self.get_object()).data)

    @extend_schema(
        summary="Restore what a scenario was",
        request=None,
        parameters=[IF_MATCH],
        responses={200: ScenarioSerializer, 409: STALE_EDIT},
        examples=[examples.SCENARIO],
    )
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, scenario_id: str, number: str) -> Response:
        """Make the scenario again what it was after this change; answers with the scenario.

        This is a change of its own, with a revision of its own. `active` stays as it is now, and
        actions whose keys are still there keep their ids. It is judged as any change is: what has
        gone since, a file say, refuses it whole, each fault by its path.
        """
        NoFields(data=request.data).is_valid(raise_exception=True)
        restore_revision(
            self._scenario(),
            int(number),
            versions_in(request),
            actor=actor_of(request),
            before_commit=self._keep_restored,
        )
        return self.kept

    def _keep_restored(self, restored: Scenario) -> None:
        scenario = Scenario.in_full().get(pk=restored.pk)
        measure([scenario])
        tag = entity_tag(version_of(scenario))
        self.keep(Response(ScenarioSerializer(scenario).data, headers={"ETag": tag}))
