"""What is decided about a request before any view sees it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from inro.api.errors import refusal
from inro.api.limiting import ALLOWANCE
from inro.common.errors import Refused

# Where a multipart body may be as large as a file; everywhere else bodies are small.
FILE_ROUTES = (
    "/api/v1/media_files",
    "/api/v1/media",
    "/admin/media_library/mediafile/add/",
    "/admin/media_library/mediafile/upload/",
)
# Room for the other fields and the boundaries of a multipart body.
FORM_OVERHEAD_BYTES = 1024 * 1024


class BodyLimitMiddleware:
    """Refuses a body by its announced length, before a byte of it is read or spooled."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
            message = "Send the body with its length (Content-Length), not in chunks."
            return self._refusal(request, Refused("length_required", message))
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        if length > self._limit(request):
            message = f"The body has {length:,} bytes; at most {self._limit(request):,} are taken."
            return self._refusal(request, Refused("too_large", message))
        return self.get_response(request)

    @staticmethod
    def _refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
        response = refusal(request, refused)
        # What was announced will not be read: the connection cannot be used again.
        response["Connection"] = "close"
        return response

    @staticmethod
    def _limit(request: HttpRequest) -> int:
        is_file_route = request.path_info.rstrip("/") in {r.rstrip("/") for r in FILE_ROUTES}
        if request.content_type == "multipart/form-data" and is_file_route:
            return int(settings.MEDIA_MAX_BYTES) + FORM_OVERHEAD_BYTES
        return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


class RateLimitHeadersMiddleware:
    """Says on every answer to a limited token, whatever became of it, how much is left."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        allowance = request.META.get(ALLOWANCE)
        if allowance is not None:
            for name, value in allowance.headers().items():
                response[name] = value
        return response


class TrailingSlashMiddleware:
    """API paths have no trailing slash; one is accepted too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/api/v1/"):
            request.path_info = request.path_info.removesuffix("/")
            request.path = request.path.removesuffix("/")
        return self.get_response(request)
