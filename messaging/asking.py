"""One question to a provider, while somebody waits for the answer."""

import asyncio

import aiohttp

from messaging.channels.base import ProviderRequest

TOTAL_SECONDS = 10
CONNECT_SECONDS = 5
MAX_ANSWER_BYTES = 1024 * 1024


class Unreachable(Exception):
    """The provider gave no answer."""


def ask(request: ProviderRequest) -> tuple[int, bytes]:
    """The status and the body of the answer to a GET. Raises Unreachable."""
    try:
        return asyncio.run(_exchange(request))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Unreachable(type(error).__name__) from None


async def _exchange(request: ProviderRequest) -> tuple[int, bytes]:
    timeout = aiohttp.ClientTimeout(total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
        session.get(request.url, headers=request.headers, allow_redirects=False) as response,
    ):
        body = b""
        async for part in response.content.iter_any():
            body += part
            if len(body) > MAX_ANSWER_BYTES:
                raise ValueError("the answer is too large")
        return response.status, body
