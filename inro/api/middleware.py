"""What is decided about a request before any view sees it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from inro.api.errors import body
from inro.api.limiting import ALLOWANCE

# Room for the other fields and the boundaries of a multipart body.
FORM_OVERHEAD_BYTES = 1024 * 1024


class BodyLimitMiddleware:
    """Refuses a body by its announced length, before a byte of it is read or spooled."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        if length > self._limit(request):
            message = f"The body has {length:,} bytes; at most {self._limit(request):,} are taken."
            response: HttpResponse = JsonResponse(body("too_large", message), status=413)
            # What was announced will not be read: the connection cannot be used again.
            response["Connection"] = "close"
            return response
        return self.get_response(request)

    @staticmethod
    def _limit(request: HttpRequest) -> int:
        if request.content_type == "multipart/form-data":
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
            request.path_info = request.path_info.rstrip("/")
            request.path = request.path.rstrip("/")
        return self.get_response(request)
