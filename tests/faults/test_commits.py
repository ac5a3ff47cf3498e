"""A fault at every commit point of the roads in and out: nothing is lost, nothing done twice."""

from collections.abc import Callable
from itertools import count

import pytest
from django.db import connection

from messaging.models import Message
from tests.faults.injection import Fault
from tests.faults.story import Story
from tests.messaging.delivery.provider import Provider

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.kills,
    pytest.mark.timeout(240),
]

# A road, and how many commit points it has at least.
ROADS = [
    ("request", 1),
    ("messaging.apply_events", 1),
    ("messaging.pump", 6),
    ("inro.tick", 3),
]


# What a killed worker had in hand is handed out again, or lost with the queue. A task that failed
# counts as done. SQLite has no connection that could be lost.
FAULTS = [("kill", True), ("kill", False)]
if connection.vendor != "sqlite":
    FAULTS.append(("disconnect", False))


@pytest.mark.parametrize(("kind", "redelivered"), FAULTS)
@pytest.mark.parametrize(("road", "points"), ROADS, ids=[name for name, _ in ROADS])
def test_the_story_ends_well(
    tell: Callable[..., Story], road: str, points: int, kind: str, redelivered: bool
):
    for moment in ("before", "after"):
        for number in count(1):
            # The provider tells of what arrived, or never does.
            story = tell(f"{moment}-{number}", redelivered=redelivered, echoes=redelivered)
            struck = story.tell(road, Fault(kind, moment, number))
            story.check(doubt=road == "messaging.pump")
            if not struck:
                break
        assert number > points, "the faults did not strike"


# After 4 rounds what was in flight is unconfirmed, after 8 it is given up.
@pytest.mark.parametrize("rounds", [4, 8])
@pytest.mark.parametrize(("road", "points"), ROADS, ids=[name for name, _ in ROADS])
def test_a_process_that_stood_still_spoils_nothing(
    tell: Callable[..., Story], road: str, points: int, rounds: int
):
    """Its leases run out and others do its work; then it goes on with what it knew."""
    for number in count(1):
        story = tell(f"stall-{number}", redelivered=True, echoes=False)
        story.rounds_stalled = rounds
        struck = story.tell(road, Fault("stall", "before", number))
        story.check(doubt=False)
        if not struck:
            break
    assert number > points, "nothing stood still"


IN_TIME = [("one", "failed", "recipient_not_found"), ("two", "canceled", "earlier_failed")]
STALE = [("one", "failed", "delivery_unknown"), ("two", "sent", "")]


def test_a_stale_refusal_is_discarded_with_its_effects(
    tell: Callable[..., Story], provider: Provider
):
    """A refusal ends the story; but not once its message was given up as unknown."""
    seen = set()
    for number in count(1):
        provider.script["one"] = ["refused"]
        story = tell(f"refused-{number}", redelivered=True, echoes=False)
        story.rounds_stalled = 4
        struck = story.tell("messaging.pump", Fault("stall", "before", number))
        answers = Message.objects.filter(contact=story.contact, direction="outbound")
        found = list(answers.order_by("pk").values_list("text", "status", "error_code"))
        ended = story.execution.status
        assert (found, ended) in [(IN_TIME, "failed"), (STALE, "completed")]
        seen.add(ended)
        if not struck:
            break
    assert seen == {"failed", "completed"}
