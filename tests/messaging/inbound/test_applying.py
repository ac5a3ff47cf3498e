"""From recorded events to conversations."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from inro.common import claims
from messaging import receiving
from messaging.channels.base import EventKind
from messaging.lines import RECORDED
from messaging.models import Contact, Event, Identity, Message, Stream
from messaging.signals import people_arrived
from tests.messaging.inbound.instagram import JANE, NOON, body, comment, echo, item, message

pytestmark = pytest.mark.django_db

AT_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def texts():
    return list(Message.objects.order_by("pk").values_list("text", flat=True))


def test_a_message_makes_contact_identity_and_message(tell, channel, arrived):
    tell(message("hello", mid="m1", at=NOON))
    contact = Contact.objects.get()
    identity = Identity.objects.get()
    stored = Message.objects.get()
    assert (identity.channel, identity.contact, identity.external_id) == (channel, contact, JANE)
    assert identity.last_inbound_at == contact.last_active_at == stored.sent_at == AT_NOON
    assert contact.workspace == stored.workspace == channel.workspace
    assert (stored.direction, stored.status, stored.message_type) == ("inbound", "received", "text")
    assert (stored.provider_message_id, stored.text, stored.stream) == ("m1", "hello", None)
    event = Event.objects.get()
    assert event.status == "applied"
    assert arrived == [
        receiving.Arrival(
            workspace_id=channel.workspace_id,
            channel_id=channel.pk,
            contact_id=contact.pk,
            event_id=event.pk,
            message_id=stored.pk,
            kind=EventKind.MESSAGE,
            text="hello",
            reply_payload="",
            is_new_contact=True,
            happened_at=AT_NOON,
        )
    ]


def test_the_second_message_is_of_the_same_contact(tell, arrived):
    tell(message("one"))
    tell(message("two"))
    assert Contact.objects.count() == 1
    assert [arrival.is_new_contact for arrival in arrived] == [True, False]


def test_redelivered_events_change_nothing(tell, arrived):
    once = message("only once")
    tell(once)
    tell(once, once, message("another"))
    assert texts() == ["only once", "another"]
    assert len(arrived) == 2


def test_a_message_known_by_another_event_is_not_doubled(tell, arrived):
    tell(message("hi", mid="m", at=NOON))
    tell(message("hi", mid="m", at=NOON + 1))
    assert texts() == ["hi"]
    assert len(arrived) == 1
    assert Event.objects.filter(status="ignored").count() == 1


def test_one_person_is_applied_in_the_order_of_time(tell, arrived):
    tell(message("3", at=NOON + 3000), message("1", at=NOON + 1000), message("2", at=NOON + 2000))
    assert texts() == [arrival.text for arrival in arrived] == ["1", "2", "3"]
    assert Identity.objects.get().last_inbound_at == AT_NOON + timedelta(seconds=3)


def test_a_late_event_does_not_turn_the_clock_back(tell):
    tell(message(at=NOON + 5000))
    tell(message(at=NOON))
    assert Identity.objects.get().last_inbound_at == AT_NOON + timedelta(seconds=5)
    assert Contact.objects.get().last_active_at == AT_NOON + timedelta(seconds=5)


def test_all_that_waits_of_a_person_is_applied_whoever_was_woken(post, woken):
    post(body(message("first", at=NOON)))
    post(body(message("second", at=NOON + 1)))
    receiving.apply_events(woken[-1:])
    assert texts() == ["first", "second"]


def test_attachments_are_kept_with_their_kind(tell):
    attachments = [
        {"type": "image", "payload": {"url": "https://cdn.example/1.jpg"}},
        {"type": "video", "payload": {"url": "https://cdn.example/2.mp4"}},
    ]
    tell(message("", attachments=attachments))
    stored = Message.objects.get()
    assert stored.message_type == "image"
    assert stored.content["attachments"] == [
        {"message_type": "image", "url": "https://cdn.example/1.jpg"},
        {"message_type": "video", "url": "https://cdn.example/2.mp4"},
    ]


def test_a_tapped_answer_arrives_with_its_payload(tell, arrived):
    tell(message("Yes", quick_reply={"payload": "option_0"}))
    assert (arrived[0].text, arrived[0].reply_payload) == ("Yes", "option_0")


def test_what_cannot_be_read_is_a_message_all_the_same(tell, arrived):
    tell(item(message={"mid": "m", "is_unsupported": True}))
    assert Message.objects.get().message_type == "other"
    assert len(arrived) == 1


def test_an_inactive_contact_that_writes_is_active_again(tell):
    tell(message())
    Contact.objects.update(status="inactive")
    tell(message())
    assert Contact.objects.get().status == "active"


def test_a_blocked_contact_is_recorded_and_starts_nothing(tell, arrived):
    tell(message())
    Contact.objects.update(status="blocked")
    tell(message("let me in"))
    assert Contact.objects.get().status == "blocked"
    assert texts() == ["hello", "let me in"]
    assert len(arrived) == 1


def test_in_standby_we_listen_and_start_nothing(post, woken, arrived):
    post(body(message("to the other app"), name="standby"))
    receiving.apply_events(woken)
    assert texts() == ["to the other app"]
    assert not arrived


def test_who_was_first_met_in_standby_is_new_when_first_told_of(post, woken, arrived):
    post(body(message("to the other app"), name="standby"))
    post(body(message("to us", at=NOON + 1)))
    post(body(message("again", at=NOON + 2)))
    receiving.apply_events(woken)
    assert [(each.text, each.is_new_contact) for each in arrived] == [
        ("to us", True),
        ("again", False),
    ]


def test_other_kinds_are_kept_and_not_acted_on(post, woken, arrived):
    post(
        body(
            item(message={"mid": "m", "is_deleted": True}),
            item(message_edit={"mid": "m", "text": "x", "num_edit": 1}),
            item(reaction={"mid": "m", "action": "react"}),
            item(referral={"ref": "poster", "source": "ig.me", "type": "OPEN_THREAD"}),
        )
    )
    post(body(comment(), name="changes"))
    assert not woken
    assert set(Event.objects.values_list("status", flat=True)) == {"ignored"}
    assert not Contact.objects.exists()
    assert not arrived


class TestPostbacks:
    """Taps on a template's buttons, ice breakers and menus."""

    def tapped(self, payload="START", title="Get started", mid="p1", at=NOON, **more):
        return item(postback={"mid": mid, "title": title, "payload": payload}, at=at, **more)

    def sent(self, channel, *rows, status="sent", **fields):
        return Message.objects.create(
            workspace=channel.workspace,
            channel=channel,
            contact=Contact.objects.get(),
            stream=Stream.objects.get(channel=channel, kind="replies"),
            direction="outbound",
            message_type="text",
            text="Well?",
            buttons=list(rows),
            status=status,
            **fields,
        )

    def test_somebody_new_is_met_by_a_tap(self, tell, channel, arrived):
        tell(self.tapped())
        stored, identity = Message.objects.get(), Identity.objects.get()
        assert (stored.direction, stored.status, stored.message_type) == (
            "inbound",
            "received",
            "text",
        )
        assert (stored.text, stored.content["reply_payload"]) == ("Get started", "START")
        assert stored.provider_message_id == "p1"
        assert identity.last_inbound_at == stored.sent_at == AT_NOON
        assert [(each.kind, each.text, each.reply_payload) for each in arrived] == [
            (EventKind.POSTBACK, "Get started", "START")
        ]
        assert arrived[0].is_new_contact
        assert Event.objects.get().status == "applied"

    def test_a_tap_without_title_and_id(self, tell, arrived):
        tell(item(postback={"payload": "MENU"}))
        stored = Message.objects.get()
        assert (stored.text, stored.message_type, stored.provider_message_id) == ("", "other", "")
        assert arrived[0].reply_payload == "MENU"

    def test_one_of_our_answers_is_as_if_written(self, tell, channel, arrived):
        tell(message())
        self.sent(channel, {"type": "reply", "title": "Yes", "payload": "y"})
        tell(self.tapped("y", "Yes", at=NOON + 1000))
        assert (arrived[-1].kind, arrived[-1].text, arrived[-1].reply_payload) == (
            EventKind.MESSAGE,
            "Yes",
            "y",
        )
        assert Message.objects.latest("pk").content["reply_payload"] == "y"

    @pytest.mark.parametrize(
        ("row", "status"),
        [
            ({"type": "reply", "title": "y", "payload": "other"}, "sent"),
            ({"type": "url", "title": "y", "url": "y"}, "sent"),
            ({"type": "reply", "title": "Yes", "payload": "y"}, "queued"),
            ({"type": "reply", "title": "Yes", "payload": "y"}, "failed"),
        ],
    )
    def test_a_payload_that_we_did_not_show_is_foreign(self, tell, channel, arrived, row, status):
        tell(message())
        self.sent(channel, row, status=status)
        tell(self.tapped("y", "Yes", at=NOON + 1000))
        assert arrived[-1].kind == EventKind.POSTBACK

    def test_what_was_shown_to_somebody_else_is_foreign(self, tell, channel, arrived):
        tell(message())
        self.sent(channel, {"type": "reply", "title": "Yes", "payload": "y"})
        tell(self.tapped("y", "Yes", sender="somebody else"))
        assert arrived[-1].kind == EventKind.POSTBACK

    def test_a_tap_that_names_the_message_it_was_made_on(self, tell, channel, arrived):
        tell(message())
        ours = self.sent(channel, provider_message_id="ours")
        tell(self.tapped(mid="ours"), self.tapped(mid="ours", at=NOON + 1))
        assert [each.reply_payload for each in arrived] == ["", "START", "START"]
        ours.refresh_from_db()
        assert ours.provider_message_id == "ours"

    def test_a_tap_told_of_twice_is_one(self, tell, arrived):
        tell(self.tapped(), self.tapped())
        tell(self.tapped(at=NOON + 1))
        assert len(arrived) == Message.objects.count() == 1

    def test_blocked_and_standby_are_recorded_and_start_nothing(self, tell, post, woken, arrived):
        post(body(self.tapped(), name="standby"))
        receiving.apply_events(woken)
        Contact.objects.update(status="blocked")
        tell(self.tapped(mid="p2"))
        assert texts() == ["Get started", "Get started"]
        assert not arrived


class TestEchoes:
    def test_what_the_owner_typed_is_an_outbound_message(self, tell, channel, arrived):
        tell(message("hi"), echo("hello from the app", mid="e1", at=NOON + 1))
        typed = Message.objects.get(direction="outbound")
        assert (typed.status, typed.text, typed.story) == ("sent", "hello from the app", None)
        assert typed.stream == Stream.objects.get(channel=channel, kind="replies")
        assert typed.sent_at == AT_NOON + timedelta(milliseconds=1)
        assert typed.provider_message_id == "e1"
        assert len(arrived) == 1

    def test_the_owner_may_write_first(self, tell, arrived):
        tell(echo("welcome"))
        assert Identity.objects.get().last_inbound_at is None
        tell(message("thanks"))
        assert Contact.objects.count() == 1
        assert [(arrival.text, arrival.is_new_contact) for arrival in arrived] == [
            ("thanks", False)
        ]

    def test_an_echo_that_comes_too_early_does_not_hide_a_new_person(self, tell, arrived):
        tell(echo("welcome", at=NOON + 1000))
        tell(message("hello", at=NOON))
        assert [(arrival.text, arrival.is_new_contact) for arrival in arrived] == [("hello", True)]

    def test_an_echo_of_a_message_we_know_adds_none(self, tell, channel):
        tell(message("hi"))
        Message.objects.create(
            workspace=channel.workspace,
            channel=channel,
            contact=Contact.objects.get(),
            stream=Stream.objects.get(channel=channel, kind="api"),
            direction="outbound",
            message_type="text",
            text="hello",
            status="sent",
            provider_message_id="ours",
        )
        tell(echo("hello", mid="ours"))
        assert texts() == ["hi", "hello"]

    def test_one_that_may_be_ours_stands_aside(self, tell, channel, time_machine):
        time_machine.move_to(AT_NOON + timedelta(seconds=10), tick=False)
        tell(message("hi"))
        ours = Message.objects.create(
            workspace=channel.workspace,
            channel=channel,
            contact=Contact.objects.get(),
            stream=Stream.objects.get(channel=channel, kind="api"),
            direction="outbound",
            message_type="text",
            text="an answer that is on its way",
            status="sending",
        )
        tell(echo("typed meanwhile", at=NOON + 1000), message("go on", at=NOON + 2000))
        # The echo waits for the answer to our call, the person does not.
        assert texts() == ["hi", "an answer that is on its way", "go on"]
        waiting = Event.objects.get(kind="echo")
        assert (waiting.status, waiting.attempts) == ("recorded", 0)
        assert waiting.due_at is not None
        assert waiting.due_at > timezone.now()
        ours.status = "sent"
        ours.save()
        time_machine.shift(timedelta(seconds=2))
        receiving.apply_events([waiting.pk])
        assert texts()[-1] == "typed meanwhile"


class TestRead:
    def test_what_was_sent_before_is_read(self, tell, channel):
        tell(echo("one", at=NOON), echo("two", at=NOON + 2000))
        tell(item(read={"mid": "x"}, at=NOON + 1000))
        assert list(Message.objects.order_by("sent_at").values_list("status", flat=True)) == [
            "read",
            "sent",
        ]

    def test_somebody_unknown_reads_nothing(self, tell):
        tell(item(read={"mid": "x"}))
        assert Event.objects.get().status == "ignored"
        assert not Contact.objects.exists()


class TestFailure:
    @pytest.fixture
    def trouble(self):
        """Whatever is said of these texts fails."""
        words = {"poison"}

        def fail(sender, arrivals, **kwargs):
            if words & {arrival.text for arrival in arrivals}:
                raise RuntimeError("the storey above fell down")

        people_arrived.connect(fail, weak=False)
        yield words
        people_arrived.disconnect(fail)

    def later(self, seconds, time_machine):
        time_machine.shift(timedelta(seconds=seconds))

    def test_half_an_event_is_nothing(self, tell, trouble):
        tell(message("poison"))
        assert not Contact.objects.exists()
        assert not Message.objects.exists()
        event = Event.objects.get()
        assert (event.status, event.attempts) == ("recorded", 1)
        assert event.error == "RuntimeError: the storey above fell down"
        assert event.due_at is not None
        assert event.due_at > timezone.now()

    def test_later_events_wait_while_it_is_tried(self, tell, trouble, time_machine):
        time_machine.move_to(AT_NOON, tick=False)
        tell(message("poison", at=NOON), message("after it", at=NOON + 1))
        tell(message("much later", at=NOON + 2))
        assert texts() == []
        trouble.clear()
        self.later(2, time_machine)
        receiving.apply_events(Event.objects.values_list("pk", flat=True))
        assert texts() == ["poison", "after it", "much later"]
        assert Event.objects.filter(error="").count() == 3

    def test_it_is_not_tried_before_its_time(self, tell, trouble, time_machine):
        time_machine.move_to(AT_NOON, tick=False)
        tell(message("poison"))
        for _ in range(5):
            receiving.apply_events(Event.objects.values_list("pk", flat=True))
        assert Event.objects.get().attempts == 1

    def test_after_five_tries_it_gives_way(self, tell, trouble, time_machine, arrived):
        time_machine.move_to(AT_NOON, tick=False)
        tell(message("poison", at=NOON), message("after it", at=NOON + 1))
        for _ in range(4):
            self.later(60, time_machine)
            receiving.apply_events(Event.objects.values_list("pk", flat=True))
        failed = Event.objects.get(status="failed")
        assert (failed.attempts, failed.due_at) == (5, None)
        assert "fell down" in failed.error
        assert texts() == ["after it"]

    def test_others_do_not_wait(self, tell, trouble):
        tell(message("poison", sender="1"), message("fine", sender="2"))
        assert texts() == ["fine"]

    def test_nothing_a_person_wrote_is_logged(self, tell, caplog):
        def fail(sender, arrivals, **kwargs):
            raise RuntimeError(f"cannot make sense of {arrivals[0].text!r}")

        people_arrived.connect(fail, weak=False)
        try:
            tell(message("my secret disease"))
        finally:
            people_arrived.disconnect(fail)
        assert "disease" in Event.objects.get().error
        assert "event not applied" in caplog.text
        assert "disease" not in caplog.text


class TestSweep:
    @pytest.fixture
    def sweep(self, django_capture_on_commit_callbacks):
        def run(**later):
            with django_capture_on_commit_callbacks(execute=True):
                return claims.SWEEPS["events"].run(timezone.now() + timedelta(**later))

        return run

    def test_a_lost_wake_up_is_found(self, post, woken, sweep):
        post(body(message()))
        woken.clear()
        assert sweep(seconds=1) == 0
        assert sweep(seconds=20) == 1
        assert woken == [Event.objects.get().pk]

    def test_a_wake_up_is_given_time(self, post, woken, sweep):
        post(body(message()))
        assert sweep(seconds=20) == 1
        assert sweep(seconds=22) == 0
        assert sweep(seconds=60) == 1

    def test_what_is_done_is_left_alone(self, tell, sweep):
        tell(message(), item(reaction={"mid": "m"}))
        assert sweep(days=1) == 0

    def test_a_failed_try_is_repeated_when_due(self, tell, woken, sweep):
        def fail(sender, arrivals, **kwargs):
            raise RuntimeError

        people_arrived.connect(fail, weak=False)
        tell(message())
        people_arrived.disconnect(fail)
        assert sweep(seconds=0) == 0
        assert sweep(seconds=2) == 1
        assert woken == [Event.objects.get().pk]


def test_what_waits_is_found_by_its_own_index(channel):
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    line = Event.objects.filter(RECORDED, channel=channel, external_id=JANE)
    assert "event_unapplied" in line.order_by("happened_at", "pk").explain()
    due = Event.objects.filter(RECORDED, due_at__lte=timezone.now())
    assert "event_due" in due.order_by("due_at").explain()
