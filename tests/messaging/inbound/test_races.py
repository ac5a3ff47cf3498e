"""Several workers at once: real threads, real transactions."""

import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from messaging import receiving
from messaging.channels import CHANNELS
from messaging.models import Contact, Event, EventStatus, Identity, Message
from messaging.signals import people_arrived
from tests.messaging.inbound import instagram
from tests.messaging.inbound.instagram import NOON, body, message
from tests.waiting import SECONDS, at_once, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stored(channel):
    """Record messages without applying them; their ids."""

    def store(*items):
        return receiving.record(
            (channel, event) for event in CHANNELS["instagram"].parse(body(*items))
        )

    return store


def test_two_messages_of_one_person_at_two_workers(stored, arrived):
    """Whoever comes first applies both, in the order of the provider's time, each once."""
    for round_ in range(8):
        person = f"person{round_}"
        later = stored(message("later", sender=person, at=NOON + 1000))
        earlier = stored(message("earlier", sender=person, at=NOON))
        arrived.clear()
        at_once(partial(receiving.apply_events, later), partial(receiving.apply_events, earlier))
        assert [arrival.text for arrival in arrived] == ["earlier", "later"]
        assert [arrival.is_new_contact for arrival in arrived] == [True, False]
        assert Identity.objects.filter(external_id=person).count() == 1
    assert Contact.objects.count() == 8
    assert Message.objects.count() == 16
    assert set(Event.objects.values_list("status", "attempts")) == {("applied", 0)}


def test_many_workers_and_many_people(stored, arrived):
    ids = stored(
        *(
            message(str(number), sender=f"p{person}", at=NOON + number)
            for number in range(5)
            for person in range(6)
        )
    )
    at_once(*(partial(receiving.apply_events, ids[offset::4]) for offset in range(4)))
    assert Message.objects.count() == 30
    assert Contact.objects.count() == Identity.objects.count() == 6
    for identity in Identity.objects.all():
        said = [each.text for each in arrived if each.contact_id == identity.contact_id]
        assert said == ["0", "1", "2", "3", "4"]
    assert not Event.objects.exclude(status=EventStatus.APPLIED, attempts=0).exists()


def test_a_new_person_is_one_contact(stored, monkeypatch):
    """Both workers look before either has made the identity."""
    ids = stored(message("one", at=NOON), message("two", at=NOON + 1))
    both_looked = threading.Barrier(2)
    make = Contact.objects.create

    def create(**fields):
        if connection.vendor != "sqlite":  # there, only one at a time can be in a transaction
            both_looked.wait(SECONDS)
        return make(**fields)

    monkeypatch.setattr(Contact.objects, "create", create)
    at_once(partial(receiving.apply_events, ids[:1]), partial(receiving.apply_events, ids[1:]))
    assert Contact.objects.count() == Identity.objects.count() == 1
    assert Message.objects.count() == 2


def test_the_same_body_delivered_twice_at_once(channel, woken):
    raw = instagram.encoded(body(*(message(f"{number}") for number in range(20))))
    answers = []

    def deliver():
        answer = Client().post(
            f"/webhooks/instagram/{channel.uuid}",
            data=raw,
            content_type="application/json",
            headers={"X-Hub-Signature-256": instagram.signature(raw)},
        )
        answers.append(answer.status_code)

    at_once(deliver, deliver, deliver)
    assert answers == [200, 200, 200]
    assert Event.objects.count() == 20
    at_once(*[partial(receiving.apply_events, set(woken))] * 3)
    assert Message.objects.count() == 20


def test_a_kill_in_the_middle_loses_and_doubles_nothing(stored, arrived):
    """What a worker had begun and not committed is done by the next one."""
    ids = stored(message("one", at=NOON), message("two", at=NOON + 1))

    class Killed(BaseException):
        pass

    def kill(sender, arrivals, **kwargs):
        if arrivals[0].text == "two":
            raise Killed

    people_arrived.connect(kill, weak=False)
    try:
        with pytest.raises(Killed):
            receiving.apply_events(ids)
    finally:
        people_arrived.disconnect(kill)
    assert list(Message.objects.values_list("text", flat=True)) == ["one"]
    receiving.apply_events(ids)
    assert list(Message.objects.order_by("pk").values_list("text", flat=True)) == ["one", "two"]
    assert Event.objects.filter(status="applied").count() == 2


def test_the_same_events_in_opposite_order_are_all_taken(channel, woken, settings):
    """Each call may hold rows that the other waits for; none is answered with an error."""
    items = [message(str(number), mid=f"m{number}", at=NOON + number) for number in range(300)]
    codes = []

    def deliver(order):
        raw = instagram.encoded(body(*order))
        answer = Client().post(
            f"/webhooks/instagram/{channel.uuid}",
            data=raw,
            content_type="application/json",
            headers={"X-Hub-Signature-256": instagram.signature(raw, instagram.SECRET)},
        )
        codes.append(answer.status_code)

    at_once(partial(deliver, items), partial(deliver, items[::-1]))
    assert codes == [200, 200]
    assert Event.objects.count() == 300


class TestOfContact:
    """What an expiry does: hold the person, look whether they have answered, apply that first."""

    @pytest.fixture
    def jane(self, stored, channel):
        receiving.apply_events(stored(message("hello", sender="jane")))
        return Contact.objects.get()

    def test_everything_due_is_applied_in_order(self, stored, jane, channel, arrived):
        stored(
            message("2", sender="jane", at=NOON + 2),
            message("1", sender="jane", at=NOON + 1),
            message("other", sender="joe", at=NOON),
        )
        assert receiving.has_recorded(jane.pk, channel.pk)
        arrived.clear()
        receiving.apply_of_contact(jane.pk, channel.pk)
        assert [each.text for each in arrived] == ["1", "2"]
        assert not receiving.has_recorded(jane.pk, channel.pk)
        assert Event.objects.filter(status="recorded").count() == 1

    def test_all_identities_of_the_contact_count(self, stored, jane, channel):
        Identity.objects.create(
            workspace=channel.workspace, channel=channel, contact=jane, external_id="jane2"
        )
        stored(message("second phone", sender="jane2"))
        assert receiving.has_recorded(jane.pk, channel.pk)
        receiving.apply_of_contact(jane.pk, channel.pk)
        assert not receiving.has_recorded(jane.pk, channel.pk)
        assert Message.objects.filter(contact=jane).count() == 2

    def test_another_channel_does_not_count(self, stored, jane, workspace, channel):
        other = instagram.connect(workspace, "178400002")
        stored(message("hi", sender="jane"))
        assert not receiving.has_recorded(jane.pk, other.pk)
        receiving.apply_of_contact(jane.pk, other.pk)
        with transaction.atomic():
            receiving.lock_identities(jane.pk, other.pk)
        assert receiving.has_recorded(jane.pk, channel.pk)

    def test_what_backs_off_counts_and_what_stands_aside_does_not(self, stored, jane, channel):
        [one] = stored(message("poison", sender="jane"))
        later = timezone.now() + timedelta(minutes=1)
        Event.objects.filter(pk=one).update(attempts=1, due_at=later)
        receiving.apply_of_contact(jane.pk, channel.pk)
        assert receiving.has_recorded(jane.pk, channel.pk)
        Event.objects.filter(pk=one).update(attempts=0)
        assert not receiving.has_recorded(jane.pk, channel.pk)
        Event.objects.filter(pk=one).update(attempts=5, due_at=None, status="failed")
        assert not receiving.has_recorded(jane.pk, channel.pk)

    def test_the_cost_is_that_of_one_look(self, stored, jane, channel):
        stored(*(message(str(n), sender="jane", at=NOON + n) for n in range(30)))
        with CaptureQueriesContext(connection) as looked:
            assert receiving.has_recorded(jane.pk, channel.pk)
        assert len(looked) == 2

    def test_whoever_holds_the_identities_keeps_events_waiting(self, stored, jane, channel):
        """An expiry that has looked and found nothing is not overtaken before it commits."""
        seen: list[int] = []
        holds, may_go = threading.Event(), threading.Event()

        def expire():
            with transaction.atomic():
                receiving.lock_identities(jane.pk, channel.pk)
                assert not receiving.has_recorded(jane.pk, channel.pk)
                holds.set()
                wait_for(may_go, "who answers")
                seen.append(Message.objects.filter(contact=jane).count())

        def answer():
            wait_for(holds, "who holds her")
            if connection.vendor == "sqlite":  # there nobody else can even record it
                may_go.set()
            ids = stored(message("yes", sender="jane", at=NOON + 1))
            threading.Timer(0.2, may_go.set).start()
            receiving.apply_events(ids)
            seen.append(Message.objects.filter(contact=jane).count())

        at_once(expire, answer)
        assert seen == [1, 2]

    def test_many_expiries_and_many_answers(self, stored, jane, channel, arrived):
        """Each answer is applied once, by whoever comes first; none while somebody holds her."""
        holding: list[str] = []
        arrived.clear()
        ids = stored(*(message(str(n), sender="jane", at=NOON + n) for n in range(20)))

        def expire(name):
            for _ in range(10):
                receiving.apply_of_contact(jane.pk, channel.pk)
                with transaction.atomic():
                    receiving.lock_identities(jane.pk, channel.pk)
                    holding.append(name)
                    before = len(holding), Message.objects.count()
                    assert (len(holding), Message.objects.count()) == before

        at_once(
            partial(expire, "a"),
            partial(expire, "b"),
            partial(receiving.apply_events, ids[:10]),
            partial(receiving.apply_events, ids[10:]),
        )
        assert [each.text for each in arrived] == [*map(str, range(20))]
        assert Message.objects.count() == 21
        assert not receiving.has_recorded(jane.pk, channel.pk)
