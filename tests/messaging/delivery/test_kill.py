"""kill -9 in the middle of calls, in a process of its own on the test's database."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from messaging.channels.base import InboundContent
from messaging.delivery.pump import deliver
from messaging.delivery.receipts import Author, apply_echo
from messaging.delivery.sweeping import settle_left_behind, wake_pumps
from messaging.models import Message, Pump
from tests.messaging.delivery.conftest import person, queue
from tests.waiting import SECONDS, eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes, pytest.mark.kills]

ROOT = Path(__file__).parents[3]
PUMP = """
import django
django.setup()
from messaging.delivery.pump import deliver
deliver({})
"""


def database_url() -> str:
    its: dict[str, Any] = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{its['NAME']}"
    login = f"{its['USER']}:{its['PASSWORD']}@" if its["PASSWORD"] else f"{its['USER']}@"
    return f"postgres://{login}{its['HOST']}:{its['PORT']}/{its['NAME']}"


def pump_process(channel_id: int, provider_url: str) -> "subprocess.Popen[bytes]":
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "inro.settings",
        "DATA_DIR": str(settings.DATA_DIR),
        "DATABASE_URL": database_url(),
        "INSTAGRAM_API_URL": provider_url,
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", PUMP.format(channel_id)]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def test_killed_pump_loses_nothing_and_repeats_nothing(channel, provider, no_broker):
    people = [person(channel, f"p{n}") for n in range(6)]
    for contact in people:
        queue(channel, contact, f"{contact.name} one", f"{contact.name} two")
        provider.script[f"{contact.name} one"] = ["hang"]
    process = pump_process(channel.pk, provider.url)
    try:
        eventually(lambda: len(provider.got) == len(people), "a call for each")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)
    late = person(channel, "late")
    queue(channel, late, "late one")
    provider.release.set()
    in_flight = list(provider.got)

    deliver(channel.pk)
    assert provider.texts("late") == [], "the dead pump's lease still runs"
    Pump.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    no_broker.clear()
    assert wake_pumps(timezone.now()) == 1
    assert no_broker == [("messaging.pump", (channel.pk,))]
    deliver(channel.pk)
    assert provider.texts("late") == ["late one"]

    now = timezone.now() + timedelta(seconds=31)
    assert settle_left_behind(now) == len(people)
    for got in in_flight[:3]:
        content = InboundContent(provider_message_id=got.mid, text=got.text)
        contact = next(each for each in people if each.name == got.to)
        assert apply_echo(channel.pk, contact.pk, got.mid, content, now) is Author.OURS
    settle_left_behind(now + timedelta(seconds=settings.UNCONFIRMED_AFTER + 1))
    deliver(channel.pk)

    confirmed = {got.text for got in in_flight[:3]}
    for message in Message.objects.all():
        if message.text.endswith("one") and message.text not in confirmed | {"late one"}:
            assert (message.status, message.error_code) == ("failed", "delivery_unknown")
        else:
            assert message.status == "sent", message.text
    assert provider.most_often() == 1
    assert {got.text for got in provider.got} == set(Message.objects.values_list("text", flat=True))
