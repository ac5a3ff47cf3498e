"""The OpenAPI document: what drf-spectacular cannot read from the code by itself."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from inro.api.error_shapes import ErrorShape, shape_of

ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "retry_after": {"type": "integer", "description": "Seconds, as in Retry-After."},
                "details": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
    "example": {
        "error": {
            "code": "validation_failed",
            "message": "One field is not valid.",
            "details": {"actions.1.parent_key": ["No action has the key 'q9'."]},
        }
    },
}
ALWAYS = {
    "401": "`authentication_failed`: no token, or one that is wrong, expired or revoked.",
    "403": "`plan_required` or `missing_ability`.",
    "405": "`method_not_allowed`.",
    "429": "`rate_limited`: ask again after `Retry-After` seconds.",
}
WITH_BODY = {
    "400": "`validation_failed`, `malformed_json` or `unsupported_media`; every fault by its path.",
    "413": "`too_large`.",
    "415": "`unsupported_media_type`.",
}


REPEATED = {
    "409": "`conflict`: the `Idempotency-Key` was used for another request, or its first request "
    "is still running (then with `Retry-After`); or a code of the operation's own.",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again within 24 hours with the same content, the request is not done "
    "again: the first answer comes back, with `Idempotent-Replay: true`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


# Where an operation of another dialect keeps its shape until the document is done.
_SHAPE = "x-error-shape"


class ApiSchema(AutoSchema):
    """Takes an operation's summary from the first line of its docstring."""

    def get_summary(self) -> str | None:
        given = super().get_summary()
        return given or self.get_description().strip().split("\n")[0].rstrip(".") or None

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None and (shape := shape_of(self.view)):
            operation[_SHAPE] = shape
        return operation

    def _get_paginator(self) -> Any:
        paginator = super()._get_paginator()  # type: ignore[no-untyped-call]
        if paginator is not None:
            # The envelope of a list is keyed by its resource, in the examples too.
            paginator.resource = getattr(self.view, "resource", "results")
        return paginator


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "inro.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "`Bearer apitk_…`"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "inro.api.authentication.WorkspaceSessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


def add_error_responses(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Give every operation the errors, every POST the header, that the conventions give them."""
    schemas = result["components"].setdefault("schemas", {})
    schemas["Error"] = ERROR_SCHEMA
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            shape: ErrorShape | None = operation.pop(_SHAPE, None)
            errors = _errors_of(path, method)
            if method == "post":
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
            if shape:
                schemas[shape.name] = shape.schema
                errors = _without_codes(errors, shape)
            for code, text in errors.items():
                operation["responses"].setdefault(code, {"description": text})
            component = shape.name if shape else "Error"
            schema = {"$ref": f"#/components/schemas/{component}"}
            for code, response in operation["responses"].items():
                if code >= "400":
                    response.setdefault("content", {"application/json": {"schema": schema}})
    return result


def _errors_of(path: str, method: str) -> dict[str, str]:
    """What the conventions say of each status that an operation may answer."""
    errors = dict(ALWAYS)
    if "{" in path:
        errors["404"] = "`not_found`: missing, or another workspace's."
    if method == "post":
        errors |= REPEATED
    if method in {"post", "put", "patch"}:
        errors |= WITH_BODY
    elif method == "get":
        errors["400"] = "`validation_failed`: an unknown parameter or value."
    return errors


def _without_codes(errors: dict[str, str], shape: ErrorShape) -> dict[str, str]:
    """By their statuses alone, for a dialect that does not show our codes."""
    from inro.api.errors import STATUS_OF  # which imports what settings name while it loads

    elsewhere = {STATUS_OF[code] for code in shape.statuses}
    return {
        status: HTTPStatus(int(status)).phrase for status in errors if int(status) not in elsewhere
    }
