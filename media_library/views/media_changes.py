"""What can be done with a file that is there."""

from datetime import datetime
from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from inro.accounts.models import AuditEntry
from inro.api.authentication import actor_of
from inro.api.pagination import EnvelopePagination
from inro.api.parsers import JSONParser
from inro.api.preconditions import IF_MATCH, STALE_EDIT, entity_tag, refuse_stale
from inro.api.views import ReadViewSet
from inro.common.errors import Refused, invalid
from media_library.changing import change_media_file, locked, version_of
from media_library.deleting import delete_media_file
from media_library.folders import hold_folder
from media_library.models import MediaFile
from media_library.replacing import replace_by_upload, replace_by_url
from media_library.serializers.media_changes import (
    FetchedReplacementSerializer,
    MediaFileChangeSerializer,
    ReplacementSerializer,
    UsageSerializer,
)
from media_library.serializers.media_files import MediaFileSerializer, at_file
from media_library.usages import UsageRows

_RENAMING = OpenApiExample("Into a folder", value={"folder_id": 7}, request_only=True)
_BY_URL = OpenApiExample(
    "By URL", value={"file_url": "https://mybrand.com/summer.jpg"}, request_only=True
)
_USAGE = OpenApiExample(
    "A scenario",
    value={"type": "scenario", "id": 7, "title": "Welcome", "action_key": "photo"},
    response_only=True,
)
_IF_UNUSED = OpenApiParameter(
    "if_unused", bool, description="Refuse with 409 `in_use` while anything would still send it."
)


class MediaFileChanges(ReadViewSet):
    """Changing, replacing and deleting one file, and what would still send it."""

    parameters = {"destroy": frozenset({"if_unused"})}
    lists = ("list", "usages")
    paginator: EnvelopePagination

    def get_parsers(self) -> list[BaseParser]:
        """Forms only where bytes may come."""
        asked = getattr(self, "request", None)
        return [JSONParser()] if asked and asked.method == "PATCH" else super().get_parsers()

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Its `ETag` goes into the `If-Match` of a change."""
        return self._answer(self._found())

    @extend_schema(
        summary="Change a media file",
        request={"application/json": MediaFileChangeSerializer},
        parameters=[IF_MATCH],
        responses={200: MediaFileSerializer, 409: STALE_EDIT},
        examples=[_RENAMING],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change its name, description, caption or folder; pending and failed files too.

        What is left out stays as it is. What GET answers can be sent back.
        """
        media_file = self._found()
        context = self.get_serializer_context()
        given = MediaFileChangeSerializer(data=request.data, context=context)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        seen = values.pop("updated_at", None)
        with transaction.atomic():
            hold_folder(self.workspace, values.get("folder_id"))
            current = locked(media_file)
            if current is None:
                raise Refused("not_found", "There is no such resource in this workspace.")
            self._refuse_stale(current, seen)
            change_media_file(current, values, actor_of(request))
        return self._answer(current)

    @extend_schema(
        summary="Replace the bytes of a media file",
        request={
            "application/json": FetchedReplacementSerializer,
            "application/x-www-form-urlencoded": FetchedReplacementSerializer,
            "multipart/form-data": ReplacementSerializer,
        },
        parameters=[IF_MATCH],
        responses={
            200: MediaFileSerializer,
            409: STALE_EDIT,
            502: OpenApiResponse(
                description="`download_failed`, also when it takes too long, or "
                "`storage_unavailable` with `Retry-After`."
            ),
        },
        examples=[_BY_URL],
    )
    def update(self, request: Request, pk: str) -> Response:
        """Either `file` (multipart) or `file_url`, of the same kind as before.

        The id stays, and so do all addresses of the file that were given out. An extension in its
        name that was that of the old bytes follows the new ones. Until the new bytes are here, and
        when they are refused, the file stays as it was.
        """
        media_file = self._found()
        given = ReplacementSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        if "file_url" in values:
            replaced = replace_by_url(media_file, values["file_url"], self._begin_replacing)
        else:
            try:
                replaced = replace_by_upload(media_file, values["file"], self._begin_replacing)
            except Refused as refused:
                raise at_file(refused) from None
        return self._answer(replaced)

    @extend_schema(
        summary="Delete a media file",
        parameters=[_IF_UNUSED],
        responses={
            204: None,
            409: OpenApiResponse(description="`in_use`: `details.usages` names what."),
        },
    )
    def destroy(self, request: Request, pk: str) -> Response:
        """Its bytes and its address are gone for good; messages that went out are as they were.

        What still names it fails with `media_deleted`. `GET /media_files/{id}/usages` lists that
        before it happens.
        """
        asked = request.query_params.get("if_unused", "false")
        if asked not in ("true", "false"):
            raise invalid({"if_unused": ["Must be true or false."]})
        media_file = self._found()
        with transaction.atomic():
            self._note("media file deleted", media_file)
            delete_media_file(media_file, if_unused=asked == "true")
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="List what uses a media file",
        responses=UsageSerializer(many=True),
        examples=[_USAGE],
    )
    @action(
        detail=True,
        resource="usages",
        filterset_class=None,
        unbounded=False,
        order_columns=("created_at",),
    )
    def usages(self, request: Request, pk: str) -> Response:
        """Actions of scenarios that send it, then messages that have yet to go out; newest first.

        It is what deleting the file would have fail.
        """
        media_file = self._found()
        self.filter_queryset(self.get_queryset())  # judges the parameters
        page = self.paginator.paginate(UsageRows(media_file.pk), request, self)
        return self.get_paginated_response(UsageSerializer(page, many=True).data)

    def _found(self) -> MediaFile:
        """Past the filters of lists, which refuse the parameters of a deletion."""
        found: MediaFile = get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])
        return found

    def _begin_replacing(self, media_file: MediaFile) -> None:
        self._refuse_stale(media_file)
        self._note("media file replaced", media_file)

    def _refuse_stale(self, media_file: MediaFile, seen: datetime | None = None) -> None:
        version = version_of(media_file)
        refuse_stale("file", self.request, version, media_file.updated_at, seen)

    def _note(self, done: str, media_file: MediaFile) -> None:
        AuditEntry.record(
            self.workspace, actor_of(self.request), done, media_file, id=media_file.pk
        )

    @staticmethod
    def _answer(media_file: MediaFile) -> Response:
        tag = entity_tag(version_of(media_file))
        return Response(MediaFileSerializer(media_file).data, headers={"ETag": tag})
