from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from inro.accounts.models import AuditEntry
from inro.api.authentication import actor_of
from inro.api.preconditions import IF_MATCH, STALE_EDIT, entity_tag, refuse_stale
from inro.api.views import ReadViewSet
from media_library.filters import MediaFolderFilter
from media_library.folders import (
    change_folder,
    create_folder,
    delete_folder,
    hold_tree,
    version_of,
)
from media_library.models import MediaFolder
from media_library.serializers.media_folders import (
    MediaFolderChangeSerializer,
    MediaFolderSerializer,
    NewMediaFolderSerializer,
)

FOLDER: dict[str, Any] = {
    "id": 7,
    "name": "Summer",
    "parent_id": 3,
    "path": ["Campaigns", "Summer"],
    "files": 12,
    "created_at": "2026-11-21T10:00:00.000000Z",
    "updated_at": "2026-11-21T10:00:00.000000Z",
}
_SHOWN = OpenApiExample("A folder", value=FOLDER, response_only=True)
_NEW = OpenApiExample("In a folder", value={"name": "Summer", "parent_id": 3}, request_only=True)
_MOVE = OpenApiExample("To the top", value={"parent_id": None}, request_only=True)
_TAKEN = OpenApiResponse(description="`conflict`: its parent has a folder of this name.")


@extend_schema(tags=["media folders"])
class MediaFolderViewSet(ReadViewSet):
    """What files of the library are found under; folders nest, at most 10 deep."""

    ability_noun = "media"
    resource = "media_folders"
    queryset = MediaFolder.objects.in_full()
    serializer_class = MediaFolderSerializer
    filterset_class = MediaFolderFilter
    order_columns = ("created_at", "name")

    @extend_schema(examples=[_SHOWN])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Folders of all levels, newest first; `parent_id=null` for those at the top."""
        return super().list(request, *args, **kwargs)

    @extend_schema(examples=[_SHOWN])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One folder. Its `ETag` goes into the `If-Match` of a change."""
        return self._answer(self.get_object())

    @extend_schema(
        request=NewMediaFolderSerializer,
        responses={201: MediaFolderSerializer, 409: _TAKEN},
        examples=[_NEW, _SHOWN],
    )
    def create(self, request: Request) -> Response:
        """Make a folder.

        Names are told apart as people do, without case and accents.
        """
        given = NewMediaFolderSerializer(data=request.data, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        with transaction.atomic():
            new = create_folder(self.workspace, **given.validated_data)
            self._note("media folder made", new)
            folder = self.get_queryset().get(pk=new.pk)
            made = self.created(MediaFolderSerializer(folder).data, folder.pk)
            made["ETag"] = entity_tag(version_of(folder))
            self.keep(made)
        return self.kept

    @extend_schema(
        request=MediaFolderChangeSerializer,
        parameters=[IF_MATCH],
        responses={200: MediaFolderSerializer, 409: STALE_EDIT},
        examples=[_MOVE, _SHOWN],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Rename a folder, or move it with all that is in it.

        409 `conflict` when there is a folder of that name. It cannot go into itself.
        """
        given = MediaFolderChangeSerializer(
            data=request.data, context=self.get_serializer_context()
        )
        with transaction.atomic():
            folder = self._held()
            given.is_valid(raise_exception=True)
            values = dict(given.validated_data)
            seen = values.pop("updated_at", None)
            refuse_stale("folder", request, version_of(folder), folder.updated_at, seen)
            before = version_of(folder)
            change_folder(folder, values)
            if version_of(folder) != before:
                self._note("media folder changed", folder)
            return self._answer(self.get_queryset().get(pk=folder.pk))

    @extend_schema(
        responses={
            204: None,
            409: OpenApiResponse(
                description="`conflict`: folders inside have the names of others above."
            ),
        },
    )
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove a folder; its files and the folders in it move to its parent.

        When two folders would have the same name there, nothing moves: 409 `conflict` names them.
        """
        with transaction.atomic():
            folder = self._held()
            self._note("media folder removed", folder)
            delete_folder(folder)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _held(self) -> MediaFolder:
        hold_tree(self.workspace)
        mine = MediaFolder.objects.for_workspace(self.workspace)
        folder: MediaFolder = get_object_or_404(mine, pk=self.kwargs["pk"])
        return folder

    def _note(self, done: str, folder: MediaFolder) -> None:
        AuditEntry.record(self.workspace, actor_of(self.request), done, folder, id=folder.pk)

    @staticmethod
    def _answer(folder: MediaFolder) -> Response:
        tag = entity_tag(version_of(folder))
        return Response(MediaFolderSerializer(folder).data, headers={"ETag": tag})
