"""The load generator: the same for both sides, on kept-open connections, one process."""

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import quantiles

import aiohttp
import uvloop


@dataclass(frozen=True)
class Measured:
    """Answers a second, and milliseconds until the answer was read."""

    per_second: float
    p50: float
    p95: float
    p99: float
    count: int


@dataclass(frozen=True)
class Ask:
    """One request; `make` gives the body of each, with headers of its own."""

    method: str
    url: str
    headers: dict[str, str]
    expected: int = 200
    make: Callable[[], tuple[bytes, dict[str, str]]] | None = None


def load(ask: Ask, seconds: float, connections: int, most: int | None = None) -> Measured:
    """Ask as fast as `connections` of them get their answers; any other status ends it.

    It ends after `seconds`, or when `most` have been asked.
    """
    return uvloop.run(_load(ask, seconds, connections, most))


async def _load(ask: Ask, seconds: float, connections: int, most: int | None) -> Measured:
    times: list[float] = []
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, headers=ask.headers) as session:
        begin = time.perf_counter()
        until = begin + (seconds if most is None else math.inf)
        left = itertools.repeat(None) if most is None else iter([None] * most)
        await asyncio.gather(*(_walk(session, ask, until, left, times) for _ in range(connections)))
        passed = time.perf_counter() - begin
    cuts = quantiles(times, n=100)
    p50, p95, p99 = (cuts[at] * 1000 for at in (49, 94, 98))
    return Measured(len(times) / passed, p50, p95, p99, len(times))


async def _walk(
    session: aiohttp.ClientSession,
    ask: Ask,
    until: float,
    left: Iterator[None],
    times: list[float],
) -> None:
    for _ in left:
        body, headers = ask.make() if ask.make else (None, {})
        begin = time.perf_counter()
        if begin > until:
            return
        async with session.request(ask.method, ask.url, data=body, headers=headers) as answer:
            content = await answer.read()
            if answer.status != ask.expected:
                raise RuntimeError(f"{answer.status} instead of {ask.expected}: {content[:200]!r}")
        times.append(time.perf_counter() - begin)
