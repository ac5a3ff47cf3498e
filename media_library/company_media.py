"""The library as the company media dialect shows it: `/api/v1/media`, for RCS and WhatsApp.

The same files under names in camel case, in lists that are paged from 0, with errors of a shape of
their own.
"""

from http import HTTPStatus
from typing import Any, NamedTuple

from django.db.models import F, QuerySet
from rest_framework.fields import DateTimeField
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from inro.api.error_shapes import ErrorShape
from inro.api.filters import unknown_parameters
from inro.api.rows import MAX_ID
from inro.common.errors import Refused, invalid
from media_library.kinds import as_kind
from media_library.models import MediaFile
from media_library.serving import address_of

TAKEN = frozenset({"image/jpeg", "image/png", "image/gif", "video/mp4"})
DEFAULT_LIMIT, MAX_LIMIT = 10, 1_000
_MAX_PAGE = 10**9
_SORTS = {"id": "pk", "name": "name", "size": "blob__size", "createdAt": "pk"}
_ORDERS = ("asc", "desc")
_TIME = DateTimeField()
_PARAMETERS = {
    "page": "Counted from 0.",
    "limit": "Files of a page.",
    "sortBy": "What the list is sorted by.",
    "sortOrder": "`desc` is newest, largest or last in the alphabet first.",
    "folderId": "Those in this very folder.",
}


# What our own dialect says of a body that it cannot read tells of JSON, which is not taken here.
_UNREAD = frozenset({"malformed_json", "unsupported_media_type"})
_NO_FORM = "The body must be complete multipart/form-data with the file in its part 'file'."


def _error(refused: Refused, status: int) -> dict[str, Any]:
    faults = [f"{path}: {' '.join(found)}" for path, found in refused.details.items()]
    error = {
        "status": status,
        # As older and newer versions of Python both call it.
        "error": "Payload Too Large" if status == 413 else HTTPStatus(status).phrase,
        "message": _NO_FORM if refused.code in _UNREAD else " ".join(faults) or refused.message,
    }
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        error["retryAfter"] = refused.retry_after
    return error


ERROR_SHAPE = ErrorShape(
    name="CompanyMediaError",
    schema={
        "type": "object",
        "required": ["status", "error", "message"],
        "properties": {
            "status": {"type": "integer"},
            "error": {"type": "string"},
            "message": {"type": "string"},
            "retryAfter": {"type": "integer", "description": "Seconds, as in Retry-After."},
        },
        "example": {
            "status": 400,
            "error": "Bad Request",
            "message": "limit: Must be a whole number from 1 to 1000.",
        },
    },
    render=_error,
    statuses={"unsupported_media_type": 400},
)


class Row(NamedTuple):
    """What `COLUMNS` selects, in their order. The facts of bytes are None without them."""

    id: int
    name: str
    description: str
    folder_id: int | None
    media_type: str
    created_at: Any
    mime_type: str | None
    size: int | None
    width: int | None
    height: int | None


_OF_BLOB = ("mime_type", "size", "width", "height")
COLUMNS = tuple(F(f"blob__{name}") if name in _OF_BLOB else F(name) for name in Row._fields)


def row_of(media_file: MediaFile) -> Row:
    blob = media_file.blob
    return Row._make(
        getattr(blob, name, None) if name in _OF_BLOB else getattr(media_file, name)
        for name in Row._fields
    )


def as_object(row: Row) -> dict[str, Any]:
    file_type = as_kind(row.mime_type, row.media_type) if row.mime_type else None
    return {
        "id": row.id,
        "mediaId": row.id,
        "name": row.name,
        "description": row.description,
        "folderId": row.folder_id,
        "url": address_of(row.id, row.name, file_type) if file_type else None,
        "mimeType": file_type.mime_type if file_type else None,
        "size": row.size,
        "width": row.width,
        "height": row.height,
        "createdAt": _TIME.to_representation(row.created_at),
    }


class CompanyPages(BasePagination):
    """`{"items": […], "page": 0, "limit": 10, "total": …}`, newest first unless asked otherwise."""

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet, request: Request, view: Any = None
    ) -> list[Row]:
        asked = self._read(request)
        if asked["folderId"] is not None:
            queryset = queryset.filter(folder_id=asked["folderId"])
        self._frame = {"page": asked["page"], "limit": asked["limit"], "total": queryset.count()}
        start = asked["page"] * asked["limit"]
        order = _order(asked["sortBy"], asked["sortOrder"])
        # Which rows first, their columns then: those that are passed over are not read.
        page = queryset.order_by(*order).values("pk")[start : start + asked["limit"]]
        rows = MediaFile.objects.filter(pk__in=page).order_by(*order).values_list(*COLUMNS)
        return [Row._make(row) for row in rows]

    @staticmethod
    def _read(request: Request) -> dict[str, Any]:
        query = request.query_params
        bounds = {
            "page": (0, _MAX_PAGE, 0),
            "limit": (1, MAX_LIMIT, DEFAULT_LIMIT),
            "folderId": (1, MAX_ID, None),
        }
        choices = {"sortBy": tuple(_SORTS), "sortOrder": _ORDERS}
        faults = unknown_parameters(request, {*bounds, *choices})
        asked: dict[str, Any] = {}
        for name, (low, high, default) in bounds.items():
            asked[name] = _number(query[name]) if name in query else default
            if name in query and not low <= asked[name] <= high:
                rest = f"to {high}" if name == "limit" else "on"
                faults.setdefault(name, [f"Must be a whole number from {low} {rest}."])
        for name, usual in (("sortBy", "id"), ("sortOrder", "desc")):
            asked[name] = query.get(name, usual)
            if asked[name] not in choices[name]:
                faults.setdefault(name, [f"Must be one of: {', '.join(choices[name])}."])
        if faults:
            raise invalid(faults)
        return asked

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, **self._frame})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        numbers = {"page": 0, "limit": DEFAULT_LIMIT, "total": 312}
        frame = {name: {"type": "integer", "example": each} for name, each in numbers.items()}
        return {
            "type": "object",
            "required": ["items", *numbers],
            "properties": {"items": schema, **frame},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        schemas: dict[str, dict[str, Any]] = {
            "page": {"type": "integer", "minimum": 0, "default": 0},
            "limit": {"type": "integer", **limit},
            "sortBy": {"type": "string", "enum": list(_SORTS), "default": "id"},
            "sortOrder": {"type": "string", "enum": list(_ORDERS), "default": "desc"},
            "folderId": {"type": "integer", "minimum": 1},
        }
        return [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": _PARAMETERS[name],
                "schema": schema,
            }
            for name, schema in schemas.items()
        ]


def _number(raw: str) -> int:
    """-1 for what is none."""
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 20 else -1


def _order(column: str, direction: str) -> list[Any]:
    """Databases differ on where files without a size go: they come before the smallest."""
    names = list(dict.fromkeys((_SORTS[column], "pk")))
    if direction == "asc":
        return [F(name).asc(nulls_first=True if name == "blob__size" else None) for name in names]
    return [F(name).desc(nulls_last=True if name == "blob__size" else None) for name in names]
