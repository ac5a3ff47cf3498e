from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from inro.api.pagination import EnvelopePagination
from inro.api.parsers import JSONParser
from inro.api.preconditions import entity_tag
from inro.api.rows import PreparedRows, QueryRows, Rows
from media_library import showing
from media_library.changing import version_of
from media_library.filters import MediaFileFilter
from media_library.models import MediaFile, MediaStatus
from media_library.serializers.media_files import (
    FetchedMediaFileSerializer,
    MediaFileSerializer,
    NewMediaFileSerializer,
)
from media_library.views.media_changes import MediaFileChanges

READY: dict[str, Any] = {
    "id": 123,
    "status": "ready",
    "media_type": "image",
    "mime_type": "image/jpeg",
    "name": "welcome.jpg",
    "description": "",
    "caption": "Welcome!",
    "size": 48211,
    "width": 1200,
    "height": 800,
    "duration": None,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "url": "https://inro.example/media/123:Zm9vYmFy/welcome.jpg",
    "thumbnail_url": "https://inro.example/media/123.thumbnail:Zm9vYmF6/welcome.jpg",
    "folder_id": None,
    "source_url": "https://mybrand.com/welcome.jpg",
    "error": None,
    "deliverable": {
        "instagram": {"ok": True, "rendition": None, "reason": None},
        "whatsapp": {"ok": True, "rendition": "jpeg-5mb", "reason": None},
        "rcs": {"ok": True, "rendition": None, "reason": None},
    },
    "created_at": "2026-11-21T10:00:00.000000Z",
    "updated_at": "2026-11-21T10:00:00.000000Z",
}
_BYTES_UNKNOWN = (
    "media_type",
    "mime_type",
    "size",
    "width",
    "height",
    "sha256",
    "url",
    "thumbnail_url",
)
PENDING = READY | dict.fromkeys(_BYTES_UNKNOWN) | {"status": "pending", "deliverable": {}}


ALL_FILES = PreparedRows(MediaFile.objects.undeleted(), showing.COLUMNS)


@extend_schema(tags=["media files"])
@extend_schema_view(
    list=extend_schema(
        summary="List media files",
        examples=[OpenApiExample("One file", value=READY, response_only=True)],
    ),
    retrieve=extend_schema(
        summary="Get a media file",
        examples=[OpenApiExample("Ready", value=READY, response_only=True)],
    ),
)
class MediaFileViewSet(MediaFileChanges):
    """The files that scenarios, campaigns and messages carry."""

    ability_noun = "media"
    resource = "media_files"
    queryset = MediaFile.objects.undeleted().select_related("blob")
    serializer_class = MediaFileSerializer
    filterset_class = MediaFileFilter
    parser_classes = (JSONParser, FormParser, MultiPartParser)
    order_columns = ("created_at", "name")
    unbounded = True

    @extend_schema(
        summary="Upload a media file",
        request={
            "application/json": FetchedMediaFileSerializer,
            "application/x-www-form-urlencoded": FetchedMediaFileSerializer,
            "multipart/form-data": NewMediaFileSerializer,
        },
        responses={
            200: OpenApiResponse(
                MediaFileSerializer, "It was here already, and `on_duplicate` is `return`."
            ),
            201: OpenApiResponse(
                MediaFileSerializer,
                "Stored.",
                [OpenApiExample("Ready", value=READY)],
            ),
            202: OpenApiResponse(
                MediaFileSerializer,
                "The download takes longer; ask for the file again until it is ready or failed.",
                [OpenApiExample("Pending", value=PENDING)],
            ),
            409: OpenApiResponse(
                description="`duplicate_media`: it was here already, and `on_duplicate` is `error`."
            ),
            502: OpenApiResponse(
                description="`download_failed`, or `storage_unavailable` with `Retry-After`."
            ),
        },
        examples=[
            OpenApiExample(
                "By URL",
                value={"file_url": "https://mybrand.com/welcome.jpg", "caption": "Welcome!"},
                request_only=True,
                media_type="application/json",
            )
        ],
    )
    def create(self, request: Request) -> Response:
        """Either `file` (multipart) or `file_url`, which we download.

        Answers 202 when the download takes longer than a request may wait.
        """
        given = NewMediaFileSerializer(data=request.data, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        given.save(before_commit=self._keep_created)
        return self.kept

    paginator: EnvelopePagination

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """Newest first."""
        everything = self.queryset
        asked = self.filter_queryset(everything)
        rows: Rows = ALL_FILES.of(self.workspace)
        if asked is not everything:
            mine = asked.filter(workspace=self.workspace)
            rows = QueryRows(mine.values_list(*showing.COLUMNS))
        page = self.paginator.paginate(rows, request, self)
        return self.paginator.rendered_response(showing.as_json(page))

    def _keep_created(self, media_file: MediaFile) -> None:
        code: int = status.HTTP_201_CREATED
        if media_file.was_here:
            code = status.HTTP_200_OK
        elif media_file.status == MediaStatus.PENDING:
            code = status.HTTP_202_ACCEPTED
        answer = self.created(MediaFileSerializer(media_file).data, media_file.pk, code=code)
        answer["ETag"] = entity_tag(version_of(media_file))
        self.keep(answer)
