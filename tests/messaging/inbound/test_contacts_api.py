"""Contacts by API."""

from datetime import UTC, datetime, timedelta

import pytest

from messaging.connecting import connect_channel
from messaging.models import Contact, Identity, Message
from tests.conftest import client_of
from tests.messaging.inbound import instagram

pytestmark = pytest.mark.django_db

CONTACTS = "/api/v1/contacts"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def make(workspace, channel):
    """A contact who is known on the Instagram channel."""

    def made(username="", messages=0, owner=workspace, on=channel, **fields):
        contact = Contact.objects.create(workspace=owner, username=username, **fields)
        Identity.objects.create(
            workspace=owner,
            channel=on,
            contact=contact,
            external_id=f"ig-{contact.pk}",
            last_inbound_at=NOON,
        )
        for number in range(messages):
            Message.objects.create(
                workspace=owner,
                channel=on,
                contact=contact,
                direction="inbound",
                status="received",
                message_type="text",
                text=f"message {number}",
                sent_at=NOON + timedelta(seconds=number),
            )
        return contact

    return made


def test_the_whole_object(api, make, channel):
    contact = make("Jane.Doe", messages=1, name="Jane", email="jane@example.com", language="de")
    answer = api.get(f"{CONTACTS}/{contact.pk}")
    assert answer.status_code == 200
    shown = answer.json()
    assert shown == {
        "id": contact.pk,
        "name": "Jane",
        "username": "Jane.Doe",
        "email": "jane@example.com",
        "phone": "",
        "real_name": "",
        "language": "de",
        "status": "active",
        "notes": "",
        "bio": "",
        "website": "",
        "instagram_url": "https://www.instagram.com/Jane.Doe/",
        "profile_picture": "",
        "is_follower": None,
        "follower_count": None,
        "custom_properties": {},
        "folders": [],
        "channels": [
            {
                "channel_id": channel.pk,
                "kind": "instagram",
                "external_id": f"ig-{contact.pk}",
                "window_open_until": "2026-01-02T12:00:00.000000Z",
            }
        ],
        "last_messages": [
            {
                "id": Message.objects.get().pk,
                "message_type": "text",
                "direction": "inbound",
                "content": "message 0",
                "received_at": "2026-01-01T12:00:00.000000Z",
                "received": True,
            }
        ],
        "created_at": shown["created_at"],
        "updated_at": shown["updated_at"],
    }


def test_the_latest_ten_messages_newest_first(api, make):
    contact = make(messages=12)
    shown = api.get(f"{CONTACTS}/{contact.pk}").json()["last_messages"]
    assert [message["content"] for message in shown] == [f"message {n}" for n in range(11, 1, -1)]


def test_somebody_of_the_sandbox_only(api, workspace, make):
    contact = make("jane", on=connect_channel(workspace, "sandbox", "", {}))
    shown = api.get(f"{CONTACTS}/{contact.pk}").json()
    assert shown["instagram_url"] == ""
    assert shown["channels"][0]["window_open_until"] is None


class TestList:
    def listed(self, api, **query):
        answer = api.get(CONTACTS, query)
        assert answer.status_code == 200, answer.content
        return [contact["username"] for contact in answer.json()["contacts"]]

    def test_newest_first_and_nobody_of_others(self, api, make, stranger):
        make("one")
        make("two")
        make("theirs", owner=stranger, on=instagram.connect(stranger))
        assert self.listed(api) == ["two", "one"]

    def test_a_walk_by_cursor_meets_everybody_once(self, api, make):
        for number in range(7):
            make(str(number))
        seen, query = [], {"per_page": 3}
        while True:
            answer = api.get(CONTACTS, query).json()
            seen += [contact["username"] for contact in answer["contacts"]]
            if not answer["meta"]["next_cursor"]:
                break
            query = {"per_page": 3, "cursor": answer["meta"]["next_cursor"]}
        assert seen == ["6", "5", "4", "3", "2", "1", "0"]

    def test_filters(self, api, make, workspace, channel):
        other = connect_channel(workspace, "sandbox", "", {})
        make("Zoë", name="Zoë Müller", email="zoe@example.com", phone="+49301234567")
        make("bob", status="blocked", on=other)
        assert self.listed(api, status="blocked") == ["bob"]
        assert self.listed(api, channel_id=channel.pk) == ["Zoë"]
        for text in ("zoe", "ZOË", "@zo", "Müller", "ZOE@EXAMPLE", "30123"):
            assert self.listed(api, search=text) == ["Zoë"], text
        assert self.listed(api, search="nobody") == []
        assert self.listed(api, channel_id=other.pk, status="active") == []

    def test_unknown_filters_and_values_are_named(self, api, stranger):
        theirs = instagram.connect(stranger)
        answer = api.get(CONTACTS, {"status": "asleep", "channel_id": theirs.pk, "mood": "good"})
        assert answer.status_code == 400
        assert set(answer.json()["error"]["details"]) == {"status", "channel_id", "mood"}
        for value in ("x", "9" * 30, "-1", "1.5"):
            assert api.get(CONTACTS, {"channel_id": value}).status_code == 400

    def test_the_cost_does_not_grow(self, api, make, django_assert_num_queries):
        # Token, its use, count, contacts, identities with channels, last messages.
        make("first", messages=1)
        api.get(CONTACTS)
        with django_assert_num_queries(5):
            api.get(CONTACTS)
        for number in range(20):
            make(str(number), messages=12)
        with django_assert_num_queries(5):
            assert len(self.listed(api)) == 21


class TestLookup:
    def look(self, api, **query):
        return api.get("/api/v1/contact", query)

    def test_by_each_locator(self, api, make):
        contact = make("Jane.Doé", email="Jane@Example.com")
        for query in (
            {"id": contact.pk},
            {"username": "jane.doe"},
            {"username": "@Jane.Doé"},
            {"email": "JANE@example.com"},
        ):
            answer = self.look(api, **query)
            assert answer.status_code == 200, query
            assert answer.json() == api.get(f"{CONTACTS}/{contact.pk}").json()

    def test_of_several_the_most_recently_active(self, api, make):
        make("jane", last_active_at=NOON)
        active = make("jane", last_active_at=NOON + timedelta(hours=1))
        make("jane")
        assert self.look(api, username="jane").json()["id"] == active.pk

    def test_names_that_grow_when_folded_are_found(self, api, make):
        """U+FDFA folds to eighteen letters; the column has no room for all of them."""
        contact = make(username="\ufdfa" * 40, name="\ufdfa" * 40)
        assert self.look(api, username="\ufdfa" * 40).json()["id"] == contact.pk

    def test_search_knows_neither_case_nor_accents(self, api, make):
        contact = make(name="Élodie Ünal")
        for text in ("élodie", "ELODIE", "unal", "ÜNAL"):
            found = api.get(f"/api/v1/contacts?search={text}").json()["contacts"]
            assert [each["id"] for each in found] == [contact.pk], text

    def test_nobody_is_missing(self, api, make, stranger):
        theirs = make("jane", owner=stranger, on=instagram.connect(stranger))
        for query in ({"id": theirs.pk}, {"username": "jane"}, {"email": "jane@example.com"}):
            assert self.look(api, **query).status_code == 404

    @pytest.mark.parametrize(
        "query",
        [
            {},
            {"id": 1, "username": "jane"},
            {"id": "x"},
            {"id": "-1"},
            {"id": "9" * 30},
            {"username": ""},
            {"email": " "},
            {"phone": "1"},
            {"id": 1, "phone": "1"},
            {"username": "a\0b"},
            {"email": "a\0@example.com"},
            {"username": ["jane", "joe"]},
        ],
    )
    def test_exactly_one_that_makes_sense(self, api, db, query):
        answer = self.look(api, **query)
        assert answer.status_code == 400
        assert answer.json()["error"]["details"]


def test_abilities(workspace, make):
    contact = make()
    nobody = client_of(workspace, ["channels.read"])
    for path in (CONTACTS, f"{CONTACTS}/{contact.pk}", f"/api/v1/contact?id={contact.pk}"):
        assert nobody.get(path).status_code == 403
        assert client_of(workspace, ["contacts.read"]).get(path).status_code == 200


def test_a_contact_of_somebody_else_is_missing(api, make, stranger):
    theirs = make(owner=stranger, on=instagram.connect(stranger))
    assert api.get(f"{CONTACTS}/{theirs.pk}").status_code == 404
