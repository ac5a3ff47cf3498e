"""The whole product as its operator runs it: `manage.py runall` in a folder of its own."""

import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.waiting import eventually

ROOT = Path(__file__).parent.parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Product:
    """Start it, talk to it over HTTP, kill parts of it, stop it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "DATA_DIR": str(folder / "data"),
            "PORT": str(self.port),
            "PUBLIC_URL": self.base,
            "ENV_FILE": "",
            # Journeys ask again and again until something is there.
            "API_RATE_LIMIT": "0",
            **environment,
        }
        self.output: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self.token = ""

    def give(self, tables: Path) -> None:
        """Its database before the first start: to make all tables takes longer than the start."""
        data = Path(self.environment["DATA_DIR"])
        data.mkdir(parents=True)
        shutil.copyfile(tables, data / "inro.sqlite3")

    def start(self) -> "Product":
        self.output.clear()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "runall"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        process = self.process
        eventually(lambda: "Ready" in self.output or process.poll() is not None, "Ready", 60)
        assert process.poll() is None, "\n".join(self.output)
        self.token = self.token or self.line("Token")
        self.client = self.client_of(self.base)
        return self

    def client_of(self, base: str) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx2.Client(base_url=base, headers=headers, timeout=30, trust_env=False)

    def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line.rstrip("\n"))

    def line(self, word: str) -> str:
        """What stands behind `word` in the lines that `runall` prints."""
        return next(
            re.sub(r"^\w+\s+", "", line) for line in self.output if line.startswith(f"{word} ")
        )

    def processes(self) -> list[psutil.Process]:
        """The supervisor and all that it started."""
        assert self.process is not None
        try:
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def workers(self) -> list[psutil.Process]:
        return [p for p in self.processes() if "celery" in p.cmdline()]

    def kill_workers(self) -> None:
        for process in self.workers():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def freeze_supervisor(self) -> None:
        """Nothing that dies from now on is started again, until it is thawed."""
        self.processes()[0].suspend()

    def thaw_supervisor(self) -> None:
        self.processes()[0].resume()

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it as Ctrl-C does; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(40)

    def destroy(self) -> None:
        everything = self.processes()
        for process in everything:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(everything, timeout=10)

    # --- what its users do -------------------------------------------------------------
    def post(self, path: str, body: dict[str, Any], status: int = 201) -> Any:
        answer = self.client.post(f"/api/v1{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        answer = self.client.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def sandbox(self) -> dict[str, Any]:
        return next(c for c in self.get("/channels")["channels"] if c["kind"] == "sandbox")

    def connect_instagram(self, account_id: str = "1784") -> dict[str, Any]:
        channel: dict[str, Any] = self.post(
            "/channels",
            {
                "kind": "instagram",
                "name": "Shop",
                "account_id": account_id,
                "access_token": "EAAG-token-of-the-shop",
                "app_secrets": ["the-app-secret"],
            },
        )
        return channel

    def webhook(self, channel: dict[str, Any], payload: Any, secret: str = "the-app-secret") -> int:
        raw = json.dumps(payload).encode()
        digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
        path = channel["webhook_url"].removeprefix(self.base)
        headers = {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"}
        return self.client.post(path, content=raw, headers=headers).status_code


_counter = iter(range(1, 10**6))


def direct_message(text: str, person: str = "9001", account_id: str = "1784") -> dict[str, Any]:
    """A message of a person, in Instagram's shape."""
    now = int(time.time() * 1000)
    message = {"mid": f"in_{next(_counter)}_{now}", "text": text}
    return _wrapped(account_id, person, account_id, now, {"message": message})


def echo(mid: str, body: dict[str, Any], person: str, account_id: str = "1784") -> dict[str, Any]:
    """The echo of a message that the stand-in took, in Instagram's shape."""
    message: dict[str, Any] = {"mid": mid, "is_echo": True}
    if "text" in body:
        message["text"] = body["text"]
    else:
        message["attachments"] = [body["attachment"]]
    now = int(time.time() * 1000)
    return _wrapped(account_id, account_id, person, now, {"message": message})


def _wrapped(
    account_id: str, sender: str, recipient: str, now: int, event: dict[str, Any]
) -> dict[str, Any]:
    item = {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": now, **event}
    return {
        "object": "instagram",
        "entry": [{"id": account_id, "time": now, "messaging": [item]}],
    }
