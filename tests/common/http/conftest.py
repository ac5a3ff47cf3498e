"""Servers that would answer, on a port that the policy allows."""

import io
import queue
import socket
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from inro.common.http import FetchRefused, Policy, fetch

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
PUBLIC, PUBLIC_V6 = "93.184.216.34", "2606:2800:220:1::1"
CLOSED = [f"93.184.217.{n}" for n in range(50)]
NAME = "pictures.example"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OVER = ("download_failed", "The download took longer than 0.5 s.", True)

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


def words(text):
    return text.split()
