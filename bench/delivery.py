"""Road 3 at full load: queued rows → provider → verdicts written, to a provider that costs nothing.

Beside it the least that any such loop must do, with the same client on the same table: claim 500
rows, POST them, mark them. Both take turns in one process, so what else runs here slows both.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.measuring import table

ROUNDS, BATCH = 4, 500


def run(messages: int = 20_000, stories: bool = True) -> None:
    """`messages` on each side, in a test database on `DATABASE_URL` or the default."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, _provider() as url:
        os.environ |= {"ENV_FILE": "", "LOG_LEVEL": "WARNING", "INSTAGRAM_API_URL": url}
        os.environ |= {"DJANGO_SETTINGS_MODULE": "inro.settings", "DATA_DIR": folder}
        import django

        django.setup()
        from django.db import connection

        name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            _compare(url, messages // ROUNDS, stories)
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)


def _compare(url: str, messages: int, stories: bool) -> None:
    from django.db import connection

    from messaging.delivery.calling import loops
    from messaging.delivery.pump import deliver

    bare, ours = _Side("bare loop"), _Side("Inrō")
    channel = _channel()
    for _ in range(ROUNDS):
        for side in (bare, ours):
            _fill(channel, messages, stories)
            with side:
                if side is bare:
                    loops.run(_bare(channel.pk, f"{url}/1/messages"))
                while side is ours and _waiting(channel.pk):
                    deliver(channel.pk)
            side.sent += _emptied(messages)
    rows = [
        (each.name, each.rate, each.rate / bare.rate, each.cpu / bare.cpu, each.cpu, each.megabytes)
        for each in (bare, ours)
    ]
    head = ("", "messages/s", "ratio", "CPU ratio", "CPU s per 10,000", "RSS MB")
    with_stories = "with" if stories else "without"
    table(f"Delivery on {connection.vendor}, {with_stories} stories", head, rows)


class _Side:
    """Wall and CPU seconds of this process while inside."""

    def __init__(self, name: str) -> None:
        self.name, self.sent, self.megabytes = name, 0, 0.0
        self._seconds = self._cpu = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *args: Any) -> None:
        import psutil

        self._seconds += time.perf_counter() - self._began[0]
        self._cpu += time.process_time() - self._began[1]
        self.megabytes = psutil.Process().memory_info().rss / 2**20

    @property
    def rate(self) -> float:
        return self.sent / self._seconds

    @property
    def cpu(self) -> float:
        return self._cpu / self.sent * 10_000


def _channel() -> Any:
    from inro.accounts.models import Workspace
    from messaging.connecting import connect_channel

    options = {"account_id": "1", "access_token": "a-token", "app_secrets": ["a-secret"]}
    workspace = Workspace.objects.create(name="Bench", subdomain="bench", plan="pro")
    channel = connect_channel(workspace, "instagram", "", options)
    channel.text_per_second = channel.media_per_second = 10_000
    channel.save()
    return channel


def _fill(channel: Any, count: int, stories: bool) -> None:
    """One message each to as many people, who wrote just now."""
    from uuid import uuid4

    from django.db import connection
    from django.utils import timezone

    from messaging.models import Contact, Identity, Message, MessageType
    from messaging.queueing import Draft, queue_messages

    own = {"workspace_id": channel.workspace_id}
    if not Contact.objects.exists():
        people = Contact.objects.bulk_create(
            [Contact(name=f"Person {n}", **own) for n in range(count)], batch_size=1000
        )
        identity = {**own, "channel": channel, "last_inbound_at": timezone.now()}
        Identity.objects.bulk_create(
            [Identity(contact=each, external_id=str(each.pk), **identity) for each in people],
            batch_size=1000,
        )
    drafts = [
        Draft(
            pk,
            channel.pk,
            MessageType.TEXT,
            "Hello, this is a message of an ordinary length to somebody who wrote to us.",
            story=uuid4() if stories else None,
            position=0 if stories else None,
        )
        for pk in Contact.objects.values_list("pk", flat=True)
    ]
    for start in range(0, len(drafts), 1000):
        queue_messages(channel.workspace_id, drafts[start : start + 1000])
    assert Message.objects.filter(status="queued").count() == count
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _waiting(channel_id: int) -> bool:
    from messaging.models import Message

    return Message.objects.filter(channel=channel_id, status="queued").exists()


def _emptied(count: int) -> int:
    """How many went out; the table is empty again."""
    from messaging.models import Message

    sent = Message.objects.filter(status="sent").exclude(provider_message_id="").count()
    if sent != count:
        raise RuntimeError(f"{sent} of {count} messages went out")
    Message.objects.all()._raw_delete("default")
    return sent


_CLAIM = """
UPDATE messaging_message SET status = 'sending' WHERE id IN (
  SELECT id FROM messaging_message WHERE channel_id = %s AND status = 'queued'
  ORDER BY due_at, id LIMIT %s) RETURNING id, contact_id, text"""
_MARK = "UPDATE messaging_message SET status = 'sent', provider_message_id = %s WHERE id = %s"
_MARK_AT_ONCE = """
UPDATE messaging_message SET status = 'sent', provider_message_id = v.mid
FROM unnest(%s::text[], %s::bigint[]) AS v(mid, id) WHERE messaging_message.id = v.id"""


async def _bare(channel_id: int, url: str) -> None:
    import aiohttp

    headers = {"Authorization": "Bearer a-token"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        while rows := _claimed(channel_id):
            _mark(await asyncio.gather(*[_post(session, url, *row) for row in rows]))


async def _post(session: Any, url: str, pk: int, to: int, text: str) -> tuple[str, int]:
    body = {"recipient": {"id": str(to)}, "message": {"text": text}}
    async with session.post(url, json=body) as answer:
        return json.loads(await answer.read())["message_id"], pk


def _claimed(channel_id: int) -> list[Any]:
    from django.db import connection

    with _unguarded(), connection.cursor() as cursor:
        cursor.execute(_CLAIM, [channel_id, BATCH])
        return list(cursor.fetchall())


def _mark(answers: list[tuple[str, int]]) -> None:
    from django.db import connection, transaction

    with _unguarded(), transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_MARK_AT_ONCE, [list(each) for each in zip(*answers, strict=True)])
        else:
            cursor.executemany(_MARK, answers)


@contextmanager
def _unguarded() -> Iterator[None]:
    """Django keeps blocking calls out of coroutines; here one is what is measured."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield


@contextmanager
def _provider() -> Iterator[str]:
    """The address of a provider that takes everything, in a process of its own."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    spawning = multiprocessing.get_context("fork")
    process = spawning.Process(target=_serve, args=(listener,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        process.kill()
        process.join(20)


def _serve(listener: socket.socket) -> None:
    import uvloop

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Sink, sock=listener)
        await server.serve_forever()

    uvloop.run(serve())


class _Sink(asyncio.Protocol):
    """As little HTTP as a client needs: requests one after the other, each with its length."""

    count = 0

    def connection_made(self, transport: Any) -> None:
        self.transport, self.given = transport, b""

    def data_received(self, data: bytes) -> None:
        self.given += data
        while (end := self.given.find(b"\r\n\r\n")) >= 0:
            head = self.given[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self.given) < end + 4 + length:
                return
            self.given = self.given[end + 4 + length :]
            _Sink.count += 1
            body = b'{"recipient_id":"1","message_id":"m_%d"}' % _Sink.count
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            )
            self.transport.write(head % len(body) + body)


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--messages", type=int, default=20_000, help="on each side")
    given.add_argument("--without-stories", action="store_true", help="as the API sends them")
    options = given.parse_args()
    run(options.messages, not options.without_stories)
