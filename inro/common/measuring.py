"""`/metrics`: what a Prometheus server reads, for the networks of METRICS_ALLOW only.

Requests are counted by the process that answered them; everything else is read from the rows when
it is asked for, so that any web process answers for the whole. Apps register their readings; each
is bounded, however long the tables are.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address

import structlog
from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from inro.common.registry import Registry

log = structlog.get_logger(__name__)

Address = IPv4Address | IPv6Address
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


@dataclass(frozen=True)
class Reading:
    """A gauge: `read()` gives the values by the values of `labels`."""

    name: str
    help: str
    read: Callable[[], Iterable[tuple[tuple[str, ...], float]]]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Backlog:
    """Work that waits for a worker: `oldest(now)` is since when the oldest of it is due."""

    name: str
    oldest: Callable[[datetime], datetime | None]


READINGS: Registry[Reading] = Registry("readings", key=lambda each: each.name)
BACKLOGS: Registry[Backlog] = Registry("backlogs", key=lambda each: each.name)


def waits_for(backlog: Backlog, now: datetime) -> float:
    """Seconds that the oldest work has been due; 0 when none is."""
    since = backlog.oldest(now)
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def _ages() -> Iterator[tuple[tuple[str, ...], float]]:
    now = timezone.now()
    for each in BACKLOGS:
        yield (each.name,), waits_for(each, now)


READINGS.add(
    Reading(
        "inro_backlog_age_seconds",
        "How long the oldest work of a kind has been due.",
        _ages,
        ("of",),
    )
)


class _Readings(Collector):
    """A reading that fails is left out and counted; the others are shown."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        failed = 0
        for each in READINGS:
            family = GaugeMetricFamily(each.name, each.help, labels=each.labels)
            try:
                for labels, value in each.read():
                    family.add_metric(labels, value)
            except Exception:
                log.exception("reading failed", reading=each.name)
                failed += 1
            else:
                yield family
        yield GaugeMetricFamily(
            "inro_readings_failed", "Readings that are missing here.", value=failed
        )

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: asked at the start, when there may be no table yet."""
        return iter(())


_registry = CollectorRegistry()
_registry.register(_Readings())
_requests = Counter(
    "inro_requests", "Requests answered.", ("method", "route", "status"), registry=_registry
)
_seconds = Histogram(
    "inro_request_seconds",
    "Time until the answer.",
    ("route",),
    registry=_registry,
    buckets=_BUCKETS,
)


def count_request(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    """Count a request by the route it took: never by its address, which may be anything."""
    route = _shown(request.resolver_match.route) if request.resolver_match else "none"
    method = request.method if request.method in _METHODS else "other"
    _requests.labels(method, route, str(response.status_code)).inc()
    _seconds.labels(route).observe(seconds)


@cache
def _shown(route: str) -> str:
    """A route without its regular expressions: `/api/v1/media_files/<pk>`."""
    return simplify_regex(route)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """403 for whoever asks from outside METRICS_ALLOW, and for all who come by a proxy."""
    if _came_by_proxy(request) or not _may_read(request.META.get("REMOTE_ADDR", "")):
        raise PermissionDenied
    return HttpResponse(generate_latest(_registry), content_type=CONTENT_TYPE_LATEST)


def _came_by_proxy(request: HttpRequest) -> bool:
    """Whom it speaks for is not believed: a client can send a header of nearly the same name."""
    names = {name.lower() for name in request.headers}
    forwarded = any(name.startswith("x-forwarded-") for name in names)
    return forwarded or not names.isdisjoint({"forwarded", "via", "x-real-ip"})


def _may_read(text: str) -> bool:
    try:
        address: Address = ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in settings.METRICS_ALLOW)
