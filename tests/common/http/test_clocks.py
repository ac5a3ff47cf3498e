"""Time that runs out, names that do not resolve, connections that nobody takes."""

import itertools
import socket
import threading
import time

import pytest

from inro.common.http import Policy
from tests.common.http.conftest import (
    CHUNKED,
    CLOSED,
    NAME,
    NOWHERE,
    OVER,
    PNG,
    PUBLIC,
    PUBLIC_V6,
    Names,
    dripping,
    get,
    refusal,
    reply,
    timed,
    to,
)


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (reply(b"", Content_Length=5000), b"a"),
        (CHUNKED, b"1\r\na\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED + b"1\r\na\r\n0\r\n", b"x: y\r\n"),
    ],
    ids=["body", "chunks", "headers", "interim answers", "trailers"],
)
def test_a_drip_ends_with_the_clock(serve, start, drop):
    site = serve(dripping(start, drop))
    refused, took = timed(lambda: refusal(site, total_timeout=0.5))
    assert refused.args == OVER
    assert 0.4 < took < 3


def test_the_clock_runs_over_all_redirects(serve):
    def answer(site, connection, path):
        time.sleep(0.3)
        connection.sendall(reply(b"", 302, Location="/"))

    site = serve(answer)
    refused, took = timed(lambda: refusal(site, total_timeout=0.5))
    assert refused.args == OVER
    assert took < 3


def test_silence_ends_with_the_read_timeout(serve):
    site = serve(lambda site, connection, path: connection.recv(1))
    refused, took = timed(lambda: refusal(site, policy=to(site, read_timeout=0.2)))
    assert refused.args == ("download_failed", f"{NAME} did not answer in time.", True)
    assert took < 3


def test_a_pause_shorter_than_the_read_timeout_is_borne(serve):
    def answer(site, connection, path):
        time.sleep(0.6)
        connection.sendall(reply())

    site = serve(answer)
    assert get(site)[1] == PNG


def test_a_hung_resolver_is_left_behind(serve, wire):
    site, free = serve(), threading.Event()

    def resolver(*args, **options):
        free.wait(10)
        return Names()(*args, **options)

    refused, took = timed(lambda: refusal(site, resolver=resolver, total_timeout=0.5))
    free.set()
    assert refused.args == OVER
    assert took < 3
    assert wire.tried == []


def test_an_address_that_swallows_packets(monkeypatch):
    def create_connection(address, timeout, source_address=None):
        waited.append(timeout)
        raise TimeoutError("timed out")

    waited: list[float] = []
    monkeypatch.setattr(socket, "create_connection", create_connection)
    options = {"policy": Policy(connect_timeout=2), "resolver": Names({NAME: [PUBLIC, PUBLIC_V6]})}
    refused = refusal(NOWHERE, **options)
    assert refused.args == ("download_failed", f"{NAME} did not answer in time.", True)
    assert waited == [2, 2]
    waited.clear()
    refusal(NOWHERE, total_timeout=1, **options)
    assert len(waited) == 2
    assert max(waited) <= 1


def test_cancelling(serve):
    site = serve(lambda site, connection, path: connection.recv(1))
    calls = itertools.count()
    refused, took = timed(lambda: refusal(site, cancelled=lambda: next(calls) > 4))
    assert refused.args == ("download_failed", "The download was cancelled.", False)
    assert took < 3


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "validation_failed", False),
        (socket.gaierror(socket.EAI_NODATA, "no address"), "validation_failed", False),
        (UnicodeError("label too long"), "validation_failed", False),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), "download_failed", True),
        (TimeoutError("resolver"), "download_failed", True),
        (OSError(24, "Too many open files"), "download_failed", True),
    ],
)
def test_a_name_that_does_not_resolve(wire, error, code, retryable):
    def resolver(*args, **options):
        raise error

    refused = refusal(NOWHERE, resolver=resolver)
    assert (refused.code, refused.retryable) == (code, retryable)
    assert ("does not resolve" in refused.message) is not retryable
    assert wire.tried == []


def test_a_name_without_addresses():
    refused = refusal(NOWHERE, resolver=Names({NAME: []}))
    assert refused.message == f"{NAME} does not resolve."


def test_a_resolver_that_breaks_is_not_the_urls_fault():
    with pytest.raises(ZeroDivisionError):
        get(NOWHERE, resolver=lambda *args, **options: 1 // 0)


def test_closed_ports(wire):
    refused = refusal(NOWHERE, resolver=Names({NAME: CLOSED}))
    assert refused.args == ("download_failed", f"The connection to {NAME} failed.", True)
    assert wire.tried == CLOSED[:8]
