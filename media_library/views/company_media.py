from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from inro.accounts.models import AuditEntry
from inro.api.authentication import actor_of
from inro.api.views import NothingHere, ReadViewSet
from media_library.company_media import ERROR_SHAPE, CompanyPages, as_object
from media_library.deleting import delete_media_file
from media_library.models import MediaFile
from media_library.serializers.company_media import (
    CompanyMediaSerializer,
    NewCompanyMediaSerializer,
)

SHOWN: dict[str, Any] = {
    "id": 123,
    "mediaId": 123,
    "name": "Summer sale",
    "description": "The picture of this year's campaign.",
    "folderId": None,
    "url": "https://inro.example/media/123:Zm9vYmFy/summer-sale.jpg",
    "mimeType": "image/jpeg",
    "size": 48211,
    "width": 1200,
    "height": 800,
    "createdAt": "2026-11-21T10:00:00.000000Z",
}
_EXAMPLE = OpenApiExample("An image", value=SHOWN, response_only=True)


class NoCompanyMedia(NothingHere):
    error_shape = ERROR_SHAPE


@extend_schema(tags=["company media"])
@extend_schema_view(
    list=extend_schema(summary="List company media", examples=[_EXAMPLE]),
    retrieve=extend_schema(summary="Get a company media file", examples=[_EXAMPLE]),
)
class CompanyMediaViewSet(ReadViewSet):
    """The same files, for integrations of RCS and WhatsApp."""

    error_shape = ERROR_SHAPE
    ability_noun = "media"
    resource = "items"
    queryset = MediaFile.objects.undeleted().select_related("blob")
    serializer_class = CompanyMediaSerializer
    parser_classes = (MultiPartParser,)
    filter_backends = ()
    pagination_class = CompanyPages

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All types of file that the library has, newest first."""
        rows = self.paginate_queryset(self.get_queryset().select_related(None))
        return self.get_paginated_response([as_object(row) for row in rows or []])

    @extend_schema(
        summary="Upload a company media file",
        request={"multipart/form-data": NewCompanyMediaSerializer},
        responses={
            201: OpenApiResponse(CompanyMediaSerializer, "Stored."),
            502: OpenApiResponse(
                description="The storage does not answer; nothing was stored. Try again after "
                "`Retry-After` seconds."
            ),
        },
        examples=[_EXAMPLE],
    )
    def create(self, request: Request) -> Response:
        """JPEG, PNG, GIF and MP4, judged by their bytes."""
        given = NewCompanyMediaSerializer(data=request.data, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        given.save(before_commit=self._keep_created)
        return self.kept

    @extend_schema(summary="Delete a company media file", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """For good. Messages that were sent stay as they are."""
        media_file = self.get_object()
        with transaction.atomic():
            actor, done = actor_of(request), "media file deleted"
            AuditEntry.record(self.workspace, actor, done, media_file, id=media_file.pk)
            delete_media_file(media_file)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _keep_created(self, media_file: MediaFile) -> None:
        self.keep(self.created(CompanyMediaSerializer(media_file).data, media_file.pk))
