"""Lists: an envelope keyed by the resource, paged by number or by cursor."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from math import ceil
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.pagination import BasePagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from inro.api.rows import MAX_ID, QueryRows, Rows, Window
from inro.common.errors import invalid

if TYPE_CHECKING:  # settings name this module: rest_framework.views imports it while it loads
    from rest_framework.views import APIView

DEFAULT_PER_PAGE = 25
MAX_PER_PAGE = 100
_PARAMETERS = {
    "page": "Counted from 1.",
    "order_column": "What the list is ordered by; the first of these unless asked otherwise.",
    "order_direction": "`desc` unless asked otherwise.",
    "cursor": "The `meta.next_cursor` of the page before, which costs the same at any depth. Goes "
    "newest first, and not together with `page` or an order.",
}
PAGING = frozenset({"page", "per_page", "order_column", "order_direction"})


class EnvelopePagination(BasePagination):
    """`{"<resource>": […], "meta": {"page", "per_page", "total", "total_pages"}}`.

    The view names `resource` and `order_columns` (the first is the default; newest first).
    `unbounded = True` adds the cursor: keyed by id, newest first only, its cost does not grow
    with depth; the first page by number carries `next_cursor` too, so a walk can begin there.
    Rows are models, or tuples that begin with their id.
    """

    default_per_page = DEFAULT_PER_PAGE
    max_per_page = MAX_PER_PAGE

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet, request: Request, view: "APIView | None" = None
    ) -> list[Any]:
        return self.paginate(QueryRows(queryset), request, view)

    def paginate(self, source: Rows, request: Request, view: "APIView | None") -> list[Any]:
        """The rows of the page that `request` asks for."""
        self.resource: str = view.resource  # type: ignore[union-attr]
        unbounded: bool = getattr(view, "unbounded", False)
        columns: tuple[str, ...] = getattr(view, "order_columns", ("created_at",))
        asked = self._read(request, columns, unbounded)
        if asked["cursor"] is not None:
            return self._by_cursor(source, asked)
        return self._by_number(source, asked, columns, unbounded)

    def _read(self, request: Request, columns: tuple[str, ...], unbounded: bool) -> dict[str, Any]:
        query, faults = request.query_params, {}
        numbers = {}
        for name, default in (("page", 1), ("per_page", self.default_per_page)):
            raw = query.get(name, str(default))
            numbers[name] = int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 10 else 0
            if numbers[name] < 1:
                faults[name] = ["Must be a whole number from 1 on."]
        column, direction = query.get("order_column"), query.get("order_direction")
        if column is not None and column not in columns:
            faults["order_column"] = [f"Must be one of: {', '.join(columns)}."]
        if direction is not None and direction not in {"asc", "desc"}:
            faults["order_direction"] = ["Must be asc or desc."]
        cursor = self._read_cursor(query.get("cursor"), faults) if unbounded else None
        if cursor is not None and {"page", "order_column", "order_direction"} & set(query):
            faults["cursor"] = ["Goes newest first; it cannot be combined with page or order."]
        if faults:
            raise invalid(faults)
        numbers["per_page"] = min(numbers["per_page"], self.max_per_page)
        return {**numbers, "column": column, "direction": direction or "desc", "cursor": cursor}

    @staticmethod
    def _read_cursor(raw: str | None, faults: dict[str, list[str]]) -> int | None:
        if raw is None:
            return None
        try:
            below = int(urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
        except ValueError:
            below = 0
        if not 0 < below <= MAX_ID:
            faults["cursor"] = ["Is not a cursor of ours; take it from meta.next_cursor."]
        return below

    @staticmethod
    def _cursor_after(rows: list[Any], per_page: int) -> str | None:
        """The cursor behind the last of `per_page` rows, if there was at least one more."""
        if len(rows) <= per_page:
            return None
        last = rows[per_page - 1]
        pk = last[0] if isinstance(last, tuple) else last.pk
        return urlsafe_b64encode(str(pk).encode()).decode().rstrip("=")

    def _by_cursor(self, source: Rows, asked: dict[str, Any]) -> list[Any]:
        per_page = asked["per_page"]
        rows = source.within(Window(("-pk",), 0, per_page + 1), asked["cursor"])
        self.meta = {"per_page": per_page, "next_cursor": self._cursor_after(rows, per_page)}
        return rows[:per_page]

    def _by_number(
        self, source: Rows, asked: dict[str, Any], columns: tuple[str, ...], unbounded: bool
    ) -> list[Any]:
        page, per_page = asked["page"], asked["per_page"]
        sign = "-" if asked["direction"] == "desc" else ""
        column = asked["column"] or columns[0]
        # Ids grow with creation, and their index serves the page and the cursor alike.
        by_id = column in ("created_at", "id")
        order = (f"{sign}pk",) if by_id else (f"{sign}{column}", f"{sign}pk")
        start = (page - 1) * per_page
        rows, total = source.counted(Window(order, start, start + per_page + 1))
        self.meta = {
            "page": page,
            "per_page": per_page,
            "total": total,
            "total_pages": ceil(total / per_page),
        }
        if unbounded and page == 1 and by_id and sign:
            self.meta["next_cursor"] = self._cursor_after(rows, per_page)
        return rows[:per_page]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({self.resource: data, "meta": self.meta})

    def rendered_response(self, objects: Iterable[bytes]) -> HttpResponse:
        """The same of objects that are JSON already."""
        envelope = b'{"%s":[%s],"meta":%s}' % (
            self.resource.encode(),
            b",".join(objects),
            JSONRenderer().render(self.meta),
        )
        return HttpResponse(envelope, content_type="application/json")

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        # By property, so that the example of one row becomes one of the list.
        numbers = {"page": 1, "per_page": 25, "total": 312, "total_pages": 13}
        meta = {
            "type": "object",
            "properties": {
                **{name: {"type": "integer", "example": each} for name, each in numbers.items()},
                "next_cursor": {"type": ["string", "null"], "example": "MTA1"},
            },
        }
        resource = getattr(self, "resource", "results")
        return {
            "type": "object",
            "required": [resource, "meta"],
            "properties": {resource: schema, "meta": meta},
        }

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        self.resource = getattr(view, "resource", "results")
        columns = list(getattr(view, "order_columns", ("created_at",)))
        schemas: dict[str, dict[str, Any]] = {
            "page": {"type": "integer", "minimum": 1, "default": 1},
            "per_page": {"type": "integer", "minimum": 1, "default": self.default_per_page},
            "order_column": {"type": "string", "enum": columns},
            "order_direction": {"type": "string", "enum": ["asc", "desc"]},
        }
        if getattr(view, "unbounded", False):
            schemas["cursor"] = {"type": "string"}
        texts = {**_PARAMETERS, "per_page": f"At most {self.max_per_page}; more count as that."}
        return [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": texts[name],
                "schema": schema,
            }
            for name, schema in schemas.items()
        ]
