"""The reference page of errors, and options of a serializer as a table for other pages."""

from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from inro.api.errors import STATUS_OF
from inro.common.referencing import PAGES, Page, code, table

MEANINGS = {
    "validation_failed": "Something in the request is not valid; `details` names each fault by its "
    "path.",
    "malformed_json": "The body is not JSON, or not a form that can be read.",
    "unsupported_media": "The file is of a kind that is not taken, judged by its bytes.",
    "authentication_failed": "No token, or one that is wrong, expired or revoked.",
    "plan_required": "The workspace's plan has no API: it takes `pro` or `trial`.",
    "missing_ability": "The token may not do this; the message names the ability that it lacks.",
    "permission_denied": "This may not be done from where, or as whom, it was asked.",
    "not_found": "There is no such thing in this workspace; another workspace's looks the same.",
    "method_not_allowed": "The address is right, the method is not.",
    "conflict": "Somebody else has it already: an account, a name, an `Idempotency-Key`.",
    "duplicate_media": "The library has the same file, and `on_duplicate` is `error`.",
    "stale_edit": "It was changed since you read it: read it again.",
    "in_use": "Something depends on it, so it cannot go.",
    "media_deleted": "The file was deleted.",
    "length_required": "The body needs a `Content-Length`.",
    "too_large": "The body, or the file behind a URL, is too large.",
    "unsupported_media_type": "The body's `Content-Type` is not taken here.",
    "rate_limited": "Too many requests; `Retry-After` says how many seconds to wait.",
    "internal_error": "A fault of ours; the message holds the request id that the logs carry too.",
    "download_failed": "The URL could not be downloaded.",
    "storage_unavailable": "The file storage does not answer; try again shortly.",
    "provider_unavailable": "The provider could not be asked, so nothing has changed; try again "
    "shortly.",
    "ai_not_configured": "There is no AI provider set up.",
    "unavailable": "Something that this needs does not answer; try again shortly.",
}
_TYPES: list[tuple[type[serializers.Field], str]] = [
    (serializers.BooleanField, "boolean"),
    (serializers.IntegerField, "integer"),
    (serializers.FloatField, "number"),
    (serializers.ChoiceField, "string"),
    (serializers.CharField, "string"),
    (serializers.DateTimeField, "time"),
]


def register() -> None:
    PAGES.add(Page("errors", "Errors", errors_page))


def errors_page() -> str:
    about = (
        "Every error has one shape, described in [the API](../api.md). `code` is one of these; "
        "more may come, so treat one that you do not know by its status."
    )
    rows = [(status, code(name), MEANINGS.get(name, "")) for name, status in STATUS_OF.items()]
    return f"{about}\n\n{table(('Status', 'Code', 'Meaning'), rows)}"


def options_table(options: type[serializers.Serializer]) -> str:
    """What a serializer takes, a row a field."""
    rows = [
        (code(name), type_of(field), _default(field), _about(field))
        for name, field in options().fields.items()
        if not field.read_only
    ]
    return table(("Option", "Type", "Default", "Meaning"), rows)


def type_of(field: Any) -> str:
    if isinstance(field, serializers.ListSerializer | serializers.ListField):
        return f"list of {type_of(field.child)}"
    if isinstance(field, serializers.Serializer):
        return "object"
    return next((name for cls, name in _TYPES if isinstance(field, cls)), "any")


def _default(field: Any) -> str:
    if field.required:
        return "required"
    return "" if field.default is empty else code(_as_json(field.default))


def _as_json(value: Any) -> str:
    named = {True: "true", False: "false", None: "null"}
    return named[value] if isinstance(value, bool) or value is None else str(value) or '""'


def _about(field: Any) -> str:
    parts = [str(field.help_text).rstrip(".") + "." if field.help_text else ""]
    if isinstance(field, serializers.ChoiceField):
        parts.append(f"One of {', '.join(code(each) for each in field.choices)}.")
    for attribute, words in (("min_value", "At least"), ("max_value", "At most")):
        limit = getattr(field, attribute, None)
        if limit is not None:
            parts.append(f"{words} {limit:,}.")
    if limit := getattr(field, "max_length", None):
        unit = "elements" if isinstance(field, serializers.ListField) else "characters"
        parts.append(f"At most {limit:,} {unit}.")
    return " ".join(filter(None, parts))
