"""Several workers at once: real threads, real transactions."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection
from django.test import Client

from messaging import receiving
from messaging.channels import CHANNELS
from messaging.models import Contact, Event, EventStatus, Identity, Message
from messaging.signals import person_arrived
from tests.messaging.inbound import instagram
from tests.messaging.inbound.instagram import NOON, body, message

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*work: Callable[[], object]) -> None:
    """Run each in a thread of its own, all from the same moment; what one raises is raised."""
    start = threading.Barrier(len(work))
    raised: list[BaseException] = []

    def run(do: Callable[[], object]) -> None:
        try:
            start.wait(10)
            do()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(do,)) for do in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if raised:
        raise raised[0]


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
            both_looked.wait(10)
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

    def kill(sender, arrival, **kwargs):
        if arrival.text == "two":
            raise Killed

    person_arrived.connect(kill, weak=False)
    try:
        with pytest.raises(Killed):
            receiving.apply_events(ids)
    finally:
        person_arrived.disconnect(kill)
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
