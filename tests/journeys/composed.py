"""The product as `compose.yaml` runs it: each service's command, as a process of this machine."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil
import yaml

from tests.journeys.product import ROOT, Product
from tests.waiting import COMMAND_SECONDS, eventually

_REFERENCE = re.compile(r"\$\{(\w+)(:-|:\?)?([^}]*)\}")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = {name: each for name, each in SERVICES.items() if each["image"] == "inro:local"}
# What is taken from `.env`, and in which way: `:?` must be there, `:-` has a default.
REFERENCES = {n: kind for n, kind, _ in _REFERENCE.findall((ROOT / "compose.yaml").read_text())}


def filled_in(text: str, variables: dict[str, str]) -> str:
    """`text` with what stands in `.env`, or with its defaults."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if kind == ":?":
            assert variables.get(name), f"{name} is not set"
        return variables.get(name) or (rest if kind == ":-" else "")

    return _REFERENCE.sub(value, text)


class Composed(Product):
    """Web processes, workers and the clock, each started alone."""

    def __init__(self, folder: Path, *, redis_url: str = "", **environment: str) -> None:
        super().__init__(folder, **environment)
        folder.mkdir(parents=True, exist_ok=True)
        self.dotenv = {"PUBLIC_URL": self.base, "POSTGRES_PASSWORD": "x", "WEB_PROCESSES": "1"}
        here = ("DATABASE_URL", "DATA_DIR", "API_RATE_LIMIT", "ENV_FILE")
        self.here = {name: self.environment[name] for name in here} | environment
        self.here["REDIS_URL"] = redis_url or os.environ["REDIS_URL"]
        self.parts: dict[str, subprocess.Popen[str]] = {}

    def start(self, *services: str) -> "Composed":
        """Start `services`, all of ours by default, and wait until they work."""
        wanted = services or tuple(OWN)
        migration = self.run("migrate")
        assert migration.wait(60) == 0, "\n".join(self.output)
        for name in wanted:
            if name not in {"migrate", "web"}:
                self.run(name)
        self.start_web("web", self.port)
        self.token = self.token or self._first_token()
        self.client = self.client_of(self.base)
        if "beat" in wanted:
            eventually(lambda: self.client.get("/health/ready").json()["last_tick"], "a tick", 60)
        return self

    def start_web(self, name: str, port: int) -> str:
        """Another web process; its address."""
        self.run("web", name, port)
        base = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            assert self.parts[name].poll() is None, "\n".join(self.output)
            with suppress(httpx2.TransportError):
                return httpx2.get(f"{base}/health/live", trust_env=False).status_code == 200
            return False

        eventually(answers, f"{name} answers", 60)
        return base

    def run(
        self, service: str, name: str = "", port: int = 0, fault: str = ""
    ) -> "subprocess.Popen[str]":
        """Start the command of a service in its environment; nothing of this shell's reaches it.

        With a `fault` (`kill after 40`), its processes strike at that commit point.
        """
        its = OWN[service]
        program, *arguments = [filled_in(each, self.dotenv) for each in its["command"]]
        if port:
            replaced = {"0.0.0.0": "127.0.0.1", "8000": str(port)}
            arguments = [replaced.get(each, each) for each in arguments]
        stated = {key: filled_in(each, self.dotenv) for key, each in its["environment"].items()}
        injected = {"FAULT": fault, "PYTHONPATH": f"{ROOT}/tests/faults/site:{ROOT}"}
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name(program)), *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **self.dotenv, **stated, **self.here}
            | (injected if fault else {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.parts[name or service] = process
        threading.Thread(target=self._note, args=(process,), daemon=True).start()
        return process

    def _note(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line.rstrip("\n"))

    def end(self, name: str) -> None:
        """Kill a part with all its processes."""
        process = self.parts.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def everything_runs(self) -> None:
        """Asserts that no part has ended since it was started."""
        ended = {name for name, each in self.parts.items() if each.poll() is not None}
        assert ended == {"migrate"}

    def live_again_and_again(
        self, faults: dict[str, int], done: Callable[[], bool]
    ) -> Counter[str]:
        """Have parts die at every so many commit points, until `done`; how often each lived.

        They end well after that.
        """
        lives: Counter[str] = Counter()

        def keep_alive() -> bool:
            for name, at in faults.items():
                if name not in self.parts or self.parts[name].poll() is not None:
                    moment = ("before", "after")[lives[name] % 2]
                    lives[name] += 1
                    self.run(name, name, self.port, f"kill {moment} {at}")
            return done()

        for name in faults:
            self.end(name)
        eventually(keep_alive, "the end", 150)
        for name in faults:
            self.end(name)
            self.run(name, name, self.port)
        return lives

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.environment, **self.here},
            capture_output=True,
            text=True,
            check=True,
            timeout=COMMAND_SECONDS,
        )
        return done.stdout.strip()

    def _first_token(self) -> str:
        self.manage("create_workspace", "Acme", "--subdomain", "acme", "--plan", "pro")
        return self.manage("issue_token", "--workspace", "acme")

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in self.parts.values():
            with suppress(psutil.NoSuchProcess):
                top = psutil.Process(process.pid)
                found += [top, *top.children(recursive=True)]
        return found

    def destroy(self) -> None:
        super().destroy()
        for process in self.parts.values():
            # What a part leaves behind that died is still of its group.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def told(client: httpx2.Client) -> tuple[int, str | None]:
    """Status of a request, and how many more its headers say may come."""
    answer = client.get("/api/v1/me")
    return answer.status_code, answer.headers.get("X-RateLimit-Remaining")
