"""One error shape for everything that goes wrong:

`{"error": {"code": …, "message": …, "details": {"actions.1.parent_key": ["…"]}}}`

Other dialects have theirs: `inro.api.error_shapes`.
"""

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from inro.api.error_shapes import ErrorShape, shape_at, shape_of
from inro.common.errors import Details, Refused, invalid
from inro.common.logging import request_id

log = structlog.get_logger(__name__)

STATUS_OF: dict[str, int] = {
    "validation_failed": 400,
    "malformed_json": 400,
    "unsupported_media": 400,
    "authentication_failed": 401,
    "plan_required": 403,
    "missing_ability": 403,
    "permission_denied": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "duplicate_media": 409,
    "stale_edit": 409,
    "in_use": 409,
    "media_deleted": 409,
    "length_required": 411,
    "too_large": 413,
    "unsupported_media_type": 415,
    "rate_limited": 429,
    "internal_error": 500,
    "download_failed": 502,
    "storage_unavailable": 502,
    "provider_unavailable": 502,
    "ai_not_configured": 503,
    "unavailable": 503,
}
RETRY_AFTER_SECONDS = {"storage_unavailable": 10, "unavailable": 10}


def body(
    code: str, message: str, details: Details | None = None, retry_after: int | None = None
) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if retry_after is not None:
        error["retry_after"] = retry_after
    if details:
        error["details"] = details
    return {"error": error}


def flatten(detail: Any, path: str = "") -> Details:
    """DRF's nested faults as dotted paths: `{"actions": [{}, {"x": ["…"]}]}` → `actions.1.x`."""
    if isinstance(detail, dict):
        children = [(str(key), value) for key, value in detail.items()]
    elif isinstance(detail, list) and any(isinstance(each, dict | list) for each in detail):
        children = [(str(index), value) for index, value in enumerate(detail)]
    else:
        messages = detail if isinstance(detail, list) else [detail]
        return {path or "body": [str(message) for message in messages]} if messages else {}
    found: Details = {}
    for key, value in children:
        inner = path if key == api_settings.NON_FIELD_ERRORS_KEY else f"{path}.{key}".lstrip(".")
        for place, messages in flatten(value, inner).items():
            found.setdefault(place, []).extend(messages)
    return found


# What each foreign exception means; its own words are kept where they are fit for people.
_MEANINGS: list[tuple[tuple[type[Exception], ...], str, str]] = [
    ((exceptions.ParseError,), "malformed_json", "The body is not valid JSON or form data."),
    ((exceptions.NotAuthenticated, exceptions.AuthenticationFailed), "authentication_failed", ""),
    ((Http404, exceptions.NotFound), "not_found", "There is no such resource in this workspace."),
    ((PermissionDenied, exceptions.PermissionDenied), "permission_denied", ""),
    ((RequestDataTooBig,), "too_large", "The request body is too large."),
    ((SuspiciousOperation,), "validation_failed", "The request has too many fields or files."),
    ((exceptions.MethodNotAllowed,), "method_not_allowed", ""),
    ((exceptions.UnsupportedMediaType,), "unsupported_media_type", ""),
    ((exceptions.Throttled,), "rate_limited", ""),
]


def as_refused(error: Exception) -> Refused | None:
    """The refusal that `error` stands for; None for a fault of ours."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, exceptions.ValidationError):
        return invalid(flatten(error.detail))
    for types, code, message in _MEANINGS:
        if isinstance(error, types):
            return Refused(code, message or str(error) or "You may not do this.")
    if _is_deadlock(error):
        log.error("deadlock", exc_info=error)
        return Refused("unavailable", "Another request was at the same things; try again shortly.")
    return None


def _is_deadlock(error: Exception) -> bool:
    """PostgreSQL ended one of several that waited for each other. All of it is rolled back."""
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, OperationalError) and state == "40P01"


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    refused = as_refused(error)
    set_rollback()
    if refused is None:
        log.error("unexpected error", exc_info=error)
        refused = _internal_error(context["request"]._request)
    content, status = _content_of(refused, shape_of(context.get("view")))
    return Response(content, status=status, headers=_headers_of(refused))


def refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    """The answer to a request that no view has seen, in the shape of the view at its address."""
    content, status = _content_of(refused, shape_at(request))
    return JsonResponse(content, status=status, headers=_headers_of(refused))


def _content_of(refused: Refused, shape: ErrorShape | None) -> tuple[dict[str, Any], int]:
    status = STATUS_OF[refused.code]
    if shape is None:
        return body(refused.code, refused.message, refused.details, refused.retry_after), status
    status = shape.statuses.get(refused.code, status)
    return shape.render(refused, status), status


def _headers_of(refused: Refused) -> dict[str, str]:
    headers = {}
    if refused.code == "authentication_failed":
        headers["WWW-Authenticate"] = "Bearer"
    wait = refused.retry_after or RETRY_AFTER_SECONDS.get(refused.code)
    if wait:
        headers["Retry-After"] = str(wait)
    return headers


def _internal_error(request: HttpRequest) -> Refused:
    message = f"Something went wrong here; request {request_id(request)}."
    return Refused("internal_error", message)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's 400, for a host or a form that it does not take."""
    if request.path_info.startswith("/admin/"):
        return defaults.bad_request(request, exception or Exception())
    return refusal(request, Refused("validation_failed", "The request is not acceptable."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if request.path_info.startswith("/admin/"):
        return defaults.permission_denied(request, exception or Exception())
    return refusal(request, Refused("permission_denied", "You may not do this."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's 404 for addresses that no view serves."""
    if request.path_info.startswith("/admin/"):
        return defaults.page_not_found(request, exception or Exception())
    return refusal(request, Refused("not_found", "There is nothing at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    return refusal(request, _internal_error(request))
