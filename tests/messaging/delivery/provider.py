"""A provider on loopback that checks what it is sent, counts it, and answers as it is told."""

import json
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "Bearer EAAG-token-of-the-shop"
ACCOUNT = "1784"


def graph_error(code: int, subcode: int | None = None, status: int = 400) -> tuple[int, bytes]:
    error = {"message": "no", "type": "OAuthException", "code": code}
    if subcode:
        error["error_subcode"] = subcode
    return status, json.dumps({"error": error}).encode()


ANSWERS = {
    "busy": graph_error(2),
    "limited": graph_error(613),
    "refused": graph_error(100, 2534014),
    "token": graph_error(190, 463, 401),
    "bare500": (500, b""),
    "redirect": (302, b""),
    "huge": (200, b"x" * (2 * 1024 * 1024)),
    "garbage": (200, b"\x00not json"),
}


# What the person gets, whether the caller learns of it or not.
ACCEPTING = {"ok", "slow", "hang", "drop", "cut"}


@dataclass(frozen=True)
class Got:
    to: str
    text: str
    mid: str


class Provider:
    """Answers `ok` unless `script` has something else for a text; each entry is used once.

    Besides the keys of ANSWERS: `drop` closes after reading, `reset` resets then, `cut` breaks off
    within the answer, `hang` waits for `release`, `slow` for a moment.
    """

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.accepted: list[Got] = []
        self.faults: list[str] = []
        self.script: dict[str, list[str]] = defaultdict(list)
        self.release = threading.Event()
        self.slow_seconds = 0.05
        self.headers: dict[str, str] = {}
        self.connections = 0
        self._lock = threading.Lock()
        self._with: Counter[str] = Counter()
        handler = type("Handler", (_Handler,), {"provider": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v26.0"

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    def texts(self, to: str | None = None) -> list[str]:
        with self._lock:
            return [got.text for got in self.got if to in (None, got.to)]

    def most_often(self) -> int:
        """How often the message was accepted that was accepted most often."""
        return max(Counter((got.to, got.text) for got in self.accepted).values(), default=0)

    def receive(self, path: str, headers: Any, raw: bytes) -> tuple[str, Got]:
        got = self._checked(path, headers, json.loads(raw))
        with self._lock:
            self.got.append(got)
            self._with[got.to] += 1
            if self._with[got.to] > 1:
                self.faults.append(f"two in flight to {got.to}")
            plan = self.script[got.text]
            behaviour = plan.pop(0) if plan else "ok"
            if behaviour in ACCEPTING:
                self.accepted.append(got)
        return behaviour, got

    def done_with(self, got: Got) -> None:
        with self._lock:
            self._with[got.to] -= 1

    def _checked(self, path: str, headers: Any, body: dict[str, Any]) -> Got:
        to, message = body["recipient"]["id"], body["message"]
        if "attachment" in message:
            text = message["attachment"]["payload"]["url"]
            right = {"attachment": {"type": "image", "payload": {"url": text}}}
        else:
            text = message["text"]
            right = {"text": text}
        expected = {"recipient": {"id": to}, "message": right}
        for name, given, wanted in (
            ("path", path, f"/v26.0/{ACCOUNT}/messages"),
            ("token", headers["Authorization"], TOKEN),
            ("type", headers["Content-Type"], "application/json"),
            ("cookie", headers["Cookie"], None),
            ("body", body, expected),
        ):
            if given != wanted:
                self.faults.append(f"{name}: {given!r} instead of {wanted!r}")
        return Got(to, text, f"m_{len(self.got) + 1}_{to}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


class _Handler(BaseHTTPRequestHandler):
    provider: Provider
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.provider.connections += 1

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        behaviour, got = self.provider.receive(self.path, self.headers, raw)
        try:
            self._behave(behaviour, got)
        except OSError:
            self.close_connection = True
        finally:
            self.provider.done_with(got)

    def _behave(self, behaviour: str, got: Got) -> None:
        if behaviour == "hang":
            self.provider.release.wait(60)
        if behaviour == "slow":
            time.sleep(self.provider.slow_seconds)
        if behaviour in ("drop", "reset"):
            self._drop(behaviour == "reset")
            return
        accepted = json.dumps({"recipient_id": got.to, "message_id": got.mid}).encode()
        status, body = ANSWERS.get(behaviour, (200, accepted))
        self.provider.done_with(got)  # the next may come as soon as the answer is read
        try:
            self._answer(status, body, cut=behaviour == "cut")
        finally:
            with self.provider._lock:
                self.provider._with[got.to] += 1

    def _answer(self, status: int, body: bytes, *, cut: bool) -> None:
        head = f"HTTP/1.1 {status} X\r\nSet-Cookie: a=b; Path=/\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in self.provider.headers.items())
        if 300 <= status < 400:
            head += "Location: /elsewhere\r\n"
        raw = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        self.wfile.write(raw[:-5] if cut else raw)
        self.wfile.flush()
        if cut:
            self._drop(False)

    def _drop(self, reset: bool) -> None:
        self.close_connection = True
        if reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def log_message(self, *args: Any) -> None:
        return
