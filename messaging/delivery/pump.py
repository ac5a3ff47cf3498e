"""The pump: claims a channel's messages, has them called for, writes what came of it.

One pump at a time works on a channel. It claims in rounds, at most a fifth of a second apart, and
never waits for one slow call. What it holds in memory only, it may lose: the rows say how far each
message has come, and the sweep settles what a crash left behind.
"""

import time
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from django.utils import timezone

from inro.common.waking import wake
from messaging.channels import CHANNELS
from messaging.channels.base import Busy, Outcome, Verdict
from messaging.connecting import open_account, pacing_of
from messaging.delivery.answers import Answer, Answers, Reach
from messaging.delivery.calling import TOTAL_SECONDS, caller, stopping
from messaging.delivery.checks import judge
from messaging.delivery.claim import claim, is_waiting
from messaging.delivery.lease import Lease, acquire
from messaging.delivery.news import Attempt, Change, News
from messaging.delivery.settle import settle_each
from messaging.models import Channel, Pump
from messaging.pacing import Allowance

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
    busy=Busy.UNREACHED,
)


def deliver(channel_id: int) -> None:
    """Deliver what waits on a channel, unless another pump does."""
    lease = acquire(channel_id)
    if lease is not None:
        Pumping(lease).run()


def slots(room: int) -> int:
    """How many of them this process can call for at once."""
    return min(room, caller().free_slots)


class Pumping:
    """One pump's time on a channel."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._until = time.monotonic() + LIFETIME_SECONDS
        self._in_flight: set[Attempt] = set()
        self._answers = Answers()
        self._news: list[Change] = []
        # Of the messages in hand, for who follows them; see `settle`.
        self._stories: dict[int, UUID | None] = {}
        self._is_paced = False
        # After a pause one message at a time is sent, until a call gets through: the probe.
        self._is_half_open = False
        self._probe: Attempt | None = None

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
        room = slots(self._lease.window - len(self._in_flight))
        claimed = self._claim(room)
        if claimed is None:
            return False
        if claimed or self._in_flight or self._news or self._is_paced or not room:
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
        """Claim and have called what may go out; None when the lease is lost, or the time is."""
        with transaction.atomic():
            pump = self._lease.look()
            if pump is None:
                log.warning("pump overtaken", channel=self._lease.channel_id)
                return None
            now = timezone.now()  # the row may have been waited for
            if pump.paused_until and pump.paused_until > now:
                self._lease.release()  # the sweep wakes the next one when the pause is over
                return None
            attempts = self._claimed(pump, room, now)
            self._lease.renew(pump, now)
        if attempts:
            self._call(pump.channel, attempts, now)
        return attempts

    def _claimed(self, pump: Pump, room: int, now: datetime) -> list[Attempt]:
        self._is_half_open = pump.pauses > 0
        if self._is_half_open:
            self._lease.window = 1
            room = min(room, 1 - len(self._in_flight))
        allowance = Allowance.of(pacing_of(pump.channel), pump.paced_to, now)
        attempts = claim(pump.pk, room, now, now + ATTEMPT_LEASE, allowance)
        pump.paced_to = allowance.paced_to
        self._is_paced = allowance.is_spent
        return attempts

    def _call(self, channel: Channel, attempts: list[Attempt], claimed_at: datetime) -> None:
        try:
            judged = judge(channel, open_account(channel), attempts, claimed_at)
        except BaseException:
            self._news += [attempt.is_(News.UNCALLED) for attempt in attempts]
            raise
        self._news += judged.changes
        self._stories |= judged.stories
        self._channel_type = CHANNELS[channel.kind]
        self._in_flight |= {call.attempt for call in judged.calls}
        if self._is_half_open and judged.calls:
            self._probe = judged.calls[0].attempt
        caller().submit(judged.calls, self._answers)

    def _gather(self) -> None:
        """Collect answers until there is reason to claim again, and write what they mean."""
        # Twice a window of the pacing, so that none of it is lost to a late round.
        deadline = time.monotonic() + ROUND_SECONDS / (2 if self._is_paced else 1)
        half = len(self._in_flight) if self._is_paced else len(self._in_flight) // 2 + 1
        enough = min(ENOUGH_VERDICTS, half)
        idle = not self._in_flight and not self._news
        if self._in_flight and len(self._news) < enough:
            wanted = min(len(self._in_flight), enough - len(self._news))
            answers = self._answers.take(wanted, deadline - time.monotonic())
            self._news += [self._news_in(answer) for answer in answers]
        self._write()
        if idle or self._is_paced:
            stopping.wait(max(0, deadline - time.monotonic()))

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
            return attempt.came_to(self._verdict(answer))
        except Exception as error:
            message = attempt.message_id
            log.error("answer not understood", message=message, error=type(error).__name__)
            return attempt.came_to(_NO_ANSWER)

    def _verdict(self, answer: Answer) -> Verdict:
        verdict = self._channel_type.verdict(answer.status, answer.body)
        if verdict.outcome != Outcome.BUSY or verdict.retry_after is not None:
            return verdict
        asked = self._channel_type.retry_after(answer.headers, answer.body)
        return replace(verdict, retry_after=asked)

    def _write(self) -> None:
        """Write the news; they are nowhere else, so a database that is away is waited for."""
        if not self._news:
            return
        news, self._news = self._news, []
        stories = self._stories_of(news)
        give_up = time.monotonic() + DATABASE_PATIENCE_SECONDS
        while True:
            try:
                settle_each(news, stories)
            except (OperationalError, InterfaceError) as error:
                log.warning("news not written yet", messages=len(news), error=type(error).__name__)
                if time.monotonic() > give_up:
                    raise
                close_old_connections()
                time.sleep(1)
            else:
                for each in news:
                    self._stories.pop(each.message_id, None)
                self._learn(news)
                return

    def _stories_of(self, news: list[Change]) -> set[UUID] | None:
        """None where one of them was never judged, so that nobody knows its story."""
        ids = {change.message_id for change in news}
        if not ids <= self._stories.keys():
            return None
        return {story for pk in ids if (story := self._stories[pk])}

    def _learn(self, news: list[Change]) -> None:
        """After a pause, more go out only once a call has got through."""
        if self._probe is None:
            self._lease.grow()
            return
        for each in news:
            if (each.message_id, each.turn) == self._probe:
                self._probe = None
                if each.news in (News.ACCEPTED, News.REFUSED, News.DELIVERED):
                    self._lease.recover()
