"""The search of `machine`, and proof that it finds what it is there for.

Each sabotage takes one rule of delivery away; the search must then fail. Those that it takes
minutes to find are tried with the profile "deep" only.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

from messaging import streams
from messaging.channels import CHANNELS
from messaging.channels.base import Outcome, Verdict
from messaging.delivery import calling, checks, claim, moves, pump, receipts, settle, sweeping
from messaging.delivery.lease import Lease
from messaging.delivery.lookups import in_lanes
from messaging.delivery.moves import MOVES
from messaging.delivery.news import News
from messaging.models import MessageStatus
from tests.messaging.delivery.machine import Delivery, IdempotentDelivery

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.timeout(1800)]

# What it finds is not made shorter: that takes minutes, and its steps can be read as they are.
SEARCH = hypothesis.settings(
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
MACHINES = {"instagram": Delivery, "idempotent": IdempotentDelivery}


@pytest.fixture
def kind(request: Any, monkeypatch: pytest.MonkeyPatch, settings: Any) -> type[Delivery]:
    settings.INSTAGRAM_API_URL = "http://provider.invalid"
    machine = MACHINES[request.param]
    monkeypatch.setattr(type(CHANNELS["instagram"]), "idempotent", machine.idempotent)
    return machine


@pytest.mark.parametrize("kind", MACHINES, indirect=True)
def test_no_order_of_events_breaks_a_rule(kind):
    run_state_machine_as_test(kind, settings=SEARCH)


Sabotage = Callable[[pytest.MonkeyPatch], None]


def a_lost_answer_counts_as_a_refusal(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pump, "_NO_ANSWER", Verdict(Outcome.BUSY))


def old_claims_are_called(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(calling, "may_begin", lambda call: True)


def late_answers_are_fenced(patch: pytest.MonkeyPatch) -> None:
    accepted = replace(MOVES[News.ACCEPTED], fact=False)
    patch.setitem(MOVES, News.ACCEPTED, replace(accepted, from_=frozenset({MessageStatus.SENDING})))


def later_messages_overtake(patch: pytest.MonkeyPatch) -> None:
    patch_claim(patch, "o.id < m.id", "o.id < 0")


def two_streams_write_at_once(patch: pytest.MonkeyPatch) -> None:
    patch_claim(patch, "f.contact_id = m.contact_id AND f.status", "f.contact_id = 0 AND f.status")


def patch_claim(patch: pytest.MonkeyPatch, rule: str, instead: str) -> None:
    for vendor, statement in claim.CLAIM.items():
        assert rule in statement
        patch.setitem(claim.CLAIM, vendor, statement.replace(rule, instead))


def what_may_have_gone_out_is_canceled(patch: pytest.MonkeyPatch) -> None:
    canceled = MOVES[News.CANCELED]
    tried = canceled.from_ | {MessageStatus.UNCONFIRMED}
    patch.setitem(MOVES, News.CANCELED, replace(canceled, from_=tried))
    patch.setattr(moves, "_in_place", lambda row, change: True)
    next_changes = streams._next_changes

    def unconfirmed_too(stream_id: int, now: Any, among: Any) -> Any:
        rows = in_lanes(stream_id).filter(status="unconfirmed", **among)
        found = streams._changes(rows, News.CANCELED, now)
        return found or next_changes(stream_id, now, among)

    patch.setattr(streams, "_next_changes", unconfirmed_too)


def dead_attempts_are_left(patch: pytest.MonkeyPatch) -> None:
    rule = replace(MOVES[News.UNKNOWN], from_=frozenset())
    patch.setitem(MOVES, News.UNKNOWN, rule)


def the_unknown_have_no_end(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(MOVES, News.OVERDUE, replace(MOVES[News.OVERDUE], from_=frozenset()))


def echoes_of_unsettled_messages_are_the_owners(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(receipts, "_UNSETTLED", ())


def every_kind_is_repeated(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweeping, "CHANNELS", [replace_idempotent()])


def replace_idempotent() -> Any:
    return type("Repeated", (), {"kind": "instagram", "idempotent": True})


def repeating_has_no_deadline(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(checks, "_check_time", lambda message, now: None)


def a_pause_of_the_channel_is_not_kept(patch: pytest.MonkeyPatch) -> None:
    look = Lease.look

    def blind(self: Any) -> Any:
        row = look(self)
        if row:
            row.paused_until = None
        return row

    patch.setattr(Lease, "look", blind)


def nobody_is_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settle, "_TOLD", (MessageStatus.FAILED,))


def canceled_streams_are_repeated(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(
        MOVES,
        News.OVERDUE,
        replace(MOVES[News.OVERDUE], from_=MOVES[News.OVERDUE].from_ - {MessageStatus.QUEUED}),
    )


def what_is_withdrawn_is_tried_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(moves, "_end_withdrawn", lambda row: None)


QUICKLY_FOUND: list[tuple[Sabotage, str, str]] = [
    (a_lost_answer_counts_as_a_refusal, "instagram", "sent twice|the owner's"),
    (old_claims_are_called, "instagram", "not its turn|after a pause|too late"),
    (later_messages_overtake, "instagram", "out of order|UNIQUE|inflight"),
    (two_streams_write_at_once, "instagram", "UNIQUE|inflight"),
    (echoes_of_unsettled_messages_are_the_owners, "instagram", "taken for the owner's"),
    (every_kind_is_repeated, "instagram", "sent twice|the owner's"),
    (nobody_is_told, "instagram", "not told"),
    (what_is_withdrawn_is_tried_again, "instagram", "although withdrawn"),
]
SLOWLY_FOUND: list[tuple[Sabotage, str, str]] = [
    (late_answers_are_fenced, "instagram", "known verdict discarded"),
    (what_may_have_gone_out_is_canceled, "instagram", "canceled but delivered"),
    (dead_attempts_are_left, "instagram", "left open"),
    (the_unknown_have_no_end, "instagram", "left open"),
    (repeating_has_no_deadline, "idempotent", "repeated too late"),
    (a_pause_of_the_channel_is_not_kept, "instagram", "claimed in a pause"),
    (canceled_streams_are_repeated, "idempotent", "left open|without an end"),
]
DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
SABOTAGES = QUICKLY_FOUND + (SLOWLY_FOUND if DEEP else [])


@pytest.mark.parametrize(
    ("sabotage", "kind", "found"),
    [pytest.param(*each, id=each[0].__name__) for each in SABOTAGES],
    indirect=["kind"],
)
def test_a_rule_taken_away_is_missed(sabotage, kind, found, monkeypatch):
    sabotage(monkeypatch)
    search = hypothesis.settings(SEARCH, max_examples=200, derandomize=True, database=None)
    with pytest.raises(Exception, match=found):
        run_state_machine_as_test(kind, settings=search)
