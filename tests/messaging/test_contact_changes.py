"""Contacts are made and changed by API, in the admin and over MCP."""

from dataclasses import replace
from functools import partial
from itertools import repeat
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from inro.accounts.models import AuditEntry
from messaging import applying, arrivals, contacts, phones, receiving
from messaging.channels.sandbox import Sandbox
from messaging.connecting import connect_channel
from messaging.models import Channel, Contact, Event, Identity, Message
from tests.conftest import client_of
from tests.mcp.agent import Agent
from tests.waiting import at_once

CONTACTS, CONTACT = "/api/v1/contacts", "/api/v1/contact"
JANE = {
    "name": "Jane Doe",
    "username": "jane",
    "email": "jane@example.com",
    "phone": "+393331234567",
    "real_name": "Jane D. Doe",
    "language": "it",
    "status": "inactive",
    "notes": " Asked twice.\n",
    "bio": "Sells cakes",
    "website": "https://cakes.example",
}


@pytest.fixture
def channel(workspace: Any) -> Channel:
    return connect_channel(workspace, "sandbox", "Sandbox", {})


@pytest.fixture
def jane(workspace: Any, channel: Channel) -> Contact:
    contact = Contact.objects.create(workspace=workspace, **JANE)
    Identity.objects.create(
        workspace=workspace, channel=channel, contact=contact, external_id="jane"
    )
    return contact


def url(contact: Contact) -> str:
    return f"{CONTACTS}/{contact.pk}"


def everything() -> Any:
    return [list(model.objects.order_by("pk").values()) for model in (Contact, Identity)]


def details(answer: Any, status: int = 400, code: str = "validation_failed") -> Any:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    return error.get("details", {})


class TestAudit:
    def noted(self):
        return list(AuditEntry.objects.order_by("pk").values_list("action", "target", "details"))

    def test_each_road_is_noted_without_the_text(
        self, api, jane, workspace, client, django_user_model
    ):
        client.force_login(django_user_model.objects.create_superuser("olga"))
        page = reverse("admin:messaging_contact_change", args=[jane.pk])
        typed = {name: JANE[name] for name in ("name", "username", "email", "phone", "status")}
        patch(api, jane, {"notes": "Secret", "email": JANE["email"], "bio": ""})
        api.put(url(jane), {"contact": {"language": "de"}})
        api.put(f"{CONTACT}?id={jane.pk}", {"contact": {"website": ""}})
        Agent(api).call("update_contact", id=jane.pk, status="active")
        client.post(
            page,
            {**typed, "status": "active", "notes": "Secret", "real_name": "J.", "language": "de"},
        )
        target = f"Contact {jane.pk}"
        assert self.noted() == [
            ("contact changed", target, {"fields": fields})
            for fields in (["notes", "bio"], ["language"], ["website"], ["status"], ["real_name"])
        ]
        actors = list(AuditEntry.objects.order_by("pk").values_list("actor", flat=True))
        assert [actors[3][-9:], actors[4]] == [" over MCP", "olga"]
        assert all(each.startswith("test (apitk_") for each in actors[:4])
        assert set(AuditEntry.objects.values_list("workspace", flat=True)) == {workspace.pk}

    def test_what_changes_nothing_is_not_noted(self, api, jane):
        for body in ({}, {"name": JANE["name"]}, api.get(url(jane)).json()):
            assert patch(api, jane, body).status_code == 200
        assert patch(api, jane, {"name": "x", "email": "x"}).status_code == 400
        assert self.noted() == []


class TestCreate:
    def test_all_fields(self, api):
        answer = api.post(CONTACTS, JANE)
        assert answer.status_code == 201, answer.content
        made = answer.json()
        assert {name: made[name] for name in JANE} == JANE
        assert answer["Location"] == f"{CONTACTS}/{made['id']}"
        got = api.get(answer["Location"])
        assert (got.json(), got["ETag"]) == (made, answer["ETag"])
        assert made["channels"] == []

    @pytest.mark.parametrize("name", ["name", "username", "email", "phone", "real_name"])
    def test_one_thing_to_know_them_by_is_enough(self, api, name):
        made = api.post(CONTACTS, {name: JANE[name]}).json()
        assert (made[name], made["status"]) == (JANE[name], "active")

    @pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}, {"notes": "x"}])
    def test_nobody_is_no_contact(self, api, body):
        assert set(details(api.post(CONTACTS, body))) == {"body"}
        assert everything() == [[], []]

    def test_usernames_and_emails_may_be_those_of_others(self, api, jane):
        assert api.post(CONTACTS, {"username": "jane", "email": jane.email}).status_code == 201
        assert Contact.objects.filter(username="jane", email=jane.email).count() == 2

    def test_can_be_reached_where_it_is_said(self, api, channel):
        reach = {"channel_id": channel.pk, "external_id": "u1"}
        made = api.post(CONTACTS, {"channels": [reach]}).json()
        assert made["channels"] == [{**reach, "kind": "sandbox", "window_open_until": None}]
        event = {"from": "u1", "text": "hello"}
        assert api.post(f"/api/v1/channels/{channel.pk}/simulate", event).status_code == 202
        receiving.apply_events(Event.objects.values_list("pk", flat=True))
        assert Message.objects.get().contact_id == made["id"]

    def test_an_id_is_known_to_a_channel_once(self, api, jane, channel):
        before = everything()
        taken = {"channel_id": channel.pk, "external_id": "jane"}
        answer = api.post(CONTACTS, {"name": "Other", "channels": [taken]})
        assert set(details(answer, 409, "conflict")) == {"channels.0.external_id"}
        assert everything() == before

    def test_faults_of_channels(self, api, channel, stranger):
        theirs = connect_channel(stranger, "sandbox", "", {})
        reach = {"channel_id": channel.pk, "external_id": "u1"}
        bad = [reach, {**reach, "channel_id": theirs.pk}, reach]
        assert details(api.post(CONTACTS, {"name": "x", "channels": bad})) == {
            "channels.1.channel_id": [f"There is no channel {theirs.pk} in this workspace."],
            "channels.2.external_id": ["Stands in this list twice."],
        }
        values: list[Any] = ["x", {}, [5], [{"channel_id": channel.pk}], [{**reach, "colour": 1}]]
        for value in values:
            assert details(api.post(CONTACTS, {"name": "x", "channels": value}))
        for person in ("", "a\0b", "a\nb", "x" * 201):
            one = [{**reach, "external_id": person}]
            found = details(api.post(CONTACTS, {"name": "x", "channels": one}))
            assert set(found) == {"channels.0.external_id"}
        many = [{**reach, "external_id": str(number)} for number in range(51)]
        assert set(details(api.post(CONTACTS, {"channels": many}))) == {"channels"}
        assert everything() == [[], []]

    def test_an_answer_of_ours_can_be_posted(self, api, jane):
        shown = api.get(url(jane)).json()
        del shown["channels"]
        copy = api.post(CONTACTS, shown).json()
        assert {name: copy[name] for name in JANE} == JANE
        assert copy["id"] != jane.pk

    def test_what_it_could_not_have_is_refused_by_name(self, api):
        body = {"name": "x", "custom_properties": {"size": 1}, "folders": [{"id": 1}]}
        assert set(details(api.post(CONTACTS, body))) == {"custom_properties", "folders"}
        assert everything() == [[], []]

    def test_idempotency_key(self, api):
        first = api.post(CONTACTS, JANE, headers={"Idempotency-Key": "k"})
        again = api.post(CONTACTS, JANE, headers={"Idempotency-Key": "k"})
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["Idempotent-Replay"] == "true"
        assert Contact.objects.count() == 1


FAULTS = {
    "name": "x" * 201,
    "username": "x" * 151,
    "email": "nobody",
    "phone": "12345",
    "real_name": {"first": "Jane"},
    "language": "x" * 21,
    "status": "asleep",
    "notes": "x" * 10_001,
    "bio": ["x"],
    "website": "x" * 501,
    "colour": 1,
}


def put(api, contact, fields, **more):
    return api.put(url(contact), {"contact": fields}, **more)


def patch(api, contact, fields, **more):
    return api.patch(url(contact), fields, **more)


def put_located(api, contact, fields, **more):
    return api.put(f"{CONTACT}?id={contact.pk}", {"contact": fields}, **more)


every_way = pytest.mark.parametrize("change", [patch, put, put_located])


@every_way
class TestChange:
    def test_only_what_is_given_changes(self, api, jane, change):
        before = api.get(url(jane)).json()
        answer = change(api, jane, {"email": "j@x.example", "status": "blocked"})
        assert answer.status_code == 200, answer.content
        after = answer.json()
        assert after == before | {
            "email": "j@x.example",
            "status": "blocked",
            "updated_at": after["updated_at"],
        }
        assert after["updated_at"] > before["updated_at"]
        assert api.get(url(jane)).json() == after

    def test_our_own_answer_sent_back_changes_nothing(self, api, jane, change):
        Contact.objects.filter(pk=jane.pk).update(phone="030 12 34", email="no email", name=" J ")
        before, shown = everything(), api.get(url(jane))
        answer = change(api, jane, shown.json())
        assert (answer.status_code, answer.content) == (200, shown.content)
        assert everything() == before

    def test_nothing_said_changes_nothing(self, api, jane, change):
        before = everything()
        assert change(api, jane, {}).status_code == 200
        assert everything() == before

    @pytest.mark.parametrize("empty", ["", None])
    def test_fields_can_be_emptied(self, api, jane, change, empty):
        fields = dict.fromkeys(set(JANE) - {"status"}, empty)
        after = change(api, jane, fields).json()
        assert {name: after[name] for name in fields} == dict.fromkeys(fields, "")

    def test_all_faults_at_once_and_nothing_written(self, api, jane, change):
        before = everything()
        lost = {"custom_properties": {"size": 1}, "folders": [{"id": 1}], "channels": [{}]}
        found = details(change(api, jane, {**FAULTS, **lost, "updated_at": "yesterday"}))
        under = "" if change is patch else "contact."
        assert set(found) == {f"{under}{name}" for name in (*FAULTS, *lost, "updated_at")}
        assert everything() == before

    def test_channels_of_others_are_refused_and_own_ones_ignored(self, api, jane, change):
        shown = api.get(url(jane)).json()["channels"]
        assert change(api, jane, {"channels": shown}).status_code == 200
        for value in ([*shown, {"channel_id": 1}], [{**shown[0], "external_id": "x"}], "x", [5]):
            assert details(change(api, jane, {"channels": value}))

    @pytest.mark.parametrize("status", [None, "", "Active", 1])
    def test_status_is_one_of_three(self, api, jane, change, status):
        (path,) = details(change(api, jane, {"status": status}))
        assert path in ("status", "contact.status")

    def test_username_without_its_sign(self, api, jane, change):
        assert change(api, jane, {"username": "@Joe"}).json()["username"] == "Joe"
        assert api.get(f"{CONTACT}?username=joe").json()["id"] == jane.pk
        assert api.get(f"{CONTACT}?username=jane").status_code == 404

    @pytest.mark.parametrize("tag", ['"old"', "nonsense", ""])
    def test_another_tag_is_stale(self, api, jane, change, tag):
        before = everything()
        answer = change(api, jane, {"name": "x"}, headers={"If-Match": tag})
        assert details(answer, 409, "stale_edit") == {}
        assert everything() == before

    def test_tag_of_each_answer_is_current(self, api, jane, change):
        tag = api.get(url(jane))["ETag"]
        assert api.get(f"{CONTACT}?id={jane.pk}")["ETag"] == tag
        changed = change(api, jane, {"name": "x"}, headers={"If-Match": f"W/{tag}"})
        assert (changed.status_code, changed["ETag"] == tag) == (200, False)
        assert api.get(url(jane))["ETag"] == changed["ETag"]
        assert change(api, jane, {"name": "y"}, headers={"If-Match": "*"}).status_code == 200

    def test_time_in_the_body(self, api, jane, change):
        seen = {"updated_at": api.get(url(jane)).json()["updated_at"]}
        assert change(api, jane, {**seen, "name": "x"}).status_code == 200
        assert details(change(api, jane, {**seen, "name": "y"}), 409, "stale_edit") == {}

    def test_a_message_that_comes_in_is_no_edit(self, api, jane, change, channel):
        got = api.get(url(jane))
        Contact.objects.filter(pk=jane.pk).update(status="active")
        tag = api.get(url(jane))["ETag"]
        event = {"from": "jane", "text": "hello"}
        api.post(f"/api/v1/channels/{channel.pk}/simulate", event)
        receiving.apply_events(Event.objects.values_list("pk", flat=True))
        jane.refresh_from_db()
        assert jane.last_active_at is not None
        fields = {"updated_at": got.json()["updated_at"], "notes": "x"}
        assert change(api, jane, fields, headers={"If-Match": tag}).status_code == 200

    @pytest.mark.parametrize("known", [{"status": "inactive"}, {"username": "j"}])
    def test_somebody_who_came_to_be_another_was_changed(self, api, jane, change, channel, known):
        Contact.objects.filter(pk=jane.pk).update(**{"status": "active", **known})
        got = api.get(url(jane))
        event = {"from": "jane", "text": "hello"}
        api.post(f"/api/v1/channels/{channel.pk}/simulate", event)
        receiving.apply_events(Event.objects.values_list("pk", flat=True))
        after = api.get(url(jane)).json()
        assert (after["status"], after["username"]) == ("active", "jane")
        tag, seen = got["ETag"], {"updated_at": got.json()["updated_at"]}
        for fields, headers in (({}, {"If-Match": tag}), (seen, {})):
            details(change(api, jane, fields, headers=headers), 409, "stale_edit")

    def test_of_another_workspace_it_is_missing(self, jane, change, stranger, workspace):
        before = everything()
        theirs = change(client_of(stranger), jane, {"name": "x"})
        assert details(theirs, 404, "not_found") == {}
        reader = client_of(workspace, ["contacts.read"])
        assert details(change(reader, jane, {"name": "x"}), 403, "missing_ability") == {}
        assert everything() == before


class TestPut:
    @pytest.mark.parametrize("body", [{}, {"contact": None}, {"contact": []}, {"name": "x"}, []])
    def test_fields_stand_in_contact(self, api, jane, body):
        before = everything()
        for path in (url(jane), f"{CONTACT}?id={jane.pk}"):
            assert details(api.put(path, body))
        assert everything() == before

    @pytest.mark.parametrize(
        "locator", [{"username": "@JANE"}, {"email": "Jane@Example.com"}, {"id": "PK"}]
    )
    @pytest.mark.parametrize("beside", [True, False])
    def test_by_each_locator(self, api, jane, locator, beside):
        locator = {name: jane.pk if each == "PK" else each for name, each in locator.items()}
        body = {"contact": {"username": "joe", "email": "joe@example.com"}}
        if beside:
            answer = api.put(CONTACT, {**locator, **body})
        else:
            answer = api.put(CONTACT, body, query_params=locator)
        assert answer.status_code == 200, answer.content
        assert (answer.json()["id"], answer.json()["username"]) == (jane.pk, "joe")

    def test_of_several_the_most_recently_active(self, api, jane, workspace):
        Contact.objects.filter(pk=jane.pk).update(last_active_at=timezone.now())
        other = Contact.objects.create(workspace=workspace, username="jane")
        assert api.put(CONTACT, {"username": "jane", "contact": {"notes": "x"}}).status_code == 200
        other.refresh_from_db()
        jane.refresh_from_db()
        assert (jane.notes, other.notes) == ("x", "")

    def test_exactly_one_that_makes_sense(self, api, jane):
        before = everything()
        for query, body in (
            ("", {}),
            (f"?id={jane.pk}", {"id": jane.pk}),
            (f"?id={jane.pk}&email=x", {}),
            ("?id=x", {}),
            ("?phone=1", {}),
            ("", {"id": True}),
            ("", {"id": 1.5}),
            ("", {"id": 10**30}),
            ("", {"username": 5}),
            ("", {"email": " "}),
        ):
            answer = api.put(CONTACT + query, {**body, "contact": {"name": "x"}})
            assert details(answer), query
        found = details(api.put(f"{CONTACT}?id=x", {"contact": {"email": "no"}, "colour": 1}))
        assert set(found) == {"id", "contact.email", "colour"}
        assert everything() == before

    def test_nobody_is_missing(self, api, db):
        answer = api.put(f"{CONTACT}?username=nobody", {"contact": {"name": "x"}})
        assert details(answer, 404, "not_found") == {}


class TestPhones:
    @pytest.mark.parametrize(
        "text",
        [
            "+393331234567",
            "393331234567",
            "00393331234567",
            "+39 333 123-4567",
            "(+39) 333.123/4567",
            "+39 (0)333 1234567",
            " +39\u00a0333\u20111234567 ",
        ],
    )
    def test_one_number_is_one_text(self, api, jane, text):
        assert patch(api, jane, {"phone": "+1 415 555 1234"}).json()["phone"] == "+14155551234"
        assert patch(api, jane, {"phone": text}).json()["phone"] == "+393331234567"

    @pytest.mark.parametrize(
        "text",
        ["0301234567", "+123456789", "+1234567890123456", "+39abc", "++39333123456", "+٣٣٣٣٣٣٣٣٣٣"],
    )
    def test_others_are_refused(self, api, jane, text):
        assert set(details(patch(api, jane, {"phone": text}))) == {"phone"}

    @given(st.text("0123456789+ ()-.x٣", max_size=20))
    def test_what_is_taken_stays_as_it_is(self, text):
        try:
            found = phones.normalised(text)
        except ValueError:
            return
        assert phones.normalised(found) == found
        assert found[0] == "+"
        assert found[1:].isascii()
        assert found[1:].isdigit()
        assert 10 <= len(found[1:]) <= 15


class TestSearch:
    def test_as_the_list_does(self, api, jane, workspace):
        Contact.objects.create(workspace=workspace, username="bob")
        found = api.get(f"{CONTACTS}/search?query=JANE").json()
        assert found == api.get(f"{CONTACTS}?search=JANE").json()
        assert [each["id"] for each in found["contacts"]] == [jane.pk]
        paged = api.get(f"{CONTACTS}/search?query=j&per_page=1&status=inactive").json()
        assert (paged["meta"]["per_page"], paged["meta"]["total"]) == (1, 1)

    def test_a_walk_by_cursor(self, api, workspace):
        for number in range(3):
            Contact.objects.create(workspace=workspace, username=f"jane{number}")
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = api.get(f"{CONTACTS}/search?query=jane&per_page=2{cursor}").json()
            seen += [each["username"] for each in answer["contacts"]]
            following = answer["meta"]["next_cursor"]
            cursor = following and f"&cursor={following}"
        assert seen == ["jane2", "jane1", "jane0"]

    @pytest.mark.parametrize("query", ["", "?query=", "?search=x", "?query=x&search=x"])
    def test_query_is_needed(self, api, db, query):
        assert details(api.get(f"{CONTACTS}/search{query}"))

    def test_the_cost_does_not_grow(self, api, workspace, django_assert_num_queries):
        for number in range(20):
            Contact.objects.create(workspace=workspace, username=f"jane{number}")
        api.get(f"{CONTACTS}/search?query=jane")
        with django_assert_num_queries(5):
            assert len(api.get(f"{CONTACTS}/search?query=jane").json()["contacts"]) == 20


class TestMeanwhile:
    """A message comes in, and its contact is changed at the same moment."""

    @pytest.fixture
    def known(self, api: Any, jane: Contact, channel: Channel) -> Contact:
        Contact.objects.filter(pk=jane.pk).update(name="", name_folded="", username="j")
        api.post(f"/api/v1/channels/{channel.pk}/simulate", {"from": "jane", "text": "hello"})
        return jane

    def apply(self) -> None:
        receiving.apply_events(Event.objects.values_list("pk", flat=True))
        assert Event.objects.get().status == "applied"

    def test_neither_undoes_the_other(self, api, known, monkeypatch):
        def between(them):
            fields = {"name": "Jane", "email": "new@x.example", "notes": "x"}
            assert patch(api, known, fields).status_code == 200
            return real(them)

        read = Sandbox.read
        named = lambda *args: replace(read(*args), name="Of the provider")  # noqa: E731
        monkeypatch.setattr(Sandbox, "read", named)
        real = applying.by_provider_id
        monkeypatch.setattr(arrivals, "by_provider_id", between)
        self.apply()
        after: Any = Contact.objects.values().get()
        assert (after["name"], after["name_folded"]) == ("Jane", "jane")
        assert (after["email"], after["email_folded"]) == ("new@x.example",) * 2
        assert (after["username"], after["username_folded"]) == ("jane", "jane")
        assert (after["notes"], after["status"]) == ("x", "active")
        assert after["last_active_at"] is not None

    def test_a_change_writes_over_nothing_that_came_in(self, api, known, monkeypatch):
        real = contacts.change_contact

        def late(*args):
            self.apply()
            real(*args)

        monkeypatch.setattr("messaging.views.contacts.change_contact", late)
        assert patch(api, known, {"email": "new@x.example"}).status_code == 200
        after: Any = Contact.objects.values().get()
        assert (after["username"], after["username_folded"]) == ("jane", "jane")
        assert after["email_folded"] == "new@x.example"
        assert after["last_active_at"] is not None

    @pytest.mark.django_db(transaction=True)
    def test_many_at_once_are_all_there(self, workspace, known):
        fields = [{name: JANE[name]} for name in ("email", "phone", "language", "bio")]
        Contact.objects.filter(pk=known.pk).update(email="", phone="", language="", bio="")
        clients = [client_of(workspace) for _ in fields]
        changes = [partial(patch, *each) for each in zip(clients, repeat(known), fields)]
        at_once(self.apply, *changes)
        after: Any = Contact.objects.values().get()
        assert all(after[name] == value for each in fields for name, value in each.items())
        assert after["email_folded"] == JANE["email"]
        assert (after["username_folded"], after["status"]) == ("jane", "active")

    @pytest.mark.django_db(transaction=True)
    def test_a_person_is_known_once(self, workspace, channel):
        """Several are told of them by API while they write for the first time."""
        body = {"name": "x", "channels": [{"channel_id": channel.pk, "external_id": "new"}]}
        client = client_of(workspace)
        client.post(f"/api/v1/channels/{channel.pk}/simulate", {"from": "new", "text": "hello"})
        codes = []
        clients = [client_of(workspace) for _ in range(3)]
        posts = [lambda c=c: codes.append(c.post(CONTACTS, body).status_code) for c in clients]
        at_once(self.apply, *posts)
        assert sorted(codes) in ([201, 409, 409], [409, 409, 409])
        assert Identity.objects.count() == Contact.objects.count() == Message.objects.count() == 1


def test_over_mcp_as_by_the_api(api, jane):
    agent = Agent(api)
    changed = agent.call("update_contact", id=jane.pk, notes="New", phone=None)
    assert changed == api.get(url(jane)).json()
    assert (changed["notes"], changed["phone"]) == ("New", "")
    before = everything()
    error = agent.refused("update_contact", id=jane.pk, email="no", folders=[{"id": 1}])
    assert set(error["details"]) == {"email", "folders"}
    assert everything() == before


class TestAdmin:
    @pytest.fixture
    def chief(self, admin_client: Any) -> Any:
        return admin_client

    def form(self, contact: Contact | None = None, **changes: Any) -> dict[str, Any]:
        inlines = {f"identities-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL")}
        fields = {name: getattr(contact, name) for name in JANE} if contact else {}
        return {"status": "active", **fields, **inlines, **changes}

    def test_only_what_was_typed_is_written(self, chief, jane):
        page = reverse("admin:messaging_contact_change", args=[jane.pk])
        form = self.form(jane, phone="0039 333 9876543")
        assert chief.get(page).status_code == 200
        jane.last_active_at = at = timezone.now()
        jane.save()
        assert chief.post(page, form).status_code == 302
        jane.refresh_from_db()
        assert (jane.phone, jane.last_active_at) == ("+393339876543", at)

    def test_rules_of_the_api(self, chief, jane, workspace):
        page = reverse("admin:messaging_contact_change", args=[jane.pk])
        before = everything()
        faulty = chief.post(page, self.form(jane, phone="12", notes="x" * 10_001))
        assert set(faulty.context["adminform"].form.errors) == {"phone", "notes"}
        empty = chief.post(
            reverse("admin:messaging_contact_add"), self.form(workspace=workspace.pk)
        )
        assert set(empty.context["adminform"].form.errors) == {"__all__"}
        assert everything() == before

    def test_what_was_wrong_before_can_stay(self, chief, jane):
        Contact.objects.filter(pk=jane.pk).update(phone="12")
        jane.refresh_from_db()
        page = reverse("admin:messaging_contact_change", args=[jane.pk])
        assert chief.post(page, self.form(jane, name="Joe")).status_code == 302
        jane.refresh_from_db()
        assert (jane.phone, jane.name) == ("12", "Joe")
