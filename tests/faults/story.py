"""One person's story under faults: a message comes in, two answers go out, and nothing else."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db.models import F

from automations.models import LIVE, Execution, Step
from inro.common.claims import TaskRow
from messaging.models import Channel, Contact, Event, Message
from messaging.models.messages import OPEN
from tests.faults.injection import Fault
from tests.faults.working import Report, Worker
from tests.journeys.product import direct_message, echo
from tests.messaging.delivery.provider import Provider
from tests.messaging.inbound.instagram import signature

APP_SECRET = "a-secret-of-the-app"
SCENARIO = {
    "title": "Greeting",
    "active": True,
    "triggers": [{"trigger_type": "message", "options": {"message_type": "any"}}],
    "actions": [
        {"action_key": "one", "action_type": "message", "content": "one"},
        {"action_key": "two", "parent_key": "one", "action_type": "message", "content": "two"},
    ],
}
# Every lease but that of an attempt is shorter; after the last round all are out.
STEP = timedelta(seconds=11)
ROUNDS = 10
UNCONFIRMED_AFTER = 25


def pass_time(by: timedelta) -> None:
    """What is due, leased or unconfirmed has been so for longer."""
    for model in apps.get_models():
        if issubclass(model, TaskRow):
            model._base_manager.update(due_at=F("due_at") - by, lease_until=F("lease_until") - by)
    Message.objects.update(unconfirmed_at=F("unconfirmed_at") - by)


class Story:
    """Tells it to the end: whatever is ended by a fault is done again as in real life.

    A provider sends a webhook again that was not answered with 200. A task that did not end is
    handed out again when `redelivered`; otherwise it is lost, with all that it had woken. With
    `echoes` the provider tells of every message that it took and that is not yet on record so.
    """

    def __init__(
        self,
        worker: Worker,
        channel: Channel,
        provider: Provider,
        person: str,
        *,
        redelivered: bool,
        echoes: bool,
    ) -> None:
        self.worker, self.channel, self.provider, self.person = worker, channel, provider, person
        self.redelivered, self.echoes = redelivered, echoes
        self.rounds_stalled = 4
        self.statuses: list[int] = []
        self.struck = False

    def tell(self, road: str, fault: Fault) -> bool:
        """The whole story, with the fault on its first way along `road`; whether it struck."""
        pass_time(STEP)  # what died in an earlier story holds up nobody any more
        self._faults = {road: fault}
        woken = self._post(direct_message("hi", self.person))
        # A queue that was emptied: the clock has to find everything.
        self._run([] if road == "inro.tick" else woken)
        for _ in range(ROUNDS):
            if self.echoes:
                self._run(self._echo_what_arrived())
            if self._is_over():
                break
            pass_time(STEP)
            self._run([["inro.tick"]])
        return self.struck

    def _post(self, payload: dict[str, Any]) -> list[Any]:
        body = json.dumps(payload)
        headers = {"X-Hub-Signature-256": signature(body.encode(), APP_SECRET)}
        path = f"/webhooks/instagram/{self.channel.uuid}"
        for _ in range(3):
            report = self._do("request", "POST", path, body, headers)
            self.statuses.append(report.status)
            if report.status == 200:
                return report.woken
        raise AssertionError(f"the webhook is not taken: {self.statuses}")

    def _run(self, tasks: list[Any]) -> None:
        """Run tasks and what they wake, each in a process of its own."""
        waiting = [*tasks]
        while waiting:
            task = waiting.pop(0)
            report = self._do(*task)
            failed = report.killed or report.error
            waiting += report.woken if not failed or self.redelivered else []
            waiting += [task] if report.killed and self.redelivered else []

    def _do(self, what: str, *rest: Any) -> Report:
        fault = self._faults.pop(what, None)
        report = self.worker.do(what, *rest, fault=fault)
        assert fault or not (report.killed or report.error), report
        if report.stalled:
            self._meanwhile(what, *rest)
            report = self.worker.do("resume")
            self.struck = True
        elif fault:
            self.struck = report.killed or report.points >= fault.at
        return report

    def _meanwhile(self, what: str, *rest: Any) -> None:
        """What others do while a process stands still."""
        if what == "request":
            self._run(self._do(what, *rest).woken)  # the provider gave it up
        for _ in range(self.rounds_stalled):
            pass_time(STEP)
            self._run([["inro.tick"]])

    def _echo_what_arrived(self) -> list[Any]:
        known = Message.objects.exclude(provider_message_id="").values_list(
            "provider_message_id", flat=True
        )
        unknown = [g for g in self.provider.got if g.to == self.person and g.mid not in set(known)]
        return [
            task
            for got in unknown
            for task in self._post(echo(got.mid, {"text": got.text}, self.person))
        ]

    def _is_over(self) -> bool:
        return not (
            Event.objects.filter(status="recorded").exists()
            or Message.objects.filter(status__in=OPEN).exists()
            or Execution.objects.filter(status__in=LIVE).exists()
        )

    # --- what has to be true at its end ------------------------------------------------
    @property
    def contact(self) -> Contact:
        return Contact.objects.get(identities__external_id=self.person)

    @property
    def execution(self) -> Execution:
        return Execution.objects.get(contact=self.contact)

    def check(self, *, doubt: bool) -> None:
        """`doubt`: the fate of one answer may be unknown, for a kill ended its attempt."""
        assert self._is_over(), "something is stuck"
        assert self.statuses[-1] == 200
        inbound = Event.objects.filter(external_id=self.person, kind="message")
        assert [event.status for event in inbound] == ["applied"]
        assert self.execution.status == "completed"
        steps = Step.objects.filter(execution=self.execution)
        assert list(steps.values_list("number", flat=True)) == [1, 2]
        rows = Message.objects.filter(contact=self.contact).order_by("pk")
        assert [row.text for row in rows] == ["hi", "one", "two"]
        self._check_answers(doubt, list(rows)[1:])

    def _check_answers(self, doubt: bool, answers: list[Message]) -> None:
        got = Counter(self.provider.texts(self.person))
        assert max(got.values()) == 1, "sent twice"
        for row in answers:
            if row.status == "sent":
                assert got[row.text] == 1, row.text
                assert row.provider_message_id
            else:
                assert (row.status, row.error_code) == ("failed", "delivery_unknown")
                assert not (self.echoes and got[row.text]), "the echo came, and settles it"
        lost = [row for row in answers if row.status == "failed"]
        assert len(lost) <= doubt
