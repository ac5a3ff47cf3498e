"""Statements that the server keeps parsed and planned.

To plan the look-up of a row by its key takes PostgreSQL longer than to do it. By PREPARE and
EXECUTE, since the cursors here put values into the text.
"""

import re
from hashlib import sha256
from itertools import count
from typing import Any

from django.db import Error
from psycopg import ClientCursor, errors

# Behind a pooler that mixes sessions it is not there, or there already; or the columns of a table
# have changed.
_LOST = (
    errors.InvalidSqlStatementName,
    errors.DuplicatePreparedStatement,
    errors.FeatureNotSupported,
)


class Plans:
    """Those of one connection, until one of them is lost."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._executions: dict[str, str] = {}
        self._usable = True

    def execution_of(self, sql: str) -> str:
        """What to send instead of `sql`, with the same values."""
        if not self._usable:
            return sql
        if sql not in self._executions:
            self._executions[sql] = self._prepare(sql)
        return self._executions[sql]

    def _prepare(self, sql: str) -> str:
        # Whoever shares the session means the same by it, another version of ours too.
        name = f"inro_{sha256(sql.encode()).hexdigest()[:16]}"
        statement, values = _numbered(sql)
        ClientCursor(self._connection).execute(f"PREPARE {name} AS {statement}")
        return f"EXECUTE {name} ({', '.join(['%s'] * values)})"

    def give_up(self, error: Error) -> bool:
        """Whether `error` is the loss of a plan only: the statement itself can still be sent."""
        if not isinstance(error.__cause__, _LOST):
            return False
        self._usable = False
        return not self._connection.in_transactions


def _numbered(sql: str) -> tuple[str, int]:
    """With $1 for the first %s and so on, and how many there are."""
    numbers = count(1)
    text = re.sub("%[s%]", lambda found: f"${next(numbers)}" if found[0] == "%s" else "%", sql)
    return text, next(numbers) - 1
