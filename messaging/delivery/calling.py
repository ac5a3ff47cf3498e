"""Calling providers: one aiohttp session on one event-loop thread for each process.

What matters most about a call that fails is whether the provider may have had it. aiohttp tells
when the connection stands and writing begins: a failure before that is certainly not sent, any
failure after it may have been.
"""

import asyncio
import atexit
import json
import os
import re
import threading
from collections.abc import Iterable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

import aiohttp
import structlog
from aiohttp import hdrs
from django.utils import timezone
from multidict import CIMultiDict
from yarl import URL

from messaging.channels.base import ProviderRequest
from messaging.delivery.answers import Answer, Answers, Reach
from messaging.delivery.news import Attempt

loops: ModuleType = asyncio
with suppress(ImportError):  # it is not built for every system
    import uvloop as loops

log = structlog.get_logger(__name__)

# Together with the two seconds from claim to call well inside the lease of an attempt.
TOTAL_SECONDS = 20
CONNECT_SECONDS = 5
# Shorter than any provider's, so that a connection is rarely closed under a request.
KEEP_OPEN_SECONDS = 15
MAX_ANSWER_BYTES = 1024 * 1024
SLOTS = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Call:
    """A request ready to go, for one attempt at one message."""

    attempt: Attempt
    method: str
    url: URL
    headers: CIMultiDict[str]
    body: bytes
    not_after: datetime

    @classmethod
    def of(cls, attempt: Attempt, request: ProviderRequest, not_after: datetime) -> "Call":
        """Raises ValueError for what cannot be written as a request at all."""
        if request.method not in {hdrs.METH_POST, hdrs.METH_PATCH}:
            raise ValueError("the client would repeat a call of this method by itself")
        headers = CIMultiDict({hdrs.CONTENT_TYPE: "application/json"})
        headers.update(request.headers)
        if any(_CONTROL.search(f"{name}{value}") for name, value in headers.items()):
            raise ValueError("a header holds a control character")
        url = URL(request.url)
        if url.scheme not in {"http", "https"} or not url.host:
            raise ValueError("the address is not an absolute HTTP URL")
        body = json.dumps(request.json).encode()
        return cls(attempt, request.method, url, headers, body, not_after)


class _Request(aiohttp.ClientRequest):
    """Notes when the connection is there and writing is about to begin."""

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        _has_begun.get().append(True)
        return await super().send(conn)


# Of the call that the task makes; a list, since a task sees only its own changes of a variable.
_has_begun: ContextVar[list[bool]] = ContextVar("_has_begun")


def may_begin(call: Call) -> bool:
    """Looked at right before the call: what was claimed too long ago goes back."""
    return not stopping.is_set() and timezone.now() <= call.not_after


class Caller:
    """The session and the thread that its loop runs on; safe to use from any thread."""

    def __init__(self) -> None:
        self._busy = 0
        self._loop: asyncio.AbstractEventLoop = loops.new_event_loop()
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._run, name="provider-calls", daemon=True)
        self._thread.start()
        self._opened.wait()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def free_slots(self) -> int:
        return max(0, SLOTS - self._busy)

    def submit(self, calls: Iterable[Call], answers: Answers) -> None:
        """Make the calls, all at once; each puts exactly one answer into `answers`."""
        self._loop.call_soon_threadsafe(self._start, list(calls), answers)

    def close(self) -> None:
        """End the thread; calls that are under way count as unanswered."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._open())
        finally:
            self._opened.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._shut())
        self._loop.close()

    async def _open(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(SLOTS)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_OPEN_SECONDS),
            timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={hdrs.USER_AGENT: "Inro/1.0"},
            request_class=_Request,
            trust_env=False,
        )

    async def _shut(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    def _start(self, calls: list[Call], answers: Answers) -> None:
        for call in calls:
            task = self._loop.create_task(self._make(call, answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _make(self, call: Call, answers: Answers) -> None:
        begun: list[bool] = []
        _has_begun.set(begun)
        answer = Answer(call.attempt, Reach.UNCALLED)
        self._busy += 1
        try:
            async with self._slots:
                if may_begin(call):
                    answer = Answer(call.attempt, Reach.UNSENT)
                    answer = await self._exchange(call)
        except (Exception, asyncio.CancelledError) as error:
            if begun:
                answer = Answer(call.attempt, Reach.UNANSWERED)
            _note_failure(answer, error)
        finally:
            self._busy -= 1
            answers.put(answer)

    async def _exchange(self, call: Call) -> Answer:
        async with self._session.request(
            call.method,
            call.url,
            data=call.body,
            headers=call.headers,
            allow_redirects=False,
        ) as response:
            body = await _read(response)
            return Answer(call.attempt, Reach.ANSWERED, response.status, body, response.headers)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for part in response.content.iter_any():
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            raise ValueError("the answer is too large")
    return body


def _note_failure(answer: Answer, error: BaseException) -> None:
    # Without the address: some providers' addresses hold a phone number.
    named = [type(each).__name__ for each in (error, error.__cause__) if each]
    message = answer.attempt.message_id
    log.info("call failed", message=message, reach=str(answer.reach), error=", ".join(named))


# Set when this process shuts down: no further call begins, what was not begun comes back uncalled.
stopping = threading.Event()
_caller: Caller | None = None
_guard = threading.Lock()


def caller() -> Caller:
    """This process's caller, started when it is first needed."""
    global _caller
    with _guard:
        if _caller is None or not _caller.is_alive:
            _caller = Caller()
        return _caller


@atexit.register
def _close() -> None:
    if _caller is not None and _caller.is_alive:
        _caller.close()


def _after_fork() -> None:
    """The parent's thread does not exist here, and its connections are not ours."""
    global _caller, _guard
    _caller, _guard = None, threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
