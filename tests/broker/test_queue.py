"""The embedded queue: nothing is lost, nothing runs twice without need."""

import sqlite3
from contextlib import closing

from kombu import Exchange
from kombu import Queue as KombuQueue

from inro import broker
from tests.broker.conftest import connect, drain, payloads, publish, rows


def test_messages_come_in_order(channel):
    publish(channel, *range(20))
    assert payloads(drain(channel)) == list(range(20))


def test_higher_priorities_come_first(channel):
    publish(channel, "low 1", "low 2")
    publish(channel, "high 1", "high 2", priority=9)
    publish(channel, "middle", priority=5)
    assert payloads(drain(channel)) == ["high 1", "high 2", "middle", "low 1", "low 2"]


def test_a_message_is_handed_out_once_and_kept_until_acknowledged(channel, path):
    publish(channel, "one")
    (message,) = drain(channel)
    assert drain(channel) == []
    assert rows(path) == 1
    message.ack()
    assert rows(path) == 0


def test_size_purge_and_pending_count_what_waits(channel, path):
    publish(channel, 1, 2, 3)
    held = channel.basic_get("q")
    assert channel.queue_declare("q").message_count == 2
    assert broker.pending(path) == 2
    assert channel.queue_purge("q") == 2
    assert rows(path) == 1
    held.ack()
    assert rows(path) == 0


def test_requeue_puts_a_message_back_in_its_place(channel):
    publish(channel, 1, 2)
    first = channel.basic_get("q")
    assert not first.delivery_info["redelivered"]
    first.requeue()
    again = drain(channel)
    assert payloads(again) == [1, 2]
    assert [message.delivery_info["redelivered"] for message in again] == [True, False]


def test_reject_without_requeue_deletes(channel, path):
    publish(channel, 1)
    channel.basic_get("q").reject()
    assert rows(path) == 0


def test_closing_gives_back_what_was_not_acknowledged(path):
    with connect(path) as first:
        publish(first.default_channel, 1, 2, 3)
        drain(first.default_channel)[1].ack()
    with connect(path) as second:
        assert payloads(drain(second.default_channel)) == [1, 3]


def test_a_failed_give_back_is_made_up_for_by_silence(path, monkeypatch):
    """The process goes on under another name, so nothing beats for what it could not release."""
    with connect(path, timeout=0.05) as first:
        publish(first.default_channel, 1)
        assert drain(first.default_channel)
        file = first.default_channel.file
        before = file.holder
        with closing(sqlite3.connect(path, isolation_level=None)) as locker:
            locker.execute("BEGIN EXCLUSIVE")
            first.default_channel.close()
    assert rows(path, "holder IS NOT NULL") == 1
    assert file.holder != before


def test_work_done_counts_even_if_the_message_went_elsewhere(path):
    """A worker taken for dead acknowledges late; so does the one that got the message next."""
    with connect(path) as first, connect(path, timeout=4) as second:
        publish(first.default_channel, 1)
        late = first.default_channel.basic_get("q")
        first.default_channel.file.execute("UPDATE messages SET holder = NULL")
        again = second.default_channel.basic_get("q")
        late.ack()
        assert rows(path) == 0
        publish(first.default_channel, 2)
        again.ack()
        assert rows(path) == 1


def test_a_late_requeue_takes_nothing_from_the_next_holder(path):
    with connect(path) as first, connect(path, timeout=4) as second:
        publish(first.default_channel, 1)
        late = first.default_channel.basic_get("q")
        first.default_channel.file.execute("UPDATE messages SET holder = NULL")
        second.default_channel.basic_get("q")
        late.requeue()
        assert rows(path, "holder IS NOT NULL") == 1


def test_a_task_may_outlive_its_connection(path):
    connection = connect(path)
    publish(connection.default_channel, 1)
    message = connection.default_channel.basic_get("q")
    connection.close()
    message.ack()
    assert rows(path) == 0


def test_consumers_without_acknowledgement_leave_nothing_behind(channel, path):
    publish(channel, 1)
    got = []
    queue = KombuQueue("q", Exchange(""))
    with channel.Consumer(
        queue, no_ack=True, accept=["json"], callbacks=[lambda body, message: got.append(body)]
    ):
        channel.connection.client.drain_events(timeout=2)
    assert got == [1]
    assert rows(path) == 0


def test_one_message_bound_to_two_queues_is_two(channel, path):
    exchange = Exchange("topics", type="topic")
    for name in ("one", "two"):
        KombuQueue(name, exchange, routing_key="a.#").bind(channel).declare()
    channel.Producer().publish("both", exchange=exchange, routing_key="a.b")
    channel.basic_get("one").ack()
    assert channel.basic_get("two").payload == "both"


def test_fanout_may_be_declared_and_reaches_nobody(channel, path):
    exchange = Exchange("everyone", type="fanout")
    KombuQueue("mine", exchange).bind(channel).declare()
    channel.Producer().publish("hello", exchange=exchange, routing_key="")
    assert channel.basic_get("mine") is None
