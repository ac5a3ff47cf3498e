"""A provider on loopback that tells whose token it was shown."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ACCOUNT = "17841400000000001"
GOOD = {"user_id": ACCOUNT, "username": "shop", "id": "999"}


def error(code: int, subcode: int = 0) -> dict[str, Any]:
    return {"error": {"message": "no", "code": code, "error_subcode": subcode}}


class Provider:
    def __init__(self) -> None:
        self.answer: tuple[int, bytes] = (200, json.dumps(GOOD).encode())
        self.asked: list[tuple[str, str]] = []
        self.meanwhile: Callable[[], None] = lambda: None
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append((self.path, self.headers["Authorization"]))
                provider.meanwhile()
                status, body = provider.answer
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v26.0"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def says(self, status: int, body: Any) -> None:
        self.answer = (status, body if isinstance(body, bytes) else json.dumps(body).encode())
