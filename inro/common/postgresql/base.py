"""PostgreSQL as Django has it, with fewer round trips and less to plan.

Django asks with each request whether a kept connection is there, an eighth of what receiving a
webhook costs; waits for the answer to each BEGIN; and has every statement planned anew.
"""

import select
import time
from typing import Any

from django.db import Error
from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

from inro.common.postgresql.cursors import Cursor, ServerBindingCursor, begin_if_due
from inro.common.postgresql.plans import Plans

ASKED_EVERY_SECONDS = 10.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Asks when it has not for a while, and when the server has said something unasked.

    That is how a server that goes away takes leave; one that only falls silent is noticed later.

    To psycopg every connection is in autocommit mode: transactions are begun by `cursors`.
    """

    health_check_done: bool
    health_check_enabled: bool
    _answered_at = float("-inf")

    def close_if_health_check_failed(self) -> None:
        if self.connection is None or not self.health_check_enabled or self.health_check_done:
            return
        if self._has_been_silent() or not self._is_quiet():
            super().close_if_health_check_failed()
            self._answered_at = time.monotonic()
        self.health_check_done = True

    def _has_been_silent(self) -> bool:
        return time.monotonic() - self._answered_at > ASKED_EVERY_SECONDS

    def _is_quiet(self) -> bool:
        """Whether nothing has come that nobody waits for."""
        try:
            readable, _, _ = select.select([self.connection.fileno()], [], [], 0)
        except Exception:  # closed on our side, or a number that is too high for it
            return False
        return not readable

    def get_connection_params(self) -> dict[str, Any]:
        binds_there = self.settings_dict["OPTIONS"].get("server_side_binding") is True
        factory = ServerBindingCursor if binds_there else Cursor
        return {**super().get_connection_params(), "cursor_factory": factory}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.plans = Plans(connection)
        return connection

    def execution_of(self, sql: str) -> str:
        """What to send instead of `sql`, so that it is planned once a connection."""
        if self.settings_dict["OPTIONS"].get("server_side_binding") is True:
            return sql  # whose values come without the types that EXECUTE wants
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            return str(self.connection.plans.execution_of(sql))

    def has_lost_plan(self, error: Error) -> bool:
        """Whether `error` of an execution is that only: the statement itself can still be sent."""
        return self.connection is not None and self.connection.plans.give_up(error)

    def create_cursor(self, name: str | None = None) -> Any:
        cursor = super().create_cursor(name)
        if name is not None and self.connection.in_transactions:
            begin_if_due(self.connection)
            # Django asks psycopg whether it stands in a transaction: one that outlives it may not
            # lock.
            cursor._withhold = False
        return cursor

    def _set_autocommit(self, autocommit: bool) -> None:
        status = self.connection.pgconn.transaction_status
        if not self.connection.autocommit or status != TransactionStatus.IDLE:
            # One that was just made. Or one in the middle of something, to which psycopg says no.
            with self.wrap_database_errors:
                self.connection.autocommit = True
        self.connection.in_transactions = not autocommit
