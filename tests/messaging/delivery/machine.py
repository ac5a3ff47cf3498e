"""A search for interleavings that break delivery: the real transitions, a simulated provider.

Pumps, sweeps, echoes, pauses and cancels take turns step by step in any order; a pump is killed
between any two of its steps, the clock jumps, answers are lost and echoes come late or twice. Each
step is one of the product's own, on a database, and after it the rules of delivery must hold.
"""

import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from inro.accounts.models import Workspace
from messaging.channels.base import InboundContent
from messaging.delivery import calling, pump, receipts, sweeping
from messaging.delivery.answers import Answer, Answers, Reach
from messaging.delivery.calling import Call
from messaging.delivery.checks import CALL_WITHIN
from messaging.delivery.lease import acquire
from messaging.delivery.news import Attempt, Change, News
from messaging.delivery.pump import Pumping
from messaging.delivery.settle import Settled, settle
from messaging.models import Identity, Message, Pump, Stream, StreamKind, StreamState
from messaging.signals import messages_settled
from messaging.streams import cancel_stream, pause_stream, resume_stream, settle_canceling
from tests.messaging.delivery.conftest import connect, person, queue
from tests.messaging.delivery.provider import ANSWERS

START = datetime(2026, 11, 21, 10, tzinfo=UTC)
STREAMS = (StreamKind.REPLIES, StreamKind.API, StreamKind.CAMPAIGN, StreamKind.CAMPAIGN)
MOST = 16
OPEN = {"preparing", "queued", "sending", "unconfirmed"}
OUT = {"sent", "delivered", "read"}
# What the provider does with a call; `ok` and `lost` accept it.
OUTCOMES = ["ok", "ok", "ok", "lost", "lost", "lost", "drop", "unsent", "limited", "limited"]
OUTCOMES += ["busy", "refused", "bare500"]
WAITS = [0.05, 0.2, 0.2, 1, 1, 3, 11, 31, 400]
_WEIGHTS: dict[str, float] = {
    "write": 3,
    "claim": 8,
    "call": 7,
    "gather": 6,
    "kill": 1,
    "sweep": 2,
    "echo": 3,
}
_WEIGHTS |= {"wait": 4, "pause": 0.7, "cancel": 0.3, "stall": 0.5, "withdraw": 0.7}
UNKNOWN = timedelta(seconds=settings.UNCONFIRMED_AFTER)


@dataclass(frozen=True)
class Echo:
    to: str
    text: str
    mid: str
    message_id: int


@dataclass
class Network:
    """Stands in for the process's caller: a call happens when the machine says so."""

    begun: list[tuple[Call, Answers]] = field(default_factory=list)
    free_slots: int = 500

    def submit(self, calls: list[Call], answers: Answers) -> None:
        self.begun += [(call, answers) for call in calls]


class Delivery(RuleBasedStateMachine):
    """`idempotent`: the provider knows our ids, takes a message once, and sends receipts."""

    idempotent = False

    def __init__(self) -> None:
        super().__init__()
        self.atomic: Any = transaction.atomic()
        self.atomic.__enter__()
        self.clock = time_machine.travel(START, tick=False)
        self.time = self.clock.start()
        self.network = Network()
        self.patches = pytest.MonkeyPatch()
        self.patches.setattr(pump, "caller", lambda: self.network)
        self.patches.setattr(pump, "ROUND_SECONDS", 0)
        messages_settled.connect(self.hear, weak=False)
        self.told: dict[int, str] = {}
        self.pumps: list[Pumping] = []
        self.leaving: list[Pumping] = []  # they claim no more and wait for their last answers
        self.accepted: dict[int, str] = {}
        self.answered: set[Attempt] = set()
        self.echoes: list[Echo] = []
        self.stopped_at: dict[int, datetime] = {}
        self.withdrawn_at: dict[int, datetime] = {}
        self.is_canceled = False
        self.count = 0

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # else a rule is broken already
                self.come_to_rest()
        finally:
            messages_settled.disconnect(self.hear)
            self.patches.undo()
            self.clock.stop()
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    def hear(self, changes: list[Settled], **kwargs: Any) -> None:
        self.told |= {each.message_id: str(each.status) for each in changes}

    # What happens

    @initialize(seed=st.integers(0, 2**32))
    def connect(self, seed: int) -> None:
        workspace = Workspace.objects.create(name="Acme", subdomain=uuid4().hex, plan="pro")
        self.channel = connect(workspace, "1784")
        self.people = [person(self.channel, f"p{n}") for n in range(3)]
        self.campaign = Stream.objects.create(
            channel=self.channel, kind=StreamKind.CAMPAIGN, rank=2
        ).pk
        self.bustle(seed)

    @precondition(lambda self: self.count < MOST)
    @rule(who=st.integers(0, 2), kind=st.sampled_from(STREAMS), count=st.integers(1, 3))
    def write(self, who: int, kind: StreamKind, count: int) -> None:
        texts = [f"text {self.count + n}" for n in range(count)]
        self.count += count
        if kind != StreamKind.CAMPAIGN:
            queue(self.channel, self.people[who], *texts, story=uuid4(), stream_kind=kind)
        elif not self.is_canceled:
            rows = queue(self.channel, self.people[who], *texts, story=uuid4())
            Message.objects.filter(pk__in=[row.pk for row in rows]).update(stream=self.campaign)

    @precondition(lambda self: self.count)
    @rule(which=st.integers(0, 2))
    def claim(self, which: int) -> None:
        """One round of a pump; a new one where there is none of that number yet."""
        if which >= len(self.pumps):
            lease = acquire(self.channel.pk)
            if lease is None:
                return
            self.pumps.append(Pumping(lease))
            which = len(self.pumps) - 1
        before = set(self.pks("sending"))
        if not self.pumps[which]._goes_on():
            self.leaving.append(self.pumps.pop(which))
        until = Pump.objects.get(channel=self.channel).paused_until
        claimed = set(self.pks("sending")) - before
        assert not (until and until > timezone.now() and claimed), "claimed in a pause"

    @precondition(lambda self: self.network.begun)
    @rule(chance=st.randoms(use_true_random=False), count=st.integers(1, 3))
    def call(self, chance: random.Random, count: int) -> None:
        for _ in range(min(count, len(self.network.begun))):
            place = chance.randrange(len(self.network.begun))
            call, answers = self.network.begun.pop(place)
            answers.put(self.answer(call, chance.choice(OUTCOMES), chance.choice([0, 1, 1, 2])))

    @precondition(lambda self: self.pumps or self.leaving)
    @rule(which=st.integers(0, 5))
    def gather(self, which: int) -> None:
        everyone = [*self.pumps, *self.leaving]
        chosen = everyone[which % len(everyone)]
        self.gather_of(chosen)

    @precondition(lambda self: self.pumps or self.leaving)
    @rule(which=st.integers(0, 5))
    def kill(self, which: int) -> None:
        everyone = [*self.pumps, *self.leaving]
        dead = everyone[which % len(everyone)]
        self.network.begun = [each for each in self.network.begun if each[1] is not dead._answers]
        (self.pumps if dead in self.pumps else self.leaving).remove(dead)

    @precondition(lambda self: self.network.begun)
    @rule(seconds=st.sampled_from([3, 31, 400]), chance=st.randoms(use_true_random=False))
    def stall(self, seconds: float, chance: random.Random) -> None:
        """A pump has its answers, and stands still before it reads them."""
        for _ in range(len(self.network.begun)):
            self.call(chance, 1)
        self.time.shift(seconds)
        self.sweep()
        for each in [*self.pumps, *self.leaving]:
            self.gather_of(each)

    @rule()
    def sweep(self) -> None:
        sweeping.settle_left_behind(timezone.now())
        settle_canceling(timezone.now())
        canceled = self.pks("canceled")
        assert not self.accepted.keys() & set(canceled), "canceled but delivered"

    @precondition(lambda self: self.echoes)
    @rule(chance=st.randoms(use_true_random=False))
    def echo(self, chance: random.Random) -> None:
        echo = chance.choice(self.echoes)
        if self.applied(echo):
            self.echoes.remove(echo)

    @rule(seconds=st.sampled_from(WAITS))
    def wait(self, seconds: float) -> None:
        self.time.shift(seconds)

    @precondition(lambda self: self.campaign not in self.stopped_at)
    @rule()
    def pause(self) -> None:
        if pause_stream(self.campaign):
            self.stopped_at[self.campaign] = timezone.now()

    @precondition(lambda self: self.campaign in self.stopped_at and not self.is_canceled)
    @rule()
    def resume(self) -> None:
        if resume_stream(self.campaign):
            del self.stopped_at[self.campaign]

    @precondition(lambda self: self.count > 4 and not self.is_canceled)
    @rule()
    def cancel(self) -> None:
        self.is_canceled = cancel_stream(self.campaign)
        self.stopped_at.setdefault(self.campaign, timezone.now())

    @precondition(lambda self: self.count)
    @rule(chance=st.randoms(use_true_random=False))
    def withdraw(self, chance: random.Random) -> None:
        """Somebody cancels the story of a message, wherever it is."""
        message = chance.choice(list(Message.objects.order_by("pk")))
        settle([Change(message.pk, News.WITHDRAWN)])
        self.withdrawn_at.setdefault(message.pk, timezone.now())

    def gather_of(self, chosen: Pumping) -> None:
        before = chosen._in_flight & self.answered
        chosen._gather()
        told = {attempt.message_id for attempt in before - chosen._in_flight}
        written = Message.objects.filter(pk__in=told, status__in=OUT).count()
        assert written == len(told), "known verdict discarded"

    @rule(seed=st.integers(0, 2**32))
    def bustle(self, seed: int) -> None:
        """Several steps at once, the frequent ones more often."""
        chance = random.Random(seed)
        for _ in range(40):
            step = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
            getattr(self, f"_{step}")(chance)

    def _write(self, chance: random.Random) -> None:
        if self.count < MOST:
            self.write(chance.randrange(3), chance.choice(STREAMS), chance.randint(1, 2))

    def _claim(self, chance: random.Random) -> None:
        self.claim(chance.choice([0, 0, 0, 1, 2]))

    def _call(self, chance: random.Random) -> None:
        if self.network.begun:
            self.call(chance, chance.randint(1, 3))

    def _gather(self, chance: random.Random) -> None:
        if self.pumps or self.leaving:
            self.gather(chance.randrange(6))

    def _kill(self, chance: random.Random) -> None:
        if self.pumps or self.leaving:
            self.kill(chance.randrange(6))

    def _sweep(self, chance: random.Random) -> None:
        self.sweep()

    def _echo(self, chance: random.Random) -> None:
        if self.echoes:
            self.echo(chance)

    def _wait(self, chance: random.Random) -> None:
        self.wait(chance.choice(WAITS))

    def _pause(self, chance: random.Random) -> None:
        if self.campaign not in self.stopped_at:
            self.pause()
        elif not self.is_canceled:
            self.resume()

    def _stall(self, chance: random.Random) -> None:
        if self.network.begun:
            self.stall(chance.choice([3, 31, 400]), chance)

    def _cancel(self, chance: random.Random) -> None:
        if self.count > 6 and not self.is_canceled:
            self.cancel()

    def _withdraw(self, chance: random.Random) -> None:
        if self.count:
            self.withdraw(chance)

    # The provider

    def answer(self, call: Call, outcome: str, echoes: int) -> Answer:
        if not calling.may_begin(call):
            return Answer(call.attempt, Reach.UNCALLED)
        if outcome == "unsent":
            return Answer(call.attempt, Reach.UNSENT)
        self.check_call(call)
        if outcome in ("ok", "lost"):
            body = self.accept(call, echoes)
            if outcome == "lost":
                return Answer(call.attempt, Reach.UNANSWERED)
            self.answered.add(call.attempt)
            return Answer(call.attempt, Reach.ANSWERED, 200, body)
        if outcome == "drop":
            return Answer(call.attempt, Reach.UNANSWERED)
        return Answer(call.attempt, Reach.ANSWERED, *ANSWERS[outcome])

    def accept(self, call: Call, echoes: int) -> bytes:
        message = Message.objects.get(pk=call.attempt.message_id)
        if message.pk in self.accepted:
            assert self.idempotent, "sent twice"
        else:
            later = {"pk__gt": message.pk, "stream": message.stream, "contact": message.contact_id}
            overtaken = Message.objects.filter(**later, pk__in=self.accepted).exists()
            assert not overtaken, "out of order"
            mid = self.accepted[message.pk] = f"m_{message.pk}"
            to = self.people[message.contact_id - self.people[0].pk].name
            self.echoes += [Echo(to, message.text, mid, message.pk)] * echoes
        return b'{"message_id": "%s"}' % self.accepted[message.pk].encode()

    def check_call(self, call: Call) -> None:
        message = Message.objects.get(pk=call.attempt.message_id)
        now = timezone.now()
        if self.idempotent and message.pk in self.accepted and message.status in OUT:
            return  # an earlier call's echo came first: the provider takes this one for a repeat
        assert (message.status, message.turn) == ("sending", call.attempt.turn), "not its turn"
        attempted_at = message.attempted_at
        assert attempted_at, "never claimed"
        assert now <= attempted_at + CALL_WITHIN, "called too late"
        others = Message.objects.filter(contact=message.contact_id, status="sending")
        assert others.count() == 1, "two in flight"
        stopped_at = self.stopped_at.get(message.stream_id or 0)
        assert not stopped_at or now <= stopped_at + CALL_WITHIN, "sent after a pause"
        withdrawn_at = self.withdrawn_at.get(message.pk)
        assert not withdrawn_at or now <= withdrawn_at + CALL_WITHIN, "sent although withdrawn"
        doubted = message.unconfirmed_at
        assert not doubted or now <= doubted + UNKNOWN + CALL_WITHIN, "repeated too late"

    def applied(self, echo: Echo) -> bool:
        if self.idempotent:
            settle([Change(echo.message_id, News.DELIVERED)])
            return True
        identity = Identity.objects.select_for_update().get(
            channel=self.channel, external_id=echo.to
        )
        content = InboundContent(provider_message_id=echo.mid, text=echo.text)
        author = receipts.apply_echo(
            self.channel.pk, identity.contact_id, echo.mid, content, timezone.now()
        )
        assert author != receipts.Author.OWNERS, "taken for the owner's"
        return author == receipts.Author.OURS

    # The rules that hold in the end

    def come_to_rest(self) -> None:
        if not hasattr(self, "channel"):
            return
        for _ in range(200):
            moved = bool(self.network.begun)
            while self.network.begun:
                call, answers = self.network.begun.pop()
                answers.put(self.answer(call, "ok", 1))
            for each in [*self.pumps, *self.leaving]:
                if each._in_flight or each._news:
                    self.gather_of(each)
            for echo in list(self.echoes):
                if self.applied(echo):
                    self.echoes.remove(echo)
                    moved = True
            self.claim(0)
            if not (moved or self.network.begun):
                self.sweep()
                if self.is_at_rest():
                    break
                self.time.shift(50)
        self.check()

    def is_at_rest(self) -> bool:
        busy = self.network.begun or any(each._in_flight for each in [*self.pumps, *self.leaving])
        return not busy and not self.still_open() and self.state() != StreamState.CANCELING

    def still_open(self) -> dict[int, str]:
        """What should have come to an end; a pause keeps what is queued."""
        rows = Message.objects.filter(channel=self.channel, status__in=OPEN)
        if self.state() == StreamState.PAUSED:
            rows = rows.exclude(stream=self.campaign, status="queued")
        return dict(rows.values_list("pk", "status"))

    def check(self) -> None:
        assert self.still_open() == {}, f"left open: {self.still_open()}"
        assert self.state() != StreamState.CANCELING, "cancel without an end"
        for message in Message.objects.filter(channel=self.channel):
            if message.pk in self.accepted:
                assert message.status != "canceled", "canceled but delivered"
                unknown = message.error_code == "delivery_unknown"
                held = message.status == "queued" and message.unconfirmed_at
                assert message.status in OUT or unknown or held, "accepted, but not sent"
            else:
                assert message.status not in OUT, "never sent"
            if message.status not in OPEN:
                assert self.told.get(message.pk) == message.status, "not told"
        mids = Counter(
            Message.objects.filter(channel=self.channel)
            .exclude(provider_message_id="")
            .values_list("provider_message_id", flat=True)
        )
        assert set(mids) <= set(self.accepted.values())

    def state(self) -> str:
        return Stream.objects.values_list("state", flat=True).get(pk=self.campaign)

    def pks(self, status: str) -> list[int]:
        rows = Message.objects.filter(channel=self.channel, status=status)
        return list(rows.values_list("pk", flat=True))


class IdempotentDelivery(Delivery):
    idempotent = True
