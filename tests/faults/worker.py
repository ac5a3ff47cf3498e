"""A process that does single pieces of the product's work, each in a child that a fault may end.

Orders come as lines of JSON, and for each goes out a line with what became of it. The product is
loaded once; a child is forked before anything has opened a connection.
"""

import io
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django


def main() -> None:
    django.setup()
    from inro.celery import app
    from inro.wsgi import application

    app.loader.import_default_modules()
    application({**_environ("GET", "/health/live", b"", {})}, lambda *_: None)
    for line in sys.stdin:
        order = json.loads(line)
        child = _resumed() if order["do"] == ["resume"] else Child(order)
        print(json.dumps(child.watched()), flush=True)


class Child:
    """One piece of work in a process of its own."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.report: dict[str, Any] = {
            "woken": [],
            "status": 0,
            "error": "",
            "points": 0,
            "begun": 0,
        }
        reading, writing = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            _work(order, lambda **news: os.write(writing, f"{json.dumps(news)}\n".encode()))
            os._exit(0)
        os.close(writing)
        self._news = os.fdopen(reading)

    def watched(self) -> dict[str, Any]:
        """What has become of it when it ends, or stands still."""
        _, ended = os.waitpid(self.pid, os.WUNTRACED)
        stalled = os.WIFSTOPPED(ended)
        if stalled:
            _stalled.append(self)
        else:
            for line in self._news:
                said = json.loads(line)
                self.report["woken"] += said.pop("woken", [])
                self.report.update(said)
        killed = os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == signal.SIGKILL
        return {**self.report, "killed": killed, "stalled": stalled}


_stalled: list[Child] = []


def _resumed() -> Child:
    child = _stalled.pop()
    os.kill(child.pid, signal.SIGCONT)
    return child


def _work(order: dict[str, Any], tell: Callable[..., Any]) -> None:
    from inro.celery import app
    from inro.common import waking
    from tests.faults.injection import Fault, Injection

    injection = Injection(Fault(**order["fault"]) if order["fault"] else None)
    vars(waking)["_send"] = lambda task, args, after: tell(woken=[[task.name, *args]])
    name, *arguments = order["do"]
    try:
        if name == "request":
            tell(status=_request(*arguments))
        else:
            app.tasks[name](*arguments)
    except Exception as error:
        tell(error=f"{type(error).__name__}: {error}")
    tell(points=injection.points, begun=injection.begun)


def _request(method: str, path: str, body: str, headers: dict[str, str]) -> int:
    from inro.wsgi import application

    answered: list[int] = []
    environ = _environ(method, path, body.encode(), headers)
    answer = application(environ, lambda status, *_: answered.append(int(status.split()[0])))
    b"".join(answer)
    return answered[0]


def _environ(method: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        **named,
    }


if __name__ == "__main__":
    main()
