from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.pacing import SECOND, WINDOW, Allowance, Pacing

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
LIMITS = st.none() | st.integers(1, 10_000)
# What waits at each look, text or not, and how long after the last one it is, in microseconds.
LOOKS = st.lists(
    st.tuples(st.integers(0, 3 * SECOND), st.lists(st.booleans(), max_size=60)), max_size=30
)


def spent_at_each(pacing: Pacing, looks: list[tuple[int, list[bool]]]) -> list[tuple[int, int]]:
    """When, in microseconds, and for how much messages went out; the channel is always greedy."""
    paced_to, at, spent = None, 0, []
    for passed, waiting in looks:
        at += passed
        allowance = Allowance.of(pacing, paced_to, NOW + timedelta(microseconds=at))
        before = allowance.credit
        for is_text in waiting:
            if allowance.is_spent:
                break
            allowance.spend(pacing.text_cost if is_text else pacing.media_cost)
        paced_to = allowance.paced_to
        spent.append((at, before - allowance.credit))
    return spent


@given(st.builds(Pacing, LIMITS, LIMITS), LOOKS)
def test_never_more_than_the_rate_and_one_window(pacing, looks):
    """In any stretch of time, beginning and ending at any two looks."""
    spent = spent_at_each(pacing, looks)
    dearest = max(pacing.text_cost, pacing.media_cost)
    totals = [0, *accumulate(cost for _, cost in spent)]
    for first in range(len(spent)):
        for last in range(first, len(spent)):
            took = spent[last][0] - spent[first][0]
            assert totals[last + 1] - totals[first] < took + WINDOW + dearest + 1


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_all_of_the_rate_is_used_by_who_looks_often_enough(text, media):
    pacing = Pacing(text, media)
    looks = [(SECOND // 10, [True] * 1100)] * 100
    sent = sum(cost for _, cost in spent_at_each(pacing, looks)) / pacing.text_cost
    assert sent >= 10 * text * 0.98 - 2


@pytest.mark.parametrize(
    ("waiting", "sent"), [([True] * 50, 20), ([False] * 50, 2), ([False, True] * 9, 3)]
)
def test_instagrams_first_round(waiting, sent):
    pacing = Pacing(text_per_second=100, media_per_second=10)
    ((_, cost),) = spent_at_each(pacing, [(0, waiting)])
    assert cost == sum(10_000 if is_text else 100_000 for is_text in waiting[:sent])


@given(st.integers(0, 10**12))
def test_clock_that_was_set_back_costs_one_message_at_most(back):
    pacing = Pacing(100, 10)
    late = Allowance.of(pacing, NOW + timedelta(microseconds=back), NOW)
    assert late.credit >= -pacing.media_cost


def test_without_a_limit_nothing_is_ever_spent():
    assert Pacing().text_cost == Pacing().media_cost == 0
    allowance = Allowance.of(Pacing(), None, NOW)
    allowance.spend(Pacing().media_cost)
    assert not allowance.is_spent
    assert Allowance.of(Pacing(), allowance.paced_to, NOW).credit == WINDOW


def test_a_cost_is_rounded_up():
    assert Pacing(text_per_second=300).text_cost == 3334


def test_a_limit_stands_in_for_the_providers():
    assert Pacing(100, 10).overridden(20, None) == Pacing(20, 10)
    assert Pacing().overridden(None, 5) == Pacing(None, 5)
