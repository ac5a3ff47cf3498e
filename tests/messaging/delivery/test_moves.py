from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from messaging.channels.base import Outcome, Verdict
from messaging.delivery.backing_off import wait
from messaging.delivery.consequences import BUSY_ATTEMPTS
from messaging.delivery.moves import MOVES, move
from messaging.delivery.news import Change, News
from messaging.models import Message, MessageStatus

NOW = timezone.now()
RANK = {"sent": 1, "delivered": 2, "read": 3}
FACTS = [news for news, rule in MOVES.items() if rule.fact]


def row(status: str = "sending", **fields) -> Any:
    return Message(
        pk=1, status=status, **{"turn": 3, "attempts": 1, "created_at": NOW, "due_at": NOW} | fields
    )


def tell(row: Any, news: News, turn: int = 3, **verdict) -> bool:
    outcome = Verdict(Outcome.UNKNOWN, **verdict)
    return move(row, Change(1, news, turn, outcome, at=NOW))


@given(
    st.sampled_from(MessageStatus.values),
    st.lists(st.tuples(st.sampled_from(list(News)), st.integers(2, 5)), max_size=8),
)
def test_what_went_out_is_never_taken_back(status, told):
    message = row(status)
    for news, turn in told:
        before = RANK.get(message.status, 0)
        tell(message, news, turn)
        assert RANK.get(message.status, 0) >= before
        assert message.status in MessageStatus.values


@pytest.mark.parametrize("news", FACTS)
@pytest.mark.parametrize("status", ["queued", "sending", "unconfirmed", "failed", "canceled"])
def test_facts_are_believed_whatever_the_turn(news, status):
    message = row(status, error_code="delivery_unknown", unconfirmed_at=NOW)
    assert tell(message, news, turn=1)
    assert message.status == MOVES[news].to
    assert message.sent_at == NOW
    assert message.error_code == ""


@pytest.mark.parametrize("news", sorted(set(News) - {*FACTS, News.WITHDRAWN}))
def test_effects_of_another_attempt_are_discarded(news):
    for status in MessageStatus.values:
        message = row(status)
        assert not tell(message, news, turn=2)
        assert (message.status, message.turn) == (status, 3)


@pytest.mark.parametrize(
    ("news", "status"),
    [(News.REFUSED, "failed"), (News.UNKNOWN, "unconfirmed"), (News.UNCALLED, "queued")],
)
def test_effects_end_the_attempt(news, status):
    message = row()
    assert tell(message, news)
    assert (message.status, message.turn) == (status, 4)


def test_refusal_explains_itself():
    message = row()
    tell(message, News.REFUSED, code="c" * 99, message="m\0" * 400, provider_code="100/1")
    assert (message.error_code, message.provider_code) == ("c" * 60, "100/1")
    assert message.error_message == "m" * 300


def test_a_providers_text_is_made_storable():
    message = row()
    tell(message, News.REFUSED, message="bad \ud83d end")
    assert message.error_message == "bad ? end"
    accepted = row()
    tell(accepted, News.ACCEPTED, provider_message_id="m_1\ud83d")
    assert (accepted.status, accepted.provider_message_id) == ("sent", "m_1?")


def test_busy_comes_back_later_and_later_and_then_fails():
    waits = []
    for attempts in range(1, BUSY_ATTEMPTS):
        message = row(attempts=attempts)
        tell(message, News.BUSY, code="rate_limited")
        assert (message.status, message.error_code) == ("queued", "rate_limited")
        waits.append((message.due_at - NOW).total_seconds())
    assert waits == [2, 4, 8, 16, 32, 64, 128]
    message = row(attempts=BUSY_ATTEMPTS)
    tell(message, News.BUSY, provider_code="613")
    assert (message.status, message.error_code) == ("failed", "provider_busy")
    assert (message.error_retryable, message.provider_code) == (True, "613")
    assert wait(50) == timedelta(seconds=300)


@pytest.mark.parametrize("news", [News.REFUSED, News.BUSY])
def test_no_to_a_repeated_call_leaves_open_what_became_of_the_first(news):
    message = row(attempts=BUSY_ATTEMPTS, unconfirmed_at=NOW)
    tell(message, news, code="not_rcs_capable", provider_code="404")
    assert (message.status, message.error_code) == ("failed", "delivery_unknown")
    assert message.provider_code == "404"


def test_what_is_unknown_for_too_long_is_said_to_be_unknown():
    message = row()
    assert tell(message, News.OVERDUE)
    assert (message.status, message.error_code) == ("failed", "delivery_unknown")


def test_busy_channel_costs_the_message_no_patience():
    message = row(attempts=BUSY_ATTEMPTS)
    tell(message, News.BUSY, channel_error="Connect again.")
    assert (message.status, message.due_at) == ("queued", NOW)


def test_what_was_not_called_was_not_attempted():
    message = row()
    tell(message, News.UNCALLED)
    assert (message.status, message.attempts, message.due_at) == ("queued", 0, NOW)


def test_waiting_for_media_takes_longer_each_time():
    for age, seconds in ((0, 2), (5, 5), (3600, 60)):
        message = row(created_at=NOW - timedelta(seconds=age))
        tell(message, News.MEDIA_PENDING)
        assert (message.due_at - NOW).total_seconds() == seconds
        assert message.attempts == 0


def test_first_time_of_doubt_is_kept():
    earlier = NOW - timedelta(minutes=4)
    for news in (News.UNKNOWN, News.REPEATABLE):
        message = row(unconfirmed_at=earlier)
        tell(message, news)
        assert message.unconfirmed_at == earlier


def test_what_may_have_gone_out_is_not_canceled():
    message = row("queued", unconfirmed_at=NOW)
    assert not tell(message, News.CANCELED)
    assert message.status == "queued"
    assert tell(row("queued"), News.CANCELED)


@pytest.mark.parametrize("status", ["scheduled", "preparing", "queued"])
def test_what_is_not_out_is_withdrawn_at_once_whatever_the_attempt(status):
    message = row(status)
    assert tell(message, News.WITHDRAWN, turn=9, code="canceled")
    assert (message.status, message.turn, message.error_code) == ("canceled", 4, "canceled")


@pytest.mark.parametrize("news", [News.BUSY, News.UNCALLED, News.MEDIA_PENDING, News.DEFERRED])
def test_what_was_withdrawn_while_it_was_sent_is_not_sent_again(news):
    message = row()
    assert tell(message, News.WITHDRAWN, turn=9)
    assert (message.status, message.turn) == ("sending", 3)
    assert not tell(message, News.WITHDRAWN, turn=9)
    assert tell(message, news)
    assert (message.status, message.error_code) == ("canceled", "canceled")


def test_what_was_withdrawn_and_may_be_out_waits_for_its_end():
    message = row()
    tell(message, News.WITHDRAWN)
    tell(message, News.REPEATABLE)
    assert message.status == "unconfirmed"
    assert not tell(message, News.REPEATABLE, turn=4)
    assert tell(message, News.OVERDUE, turn=4)
    assert (message.status, message.error_code) == ("failed", "delivery_unknown")
    assert tell(message, News.CONFIRMED)
    assert message.status == "sent"
    repeated = row("queued", unconfirmed_at=NOW)
    assert tell(repeated, News.WITHDRAWN)
    assert (repeated.status, repeated.turn) == ("unconfirmed", 4)


@pytest.mark.parametrize("status", ["sent", "read", "failed", "canceled", "received"])
def test_what_has_come_to_an_end_is_not_withdrawn(status):
    message = row(status)
    assert not tell(message, News.WITHDRAWN)
    assert (message.status, message.withdrawn) == (status, False)


def test_answer_names_the_message_for_certain_and_an_echo_by_its_look():
    message = row("unconfirmed")
    assert tell(message, News.CONFIRMED, provider_message_id="m_echo")
    assert not tell(message, News.CONFIRMED, provider_message_id="m_other")
    assert message.provider_message_id == "m_echo"
    assert tell(message, News.ACCEPTED, provider_message_id="m_answer")
    assert (message.provider_message_id, message.status) == ("m_answer", "sent")
