"""Pumps, sweeps that come too early, echoes and a whimsical provider, all at once.

The sweeps run on a clock that is ahead, so that leases run out under calls that are under way.
"""

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from messaging.channels.base import InboundContent
from messaging.delivery import consequences
from messaging.delivery.pump import deliver
from messaging.delivery.receipts import Author, apply_echo
from messaging.delivery.sweeping import settle_left_behind
from messaging.models import Contact, Identity, Message, Pump, StreamKind
from tests.messaging.delivery.conftest import person, queue, statuses
from tests.messaging.delivery.provider import Got, Provider
from tests.waiting import Run, results

pytestmark = pytest.mark.django_db(transaction=True)

LEASE, UNKNOWN = timedelta(seconds=31), timedelta(seconds=400)
OPEN = {"queued", "sending", "unconfirmed"}
WHIMS = ["ok"] * 8 + ["slow", "busy", "drop", "bare500", "cut", "refused"]


class Chaos:
    def __init__(self, seed: int, channel_id: int, provider: Provider) -> None:
        self.chance = random.Random(seed)
        self.channel_id = channel_id
        self.provider = provider
        self.over = threading.Event()

    def keep(self, act: Callable[[], None]) -> Run[None]:
        """`act` again and again; a deadlock is the loser's to repeat."""

        def loop() -> None:
            while not self.over.is_set():
                try:
                    act()
                except OperationalError:
                    continue
                time.sleep(self.chance.random() * 0.02)

        return Run(loop)

    def pump(self) -> None:
        deliver(self.channel_id)

    def sweep(self) -> None:
        settle_left_behind(timezone.now() + self.chance.choice([LEASE, LEASE, UNKNOWN]))

    def steal(self) -> None:
        """As if the pump had stood still for longer than its lease."""
        Pump.objects.update(lease_until=timezone.now() - LEASE)
        time.sleep(0.1)

    def echo(self) -> None:
        """Of two in three messages, late and in any order; some of them twice."""
        if not self.provider.accepted:
            return
        got = self.chance.choice(self.provider.accepted)
        if sum(got.text.encode()) % 3:
            assert echoed(self.channel_id, got) is not Author.OWNERS or not known(got)


def known(got: Got) -> bool:
    return Message.objects.filter(provider_message_id=got.mid).exists()


def echoed(channel_id: int, got: Got) -> Author:
    with transaction.atomic():
        identity = Identity.objects.select_for_update().get(external_id=got.to)
        content = InboundContent(provider_message_id=got.mid, text=got.text)
        return apply_echo(channel_id, identity.contact_id, got.mid, content, timezone.now())


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_doubled_lost_or_out_of_order(channel, provider, monkeypatch, seed):
    monkeypatch.setattr(consequences, "wait", lambda *_: timedelta(milliseconds=20))
    chaos = Chaos(seed, channel.pk, provider)
    people = [person(channel, f"p{n}") for n in range(12)]
    for contact in people:
        for kind in (StreamKind.API, StreamKind.REPLIES):
            texts = [f"{contact.name} {kind} {n}" for n in range(4)]
            queue(channel, contact, *texts, story=uuid4(), stream_kind=kind)
            provider.script |= {text: chaos.chance.choices(WHIMS, k=3) for text in texts}
    acts = [chaos.pump, chaos.pump, chaos.pump, chaos.sweep, chaos.echo, chaos.steal]
    running = [chaos.keep(act) for act in acts]
    time.sleep(2)
    chaos.over.set()
    results(running)
    settle_all(channel.pk, provider)
    check(people, provider)


def settle_all(channel_id: int, provider: Provider) -> None:
    """Quiet: no whims, no early sweeps; everything must come to an end."""
    provider.script.clear()
    for _ in range(30):
        Message.objects.filter(status="queued").update(due_at=timezone.now())
        deliver(channel_id)
        for got in list(provider.accepted):
            if sum(got.text.encode()) % 3:
                echoed(channel_id, got)
        settle_left_behind(timezone.now() + 2 * UNKNOWN)
        if not OPEN & set(statuses()):
            return
    raise AssertionError(f"still open: {statuses()}")


def check(people: list[Contact], provider: Provider) -> None:
    assert provider.most_often() == 1
    reached = {got.text for got in provider.accepted}
    for message in Message.objects.all():
        outcome = (message.status, message.error_code)
        if message.text in reached:
            assert outcome in {("sent", ""), ("failed", "delivery_unknown")}, outcome
            if sum(message.text.encode()) % 3:
                assert outcome == ("sent", ""), "its echo said so"
        else:
            assert message.status != "sent"
    for contact in people:
        for kind in StreamKind:
            start = f"{contact.name} {kind} "
            order = [got.text for got in provider.accepted if got.text.startswith(start)]
            assert order == sorted(order)
    # An early sweep lets another stream go on while a call is under way.
    provider.faults = [fault for fault in provider.faults if "in flight" not in fault]
