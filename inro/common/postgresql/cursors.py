"""Statements that begin a transaction.

psycopg sends BEGIN by itself before the first statement of a transaction and waits for the answer.
Here both are sent at once: a round trip less for everything that writes.
"""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import ClientCursor
from psycopg.pq import TransactionStatus

# django-stubs know those of psycopg2.
_Cursor: Any = base.Cursor
_ServerBindingCursor: Any = base.ServerBindingCursor


def is_due(connection: Any) -> bool:
    """Whether a transaction is to begin; `connection.in_transactions` is the backend's wish."""
    idle = connection.pgconn.transaction_status == TransactionStatus.IDLE
    return idle and getattr(connection, "in_transactions", False)


def begin_if_due(connection: Any) -> None:
    if is_due(connection):
        # Not by a cursor of `connection.cursor()`, which would begin one in turn.
        ClientCursor(connection).execute(_begin(connection))


def _begin(connection: Any) -> str:
    """As psycopg would: with the isolation level that the connection is to have."""
    return str(connection._get_tx_start_command().decode())


class _Beginning:
    """Cursors that begin the transaction, in a round trip of its own."""

    connection: Any

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        begin_if_due(self.connection)
        return super().execute(query, params, **options)  # type: ignore[misc]

    def executemany(self, *args: Any, **options: Any) -> None:
        begin_if_due(self.connection)
        super().executemany(*args, **options)  # type: ignore[misc]

    def stream(self, *args: Any, **options: Any) -> Any:
        begin_if_due(self.connection)
        return super().stream(*args, **options)  # type: ignore[misc]

    def copy(self, *args: Any, **options: Any) -> Any:
        begin_if_due(self.connection)
        return super().copy(*args, **options)  # type: ignore[misc]


class ServerBindingCursor(_Beginning, _ServerBindingCursor):
    """Sends values beside the statement, which can then be one only."""


class Cursor(_Beginning, _Cursor):
    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        if not (isinstance(query, str) and is_due(self.connection)):
            return super().execute(query, params, **options)
        try:
            _Cursor.execute(self, f"{_begin(self.connection)}; {query}", params, **options)
        except Exception:
            if not is_due(self.connection):
                raise
        else:
            self.nextset()
            return self
        # The server did not understand it, or never got it, and has begun nothing. What follows
        # must not succeed: so it fails again, in the transaction.
        return super().execute(query, params, **options)
