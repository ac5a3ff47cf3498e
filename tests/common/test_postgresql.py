"""How often a kept connection is asked whether it is there."""

from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from inro.common.postgresql import base

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL"),
]


class Watch:
    """A clock that stands still, and how often the connection was asked."""

    now = 1000.0
    asked = 0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(base, "time", watch)
    monkeypatch.setattr(connection, "health_check_enabled", True)
    monkeypatch.setattr(connection, "_answered_at", float("-inf"))
    real = connection.is_usable

    def is_usable() -> bool:
        watch.asked += 1
        return bool(real())

    monkeypatch.setattr(connection, "is_usable", is_usable)
    connection.ensure_connection()
    return watch


def begin_request() -> Any:
    connection.health_check_done = False  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone()


def test_one_that_answered_a_moment_ago_is_not_asked(watch: Watch) -> None:
    for _ in range(3):
        assert begin_request() == (1,)
    assert watch.asked == 1
    watch.now += base.ASKED_EVERY_SECONDS + 1
    assert begin_request() == (1,)
    assert watch.asked == 2


def test_one_that_the_server_has_closed_is_replaced_at_once(watch: Watch) -> None:
    begin_request()
    mine = connection.connection.info.backend_pid
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [mine])
    assert begin_request() == (1,)
    assert connection.connection.info.backend_pid != mine
    assert watch.asked == 2


def test_one_that_is_closed_here_is_replaced_at_once(watch: Watch) -> None:
    begin_request()
    connection.connection.close()
    assert begin_request() == (1,)


def test_nothing_is_asked_in_a_transaction(watch: Watch) -> None:
    begin_request()
    with transaction.atomic(), connection.cursor() as cursor:
        watch.now += 2 * base.ASKED_EVERY_SECONDS
        cursor.execute("SELECT 1")
    assert watch.asked == 1
