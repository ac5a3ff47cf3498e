"""Errors reported to a server that speaks Sentry's protocol, without anything people wrote."""

import importlib
from typing import Any

from django.core.exceptions import ImproperlyConfigured

# What of an error may leave: where it happened and what kind it is.
_EVENT = {"event_id", "timestamp", "level", "platform", "release", "environment", "sdk", "tags"}
_EXCEPTION = {"type", "module", "stacktrace", "mechanism"}


def report_to(dsn: str) -> None:
    """Have unexpected errors sent to `dsn`. Raises ImproperlyConfigured without the SDK."""
    try:
        sdk = importlib.import_module("sentry_sdk")
    except ImportError:
        raise ImproperlyConfigured(
            'SENTRY_DSN is set, but the SDK is not there: pip install "sentry-sdk>=2".'
        ) from None
    sdk.init(
        dsn=dsn,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        traces_sample_rate=0.0,
        before_send=stripped,
    )


def stripped(event: dict[str, Any], hint: Any = None) -> dict[str, Any]:
    """`event` without messages, addresses and values: a text may be in any of them."""
    kept = {name: value for name, value in event.items() if name in _EVENT}
    raised = (event.get("exception") or {}).get("values") or []
    kept["exception"] = {
        "values": [
            {name: value for name, value in each.items() if name in _EXCEPTION} for each in raised
        ]
    }
    if not raised and isinstance(event.get("logger"), str):
        kept["logger"] = event["logger"]
    return kept
