"""Many people at once: what it costs, and that nobody pays for what another one sent."""

import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from messaging import receiving, together
from messaging.channels import CHANNELS
from messaging.models import Contact, Event, Identity, Message, Stream
from messaging.signals import people_arrived
from tests.messaging.inbound.instagram import NOON, body, echo, item, message
from tests.waiting import at_once, wait_for

pytestmark = pytest.mark.django_db

# PostgreSQL has kept a plan of it.
FIND_CHANNEL = "EXECUTE" if connection.vendor == "postgresql" else "SELECT"


@pytest.fixture
def stored(channel):
    def store(*items):
        events = CHANNELS["instagram"].parse(body(*items))
        return receiving.record((channel, event) for event in events)

    return store


@pytest.fixture
def groups():
    """How many were told of at a time."""
    sizes: list[int] = []

    def note(sender, arrivals, **kwargs):
        sizes.append(len(arrivals))

    people_arrived.connect(note, weak=False)
    yield sizes
    people_arrived.disconnect(note)


def people(count, **more):
    return [message(f"hi {n}", sender=f"p{n}", at=NOON + n, **more) for n in range(count)]


def cost(ids):
    with CaptureQueriesContext(connection) as sent:
        receiving.apply_events(ids)
    return len(sent)


def statuses():
    return set(Event.objects.values_list("status", flat=True))


class TestCost:
    def test_a_webhook_call(self, post, channel):
        own = [FIND_CHANNEL, "INSERT"]  # and the events
        for items, expected in (([message()], own), (people(30), [*own, "SELECT"])):
            with CaptureQueriesContext(connection) as sent:
                assert post(body(*items)).status_code == 200
            statements = [each["sql"].split(" ")[0] for each in sent]
            kept = [each for each in statements if each not in {"SAVEPOINT", "RELEASE"}]
            assert kept == expected

    def test_one_event_of_somebody_new_and_of_somebody_known(self, stored):
        assert cost(stored(message())) <= 18
        assert cost(stored(message(at=NOON + 1))) <= 16

    def test_it_does_not_grow_with_the_people(self, stored):
        """But for long inserts, which SQLite takes in two parts."""
        assert cost(stored(*people(together.AT_ONCE))) <= 19
        assert cost(stored(*people(together.AT_ONCE))) <= 16
        assert statuses() == {"applied"}
        assert Message.objects.count() == 2 * together.AT_ONCE

    def test_receipts_do_not_grow_either_but_for_a_look_at_each(self, stored, channel):
        receiving.apply_events(stored(*(echo("hi", f"m{n}", to=f"p{n}") for n in range(20))))
        one = cost(stored(item(read={"mid": "m0"}, sender="p0", at=NOON + 1)))
        many = cost(
            stored(
                *(item(read={"mid": f"m{n}"}, sender=f"p{n}", at=NOON + 1) for n in range(1, 20))
            )
        )
        assert many - one == 18
        assert set(Message.objects.values_list("status", flat=True)) == {"read"}

    def test_what_others_have_done_costs_one_look(self, stored):
        ids = stored(message())
        receiving.apply_events(ids)
        assert cost(ids) == 1


class TestTakingAlong:
    def test_a_worker_takes_along_what_is_due(self, stored, groups):
        ids = stored(*people(5))
        receiving.apply_events(ids[-1:])
        assert groups == [5]
        assert statuses() == {"applied"}

    def test_only_so_many_at_once(self, stored, groups):
        ids = stored(*people(together.AT_ONCE + 3))
        receiving.apply_events(ids)
        assert groups == [together.AT_ONCE, 3]

    def test_each_person_is_told_of_once_a_round_and_in_order(self, stored, groups, arrived):
        ids = stored(
            message("b2", sender="b", at=NOON + 2),
            message("a2", sender="a", at=NOON + 2),
            message("a1", sender="a", at=NOON + 1),
            message("b1", sender="b", at=NOON + 1),
        )
        receiving.apply_events(ids)
        assert groups == [2, 2]
        assert sorted(each.text for each in arrived[:2]) == ["a1", "b1"]
        assert sorted(each.text for each in arrived[2:]) == ["a2", "b2"]

    def test_two_identities_of_one_contact_are_not_told_of_together(self, stored, groups):
        receiving.apply_events(stored(message(sender="a"), message(sender="b")))
        Identity.objects.update(contact=Contact.objects.earliest("pk"))
        groups.clear()
        receiving.apply_events(stored(message(sender="a"), message(sender="b")))
        assert groups == [1, 1]
        assert statuses() == {"applied"}

    def test_what_is_tried_again_or_stands_aside_is_not_taken_along(self, stored, arrived):
        tried, aside, due = stored(*people(3))
        later = timezone.now() + timedelta(minutes=1)
        Event.objects.filter(pk=tried).update(attempts=1, due_at=later)
        Event.objects.filter(pk=aside).update(due_at=later)
        receiving.apply_events([due])
        assert [each.text for each in arrived] == ["hi 2"]


class TestFaults:
    @pytest.fixture
    def poison(self):
        def fail(sender, arrivals, **kwargs):
            if "poison" in [arrival.text for arrival in arrivals]:
                raise RuntimeError

        people_arrived.connect(fail, weak=False)
        yield
        people_arrived.disconnect(fail)

    def test_one_that_fails_costs_the_others_nothing(self, stored, poison):
        ids = stored(*people(3), message("poison", sender="bad", at=NOON), *people(2, mid=""))
        receiving.apply_events(ids)
        failed = Event.objects.get(status="recorded")
        assert (failed.external_id, failed.attempts) == ("bad", 1)
        assert Message.objects.count() == Event.objects.filter(status="applied").count() == 5
        assert not Identity.objects.filter(external_id="bad").exists()

    def test_afterwards_the_others_are_together_again(self, stored, poison, groups):
        """Also when its next try is due."""
        receiving.apply_events(stored(message("poison", sender="bad")))
        Event.objects.update(due_at=timezone.now())
        groups.clear()
        receiving.apply_events(stored(*people(4)))
        assert groups == [4]

    def test_what_a_person_wrote_is_not_logged(self, stored, caplog):
        def fail(sender, arrivals, **kwargs):
            raise RuntimeError(arrivals[0].text)

        people_arrived.connect(fail, weak=False)
        receiving.apply_events(stored(message("my secret disease")))
        people_arrived.disconnect(fail)
        assert "events not applied together" in caplog.text
        assert "disease" not in caplog.text


class TestReceipts:
    def owner_typed(self, stored, channel):
        receiving.apply_events(stored(echo("hi", "m1", at=NOON)))

    def read(self, mid="m1", at=NOON + 1000, **more):
        return item(read={"mid": mid}, at=at, **more)

    def test_one_behind_another_event_waits_for_it(self, stored, channel, groups):
        ids = stored(message("hello", at=NOON), self.read("e1"), echo("typed", "e1", at=NOON + 1))
        receiving.apply_events(ids[1:2])
        assert statuses() == {"applied"}
        assert Message.objects.get(text="typed").status == "read"

    def test_of_somebody_unknown_nothing_comes(self, stored):
        receiving.apply_events(stored(self.read(sender="nobody")))
        assert statuses() == {"ignored"}
        assert not Contact.objects.exists()

    def test_unknown_while_unsettled_stands_aside(self, stored, channel):
        """First whether anything has no answer yet, then the id: the same as with echoes."""
        self.owner_typed(stored, channel)
        Message.objects.create(
            workspace=channel.workspace,
            channel=channel,
            contact=Contact.objects.get(),
            stream=Stream.objects.get(channel=channel, kind="api"),
            direction="outbound",
            message_type="text",
            text="on its way",
            status="unconfirmed",
        )
        (pk,) = stored(self.read("m_unknown"))
        receiving.apply_events([pk])
        waiting = Event.objects.get(pk=pk)
        assert (waiting.status, waiting.attempts) == ("recorded", 0)
        assert waiting.due_at is not None
        assert waiting.due_at > timezone.now()
        assert Message.objects.get(text="hi").status == "sent"
        Message.objects.filter(status="unconfirmed").update(status="failed")
        Event.objects.filter(pk=pk).update(due_at=timezone.now())
        receiving.apply_events([pk])
        assert statuses() == {"applied"}
        assert Message.objects.get(text="hi").status == "read"

    def test_they_do_not_ask_for_the_person(self, stored, channel):
        self.owner_typed(stored, channel)
        with CaptureQueriesContext(connection) as sent:
            receiving.apply_events(stored(self.read()))
        asked = [each["sql"] for each in sent if "FOR UPDATE" in each["sql"]]
        assert not [each for each in asked if "messaging_identity" in each]
        assert Message.objects.get().status == "read"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="there one transaction writes at a time")
class TestWithOthers:
    def test_who_is_held_by_another_is_left_to_them(self, stored, groups, arrived):
        receiving.apply_events(stored(*people(4)))
        first = Identity.objects.get(external_id="p0")
        ids = stored(*(message("again", sender=f"p{n}", at=NOON + 10) for n in range(4)))
        held, may_go = threading.Event(), threading.Event()

        def hold():
            with transaction.atomic():
                receiving.lock_identities(first.contact_id, first.channel_id)
                held.set()
                wait_for(may_go, "the others")

        def apply():
            wait_for(held, "who holds the first")
            groups.clear()
            arrived.clear()
            together.apply_together(ids)
            assert groups == [3]
            may_go.set()
            receiving.apply_events(ids)

        at_once(hold, apply)
        assert sorted(each.contact_id for each in arrived) == sorted(
            Contact.objects.values_list("pk", flat=True)
        )
        assert statuses() == {"applied"}

    def test_many_workers_wait_for_nobody(self, stored, arrived, monkeypatch):
        """New and known people, echoes and receipts; no worker is refused for a deadlock."""
        refused = []
        monkeypatch.setattr(together.log, "warning", lambda *args, **said: refused.append(said))
        receiving.apply_events(stored(*people(10)))
        arrived.clear()
        ids = stored(
            *(message(f"{n}", sender=f"p{n % 20}", at=NOON + 100 + n) for n in range(200)),
            *(echo("typed", f"e{n}", to=f"p{n % 20}", at=NOON + 100 + n) for n in range(40)),
            *(item(read={"mid": f"e{n}"}, sender=f"p{n % 20}", at=NOON + 500) for n in range(40)),
        )
        at_once(*(partial(receiving.apply_events, ids[n::4]) for n in range(4)))
        assert not [said for said in refused if said["error"] == OperationalError.__name__]
        assert Event.objects.filter(status="applied", attempts=0).count() == len(ids) + 10
        assert len(arrived) == 200
        for identity in Identity.objects.all():
            said = [int(each.text) for each in arrived if each.contact_id == identity.contact_id]
            assert said == sorted(said)
            assert len(said) == 10
        assert set(Message.objects.filter(direction="outbound").values_list("status")) == {
            ("read",)
        }
