"""How often a kept connection is asked whether it is there, how transactions begin, and which plans
are kept."""

from contextlib import suppress
from typing import Any

import psycopg
import psycopg.sql
import pytest
from django.db import (
    DatabaseError,
    InternalError,
    OperationalError,
    ProgrammingError,
    close_old_connections,
    connection,
    connections,
    transaction,
)
from django.utils import timezone

from inro.accounts.models import ApiToken, Workspace
from inro.common.models import Heartbeat
from inro.common.postgresql import base
from inro.common.prepared import Prepared

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


class Wire:
    """Every statement that reaches the server, as psycopg hands it over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
        real = psycopg.ClientCursor._execute_send

        def send(cursor: Any, query: Any, **options: Any) -> None:
            self.sent.append(query.query.decode())
            real(cursor, query, **options)

        monkeypatch.setattr(psycopg.ClientCursor, "_execute_send", send)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    connection.ensure_connection()
    return Wire(monkeypatch)


def ask(statement: str, params: Any = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()


def ask_nothing(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def status() -> str:
    return str(connection.connection.info.transaction_status.name)


def test_begin_travels_with_the_first_statement(wire: Wire) -> None:
    assert ask("SELECT 1") == [(1,)]
    with transaction.atomic():
        assert status() == "IDLE"
        assert ask("SELECT %s", ["100 %"]) == [("100 %",)]
        assert status() == "INTRANS"
        assert ask("SELECT 3") == [(3,)]
        with transaction.atomic():
            assert ask("SELECT 4") == [(4,)]
    assert status() == "IDLE"
    assert wire.sent[:4] == ["SELECT 1", "BEGIN; SELECT '100 %'", "SELECT 3", wire.sent[3]]
    assert wire.sent[3].startswith("SAVEPOINT")
    assert not any("BEGIN" in each for each in wire.sent[2:])


def test_a_transaction_in_which_nothing_is_said_is_none(wire: Wire) -> None:
    with transaction.atomic():
        pass
    assert (wire.sent, status()) == ([], "IDLE")


def test_first_statement_that_fails(wire: Wire) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        ask("SELECT 1 / 0")
    assert status() == "IDLE"
    with transaction.atomic():
        assert ask("SELECT 1") == [(1,)]
        assert status() == "INTRANS"


def test_after_a_failure_nothing_more_is_done_in_the_transaction(wire: Wire) -> None:
    def go_on() -> None:
        with transaction.atomic():
            with pytest.raises(DatabaseError):
                ask("SELECT no_such_column")
            assert status() == "INERROR"
            ask("SELECT 1")

    with pytest.raises(InternalError, match="aborted"):
        go_on()
    assert status() == "IDLE"


def test_what_is_rolled_back_never_was() -> None:
    with transaction.atomic():
        Heartbeat.beat("first")
        transaction.set_rollback(True)
    with transaction.atomic():
        Heartbeat.beat("second")
    assert list(Heartbeat.objects.values_list("name", flat=True)) == ["second"]


def test_rows_of_the_first_statement_count() -> None:
    Heartbeat.beat("one")
    with transaction.atomic():
        assert Heartbeat.objects.filter(name="one").update(name="two") == 1
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT name FROM common_heartbeat")
        assert cursor.rowcount == 1
        assert [column.name for column in cursor.description] == ["name"]


def test_many_at_once_begin_too() -> None:
    rows = [("a", timezone.now()), ("b", timezone.now())]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany("INSERT INTO common_heartbeat (name, at) VALUES (%s, %s)", rows)
        assert status() == "INTRANS"
        transaction.set_rollback(True)
    assert not Heartbeat.objects.exists()


def test_rows_that_are_walked_in_pieces() -> None:
    for name in "abc":
        Heartbeat.beat(name)
    with transaction.atomic():
        walked = [row.name for row in Heartbeat.objects.order_by("name").iterator(chunk_size=2)]
        assert (walked, status()) == (["a", "b", "c"], "INTRANS")
    assert [row.name for row in Heartbeat.objects.order_by("name").iterator(2)] == ["a", "b", "c"]
    assert status() == "IDLE"


def test_rows_that_are_locked_in_pieces() -> None:
    Heartbeat.beat("a")
    rows = Heartbeat.objects.select_for_update()
    for before in (0, 1):
        with transaction.atomic():
            for _ in range(before):
                ask("SELECT 1")
            assert [row.name for row in rows.iterator(1)] == ["a"]


def test_copying_begins_too() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        with cursor.copy("COPY common_heartbeat (name, at) FROM STDIN") as copy:
            copy.write_row(["copied", timezone.now()])
        assert status() == "INTRANS"
        transaction.set_rollback(True)
    assert not Heartbeat.objects.exists()


def test_statements_that_are_put_together_of_parts() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(psycopg.sql.SQL("SELECT {}").format(psycopg.sql.Literal(7)))
        assert (cursor.fetchall(), status()) == ([(7,)], "INTRANS")


def test_without_autocommit_each_commit_is_followed_by_another_transaction() -> None:
    transaction.set_autocommit(False)
    try:
        for name in "ab":
            Heartbeat.beat(name)
            assert status() == "INTRANS"
            transaction.commit()
        Heartbeat.beat("c")
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"a", "b"}


@pytest.mark.parametrize("statement", ["SELEC 1", "SELECT 'unfinished"])
def test_after_a_first_statement_that_nobody_understood_nothing_is_done(statement: str) -> None:
    def go_on() -> None:
        with transaction.atomic():
            with pytest.raises(DatabaseError) as caught:
                ask(statement)
            assert (status(), "BEGIN" in str(caught.value)) == ("INERROR", False)
            Heartbeat.beat("after")

    with pytest.raises(InternalError, match="aborted"):
        go_on()
    assert (status(), Heartbeat.objects.count()) == ("IDLE", 0)


def test_a_first_statement_that_is_not_sent_begins_the_transaction_too() -> None:
    with transaction.atomic():
        with pytest.raises(DatabaseError, match="placeholders"):
            ask("SELECT %s", [1, 2])
        assert status() == "INTRANS"
        Heartbeat.beat("after")
        transaction.set_rollback(True)
    assert not Heartbeat.objects.exists()


def test_no_way_to_autocommit_with_a_transaction_open() -> None:
    transaction.set_autocommit(False)
    try:
        Heartbeat.beat("never")
        with pytest.raises(ProgrammingError, match="INTRANS"):
            transaction.set_autocommit(True)
        assert not transaction.get_autocommit()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert not Heartbeat.objects.exists()


def test_no_transaction_within_one_that_nobody_knows_of() -> None:
    ask_nothing("BEGIN")
    try:
        with pytest.raises(ProgrammingError, match="INTRANS"), transaction.atomic():
            Heartbeat.beat("never")
    finally:
        ask_nothing("ROLLBACK")
    assert not Heartbeat.objects.exists()


def test_each_begins_once(wire: Wire) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany("SELECT %s", [[1], [2]])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(psycopg.sql.SQL("SELECT 1"))
    assert (wire.sent.count("BEGIN"), status()) == (2, "IDLE")


def with_options(**options: Any) -> Any:
    other = connection.copy()
    other.settings_dict = {**other.settings_dict, "OPTIONS": options}
    return other


@pytest.mark.parametrize("more", [{}, {"server_side_binding": True}])
def test_the_isolation_level_that_is_asked_for(more: dict[str, Any]) -> None:
    other = with_options(isolation_level=psycopg.IsolationLevel.SERIALIZABLE, **more)
    try:
        other.set_autocommit(False)
        for _ in range(2):
            with other.cursor() as cursor:
                cursor.execute("SHOW transaction_isolation")
                assert cursor.fetchall() == [("serializable",)]
            other.commit()
    finally:
        other.close()


def test_values_that_are_sent_beside_the_statement() -> None:
    other = with_options(server_side_binding=True)
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            insert = "INSERT INTO common_heartbeat (name, at) VALUES (%s, now())"
            cursor.execute(insert, ["never"])
            assert cursor._query.query.decode().endswith("VALUES ($1, now())")
        with other.chunked_cursor() as cursor:
            cursor.execute("SELECT name FROM common_heartbeat")
            assert cursor.fetchall() == [("never",)]
        other.rollback()
        with other.chunked_cursor() as cursor:
            cursor.execute("SELECT name FROM common_heartbeat FOR UPDATE")
            assert cursor.fetchall() == []
        other.rollback()
    finally:
        other.close()
    assert not Heartbeat.objects.exists()


def test_a_connection_that_is_lost_in_the_first_statement() -> None:
    with pytest.raises(OperationalError), transaction.atomic():
        ask("SELECT pg_terminate_backend(pg_backend_pid())")
    Heartbeat.beat("after")
    assert (status(), Heartbeat.objects.count()) == ("IDLE", 1)


@pytest.fixture
def token(workspace: Workspace) -> str:
    connection.close()  # one that has no plans yet
    _, plain = ApiToken.issue(workspace, name="a")
    ApiToken.authenticate(plain)  # notes its first use
    return plain


def plans() -> list[str]:
    return [name for (name,) in ask("SELECT name FROM pg_prepared_statements")]


def test_a_token_is_looked_up_by_a_plan_that_is_kept(token: str, wire: Wire) -> None:
    [plan] = plans()
    wire.sent.clear()
    for _ in range(2):
        found = ApiToken.authenticate(token)
        assert found is not None
        assert found.workspace.subdomain == "acme"
    key = token[len(ApiToken.PREFIX) :][: ApiToken.KEY_ID_LENGTH]
    assert wire.sent == [f"EXECUTE {plan} ('{key}')"] * 2


def test_a_plan_that_another_session_has_is_done_without(token: str, wire: Wire) -> None:
    ask_nothing("DEALLOCATE ALL")
    for _ in range(2):
        assert ApiToken.authenticate(token) is not None
    assert plans() == []


def test_a_plan_of_a_table_that_has_changed_is_done_without(token: str) -> None:
    ask_nothing("ALTER TABLE accounts_workspace ALTER subdomain TYPE text")
    try:
        assert ApiToken.authenticate(token) is not None
    finally:
        ask_nothing("ALTER TABLE accounts_workspace ALTER subdomain TYPE varchar(63)")


def test_a_plan_that_is_lost_within_a_transaction_ends_it(token: str) -> None:
    ask_nothing("DEALLOCATE ALL")
    with pytest.raises(DatabaseError, match="does not exist"), transaction.atomic():
        ApiToken.authenticate(token)
    assert ApiToken.authenticate(token) is not None


def test_other_errors_are_no_loss_of_a_plan(token: str) -> None:
    with transaction.atomic():
        with suppress(DatabaseError):
            ask("SELECT 1 / 0")
        with pytest.raises(DatabaseError, match="aborted"):
            ApiToken.authenticate(token)
        transaction.set_rollback(True)
    assert len(plans()) == 1


def test_signs_of_percent_in_a_planned_statement(workspace: Workspace) -> None:
    named = Workspace.objects.filter(name__contains="100%", subdomain="?").values_list("id")
    planned = Prepared(named, ["?"], planned=True)
    assert planned.rows(["acme"]) == []
    Workspace.objects.update(name="Of 100% wool")
    assert planned.rows(["acme"]) == [(workspace.pk,)]


def kill_mine() -> None:
    """As a server does that is started again; then the next request begins."""
    mine = connection.connection.info
    with psycopg.connect(mine.dsn, password=mine.password or None, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [mine.backend_pid])
    close_old_connections()


def test_a_dead_connection_is_replaced_before_a_plan_is_asked_for(token: str) -> None:
    for kept in (True, False):
        if not kept:
            connection.close()
            ask("SELECT 1")
        kill_mine()
        assert ApiToken.authenticate(token) is not None
        assert len(plans()) == 1


def test_a_database_that_is_away_is_told_as_such(token: str, monkeypatch) -> None:
    def away(*_: Any) -> Any:
        raise psycopg.OperationalError("connection refused")

    kill_mine()
    monkeypatch.setattr(base.DatabaseWrapper, "get_new_connection", away)
    with pytest.raises(OperationalError, match="refused"):
        ApiToken.authenticate(token)


def test_plans_that_others_made_in_a_shared_session(token: str) -> None:
    [plan] = plans()
    connection.close()
    ask_nothing(f"PREPARE {plan} AS SELECT 1")
    for _ in range(2):
        assert ApiToken.authenticate(token) is not None


def test_values_that_are_bound_there_need_no_plan(workspace: Workspace) -> None:
    mine, other = connections["default"], with_options(server_side_binding=True)
    connections["default"] = other
    try:
        one = Prepared(
            Workspace.objects.filter(subdomain="?").values_list("id"), ["?"], planned=True
        )
        assert one.rows(["acme"]) == [(workspace.pk,)]
    finally:
        connections["default"] = mine
        other.close()
