from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from inro.accounts.models import Workspace
from messaging.connecting import connect_channel
from messaging.delivery import calling
from messaging.delivery.pump import deliver
from messaging.models import Channel, Contact, Identity, Message, MessageType
from messaging.queueing import Draft, queue_messages
from tests.messaging.delivery.provider import ACCOUNT, TOKEN, Provider
from tests.waiting import Run


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Any, ...]]]:
    """Wake-ups are noted, not sent: each test decides when a pump runs."""
    woken: list[tuple[str, tuple[Any, ...]]] = []
    monkeypatch.setattr(
        "inro.common.waking._send", lambda task, args, *_: woken.append((task.name, args))
    )
    return woken


@pytest.fixture(autouse=True)
def calm() -> Iterator[None]:
    yield
    calling.stopping.clear()


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    server = Provider()
    settings.INSTAGRAM_API_URL = server.url
    yield server
    server.close()
    assert server.faults == []


@pytest.fixture
def channel(workspace: Workspace) -> Channel:
    return connect(workspace, ACCOUNT)


def connect(workspace: Workspace, account_id: str) -> Channel:
    options = {
        "account_id": account_id,
        "access_token": TOKEN.removeprefix("Bearer "),
        "app_secrets": ["a-secret-of-the-app"],
    }
    return connect_channel(workspace, "instagram", "", options)


def person(
    channel: Channel, name: str = "9001", *, wrote: timedelta = timedelta(hours=1)
) -> Contact:
    """A contact who last wrote `wrote` ago."""
    contact = Contact.objects.create(workspace_id=channel.workspace_id, name=name)
    Identity.objects.create(
        workspace_id=channel.workspace_id,
        channel=channel,
        contact=contact,
        external_id=name,
        last_inbound_at=timezone.now() - wrote,
    )
    return contact


def queue(channel: Channel, contact: Contact, *texts: str, **more: Any) -> list[Message]:
    """Texts to a contact, in the stream of replies unless `stream_kind` says otherwise."""
    options = {"stream_kind": more.pop("stream_kind")} if "stream_kind" in more else {}
    drafts = [
        Draft(
            contact.pk,
            channel.pk,
            MessageType.TEXT,
            text,
            story=more.get("story"),
            position=n if "story" in more else None,
        )
        for n, text in enumerate(texts)
    ]
    return queue_messages(channel.workspace_id, drafts, **options)


def statuses(*messages: Message) -> list[str]:
    wanted = [message.pk for message in messages]
    rows = Message.objects.filter(pk__in=wanted) if wanted else Message.objects.all()
    return list(rows.order_by("pk").values_list("status", flat=True))


def fresh(message: Message | None = None) -> Any:
    """The row of a message as it is now, of the oldest one by default."""
    return (message and Message.objects.get(pk=message.pk)) or Message.objects.earliest("pk")


def pumping(channel: Channel) -> Run[None]:
    return Run(partial(deliver, channel.pk))


class Statements:
    """The statements of a block as they are sent, with their parameters bound."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def __enter__(self) -> "Statements":
        self._wrapper = connection.execute_wrapper(self._note)
        self._wrapper.__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self._wrapper.__exit__(*args)

    def __len__(self) -> int:
        return len(self.sent)

    def _note(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            self.sent.append((sql, params[0] if many else params))
        return execute(sql, params, many, context)

    def plans(self) -> list[str]:
        """How the database runs each; asserts that none reads all messages.

        On few rows and without statistics, as on a database that has just been set up.
        """
        found = [plan(sql, params) for sql, params in self.sent if "INSERT" not in sql]
        for each in found:
            assert "SCAN messaging_message" not in each, each
            assert "Seq Scan on messaging_message" not in each, each
        return found


def plan(statement: str, parameters: Any) -> str:
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {statement}", parameters)
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())
