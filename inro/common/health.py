"""Whether this process lives, and whether what it stands on answers."""

import secrets
from collections.abc import Callable

import structlog
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from inro.common.models import Heartbeat

log = structlog.get_logger(__name__)


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _queue() -> None:
    from inro.celery import app

    with app.connection_for_write(connect_timeout=2) as broker:
        broker.ensure_connection(max_retries=1, timeout=2)
        with broker.channel() as channel:
            app.amqp.queues[settings.CELERY_TASK_DEFAULT_QUEUE].bind(channel).queue_declare()


def _storage() -> None:
    name = default_storage.save(f"health/{secrets.token_hex(8)}", ContentFile(b"ok"))
    default_storage.delete(name)


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "queue": _queue,
    "storage": _storage,
}


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "live"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when all parts answer, else 503; `last_tick` tells whether the clock runs."""
    parts = {}
    for name, check in CHECKS.items():
        try:
            check()
            parts[name] = "ok"
        except Exception:
            log.exception("not ready", part=name)
            parts[name] = "failing"
    well = all(state == "ok" for state in parts.values())
    tick = None
    if parts["database"] == "ok":
        tick = Heartbeat.objects.filter(name="tick").values_list("at", flat=True).first()
    return JsonResponse(
        {"status": "ready" if well else "failing", "checks": parts, "last_tick": tick},
        status=200 if well else 503,
    )
