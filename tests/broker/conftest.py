"""A queue in a file of its own, and the least to talk to it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import Connection

from inro import broker

broker.register()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "queue.sqlite3"


@pytest.fixture
def channel(path: Path) -> Iterator[Any]:
    with connect(path) as connection:
        yield connection.default_channel


def connect(path: Path, **options: Any) -> Any:
    return Connection("inro-sqlite://", transport_options={"path": path, **options})


def publish(channel: Any, *bodies: Any, **properties: Any) -> None:
    for body in bodies:
        channel.Producer().publish(body, routing_key="q", **properties)


def drain(channel: Any) -> list[Any]:
    messages = []
    while message := channel.basic_get("q"):
        messages.append(message)
    return messages


def payloads(messages: list[Any]) -> list[Any]:
    return [message.payload for message in messages]


def rows(path: Path, where: str = "1") -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute(f"SELECT count(*) FROM messages WHERE {where}").fetchone()[0])


def sender(path: Path, **options: Any) -> Celery:
    app = Celery("sender", broker="inro-sqlite://", set_as_current=False, fixups=[])
    app.conf.broker_transport_options = {"path": str(path), **options}
    return app
