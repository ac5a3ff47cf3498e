"""PostgreSQL as Django has it, but for how a kept connection is known to be there.

Django asks the server with each request: a round trip more, an eighth of what receiving a webhook
costs.
"""

import select
import time

from django.db.backends.postgresql import base

ASKED_EVERY_SECONDS = 10.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Asks when it has not for a while, and when the server has said something unasked.

    That is how a server that goes away takes leave; one that only falls silent is noticed later.
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
