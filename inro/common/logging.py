"""Structured logs with a request id; no query strings, bodies, secrets or phone numbers."""

import logging
import logging.config
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse

from inro.common import measuring

log = structlog.get_logger("inro.request")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# Signed parts of a path open what they sign: they are left out of the log.
_SECRET_PATH = re.compile(r"^/(media|login|hooks|l)/.*")


def configure(log_format: str, level: str) -> None:
    """Send structlog's and the standard library's records through one formatter to stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        # Not the default, which shows local variables: secrets and what people wrote.
        else structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    exception_formatter = [structlog.processors.format_exc_info] if log_format == "json" else []
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        *exception_formatter,
                        renderer,
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                # Each of these writes a line a request, with the full URL.
                "django.server": {"level": "WARNING"},
                "httpx2": {"level": "WARNING"},
                "celery": {"level": "WARNING" if level == "INFO" else level},
                "django.request": {"level": "ERROR"},
                # Tells of the start and the end of a server that lives for one request.
                "mcp": {"level": "WARNING"},
            },
        }
    )


class RequestLogMiddleware:
    """Gives each request an id (`X-Request-Id`, taken over when it looks sane) and one log line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        request.META["inro.request_id"] = request_id
        started = time.monotonic()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            seconds = time.monotonic() - started
            measuring.count_request(request, response, seconds)
            # Probes come every few seconds and say nothing while they succeed.
            probe = request.path.startswith(("/health/", "/metrics"))
            quiet = probe and response.status_code == 200
            (log.debug if quiet else log.info)(
                "request",
                method=request.method,
                path=_SECRET_PATH.sub(r"/\1/…", request.path),
                status=response.status_code,
                ms=round(seconds * 1000, 1),
            )
        response["X-Request-Id"] = request_id
        return response


def request_id(request: HttpRequest) -> str:
    return str(request.META.get("inro.request_id", ""))
