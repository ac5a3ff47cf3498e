"""The guard is judged by servers that would answer, on a port that the policy allows."""

import io
import itertools
import logging
import pickle
import queue
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import SimpleNamespace
from typing import Any

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import example, given
from hypothesis import strategies as st

from inro.common import addresses, http, outgoing
from inro.common.http import Fetched, FetchRefused, Policy, check_url, fetch

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
PUBLIC, PUBLIC_V6 = "93.184.216.34", "2606:2800:220:1::1"
CLOSED = [f"93.184.217.{n}" for n in range(50)]
NAME = "pictures.example"

real_connect = socket.socket.connect


class Wire:
    """Notes every connection that is tried; none leaves the machine.

    PUBLIC stands for a server on the internet and leads to loopback, CLOSED refuse connections.
    """

    def __init__(self):
        self.tried: list[str] = []
        self.strayed: list[str] = []

    def connect(self, sock, address):
        host = address[0]
        self.tried.append(host)
        if host in CLOSED:
            raise ConnectionRefusedError(111, "Connection refused")
        host = {PUBLIC: "127.0.0.1", PUBLIC_V6: "::1"}.get(host, host)
        if host not in ("127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "::ffff:7f00:1"):
            self.strayed.append(host)
            raise ConnectionRefusedError(111, f"{host} is outside")
        return real_connect(sock, (host, *address[1:]))


@pytest.fixture(autouse=True)
def wire(monkeypatch):
    wire = Wire()
    monkeypatch.setattr(socket.socket, "connect", lambda sock, to: wire.connect(sock, to))
    yield wire
    assert wire.strayed == []


class Site:
    """A server on 127.0.0.1 and ::1, same port. `answer(site, connection, path)` writes."""

    def __init__(self, answer, tls=None):
        self.answer, self.tls = answer, tls
        self.heads: list[bytes] = []
        self.peers: queue.SimpleQueue = queue.SimpleQueue()
        self.listeners = self._listen()
        self.port = self.listeners[0].getsockname()[1]
        for listener in self.listeners:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _listen(self):
        for _ in range(20):
            v4 = socket.create_server(("127.0.0.1", 0))
            try:
                v6 = socket.create_server(("::1", v4.getsockname()[1]), family=socket.AF_INET6)
            except OSError:
                v4.close()
            else:
                return [v4, v6]
        pytest.fail("no port is free on both 127.0.0.1 and ::1")

    def _accept(self, listener):
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            self.peers.put(peer[:2])
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, self.tls(connection) if self.tls else connection as channel:
                head = b""
                while b"\r\n\r\n" not in head:
                    if not (data := channel.recv(4096)):
                        return
                    head += data
                self.heads.append(head)
                self.answer(self, channel, head.split(b" ")[1].decode())
        except OSError:
            pass

    def strays(self):
        """Who connected so far: accepts come in order, so a probe of our own marks the end."""
        seen = []
        for listener in self.listeners:
            probe = socket.socket(listener.family)
            with probe:
                real_connect(probe, listener.getsockname()[:2])
                mine = probe.getsockname()[:2]
                while (peer := self.peers.get(timeout=5)) != mine:
                    seen.append(peer)
        return seen

    def close(self):
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@pytest.fixture
def serve():
    sites = []

    def start(answer=None, **options):
        sites.append(Site(answer or picture(), **options))
        return sites[-1]

    yield start
    for site in sites:
        site.close()


def reply(body=PNG, status=200, **headers):
    lines = [f"HTTP/1.1 {status} X"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def picture(body=PNG, **headers):
    headers = {"Content_Type": "image/png", "Content_Length": len(body)} | headers
    return lambda site, connection, path: connection.sendall(reply(body, **headers))


def raw(data):
    return lambda site, connection, path: connection.sendall(data)


def redirecting(*locations):
    """Sends the n-th request on to the n-th location, then gives the picture."""
    left = list(locations)

    def answer(site, connection, path):
        if left:
            connection.sendall(reply(b"", 302, Location=left.pop(0).format(port=site.port)))
        else:
            connection.sendall(reply(Content_Length=len(PNG)))

    return answer


def dripping(start, drop):
    def answer(site, connection, path):
        connection.sendall(start)
        while True:
            connection.sendall(drop)
            time.sleep(0.05)

    return answer


class Names:
    """A resolver. An answer is a list of addresses, or a list of such lists, one per look-up."""

    def __init__(self, answers=None):
        self.answers = {NAME: [PUBLIC]} | (answers or {})
        self.asked: list[str] = []

    def __call__(self, host, port, *, type):
        self.asked.append(host)
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answer = self.answers[host]
        if answer and isinstance(answer[0], list):
            answer = answer.pop(0)
        return [
            (socket.AF_INET6 if ":" in ip else socket.AF_INET, type, 6, "", (ip, port))
            for ip in answer
        ]


NOWHERE = SimpleNamespace(port=80, tls=None)


def to(*sites, **options):
    return Policy(ports=frozenset(site.port for site in sites), **options)


def url_of(site, path="/", host=NAME):
    return f"{'https' if site.tls else 'http'}://{host}:{site.port}{path}"


def get(site, path="/", host=NAME, policy=None, target=None, **options):
    target = io.BytesIO() if target is None else target
    defaults: dict[str, Any] = {"max_bytes": 1_000_000, "total_timeout": 5, "resolver": Names()}
    options = defaults | options
    fetched = fetch(url_of(site, path, host), target, policy=policy or to(site), **options)
    return fetched, target.getvalue()


def refusal(site, *args, **options):
    with pytest.raises(FetchRefused) as caught:
        get(site, *args, **options)
    return caught.value


def timed(call):
    start = time.monotonic()
    return call(), time.monotonic() - start


# What works


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
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: get(site, f"/{n}"), range(24)))
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


# Addresses


def words(text):
    return text.split()


@pytest.mark.parametrize(
    "ip",
    words(
        """8.8.8.8 1.1.1.1 93.184.216.34 100.63.255.255 100.128.0.0 172.32.0.1 ::ffff:8.8.8.8
        2606:4700::1111 2a00:1450:4001:80b::200e"""
    ),
)
def test_public_addresses(ip):
    assert addresses.is_public(ip_address(ip))


PRIVATE = words(
    """0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 169.254.169.254
    172.16.0.1 172.31.255.255 192.0.0.8 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1
    198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 168.63.129.16
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1
    64:ff9b::8.8.8.8 64:ff9b::127.0.0.1 64:ff9b:1::10.0.0.1 100::1 2001::1
    2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
    2002:7f00:1::1 2002:808:808::1 3fff::1 5f00::1 4000::1 fc00::1 fd00:ec2::254 fd20:ce::254
    fe80::1 fe80::1%eth0 2606:4700::1111%1 fec0::1 ff02::1"""
)


@pytest.mark.parametrize("ip", PRIVATE)
def test_addresses_that_are_not_public(ip):
    assert not addresses.is_public(ip_address(ip))


@given(st.ip_addresses())
@example(ip_address("192.0.0.8"))
def test_the_judge_is_never_kinder_than_ipaddress(ip):
    local = ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_unspecified
    if not (isinstance(ip, IPv6Address) and ip.ipv4_mapped) and (
        local or ip.is_multicast or ip.is_reserved or not ip.is_global
    ):
        assert not addresses.is_public(ip)


@given(st.ip_addresses(v=4), st.integers(0, 2**80 - 1))
def test_a_v4_address_inside_a_v6_one(ip, rest):
    number = int(ip)
    assert addresses.is_public(IPv6Address((0xFFFF << 32) + number)) == addresses.is_public(ip)
    for carrier in (
        number,  # ::a.b.c.d
        (0xFFFF << 48) + number,  # ::ffff:0:a.b.c.d
        (0x64FF9B << 96) + number,
        (0x64FF9B0001 << 80) + number,
        (0x2002 << 112) + (number << 80) + rest,
        (0x20010000 << 96) + (number << 64) + rest % 2**64,
    ):
        assert not addresses.is_public(IPv6Address(carrier))


def spellings(ip):
    number, (a, b, c, d) = int(ip), ip.packed
    return [
        f"{number}",
        f"{number:#x}",
        f"0{number:o}",
        f"{a}.{number & 0xFFFFFF}",
        f"{a}.{b}.{number & 0xFFFF}",
        f"{a:#x}.{b:#X}.0{c:o}.{d}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{ip}.",
    ]


@given(st.ip_addresses(v=4))
def test_every_spelling_is_the_same_address(ip):
    assert {addresses.literal(spelling) for spelling in spellings(ip)} == {ip}


@given(st.text("0123456789abcdefx.-_", min_size=1, max_size=20))
def test_a_host_is_an_address_for_us_when_it_is_one_for_the_c_library(host):
    try:
        expected = IPv4Address(socket.inet_aton(host))
    except OSError:
        expected = None
    try:
        assert addresses.literal(host) == expected or host.endswith(".")
    except ValueError:
        assert expected is None


# URLs, without the network


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "must start with"),
        ("cat.png", "must start with"),
        ("//pictures.example/cat.png", "must start with"),
        ("http:pictures.example", "must start with"),
        ("http:/pictures.example", "must start with"),
        ("ftp://pictures.example/", "must start with"),
        ("file:///etc/passwd", "must start with"),
        ("gopher://pictures.example/", "must start with"),
        ("unix:///run/docker.sock", "must start with"),
        ("http+unix://%2Frun%2Fdocker.sock/", "must start with"),
        ("javascript:alert(1)", "must start with"),
        ("data:image/png;base64,AAAA", "must start with"),
        ("http://", "valid host"),
        ("http:///x", "valid host"),
        ("http://?x", "valid host"),
        ("http://:80/", "valid host"),
        ("http://a..b/", "valid host"),
        ("http://.a/", "valid host"),
        ("http://a;b/", "valid host"),
        ("http://%31%32%37.0.0.1/", "valid host"),
        ("http://a%00.example/", "valid host"),
        ("http://1.2.3.4.5/", "valid host"),
        ("http://256.1/", "valid host"),
        ("http://09.1/", "valid host"),
        ("http://09.1.1.1/", "not valid"),
        ("http://4294967296/", "valid host"),
        ("http://a.0x7f/", "valid host"),
        ("http://" + "a" * 64 + ".example/", "valid host"),
        ("http://" + "a." * 130 + "example/", "valid host"),
        ("http://[::1/", "valid host"),
        ("http://::1/", "valid host"),
        ("http://a:80:80/", "valid host"),
        ("http://a:８０/", "valid host"),
        ("http://a:+80/", "valid host"),
        ("http://[::1]x/", "valid host"),
        ("http://[1.2.3.4]/", "not valid"),
        ("http://[v1.x]/", "not valid"),
        ("http://①②⑦.⓪.⓪.①/", "not valid"),
        ("http://١٢٧.0.0.1/", "not valid"),
        ("http://ｌｏｃａｌｈｏｓｔ/", "not valid"),
        ("http://a/\ud800", "not valid"),
        ("http://jane:secret@a.example/", "user name or password"),
        ("http://@a.example/", "user name or password"),
        ("http://a.example@127.0.0.1/", "user name or password"),
        ("http://127.0.0.1%2f@a.example/", "user name or password"),
        ("http://a.example\\@127.0.0.1/", "backslashes"),
        ("http:\\\\127.0.0.1/", "backslashes"),
        ("http://a.example/ b", "whitespace"),
        (" http://a.example/", "whitespace"),
        ("http://a.example/\r\nX: y", "control"),
        ("http://a.example/\n", "control"),
        ("http://a.example/\x00", "control"),
        ("http://a.example/\x85", "control"),
        ("ht\ntp://a.example/", "control"),
        ("http://a.example/" + "a" * 2032, "longer than 2048"),
        ("http://a.example:8080/", "Port 8080"),
        ("http://a.example:22/", "Port 22"),
        ("http://a.example:0/", "Port 0"),
        ("http://a.example:65616/", "Port 65616"),
        ("http://8.8.8.8:8000/", "Port 8000"),
        ("http://127。0。0。1/", "127.0.0.1 is not public"),
        ("HTTP://[::FFFF:127.0.0.1]/", "is not public"),
        ("http://[fe80::1%25eth0]/", "is not public"),
        *((f"https://{ip}/", "not public|not valid") for ip in spellings(IPv4Address("127.0.0.1"))),
        *((f"http://[{ip}]/" if ":" in ip else f"http://{ip}/", "is not public") for ip in PRIVATE),
    ],
)
def test_check_url_refuses(wire, monkeypatch, url, message):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    with pytest.raises(FetchRefused, match=message) as caught:
        check_url(url, Policy())
    assert (caught.value.code, caught.value.retryable) == ("validation_failed", False)
    assert wire.tried == []


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "HTTPS://A.Example:443/x?y=1&z=a@b#c",
        "http://a.example:/",
        "http://a_b.example./",
        "http://übung.example/größe.jpg?q=ä",
        "http://8.8.8.8/",
        "http://134744072/",
        "http://[2606:4700::1111]:443/",
        "http://[::ffff:8.8.8.8]/",
        "http://a.example/" + "a" * 2031,
    ],
)
def test_check_url_accepts(url):
    check_url(url, Policy())


@given(st.text(max_size=60) | st.text("htp:/@[]%.0123456789x\\?#abc-", max_size=40))
def test_nothing_but_refusals(text):
    for url in (text, f"http://{text}"):
        with suppress(FetchRefused):
            check_url(url, Policy())


def test_policy_comes_from_the_settings(monkeypatch):
    values = SimpleNamespace(OUTGOING_PORTS=[8443], OUTGOING_ALLOW_HOSTS=["intranet:81"])
    monkeypatch.setattr(outgoing, "settings", values)
    assert Policy.from_settings() == Policy(frozenset({8443}), frozenset({"intranet:81"}))
    check_url("http://a.example:8443/")
    check_url("http://intranet:81/")
    with pytest.raises(FetchRefused, match="Port 443"):
        check_url("https://a.example/")


# Attacks: the server would answer, and hears nothing

HOSTS = words(
    """127.0.0.1 2130706433 0x7f000001 0X7F.1 017700000001 0177.0.0.1 0x7f.0x0.0.01 127.1 127.0.1
    127.0.0.1. 0.0.0.0 0 127.255.255.254 127。0。0。1 ①②⑦.⓪.⓪.① 169.254.169.254
    localhost LOCALHOST localhost. ⓛocalhost
    a@127.0.0.1 a:b@127.0.0.1 pictures.example@127.0.0.1 127.0.0.1\\@pictures.example
    pictures.example\\@127.0.0.1 pictures.example:80@127.0.0.1
    [::1] [::] [0:0:0:0:0:0:0:1] [::1%25lo] [::1%lo] [::127.0.0.1] [::ffff:127.0.0.1]
    [::FFFF:7F00:1] [64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2001::80ff:fffe]
    [fe80::1] [fe80::1%25lo] [fd00:ec2::254]
    private.example mixed.example six.example mapped.example scoped.example nat64.example
    teredo.example metadata.example strange.example"""
)
ANSWERS = {
    "localhost": ["127.0.0.1"],
    "localhost.": ["::1", "127.0.0.1"],
    "private.example": ["127.0.0.1"],
    "mixed.example": [PUBLIC, PUBLIC_V6, "127.0.0.1"],
    "six.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "scoped.example": ["fe80::1%lo"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "teredo.example": ["2001::80ff:fffe"],
    "metadata.example": ["169.254.169.254"],
    "strange.example": ["127.1"],
}


@pytest.mark.parametrize("host", HOSTS)
def test_a_refused_host_is_never_connected_to(serve, wire, host):
    secret = serve()
    refused = refusal(secret, "/secret", host, resolver=Names(ANSWERS))
    assert (refused.code, refused.retryable) == ("validation_failed", False)
    assert wire.tried == []
    assert secret.strays() == []


@pytest.mark.parametrize("host", HOSTS)
def test_nor_after_a_redirect(serve, wire, host):
    secret = serve()
    site = serve(raw(reply(b"", 302, Location=f"http://{host}:{secret.port}/secret")))
    refused = refusal(site, policy=to(site, secret), resolver=Names(ANSWERS))
    assert (refused.code, refused.retryable) == ("validation_failed", False)
    assert wire.tried == [PUBLIC]
    assert secret.strays() == []


def test_the_message_does_not_tell_what_a_name_resolves_to(serve):
    site = serve()
    refused = refusal(site, host="mixed.example", resolver=Names(ANSWERS))
    assert refused.message == "The address of mixed.example is not public."


def test_a_name_that_turns_private_between_two_hops(serve, wire):
    site = serve(redirecting("http://rebind.example:{port}/secret"))
    resolver = Names({"rebind.example": [[PUBLIC], ["127.0.0.1"]]})
    refused = refusal(site, host="rebind.example", resolver=resolver)
    assert refused.message == "The address of rebind.example is not public."
    assert wire.tried == [PUBLIC]
    assert len(site.heads) == 1


def test_a_name_is_looked_up_once_per_connection(serve, wire):
    site = serve()
    resolver = Names({"rebind.example": [[CLOSED[0], PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]})
    get(site, host="rebind.example", resolver=resolver)
    assert resolver.asked == ["rebind.example"]
    assert wire.tried == [CLOSED[0], PUBLIC]


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://pictures.example/",
        "javascript:alert(1)",
        "//jane:secret@pictures.example/",
        "//127.0.0.1/",
        "http://pictures.example:22/",
        "http://[",
        "http://pictures.example/a b",
        "/" + "a" * 2048,
    ],
)
def test_a_redirect_to_a_refused_url(serve, wire, location):
    site = serve(raw(reply(b"", 302, Location=location)))
    assert refusal(site).code == "validation_failed"
    assert len(wire.tried) == 1


# OUTGOING_ALLOW_HOSTS


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "intranet", "Intranet", "127.1"])
def test_an_allowed_host_may_be_private_and_on_any_port(serve, host):
    site = serve(redirecting("/next"))
    policy = Policy(allow_hosts=frozenset({f"{host}:{site.port}"}))
    check_url(url_of(site, host=host), policy)
    fetched, body = get(site, "/", host, policy, resolver=Names({"intranet": ["127.0.0.1"]}))
    assert body == PNG
    assert fetched.filename == "next"


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("127.0.0.1", "127.1"),
        ("127.0.0.1", "2130706433"),
        ("127.0.0.1", "127.0.0.1."),
        ("127.0.0.1", "[::ffff:127.0.0.1]"),
        ("127.0.0.1", "localhost"),
        ("127.1", "127.0.0.1"),
        ("localhost", "LOCALHOST"),
        ("localhost", "localhost."),
        ("[::1]", "[0::1]"),
    ],
)
def test_an_entry_holds_for_its_own_spelling_alone(serve, wire, entry, host):
    site = serve()
    policy = to(site, allow_hosts=frozenset({f"{entry}:{site.port}", f"{host}:1", host}))
    refused = refusal(site, host=host, policy=policy, resolver=Names(ANSWERS))
    assert refused.code == "validation_failed"
    assert wire.tried == []


def test_an_entry_without_a_port_in_the_url_means_the_schemes_own():
    policy = Policy(allow_hosts=frozenset({"10.0.0.1:80", "[::1]:443"}))
    check_url("http://10.0.0.1/", policy)
    check_url("https://[::1]:/", policy)
    with pytest.raises(FetchRefused):
        check_url("https://10.0.0.1/", policy)


def test_an_allowed_host_lifts_nothing_for_the_next_hop(serve, wire):
    secret = serve()
    site = serve(raw(reply(b"", 302, Location=f"http://127.0.0.1:{secret.port}/")))
    policy = to(secret, allow_hosts=frozenset({f"127.0.0.1:{site.port}"}))
    refused = refusal(site, host="127.0.0.1", policy=policy)
    assert refused.message == "The address of 127.0.0.1 is not public."
    assert secret.strays() == []


# Redirects


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


# Answers


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


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


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


# Time


OVER = ("download_failed", "The download took longer than 0.5 s.", True)


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


# Look-ups and connections that fail


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


# TLS: the name is verified although the socket opens to an address


def certificate(name, authority=None):
    """(key, certificate) signed by `authority`, or a new authority's own."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, issuer = (authority[0], authority[1].subject) if authority else (key, subject)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(authority is None, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    # Newer Pythons ask for what RFC 5280 asks for.
    for extension, critical in (
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
        (_key_usage(authority is None), True),
    ):
        builder = builder.add_extension(extension, critical=critical)
    return key, builder.sign(signer, hashes.SHA256())


def _key_usage(is_authority):
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


class Tls:
    """Wraps a server's connections; `names` are those that clients asked for."""

    def __init__(self, file):
        self.names: list[str] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(file)
        self.context.sni_callback = lambda channel, name, context: self.names.append(name)

    def __call__(self, connection):
        return self.context.wrap_socket(connection, server_side=True)


@pytest.fixture
def tls(monkeypatch, tmp_path):
    """A server for NAME, under an authority that `fetch` trusts."""
    authority = certificate("Test authority")
    key, own = certificate(NAME, authority)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = tmp_path / "server.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(private + own.public_bytes(pem))
    trust = ssl.create_default_context(cadata=authority[1].public_bytes(pem).decode())
    monkeypatch.setattr(http, "_trust", lambda: trust)
    return Tls(file)


def test_tls(serve, wire, tls):
    body = PNG * 5000
    site = serve(picture(body), tls=tls)
    assert get(site)[1] == body
    assert tls.names == [NAME]
    assert wire.tried == [PUBLIC]


def test_a_certificate_for_another_name(serve, tls):
    site = serve(tls=tls)
    refused = refusal(site, host="other.example", resolver=Names({"other.example": [PUBLIC]}))
    message = "The certificate of other.example is not valid."
    assert refused.args == ("download_failed", message, False)
    assert site.heads == []


def test_a_certificate_of_an_unknown_authority(serve, tls, monkeypatch):
    monkeypatch.setattr(http, "_trust", httpcore2.default_ssl_context)
    site = serve(tls=tls)
    assert not refusal(site).retryable
    assert site.heads == []


def test_no_tls_where_tls_is_asked_for(serve, tls):
    def plain(connection):
        connection.sendall(reply())
        return connection

    refused = refusal(serve(tls=plain))
    assert refused.args == ("download_failed", f"The connection to {NAME} failed.", True)


def test_a_handshake_that_drips_ends_with_the_clock(serve, tls):
    def drip(connection):
        dripping(b"\x16\x03\x03\x10\x00\x02", b"\0")(None, connection, "")

    refused, took = timed(lambda: refusal(serve(tls=drip), total_timeout=0.5))
    assert refused.args == OVER
    assert took < 3


def test_a_body_that_drips_through_tls(serve, tls):
    site = serve(dripping(reply(b""), b"a"), tls=tls)
    refused, took = timed(lambda: refusal(site, total_timeout=0.5))
    assert refused.args == OVER
    assert took < 3


def test_a_pause_within_tls(serve, tls):
    def answer(site, connection, path):
        time.sleep(0.6)
        connection.sendall(reply())

    site = serve(answer, tls=tls)
    assert get(site)[1] == PNG


def test_a_refusal_survives_a_queue():
    refused = pickle.loads(pickle.dumps(FetchRefused("too_large", "Too large.", False)))
    assert (refused.code, refused.message, refused.retryable) == ("too_large", "Too large.", False)
    assert str(refused) == "too_large: Too large."
