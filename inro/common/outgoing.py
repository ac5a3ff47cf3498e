"""What may be asked of a URL that somebody else wrote, as far as its text tells."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx2
from django.conf import settings

from inro.common import addresses

MAX_URL_LENGTH = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}

# A backslash is a slash to browsers and a letter to RFC 3986: refused rather than interpreted.
_UNSAFE = re.compile(r"[\s\\\x00-\x20\x7f-\x9f]")
_SCHEME = re.compile(r"(https?)://([^/?#]*)", re.IGNORECASE)
_HOST_PORT = re.compile(r"(\[[^\[\]]+\]|[^\[\]:]+)(?::([0-9]*))?")
_NAME = re.compile(r"(?=.{1,254}$)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")


class FetchRefused(Exception):
    """`code` is `validation_failed`, `too_large` or `download_failed`; `message` is for a person.

    `retryable`: the same URL may well work later.
    """

    def __init__(self, code: str, message: str, retryable: bool = False) -> None:
        super().__init__(code, message, retryable)
        self.code = code
        self.message = message
        self.retryable = retryable

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True)
class Policy:
    """`allow_hosts`: `host:port` as the URL writes it; such a hop may be private and on any port.

    Time-outs in seconds: for connecting to one address, and for one wait for bytes.
    """

    ports: frozenset[int] = frozenset({80, 443})
    allow_hosts: frozenset[str] = frozenset()
    max_redirects: int = 3
    connect_timeout: float = 5.0
    read_timeout: float = 10.0

    @classmethod
    def from_settings(cls) -> Policy:
        return cls(
            ports=frozenset(settings.OUTGOING_PORTS),
            allow_hosts=frozenset(settings.OUTGOING_ALLOW_HOSTS),
        )


def invalid(message: str) -> FetchRefused:
    return FetchRefused("validation_failed", message)


def failed(message: str, retryable: bool = True) -> FetchRefused:
    return FetchRefused("download_failed", message, retryable)


@dataclass(frozen=True)
class Hop:
    text: str  # the URL as written: what a relative redirect is joined to
    url: httpx2.URL
    host: str
    port: int
    literal: addresses.Address | None
    allowed: bool


def judge(text: str, policy: Policy) -> Hop:
    """Raises FetchRefused."""
    url, written = _parse(text)
    host = url.raw_host.decode("ascii")
    port = url.port if url.port is not None else _DEFAULT_PORTS[url.scheme]
    if ":" not in host and not _NAME.fullmatch(host):
        raise invalid("The URL does not name a valid host.")
    try:
        literal = addresses.literal(host)
    except ValueError as error:
        raise invalid("The URL does not name a valid host.") from error
    allowed = written in policy.allow_hosts
    if not allowed and port not in policy.ports:
        raise invalid(f"Port {port} is not allowed.")
    if not allowed and literal is not None and not addresses.is_public(literal):
        raise not_public(host)
    return Hop(text, url, host, port, literal, allowed)


def _parse(text: str) -> tuple[httpx2.URL, str]:
    """The URL, and its `host:port` as written (the scheme's port where it names none)."""
    if len(text) > MAX_URL_LENGTH:
        raise invalid(f"The URL is longer than {MAX_URL_LENGTH} characters.")
    if _UNSAFE.search(text):
        raise invalid("The URL must not contain whitespace, control characters or backslashes.")
    if not (start := _SCHEME.match(text)):
        raise invalid("The URL must start with http:// or https://.")
    scheme, authority = start.groups()
    if "@" in authority:
        raise invalid("The URL must not contain a user name or password.")
    if not (parts := _HOST_PORT.fullmatch(authority)):
        raise invalid("The URL does not name a valid host.")
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError) as error:
        raise invalid("The URL is not valid.") from error
    return url, f"{parts[1]}:{parts[2] or _DEFAULT_PORTS[scheme.lower()]}"


def not_public(host: str) -> FetchRefused:
    return invalid(f"The address of {host} is not public.")
