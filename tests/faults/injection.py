"""Faults at commits: the n-th one kills its process, or loses its connection to the database.

A commit point is the end of an outermost transaction, or a statement that writes outside of one.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

_WRITES = ("INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True)
class Fault:
    """`kind`: kill · disconnect · stall. `moment`: before · after. `at`: which commit point.

    What stalls does so before the transaction begins, whatever the moment: it holds no lock.
    """

    kind: str
    moment: str
    at: int


class Injection:
    """Counts the commit points of this process from now on, and strikes at that of `fault`."""

    def __init__(self, fault: Fault | None) -> None:
        self.fault = fault
        self.points = self.begun = 0
        connection_created.connect(self._watch)

    def _watch(self, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
        if "commit" in vars(connection):
            return  # it had been closed, and was opened again
        commit = connection.commit
        vars(connection)["commit"] = lambda: self._pass(connection, commit)
        begin = connection.set_autocommit
        vars(connection)["set_autocommit"] = lambda on, **kw: self._begin(begin, on, **kw)
        connection.execute_wrappers.append(self._execute)

    def _execute(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        connection = context["connection"]
        if connection.in_atomic_block or not str(sql).lstrip().upper().startswith(_WRITES):
            return execute(sql, params, many, context)
        return self._pass(connection, lambda: execute(sql, params, many, context))

    def _begin(self, begin: Callable[..., Any], on: bool, **options: Any) -> None:
        if not on:
            self.begun += 1
            if self.fault and self.fault.kind == "stall" and self.fault.at == self.begun:
                os.kill(os.getpid(), signal.SIGSTOP)
        begin(on, **options)

    def _pass(self, connection: BaseDatabaseWrapper, commit: Callable[[], Any]) -> Any:
        self.points += 1
        fault = self.fault
        hit = fault if fault and fault.kind != "stall" and fault.at == self.points else None
        if hit and hit.moment == "before":
            self._strike(connection)
        result = commit()
        if hit and hit.moment == "after":
            self._strike(connection)
        return result

    def _strike(self, connection: BaseDatabaseWrapper) -> None:
        assert self.fault is not None
        if self.fault.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        connection.connection.close()
        raise OperationalError("the connection is lost")
