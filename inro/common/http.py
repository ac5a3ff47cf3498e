"""The only way to a URL that somebody else wrote.

Each hop (the URL, then every redirect) is judged by its text, and when the socket opens by all the
addresses its host has. The connection goes to a judged address and never to the name, so a second
look-up cannot answer differently. One clock runs over look-ups, connecting, TLS, headers and body.
"""

from __future__ import annotations

import functools
import logging
import re
import socket
import ssl
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO
from urllib.parse import unquote, urljoin

import httpcore2
import httpx2

from inro.common.network import Clock, Network, Resolver
from inro.common.outgoing import FetchRefused, Hop, Policy, failed, invalid, judge

__all__ = ["FetchRefused", "Fetched", "Policy", "check_url", "fetch"]

MAX_FILENAME_LENGTH = 150
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({408, 425, 429, *range(500, 600)})
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_FILENAME = re.compile(r'(?:^|;)\s*filename\s*=\s*(?:"([^"]*)"|([^\s;"]+))', re.IGNORECASE)
_FILENAME_ENCODED = re.compile(
    r"(?:^|;)\s*filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^\s;]+)", re.IGNORECASE
)

# Its debug lines hold response headers, and so the query string of a redirect.
logging.getLogger("httpcore2").setLevel(logging.INFO)


@dataclass(frozen=True)
class Fetched:
    """`content_type` is bare and lower case, '' when absent; `final_url` follows redirects."""

    size: int
    content_type: str
    final_url: str
    filename: str | None


def check_url(url: str, policy: Policy | None = None) -> None:
    """Say what can be said against `url` without the network. Raises FetchRefused."""
    judge(url, policy or Policy.from_settings())


def fetch(
    url: str,
    target: BinaryIO,
    *,
    max_bytes: int,
    total_timeout: float,
    policy: Policy | None = None,
    resolver: Resolver = socket.getaddrinfo,
    cancelled: Callable[[], bool] | None = None,
) -> Fetched:
    """Write the body found at `url` to `target`: at most `max_bytes`, within `total_timeout` s.

    `cancelled` is asked about twice a second, in this thread, save while a connection opens.
    Raises FetchRefused; `target` may then hold a part. Faults of `target` itself pass through.
    """
    policy = policy or Policy.from_settings()
    clock = Clock(total_timeout, cancelled)
    for _ in range(policy.max_redirects + 1):
        hop = judge(url, policy)
        with _refusals(hop, clock), _answer(hop, policy, clock, resolver) as response:
            headers = httpx2.Headers(response.headers)
            if response.status not in _REDIRECTS:
                _check_answer(hop, response.status, headers, max_bytes)
                size = _copy(response, target, max_bytes)
                return _fetched(hop, size, headers)
        url = _next_url(hop, response.status, headers)
    raise invalid(f"The URL redirects more than {policy.max_redirects} times.")


@functools.cache
def _trust() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


@contextmanager
def _answer(
    hop: Hop, policy: Policy, clock: Clock, resolver: Resolver
) -> Iterator[httpcore2.Response]:
    # A pool of its own for each hop: no connection outlives the judgement that opened it.
    pool = httpcore2.ConnectionPool(
        ssl_context=_trust(), network_backend=Network(hop, clock, resolver)
    )
    url = httpcore2.URL(
        scheme=hop.url.raw_scheme,
        host=hop.url.raw_host,
        port=hop.url.port,
        target=hop.url.raw_path,
    )
    headers = [
        (b"Host", hop.url.netloc),
        (b"User-Agent", b"Inro/1.0 (media download)"),
        (b"Accept", b"*/*"),
        (b"Accept-Encoding", b"identity"),
        (b"Connection", b"close"),
    ]
    limits = {"connect": policy.connect_timeout, "read": policy.read_timeout}
    extensions = {"timeout": {**limits, "write": policy.read_timeout}}
    with pool, pool.stream("GET", url, headers=headers, extensions=extensions) as response:
        yield response


@contextmanager
def _refusals(hop: Hop, clock: Clock) -> Iterator[None]:
    try:
        yield
    except httpcore2.TimeoutException as error:
        clock.left()  # says so when it was the whole download that ran out of time
        raise failed(f"{hop.host} did not answer in time.") from error
    except httpcore2.NetworkError as error:
        raise failed(f"The connection to {hop.host} failed.") from error
    except httpcore2.ProtocolError as error:
        raise failed(f"The answer of {hop.host} broke off or is not valid HTTP.") from error


def _next_url(hop: Hop, status: int, headers: httpx2.Headers) -> str:
    location = headers.get("location")
    if not location:
        raise invalid(f"{hop.host} answered {status} without saying where to go.")
    try:
        return urljoin(hop.text, location)
    except ValueError as error:
        raise invalid(f"{hop.host} redirects to a URL that is not valid.") from error


def _check_answer(hop: Hop, status: int, headers: httpx2.Headers, max_bytes: int) -> None:
    if status in _TRY_AGAIN:
        raise failed(f"{hop.host} answered {status}.")
    if status not in (200, 203):
        raise invalid(f"{hop.host} answered {status}.")
    if headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise invalid(f"{hop.host} sends the file compressed, which is not accepted.")
    if int(headers.get("content-length", 0)) > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> FetchRefused:
    return FetchRefused("too_large", f"The file is larger than {max_bytes:,} bytes.")


def _copy(response: httpcore2.Response, target: BinaryIO, max_bytes: int) -> int:
    size = 0
    for chunk in response.iter_stream():
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        target.write(chunk)
    if not size:
        raise invalid("The file is empty.")
    return size


def _fetched(hop: Hop, size: int, headers: httpx2.Headers) -> Fetched:
    content_type = re.split("[;,]", headers.get("content-type", ""))[0].strip().lower()
    named = _disposition_filename(headers.get("content-disposition", ""))
    return Fetched(
        size=size,
        content_type=content_type if _MEDIA_TYPE.fullmatch(content_type) else "",
        final_url=str(hop.url.copy_with(fragment=None)),
        filename=_sanitised(named) or _sanitised(hop.url.path),
    )


def _disposition_filename(header: str) -> str:
    if encoded := _FILENAME_ENCODED.search(header):
        return unquote(encoded[2], encoding=encoded[1])
    plain = _FILENAME.search(header)
    return (plain[1] or plain[2] or "") if plain else ""


def _sanitised(name: str) -> str | None:
    """A last path segment that is safe to show and to store, at most MAX_FILENAME_LENGTH."""
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    # Category C: controls, and the marks that turn "gpj.exe" round.
    name = "".join(letter for letter in name if unicodedata.category(letter)[0] != "C")
    name = name.strip(" .")
    if len(name) > MAX_FILENAME_LENGTH:
        suffix = PurePath(name).suffix[:16]
        name = name[: MAX_FILENAME_LENGTH - len(suffix)] + suffix
    return name or None
