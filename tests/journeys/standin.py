"""A stand-in for Instagram's Send API: a real HTTP server that checks what it is sent."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Sent:
    """One request that reached the stand-in; `mid` is what it answered, if it did."""

    path: str
    token: str
    body: dict[str, Any]
    mid: str
    at: float = field(default_factory=time.monotonic)

    @property
    def text(self) -> str:
        return str(self.body["message"].get("text", ""))

    @property
    def to(self) -> str:
        return str(self.body["recipient"]["id"])


class InstagramStandIn:
    """Answers as documented; `hold` makes answers wait, `faults` lists what was sent wrongly."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.faults: list[str] = []
        self.hold = threading.Event()
        self.hold.set()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"standin": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v26.0"

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()

    def receive(self, path: str, token: str, raw: bytes) -> tuple[int, dict[str, Any]]:
        body = json.loads(raw)
        if set(body) != {"recipient", "message"} or set(body["recipient"]) != {"id"}:
            self.faults.append(f"not the documented body: {sorted(body)}")
        with self._lock:
            mid = f"m_{len(self.sent) + 1}"
            self.sent.append(Sent(path, token, body, mid))
        self.hold.wait(30)
        return 200, {"recipient_id": body["recipient"]["id"], "message_id": mid}


class _Handler(BaseHTTPRequestHandler):
    standin: InstagramStandIn
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get_content_type() != "application/json":
            self.standin.faults.append(f"content type {self.headers.get_content_type()}")
        token = self.headers.get("Authorization", "")
        status, answer = self.standin.receive(self.path, token, raw)
        body = json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        return


class PictureServer:
    """Serves one picture at /picture.jpg; while `hold` is clear, it stops in the middle of it."""

    def __init__(self, picture: bytes) -> None:
        self.requests = 0
        self.hold = threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "image/jpeg")
                    self.send_header("Content-Length", str(len(picture)))
                    self.end_headers()
                    self.wfile.write(picture[: len(picture) // 2])
                    self.wfile.flush()
                    outer.hold.wait(50)
                    self.wfile.write(picture[len(picture) // 2 :])
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/picture.jpg"

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
