"""Road 2 at full load: signed webhook → trigger or wait → branch → reply queued, all state stored.

The web server, one worker for events, PostgreSQL and Redis share the machine with the generator.
Nothing is sent: the channel is paused, so what is measured ends with the queued reply.
"""

import hashlib
import hmac
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from bench.loading import Ask, load
from bench.measuring import Usage, table
from bench.serving import Place, inro, served

REDIS = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/15")
SECONDS, CONNECTIONS, PATIENCE_SECONDS = 15, 8, 300
SECRET, ACCOUNT = "bench-secret", "17841400000000000"
N8N = 194.0  # n8n, tuned, webhooks a second on such a machine
_SET_UP = f"""
from django.core.management import call_command
from inro.accounts.models import ApiToken, Workspace
from messaging.connecting import connect_channel
from automations.scenarios import create_scenario
call_command("migrate", verbosity=0)
ours = Workspace.objects.create(subdomain="bench", plan="pro")
channel = connect_channel(ours, "instagram", "", {{
    "account_id": "{ACCOUNT}", "access_token": "token", "app_secrets": ["{SECRET}"]}})
channel.status = "paused"
channel.save()
create_scenario(ours, {{
    "title": "Welcome", "active": True,
    "triggers": [{{"trigger_type": "message",
                  "options": {{"message_type": "keywords", "keywords": ["hello"]}}}}],
    "actions": [
        {{"action_key": "q", "action_type": "ask_question", "content": "Are you interested?",
         "options": {{"answers": ["Yes", "No"], "expires_in": 86400}}}},
        {{"action_key": "yes", "parent_key": "q", "parent_branch": "option_0",
         "action_type": "message", "content": "Great, {{{{contact.name|default:'there'}}}}!"}},
        {{"action_key": "no", "parent_key": "q", "parent_branch": "option_1",
         "action_type": "message", "content": "No problem."}}]}})
print(channel.webhook_url.removeprefix("http://127.0.0.1:8000"))
"""
# As if the questions had gone out: what comes now may be an answer to them.
_ASKED = """
from datetime import timedelta
from django.db import connection
from django.utils import timezone
from automations.models import Execution
from messaging.models import Message
Message.objects.filter(status="queued").update(
    status="sent", attempts=1, attempted_at=timezone.now(), sent_at=timezone.now())
Execution.objects.filter(status="waiting").update(due_at=timezone.now() + timedelta(1))
with connection.cursor() as cursor:
    cursor.execute("ANALYZE")
"""
# By the partial indexes, so that looking costs next to nothing.
_UNAPPLIED = "SELECT EXISTS (SELECT 1 FROM messaging_event WHERE status = 'recorded')"
_OUTCOME = """
SELECT (SELECT count(*) FROM messaging_message WHERE status = 'queued'),
       (SELECT count(*) FROM messaging_event WHERE status = 'failed')"""


def run() -> None:
    with inro(REDIS_URL=REDIS) as where:
        path = where.python(_SET_UP)
        with served(where, "inro.wsgi:application") as (address, pid), worker(where) as worker_pid:
            pids = (pid, worker_pid)
            hello = _measure(where, address + path, "hello", pids)
            where.python(_ASKED)
            answer = _measure(where, address + path, "yes", pids, count=hello[0])
        rows = [
            ("first message → trigger → question queued", *hello[1:], hello[1] / N8N),
            ("answer → branch → reply queued", *answer[1:], answer[1] / N8N),
        ]
        head = ("", "per second", "p99 ms of the call", "CPU ms web", "CPU ms worker", "× n8n")
        table("Webhook → reply queued, all state stored", head, rows)


def _measure(
    where: Place, url: str, text: str, pids: tuple[int, int], count: int | None = None
) -> tuple[int, float, float, float, float]:
    """How many persons wrote, stories a second until the last reply was queued, the rest."""
    usages = [Usage(pid) for pid in pids]
    begin = time.perf_counter()
    persons = itertools.count()
    ask = Ask("POST", url, {"Content-Type": "application/json"}, make=_webhooks(text, persons))
    measured = load(ask, SECONDS, CONNECTIONS, most=count)
    _wait(where, measured.count)
    passed = time.perf_counter() - begin
    web, worker = (usage.seconds() / measured.count * 1000 for usage in usages)
    return measured.count, measured.count / passed, measured.p99, web, worker


def _wait(where: Place, expected: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    with psycopg.connect(where.environment["DATABASE_URL"], autocommit=True) as connection:
        while connection.execute(_UNAPPLIED).fetchone() == (True,):
            if time.monotonic() > until:
                raise TimeoutError("The events were not applied in time.")
            time.sleep(0.02)
        outcome = connection.execute(_OUTCOME).fetchone()
    if outcome != (expected, 0):
        raise RuntimeError(f"(replies, failed events) = {outcome} for {expected} messages")


def _webhooks(text: str, persons: Iterator[int]) -> Callable[[], tuple[bytes, dict[str, str]]]:
    """Signed bodies, each of another person."""

    def make() -> tuple[bytes, dict[str, str]]:
        person = next(persons)
        now = int(time.time() * 1000)
        message = {"mid": f"m_{text}_{person}", "text": text}
        item = {
            "sender": {"id": str(10**9 + person)},
            "recipient": {"id": ACCOUNT},
            "timestamp": now,
            "message": message,
        }
        body = json.dumps(
            {"object": "instagram", "entry": [{"id": ACCOUNT, "time": now, "messaging": [item]}]}
        ).encode()
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return body, {"X-Hub-Signature-256": f"sha256={digest}"}

    return make


@contextmanager
def worker(where: Place) -> Iterator[int]:
    """A worker for events, as `runall` starts it."""
    command = [sys.executable, "-m", "celery", "-A", "inro", "-q", "worker", "--pool", "threads"]
    command += ["-c", "4", "-Q", "inbound,default", "-l", "WARNING"]
    process = subprocess.Popen(
        [*command, "--without-gossip", "--without-mingle", "--without-heartbeat"],
        env=dict(where.environment),
        cwd=os.getcwd(),
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)
