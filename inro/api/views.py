"""The base of every endpoint that serves rows of a workspace."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from inro.accounts.models import Workspace
from inro.api import idempotency
from inro.api.authentication import access_of
from inro.api.filters import NoParameters
from inro.common.errors import Refused


class IdempotentPosts(APIView):
    """A POST with an `Idempotency-Key` is done once.

    A view that writes calls `keep` with its answer, inside the transaction of the write, and
    returns `kept`. Without that the answer is kept after the write: a process that dies in between
    leaves a request that runs again once its lease is over.
    """

    kept: Response
    _reservation: idempotency.Reservation | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            self._reservation = idempotency.reserve(request)

    def keep(self, response: Response) -> None:
        """Have `response` stand for this request from the commit of the open transaction on."""
        if self._reservation:
            super().finalize_response(self.request, response)
            self._reservation.keep_or_refuse(response.render())
        self.kept = response

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, idempotency.Replay):
            return exc.response
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if self._reservation and answer is not getattr(self, "kept", None):
            self._reservation.conclude(answer.render())
        return answer


class NothingHere(APIView):
    """Addresses of a dialect that no other view serves; see `inro.api.error_shapes`."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        raise Refused("not_found", "There is nothing at this address.")


class WorkspaceApiView(NoParameters, IdempotentPosts):
    """An endpoint that is not a list of rows."""

    @property
    def workspace(self) -> Workspace:
        return access_of(self.request).workspace


class WorkspaceViewSet(IdempotentPosts, GenericViewSet):
    """Rows of the asking workspace; another workspace's row answers exactly as a missing one.

    Subclasses name `ability_noun`, `resource` (the key of the list's envelope) and `queryset`.
    """

    lookup_value_regex = "[0-9]{1,18}"
    resource: str
    ability_noun: str

    @property
    def workspace(self) -> Workspace:
        return access_of(self.request).workspace

    def get_queryset(self) -> QuerySet:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset.none()
        mine: QuerySet = queryset.for_workspace(self.workspace)  # type: ignore[attr-defined]
        return mine

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        if not getattr(self, "swagger_fake_view", False):
            context["workspace"] = self.workspace
        return context

    def created(self, data: Any, pk: int, *, code: int = status.HTTP_201_CREATED) -> Response:
        """The answer to a POST: the object, and where it can be had again."""
        location = f"{self.request.path.rstrip('/')}/{pk}"
        return Response(data, status=code, headers={"Location": location})


class ReadViewSet(NoParameters, mixins.RetrieveModelMixin, mixins.ListModelMixin, WorkspaceViewSet):
    """List and retrieve; `lists` names the actions that answer with lists."""

    lists: tuple[str, ...] = ("list",)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # A list's parameters are judged by its filter backend.
        if getattr(self, "action", None) in self.lists:
            WorkspaceViewSet.initial(self, request, *args, **kwargs)
        else:
            super().initial(request, *args, **kwargs)
