"""Sockets that open to judged addresses only and end with one clock."""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from ipaddress import ip_address
from typing import Any, TypeVar

import httpcore2

from inro.common import addresses
from inro.common.outgoing import Hop, failed, invalid, not_public

T = TypeVar("T")
Resolver = Callable[..., Iterable[tuple[Any, ...]]]

_ADDRESSES_TRIED = 8
_SLICE = 0.5  # seconds of waiting between two looks at the clock and at `cancelled`
_NO_SUCH_HOST = frozenset(
    getattr(socket, name)
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_FAIL", "EAI_ADDRFAMILY")
    if hasattr(socket, name)
)


class Clock:
    def __init__(self, seconds: float, cancelled: Callable[[], bool] | None) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._cancelled = cancelled

    def left(self, limit: float | None = None) -> float:
        """Seconds that one operation may take. Raises FetchRefused when there are none."""
        if self._cancelled is not None and self._cancelled():
            raise failed("The download was cancelled.", retryable=False)
        left = self._end - time.monotonic()
        if left <= 0:
            raise failed(f"The download took longer than {self._seconds:g} s.")
        return left if limit is None else min(left, limit)

    def wait(
        self, attempt: Callable[[float], T], idle: type[Exception], limit: float | None = None
    ) -> T:
        """Repeat `attempt(seconds)` until it raises no `idle`, which passes after `limit` s."""
        left = math.inf if limit is None else limit
        end = time.monotonic() + left
        while True:
            try:
                return attempt(self.left(min(_SLICE, left)))
            except idle:
                left = end - time.monotonic()
                if left <= 0:
                    raise


class Network(httpcore2.NetworkBackend):
    """Opens sockets to the judged addresses of one hop, whatever the pool asks for."""

    def __init__(self, hop: Hop, clock: Clock, resolver: Resolver) -> None:
        self._hop = hop
        self._clock = clock
        self._resolver = resolver
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception = httpcore2.ConnectError("no address")
        for address in self._judged_addresses()[:_ADDRESSES_TRIED]:
            seconds = self._clock.left(timeout)
            try:
                stream = self._sockets.connect_tcp(str(address), self._hop.port, seconds)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return TimedStream(stream, self._clock, self._hop.host)
        raise failure

    def _judged_addresses(self) -> list[addresses.Address]:
        hop = self._hop
        found = [hop.literal] if hop.literal is not None else self._look_up()
        # One bad answer is enough: whoever mixes them in wants the next connection to go there.
        if not hop.allowed and not all(map(addresses.is_public, found)):
            raise not_public(hop.host)
        return found

    def _look_up(self) -> list[addresses.Address]:
        host = self._hop.host
        # getaddrinfo knows no time limit: when the clock ends, its thread is left to itself.
        answer: Future[list[tuple[Any, ...]]] = Future()
        threading.Thread(target=self._resolve, args=(answer,), daemon=True).start()
        error = self._clock.wait(answer.exception, TimeoutError)
        if isinstance(error, UnicodeError) or getattr(error, "errno", None) in _NO_SUCH_HOST:
            raise invalid(f"{host} does not resolve.") from error
        if isinstance(error, OSError):
            raise failed(f"{host} could not be looked up just now.") from error
        entries = answer.result()
        try:
            found = [ip_address(str(entry[4][0])) for entry in entries]
        except ValueError as error:
            raise not_public(host) from error
        if not found:
            raise invalid(f"{host} does not resolve.")
        return list(dict.fromkeys(found))

    def _resolve(self, answer: Future[list[tuple[Any, ...]]]) -> None:
        try:
            entries = self._resolver(self._hop.host, self._hop.port, type=socket.SOCK_STREAM)
            answer.set_result(list(entries))
        except BaseException as error:
            answer.set_exception(error)


class TimedStream(httpcore2.NetworkStream):
    """A time-out alone holds for one wait; bytes that drip would restart it for ever."""

    def __init__(self, inner: httpcore2.NetworkStream, clock: Clock, host: str) -> None:
        self._inner = inner
        self._clock = clock
        self._host = host

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._clock.wait(
            lambda seconds: self._inner.read(max_bytes, seconds), httpcore2.ReadTimeout, timeout
        )

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._clock.left(timeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            seconds = self._clock.left(timeout)
            inner = self._inner.start_tls(ssl_context, server_hostname, seconds)
        except BaseException as error:
            self.close()
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise failed(
                    f"The certificate of {self._host} is not valid.", retryable=False
                ) from error
            raise
        return TimedStream(inner, self._clock, self._host)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
