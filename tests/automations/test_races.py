"""Several workers at once, each with a connection of its own."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from threading import Event, Lock
from time import sleep
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from automations.actions import ACTION_TYPES
from automations.editing import change_scenario, delete_scenario, version_of
from automations.engine.runner import Start, continue_executions, start_many
from automations.models import Definition, Execution, Scenario, Step
from inro.common.errors import Refused
from messaging.models import Channel, Contact, Message
from tests.automations.conftest import new_contact
from tests.automations.support import message, stored
from tests.automations.test_runner import Sleep
from tests.waiting import at_once, wait_for

WORKERS = 4


@pytest.fixture(autouse=True)
def sleep_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTION_TYPES._items, "sleep", Sleep())


def many(work: Callable[[], Any]) -> list[Any]:
    return at_once(*[work] * WORKERS)


@pytest.fixture
def scenario(transactional_db: None, workspace: Any) -> Any:
    first = message("a", content="before")
    sleep = {"action_key": "s", "action_type": "sleep", "parent_key": "a"}
    return stored(workspace, first, sleep, message("b", "s", content="after"))


def test_one_contact_starts_a_scenario_once(scenario: Any, channel: Channel, contact: Contact):
    start = Start(scenario.definition_id, contact.pk, channel.pk, "message")

    def work() -> int:
        with transaction.atomic():
            return len(start_many(channel.workspace_id, [start]))

    assert sorted(many(work)) == [0, 0, 0, 1]
    assert Execution.objects.get().status == "waiting"
    assert (Step.objects.count(), Message.objects.count()) == (2, 1)


def test_one_turn_is_taken_once(scenario: Any, channel: Channel, contact: Contact):
    start = Start(scenario.definition_id, contact.pk, channel.pk, "message")
    past = timezone.now() - timedelta(hours=1)
    [execution] = start_many(channel.workspace_id, [start], now=past)
    taken = many(lambda: len(continue_executions([execution.pk])))
    assert sorted(taken) == [0, 0, 0, 1]
    assert Execution.objects.get().status == "completed"
    texts = Message.objects.order_by("pk").values_list("text", flat=True)
    assert list(texts) == ["before", "after"]


def test_of_changes_to_one_version_one_wins(scenario: Any):
    version = version_of(scenario)
    numbers = iter(range(WORKERS))

    def work() -> str:
        try:
            change_scenario(scenario, {"title": f"Title {next(numbers)}"}, [version])
        except Refused as refused:
            return refused.code
        return "changed"

    assert sorted(many(work)) == ["changed", "stale_edit", "stale_edit", "stale_edit"]


def test_changes_without_a_version_come_one_after_the_other(scenario: Any):
    root = scenario.definition.actions.get(action_key="a").pk
    texts = iter("1234")
    rest = [{"id": row.pk} for row in scenario.definition.actions.exclude(pk=root)]

    def work() -> None:
        change_scenario(scenario, {"actions": [{"id": root, "content": next(texts)}, *rest]})

    many(work)
    scenario.definition.refresh_from_db()
    assert scenario.definition.revision == 1 + WORKERS
    keys = scenario.definition.actions.values_list("action_key", flat=True)
    assert list(keys) == ["a", "s", "b"]


def test_starts_and_a_deletion_at_once(scenario: Any, channel: Channel, contact: Contact):
    people = [contact, *(new_contact(channel, f"p{number}") for number in range(WORKERS - 2))]
    starts = [Start(scenario.definition_id, each.pk, channel.pk, "message") for each in people]
    works: Iterator[Callable[[], Any]] = iter(
        [
            lambda: delete_scenario(scenario),
            *(partial(start_many, channel.workspace_id, [each]) for each in starts),
        ]
    )
    lock = Lock()

    def work() -> None:
        with lock:
            mine = next(works)
        mine()

    many(work)
    models = (Scenario, Definition, Execution, Step)
    assert [model._default_manager.count() for model in models] == [0, 0, 0, 0]


def test_a_turn_under_way_is_waited_for(scenario: Any, channel: Channel, contact: Contact):
    start = Start(scenario.definition_id, contact.pk, channel.pk, "message")
    past = timezone.now() - timedelta(hours=1)
    [execution] = start_many(channel.workspace_id, [start], now=past)
    began, numbers = Event(), iter(range(WORKERS))

    def work() -> None:
        if next(numbers):
            wait_for(began, "the turn")
            with suppress(Refused):
                delete_scenario(scenario)
            return
        with transaction.atomic():
            continue_executions([execution.pk])
            began.set()
            sleep(0.3)

    many(work)
    assert Step.objects.count() == Execution.objects.count() == 0
    assert Message.objects.count() == 2
