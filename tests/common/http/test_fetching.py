"""What a download brings, and what the request carries."""

import logging
import pickle

import pytest

from inro.common.http import Fetched, FetchRefused
from tests.common.http.conftest import (
    CLOSED,
    NAME,
    PNG,
    PUBLIC,
    PUBLIC_V6,
    Names,
    get,
    raw,
    redirecting,
    reply,
)
from tests.waiting import shared_out


@pytest.mark.parametrize("ip", [PUBLIC, PUBLIC_V6])
def test_a_public_name(serve, wire, ip):
    site, resolver = serve(), Names({NAME: [ip]})
    fetched, body = get(site, "/a/cat.png?size=2#top", resolver=resolver)
    url = f"http://{NAME}:{site.port}/a/cat.png?size=2"
    assert fetched == Fetched(len(PNG), "image/png", url, "cat.png")
    assert body == PNG
    assert resolver.asked == [NAME]
    assert wire.tried == [ip]


@pytest.mark.parametrize("host", [PUBLIC, f"[{PUBLIC_V6}]", "0x5db8d822", "93.12113954"])
def test_a_public_address_is_not_looked_up(serve, host):
    site, resolver = serve(), Names()
    assert get(site, "/x", host, resolver=resolver)[1] == PNG
    assert resolver.asked == []


def test_the_request_carries_nothing_but_itself(serve, monkeypatch, tmp_path):
    proxy = serve()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {NAME} login jane password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    site = serve(
        lambda site, connection, path: connection.sendall(
            reply(b"", 302, Location="/b?c=ü", Set_Cookie="a=1") if path == "/a" else reply()
        )
    )
    get(site, "/a")
    assert proxy.strays() == []
    first, second = site.heads
    assert first.decode().split("\r\n") == [
        "GET /a HTTP/1.1",
        f"Host: {NAME}:{site.port}",
        "User-Agent: Inro/1.0 (media download)",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
        "",
        "",
    ]
    assert second == first.replace(b"/a", b"/b?c=%C3%BC", 1)


def test_nothing_of_a_url_is_logged(serve, caplog):
    caplog.set_level(logging.DEBUG)
    site = serve(redirecting("/next?token=secret"))
    get(site, "/first?token=secret")
    assert "secret" not in caplog.text


def test_the_next_address_is_tried(serve, wire):
    site, resolver = serve(), Names({NAME: [CLOSED[0], PUBLIC_V6]})
    assert get(site, resolver=resolver)[1] == PNG
    assert wire.tried == [CLOSED[0], PUBLIC_V6]


def test_many_threads(serve):
    site = serve()
    got = shared_out(lambda n: get(site, f"/{n}"), range(24), threads=8)
    assert [fetched.filename for fetched, _ in got] == [str(n) for n in range(24)]
    assert {body for _, body in got} == {PNG}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("image/jpeg", "image/jpeg"),
        ("Image/JPEG; charset=x", "image/jpeg"),
        ("image/png, text/html", "image/png"),
        ("nonsense", ""),
        (None, ""),
    ],
)
def test_content_type(serve, header, expected):
    headers = {} if header is None else {"Content_Type": header}
    site = serve(raw(reply(**headers)))
    assert get(site)[0].content_type == expected


@pytest.mark.parametrize(
    ("disposition", "path", "expected"),
    [
        (None, "/", None),
        (None, "/a/sch%C3%B6n%20da.jpg", "schön da.jpg"),
        (None, "/a/..%2f..%2fetc%2fpasswd", "passwd"),
        (None, "/a%00b.png", "ab.png"),
        (None, "/..", None),
        ("attachment", "/cat.png", "cat.png"),
        ('attachment; filename="dog.png"', "/cat.png", "dog.png"),
        ("inline; FileName=dog.png; size=3", "/", "dog.png"),
        ("attachment; filename=\"x\"; filename*=UTF-8''d%C3%B6g.png", "/", "dög.png"),
        ("attachment; filename*=nonsense'", "/cat.png", "cat.png"),
        ('attachment; filename="..\\..\\dog.png"', "/", "dog.png"),
        ('attachment; filename="/etc/.htaccess"', "/", "htaccess"),
        ("attachment; filename*=UTF-8''a%E2%80%AEgnp.exe%0D%0A", "/", "agnp.exe"),
        ('attachment; filename="..."', "/cat.png", "cat.png"),
        (f'attachment; filename="{"é" * 400}.jpeg"', "/", "é" * 145 + ".jpeg"),
    ],
)
def test_filename(serve, disposition, path, expected):
    headers = {} if disposition is None else {"Content_Disposition": disposition}
    site = serve(raw(reply(**headers)))
    assert get(site, path)[0].filename == expected


def test_a_refusal_survives_a_queue():
    refused = pickle.loads(pickle.dumps(FetchRefused("too_large", "Too large.", False)))
    assert (refused.code, refused.message, refused.retryable) == ("too_large", "Too large.", False)
    assert str(refused) == "too_large: Too large."
