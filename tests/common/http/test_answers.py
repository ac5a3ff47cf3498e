"""Redirects, statuses, and bodies that are not what they should be."""

import io

import pytest

from inro.common.http import FetchRefused
from tests.common.http.conftest import (
    CHUNKED,
    NAME,
    PNG,
    get,
    raw,
    redirecting,
    refusal,
    reply,
)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/c", "/c"),
        ("c", "/a/c"),
        ("../c", "/c"),
        ("?c", "/a/b?c"),
        ("//pictures.example:{port}/c", "/c"),
        ("HTTP://Pictures.Example:{port}/c", "/c"),
    ],
)
def test_relative_redirects(serve, location, path):
    site = serve(redirecting(location))
    fetched, _ = get(site, "/a/b")
    assert fetched.final_url == f"http://{NAME}:{site.port}{path}"


def test_three_redirects_are_followed_and_four_are_not(serve, wire):
    site = serve(redirecting("/1", "/2", "/3"))
    assert get(site)[0].filename == "3"
    wire.tried.clear()
    site = serve(redirecting("/1", "/2", "/3", "/4"))
    refused = refusal(site)
    assert (refused.code, refused.message) == (
        "validation_failed",
        "The URL redirects more than 3 times.",
    )
    assert len(wire.tried) == 4


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        *((status, "validation_failed", False) for status in (201, 204, 206, 300, 302, 304)),
        *((status, "validation_failed", False) for status in (400, 401, 403, 404, 410, 600, 999)),
        *((status, "download_failed", True) for status in (408, 425, 429, 500, 502, 503, 599)),
    ],
)
def test_status(serve, status, code, retryable):
    site = serve(raw(reply(b"" if status in (204, 304) else PNG, status)))
    refused = refusal(site)
    assert (refused.code, refused.retryable) == (code, retryable)
    assert f"{NAME} answered {status}" in refused.message


def test_interim_answers_are_passed_over(serve):
    site = serve(raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + reply()))
    assert get(site)[1] == PNG


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        (reply(b"", Content_Length=0), "validation_failed", False),
        (reply(b""), "validation_failed", False),
        (CHUNKED + b"0\r\n\r\n", "validation_failed", False),
        (reply(Content_Encoding="gzip"), "validation_failed", False),
        (reply(Content_Encoding="identity, br"), "validation_failed", False),
        (reply(Content_Length=1_000_001), "too_large", False),
        (reply(Content_Length="9" * 20), "too_large", False),
        (reply(Content_Length="9" * 5000), "download_failed", True),
        (reply(Content_Length="-1"), "download_failed", True),
        (reply(Content_Length="1, 2"), "download_failed", True),
        (reply(Content_Length=len(PNG) + 1), "download_failed", True),
        (CHUNKED + b"5\r\nhello", "download_failed", True),
        (CHUNKED + b"zz\r\nhello", "download_failed", True),
        (reply(Transfer_Encoding="gzip, chunked"), "download_failed", True),
        (b"", "download_failed", True),
        (b"HTTP/1.1 200 OK\r\nContent-", "download_failed", True),
        (reply(b"", 101, Upgrade="x", Connection="upgrade"), "download_failed", True),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "download_failed", True),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000, "download_failed", True),
    ],
    ids=range(19),
)
def test_bodies_that_are_refused(serve, answer, code, retryable):
    site, target = serve(raw(answer)), io.BytesIO()
    with pytest.raises(FetchRefused) as caught:
        get(site, target=target, max_bytes=1_000_000)
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert len(target.getvalue()) <= len(PNG)


def test_an_understated_length_ends_the_body(serve):
    site = serve(raw(reply(Content_Length=8)))
    assert get(site)[1] == PNG[:8]


def test_identity_and_a_repeated_length_are_fine(serve):
    site = serve(raw(reply(Content_Encoding="Identity", Content_Length=f"{len(PNG)}, {len(PNG)}")))
    assert get(site)[1] == PNG


def test_exactly_the_limit_is_fine(serve):
    site = serve()
    assert get(site, max_bytes=len(PNG))[1] == PNG
    assert refusal(site, max_bytes=len(PNG) - 1).code == ("too_large")


@pytest.mark.parametrize("start", [reply(b""), CHUNKED])
def test_an_endless_body_is_cut_at_the_limit(serve, start):
    def answer(site, connection, path):
        connection.sendall(start)
        while True:
            connection.sendall(b"8000\r\n" + b"a" * 0x8000 + b"\r\n")

    site, target = serve(answer), io.BytesIO()
    with pytest.raises(FetchRefused) as caught:
        get(site, target=target, max_bytes=300_000)
    assert caught.value.code == "too_large"
    assert 200_000 < len(target.getvalue()) <= 300_000


def test_a_fault_of_the_target_is_not_the_urls(serve):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    site = serve()
    with pytest.raises(OSError, match="No space"):
        get(site, target=Full())
