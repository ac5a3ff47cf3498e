"""The pump: claims a channel's messages, has them called for, writes what came of it.

One pump at a time works on a channel. It claims in rounds, at most a fifth of a second apart, and
never waits for one slow call. What it holds in memory only, it may lose: the rows say how far each
message has come, and the sweep settles what a crash left behind.
"""

import time
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from django.utils import timezone

from inro.common.waking import wake
from messaging.channels import CHANNELS
from messaging.channels.base import Outcome, Verdict
from messaging.connecting import open_account
from messaging.delivery.calling import TOTAL_SECONDS, Answer, Answers, Reach, caller, stopping
from messaging.delivery.checks import judge
from messaging.delivery.claim import claim, is_waiting
from messaging.delivery.lease import Lease, acquire
from messaging.delivery.moves import Attempt, Change, News
from messaging.delivery.settle import settle_each
from messaging.models import Channel

log = structlog.get_logger(__name__)

ROUND_SECONDS = 0.2
ENOUGH_VERDICTS = 250
LIFETIME_SECONDS = 30
# Longer than the way to the call, the call, and the writing of its verdict together.
ATTEMPT_LEASE = timedelta(seconds=30)
DATABASE_PATIENCE_SECONDS = 120
_NO_ANSWER = Verdict(Outcome.UNKNOWN)
_NOT_REACHED = Verdict(
    Outcome.BUSY,
    code="provider_busy",
    message="The provider could not be reached.",
    retryable=True,
)


def deliver(channel_id: int) -> None:
    """Deliver what waits on a channel, unless another pump does."""
    lease = acquire(channel_id)
    if lease is not None:
        Pumping(lease).run()


def allowance(room: int) -> int:
    """How many messages may be claimed now; a channel's pacing belongs here."""
    return min(room, caller().free_slots)


class Pumping:
    """One pump's time on a channel."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._until = time.monotonic() + LIFETIME_SECONDS
        self._in_flight: set[Attempt] = set()
        self._answers: Answers = SimpleQueue()
        self._news: list[Change] = []

    def run(self) -> None:
        try:
            while self._goes_on():
                self._gather()
        finally:
            # No call takes longer; should one be lost, its lease runs out.
            until = time.monotonic() + TOTAL_SECONDS + 5
            while (self._in_flight or self._news) and time.monotonic() < until:
                self._gather()

    def _goes_on(self) -> bool:
        """Claim one round; False when this pump's time is over."""
        if stopping.is_set() or time.monotonic() > self._until:
            self._hand_over()
            return False
        room = allowance(self._lease.window - len(self._in_flight))
        claimed = self._claim(room)
        if claimed is None:
            return False
        if claimed or self._in_flight or self._news or not room:
            return True
        return self._look_once_more()

    def _hand_over(self) -> None:
        """Let the next pump begin while this one still waits for its last answers."""
        from messaging.delivery.tasks import pump

        with transaction.atomic():
            self._lease.release()
            wake(pump, self._lease.channel_id)

    def _look_once_more(self) -> bool:
        """After nothing was found.

        A wake-up that came before the release met the held lease and is gone; what it was for was
        committed before, so it is seen now. One that comes later takes the lease itself.
        """
        channel_id = self._lease.channel_id
        self._lease.release()
        if not is_waiting(channel_id, timezone.now()):
            return False
        lease = acquire(channel_id)
        if lease is not None:
            self._lease = lease
        return lease is not None

    def _claim(self, room: int) -> list[Attempt] | None:
        """Claim and have called what may go out; None when the lease is lost."""
        with transaction.atomic():
            if not self._lease.renew(timezone.now()):
                log.warning("pump overtaken", channel=self._lease.channel_id)
                return None
            if room <= 0:
                return []
            now = timezone.now()  # the row may have been waited for
            attempts = claim(self._lease.channel_id, room, now, now + ATTEMPT_LEASE)
        if attempts:
            self._call(attempts, now)
        return attempts

    def _call(self, attempts: list[Attempt], claimed_at: datetime) -> None:
        try:
            channel = Channel.objects.get(pk=self._lease.channel_id)
            calls, changes = judge(channel, open_account(channel), attempts, claimed_at)
        except BaseException:
            self._news += [attempt.is_(News.UNCALLED) for attempt in attempts]
            raise
        self._news += changes
        self._channel_type = CHANNELS[channel.kind]
        self._in_flight |= {call.attempt for call in calls}
        caller().submit(calls, self._answers)

    def _gather(self) -> None:
        """Collect answers until there is reason to claim again, and write what they mean."""
        deadline = time.monotonic() + ROUND_SECONDS
        enough = min(ENOUGH_VERDICTS, len(self._in_flight) // 2 + 1)
        if not self._in_flight and not self._news:
            stopping.wait(ROUND_SECONDS)  # paced: nothing may be claimed at the moment
        while self._in_flight and len(self._news) < enough:
            try:
                answer = self._answers.get(timeout=max(0, deadline - time.monotonic()))
            except Empty:
                break
            self._news.append(self._news_in(answer))
        self._write()

    def _news_in(self, answer: Answer) -> Change:
        attempt = answer.attempt
        self._in_flight.remove(attempt)
        if answer.reach == Reach.UNCALLED:
            return attempt.is_(News.UNCALLED)
        if answer.reach == Reach.UNSENT:
            return attempt.came_to(_NOT_REACHED)
        # A redirect is not an answer of the provider's API, nor a sign that it refused.
        if answer.reach == Reach.UNANSWERED or 300 <= answer.status < 400:
            return attempt.came_to(_NO_ANSWER)
        try:
            return attempt.came_to(self._channel_type.verdict(answer.status, answer.body))
        except Exception as error:
            message = attempt.message_id
            log.error("answer not understood", message=message, error=type(error).__name__)
            return attempt.came_to(_NO_ANSWER)

    def _write(self) -> None:
        """Write the news; they are nowhere else, so a database that is away is waited for."""
        if not self._news:
            return
        news, self._news = self._news, []
        give_up = time.monotonic() + DATABASE_PATIENCE_SECONDS
        while True:
            try:
                settle_each(news)
            except (OperationalError, InterfaceError) as error:
                log.warning("news not written yet", messages=len(news), error=type(error).__name__)
                if time.monotonic() > give_up:
                    raise
                close_old_connections()
                time.sleep(1)
            else:
                self._lease.grow()
                return
