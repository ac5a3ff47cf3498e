from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from messaging.buttons import Button, as_rows
from messaging.channels import CHANNELS
from messaging.channels.base import Attachment, EventKind, InboundContent, Outcome, Verdict
from messaging.delivery.news import Attempt, Change, News
from messaging.delivery.receipts import Author, Read, apply_echo, apply_reads
from messaging.delivery.settle import settle
from messaging.models import Contact, Message, MessageType
from tests.messaging.delivery.conftest import Statements, person, queue, statuses

pytestmark = pytest.mark.django_db


def attempt(*messages: Message, status: str = "sending", **fields) -> None:
    now = timezone.now()
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(
        status=status, turn=1, attempts=1, **{"attempted_at": now} | fields
    )


def unanswered(*messages: Message) -> None:
    attempt(*messages)
    settle([Change(message.pk, News.UNKNOWN, 1) for message in messages])


def given_up(*messages: Message) -> None:
    unanswered(*messages)
    settle([Change(message.pk, News.OVERDUE, 2) for message in messages])


def echo(contact: Contact, text: str, mid: str = "m_1", image: str = "") -> Author:
    files = (Attachment(MessageType.IMAGE, image),) if image else ()
    content = InboundContent(provider_message_id=mid, text=text, attachments=files)
    channel_id = contact.identities.get().channel_id
    return apply_echo(channel_id, contact.pk, mid, content, timezone.now())


def test_echo_of_a_known_id_is_ours(channel):
    contact = person(channel)
    (message,) = queue(channel, contact, "hello")
    attempt(message)
    settle([Attempt(message.pk, 1).came_to(Verdict(Outcome.ACCEPTED, provider_message_id="m_1"))])
    assert echo(contact, "anything") is Author.OURS


def test_echo_settles_an_unconfirmed_message(channel):
    contact = person(channel)
    (message,) = queue(channel, contact, "Héllo  World")
    unanswered(message)
    assert echo(contact, "Hello world") is Author.OURS
    message.refresh_from_db()
    assert (message.status, message.provider_message_id) == ("sent", "m_1")


def test_late_echo_settles_a_message_that_was_given_up(channel):
    contact = person(channel)
    (message,) = queue(channel, contact, "hello")
    given_up(message)
    assert echo(contact, "hello") is Author.OURS
    message.refresh_from_db()
    assert (message.status, message.error_code) == ("sent", "")


def test_echo_waits_while_a_call_is_under_way(channel):
    contact = person(channel)
    (message,) = queue(channel, contact, "hello")
    attempt(message)
    assert echo(contact, "hello") is Author.UNDECIDED
    assert statuses(message) == ["sending"]
    settle([Attempt(message.pk, 1).came_to(Verdict(Outcome.ACCEPTED, provider_message_id="m_1"))])
    assert echo(contact, "hello") is Author.OURS


def test_answer_that_is_written_while_its_echo_is_looked_up(channel):
    """Whichever of its questions is asked first, the message must not look like the owner's."""
    contact = person(channel)
    (message,) = queue(channel, contact, "hello")
    attempt(message)
    answers = iter([Verdict(Outcome.ACCEPTED, provider_message_id="m_1")])

    def after_the_first_question(execute: Any, sql: str, *args: Any) -> Any:
        result = execute(sql, *args)
        for verdict in answers if "messaging_message" in sql else ():
            settle([Attempt(message.pk, 1).came_to(verdict)])
        return result

    contact.identities.get()
    with connection.execute_wrapper(after_the_first_question):
        assert echo(contact, "hello") is Author.OURS


def test_echo_that_looks_like_nothing_waits_until_all_is_settled(channel):
    contact = person(channel)
    (message,) = queue(channel, contact, "ours")
    unanswered(message)
    assert echo(contact, "typed by hand") is Author.UNDECIDED
    settle([Change(message.pk, News.OVERDUE, 2)])
    assert echo(contact, "typed by hand") is Author.OWNERS


def test_owners_message_is_not_taken_for_one_that_was_never_called(channel):
    contact = person(channel)
    queue(channel, contact, "hello")
    assert echo(contact, "hello") is Author.OWNERS


def test_oldest_of_several_alike_is_settled_first(channel):
    contact = person(channel)
    rows = queue(channel, contact, "Yes", "Yes", "Yes")
    given_up(rows[0])
    unanswered(rows[1])
    unanswered(rows[2])
    for mid, expected in (
        ("m_1", ["failed", "sent", "unconfirmed"]),
        ("m_2", ["failed", "sent", "sent"]),
        ("m_3", ["sent", "sent", "sent"]),
    ):
        assert echo(contact, "Yes", mid) is Author.OURS
        assert statuses(*rows) == expected


def test_echo_names_a_message_that_was_confirmed_without_an_id(channel):
    """A reply to it settled it as delivered."""
    contact = person(channel)
    (message,) = queue(channel, contact, "Are you there?")
    unanswered(message)
    settle([Change(message.pk, News.DELIVERED)])
    assert echo(contact, "Are you there?") is Author.OURS
    message.refresh_from_db()
    assert (message.status, message.provider_message_id) == ("delivered", "m_1")


def test_kind_and_contact_must_agree(channel):
    contact, other = person(channel, "1"), person(channel, "2")
    (message,) = queue(channel, contact, "hello")
    given_up(message)
    assert echo(other, "hello", "m_1") is Author.OWNERS
    assert echo(contact, "hello", "m_2", image="https://example.org/1.jpg") is Author.OWNERS
    Message.objects.update(message_type="image", text="")
    assert echo(contact, "", "m_3", image="https://example.org/1.jpg") is Author.OURS


def test_message_given_up_long_ago_is_not_the_owners_of_today(channel):
    contact = person(channel)
    (message,) = queue(channel, contact, "Yes")
    given_up(message)
    Message.objects.update(attempted_at=timezone.now() - timedelta(days=3))
    assert echo(contact, "Yes") is Author.OWNERS


def test_lookups_read_no_whole_table(channel):
    contact = person(channel)
    (message,) = queue(channel, contact, "hello")
    unanswered(message)
    with Statements() as statements:
        assert echo(contact, "hello") is Author.OURS
        assert apply_read(channel.pk, contact.pk, timezone.now(), "m_1")
    assert statuses(message) == ["read"]
    assert any("message_provider_id_once" in plan for plan in statements.plans())


def test_echo_shows_the_buttons_that_were_written_out(channel):
    contact = person(channel)
    (message,) = queue(channel, contact, "Well?")
    buttons = as_rows([Button.reply("An answer of 24 letters!", "y")])
    Message.objects.update(buttons=buttons)
    unanswered(message)
    assert echo(contact, "Well?") is Author.UNDECIDED
    assert echo(contact, "Well?\n1. An answer of 24 letters!") is Author.OURS
    assert statuses(message) == ["sent"]


@pytest.mark.parametrize("payload", [{"text": "Well?"}, {}])
def test_echo_of_a_text_with_a_link_is_a_template(channel, payload):
    contact = person(channel)
    message, other = queue(channel, contact, "Well?", "Bye")
    buttons = as_rows([Button.link("Shop", "https://shop.example/")])
    Message.objects.filter(pk=message.pk).update(buttons=buttons)
    unanswered(message)
    unanswered(other)
    template = {"type": "template", "payload": {"template_type": "button", **payload}}
    item = {"message": {"mid": "m_1", "is_echo": True, "attachments": [template]}}
    content = CHANNELS["instagram"].read(EventKind.ECHO, item)
    assert content.attachments == ()
    found = apply_echo(channel.pk, contact.pk, "m_1", content, timezone.now())
    assert found is Author.OURS
    assert statuses(message, other) == ["sent", "unconfirmed"]


def test_message_refused_for_good_is_not_matched(channel):
    contact = person(channel)
    (message,) = queue(channel, contact, "hello")
    attempt(message)
    settle([Attempt(message.pk, 1).came_to(Verdict(Outcome.REFUSED, code="recipient_not_found"))])
    assert echo(contact, "hello") is Author.OWNERS


def apply_read(*read: Any) -> bool:
    return apply_reads([Read(*read)]) == [True]


def out(channel, contact, *texts):
    rows = queue(channel, contact, *texts)
    for n, row in enumerate(rows):
        attempt(row)
        mid = f"m_{row.pk}"
        verdict = Verdict(Outcome.ACCEPTED, provider_message_id=mid)
        at = timezone.now() - timedelta(minutes=10 - n)
        settle([Change(row.pk, News.ACCEPTED, 1, verdict, at)])
    return rows


def test_read_until_a_moment(channel):
    contact, other = person(channel, "1"), person(channel, "2")
    rows = out(channel, contact, "a", "b", "c")
    (elsewhere,) = out(channel, other, "d")
    until = timezone.now() - timedelta(minutes=8, seconds=30)
    assert apply_read(channel.pk, contact.pk, until)
    assert statuses(*rows) == ["read", "read", "sent"]
    assert statuses(elsewhere) == ["sent"]
    assert Message.objects.get(pk=rows[0].pk).read_at == until


def test_read_up_to_a_message(channel):
    contact = person(channel)
    rows = out(channel, contact, "a", "b", "c")
    attempt(*queue(channel, contact, "under way"))
    long_ago = timezone.now() - timedelta(days=1)
    assert apply_read(channel.pk, contact.pk, long_ago, f"m_{rows[1].pk}")
    assert statuses(*rows) == ["read", "read", "sent"]


def test_read_of_an_unknown_message_waits_while_one_is_unsettled(channel):
    contact = person(channel)
    rows = out(channel, contact, "a")
    attempt(*queue(channel, contact, "under way"))
    assert not apply_read(channel.pk, contact.pk, timezone.now(), "m_unknown")
    assert statuses(*rows) == ["sent"]
    Message.objects.filter(status="sending").update(status="failed")
    assert apply_read(channel.pk, contact.pk, timezone.now(), "m_unknown")
    assert statuses(*rows) == ["read"]
