"""The OpenAPI document: what drf-spectacular cannot read from the code by itself."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

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
}
WITH_BODY = {
    "400": "`validation_failed`, `malformed_json` or `unsupported_media`; every fault by its path.",
    "413": "`too_large`.",
    "415": "`unsupported_media_type`.",
}


class ApiSchema(AutoSchema):
    """Takes an operation's summary from the first line of its docstring."""

    def get_summary(self) -> str | None:
        given = super().get_summary()
        return given or self.get_description().strip().split("\n")[0].rstrip(".") or None

    def _get_paginator(self) -> Any:
        paginator = super()._get_paginator()
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
    """Give every operation the errors that the conventions give it."""
    result["components"].setdefault("schemas", {})["Error"] = ERROR_SCHEMA
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            errors = dict(ALWAYS)
            if "{" in path:
                errors["404"] = "`not_found`: missing, or another workspace's."
            if method in {"post", "put", "patch"}:
                errors |= WITH_BODY
            elif method == "get":
                errors["400"] = "`validation_failed`: an unknown parameter or value."
            for code, text in errors.items():
                operation["responses"].setdefault(code, {"description": text})
            for code, response in operation["responses"].items():
                if code >= "400":
                    response.setdefault("content", content)
    return result
