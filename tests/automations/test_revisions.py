"""Every change of a scenario is kept, told, and can be gone back to."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from automations.definition.differences import differences
from automations.editing import change_scenario
from automations.models import Action, Definition, Revision, Scenario, Trigger
from automations.restoring import restore_revision
from inro.accounts.models import AuditEntry, Membership, User
from inro.common.errors import Refused
from media_library.models import MediaFile, MediaStatus
from tests.automations.support import message, stored
from tests.automations.test_races import many
from tests.automations.test_scenario_api import media_file
from tests.conftest import client_of
from tests.mcp.agent import Agent

BODY: Any = {
    "title": "Flow",
    "active": True,
    "triggers": [
        {"trigger_type": "message", "options": {"keywords": ["hi"]}},
        {"trigger_type": "contact_create"},
    ],
    "actions": [message("a", content="A"), message("b", "a", content="B")],
}


def url(made: Any, *more: Any) -> str:
    return "/".join(map(str, (f"/api/v1/scenarios/{made['id']}", *more)))


def restore(api: Any, made: Any, number: int, **headers: str) -> Any:
    return api.post(url(made, "revisions", number, "restore"), headers=headers)


def everything() -> Any:
    models = (Scenario, Definition, Action, Trigger, MediaFile, Revision)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def listed(api: Any, made: Any) -> Any:
    answer = api.get(url(made, "revisions"))
    assert answer.status_code == 200, answer.content
    return answer.json()["revisions"]


def numbers(api: Any, made: Any) -> list[int]:
    return [each["number"] for each in listed(api, made)]


@pytest.fixture
def made(api: Any) -> Any:
    return api.post("/api/v1/scenarios", BODY).json()


@pytest.fixture
def changed(api: Any, made: Any) -> Any:
    """Another title, the second text new, a third action, one trigger less."""
    a, b = (each["id"] for each in made["actions"])
    body = {
        "title": "Other",
        "triggers": made["triggers"][:1],
        "actions": [{"id": a}, {"id": b, "content": "New"}, message("c", "b", content="C")],
    }
    answer = api.patch(url(made), body)
    assert answer.status_code == 200, answer.content
    return answer.json()


class TestHistory:
    def test_creation_is_the_first(self, api, made):
        [first] = listed(api, made)
        assert first == {
            "number": 1,
            "actor": str(Revision.objects.get().actor),
            "restored_from": None,
            "changes": [],
            "created_at": first["created_at"],
        }
        assert first["actor"].startswith("test (apitk_")

    def test_each_change_adds_one_newest_first(self, api, made, changed):
        newest, first = listed(api, made)
        assert (newest["number"], first["number"]) == (2, 1)
        added: dict[str, Any] = {
            "action_key": "c",
            "action_type": "message",
            "parent_key": "b",
            "parent_branch": "next",
            "content": "C",
            "options": {},
            "media_file": None,
        }
        assert newest["changes"] == [
            {"change": "changed", "path": "title", "before": "Flow", "after": "Other"},
            {
                "change": "removed",
                "path": "triggers.contact_create",
                "before": {"trigger_type": "contact_create", "options": {}},
            },
            {"change": "changed", "path": "actions.b.content", "before": "B", "after": "New"},
            {"change": "added", "path": "actions.c", "after": added},
        ]

    def test_one_in_full(self, api, made, changed):
        shown = api.get(url(made, "revisions", 1)).json()
        told = ("title", "active", "scenario_type")
        assert {name: shown[name] for name in told} == {name: made[name] for name in told}
        assert shown["triggers"] == [
            {name: each[name] for name in ("trigger_type", "options")} for each in made["triggers"]
        ]
        kept = ("action_key", "action_type", "parent_key", "parent_branch", "content", "options")
        assert shown["actions"] == [
            {**{name: each[name] for name in kept}, "media_file": None} for each in made["actions"]
        ]
        assert shown["changes"] == []

    def test_what_changes_nothing_adds_nothing(self, api, made):
        for body in ({}, made, {"title": "Flow"}, {"actions": made["actions"]}):
            assert api.patch(url(made), body).status_code == 200
        assert numbers(api, made) == [1]

    def test_a_refused_change_adds_nothing(self, api, made):
        before = everything()
        assert api.patch(url(made), {"title": "x", "actions": [{"id": 0}]}).status_code == 400
        assert api.post("/api/v1/scenarios", {"actions": [{}]}).status_code == 400
        assert everything() == before

    def test_moved_triggers(self, api, made):
        api.patch(url(made), {"triggers": made["triggers"][::-1]})
        assert listed(api, made)[0]["changes"] == [
            {
                "change": "moved",
                "path": "triggers",
                "before": ["message", "contact_create"],
                "after": ["contact_create", "message"],
            }
        ]

    def test_who_changed_it(self, api, made, workspace):
        user = User.objects.create_user("olga", is_staff=True)
        Membership.objects.create(user=user, workspace=workspace)
        browser = Client()
        browser.force_login(user)
        browser.patch(url(made), {"title": "By hand"}, content_type="application/json")
        Agent(api).call("update_scenario", id=made["id"], title="By an agent")
        agents, hands, _ = (each["actor"] for each in listed(api, made))
        assert hands == "olga"
        assert agents.startswith("test (apitk_")
        assert agents.endswith(" over MCP")

    def test_what_changed_is_noted_for_longer(self, api, made, changed, workspace):
        """Without what was written; a history goes with its scenario."""
        restore(api, made, 1)
        api.patch(url(made), {"title": "Flow"})
        api.patch(url(made), {"title": "x", "actions": [{"id": 0}]})
        api.delete(url(made))
        entries = AuditEntry.objects.order_by("pk")
        assert list(entries.values_list("action", "target", "details")) == [
            (
                "scenario changed",
                "Flow",
                {"id": made["id"], "fields": ["title", "triggers", "actions"]},
            ),
            (
                "scenario changed",
                "Other",
                {"id": made["id"], "fields": ["title", "triggers", "actions"]},
            ),
            ("scenario deleted", "Flow", {"id": made["id"]}),
        ]
        assert {each.workspace for each in entries} == {workspace}
        assert all(each.actor.startswith("test (apitk_") for each in entries)

    def test_only_the_latest_are_kept(self, api, made, monkeypatch):
        monkeypatch.setattr(Revision, "KEPT", 3)
        for number in range(5):
            api.patch(url(made), {"title": str(number)})
        assert numbers(api, made) == [6, 5, 4]
        assert restore(api, made, 3).status_code == 404

    def test_one_that_is_older_than_its_history(self, api, workspace):
        old = stored(workspace, message("a"), title="Old")
        assert not Revision.objects.exists()
        api.patch(url({"id": old.pk}), {"title": "New"})
        [change, first] = listed(api, {"id": old.pk})
        assert (first["number"], first["actor"], change["number"]) == (1, "", 2)
        assert restore(api, {"id": old.pk}, 1).json()["title"] == "Old"

    def test_gone_with_the_scenario(self, api, made):
        assert api.delete(url(made)).status_code == 204
        assert not Revision.objects.exists()

    def test_pages_cost_the_same(self, api, made, django_assert_num_queries):
        # Token, its use, scenario, count, revisions.
        api.get(url(made, "revisions"))
        with django_assert_num_queries(4):
            api.get(url(made, "revisions"))
        for number in range(30):
            api.patch(url(made), {"title": str(number)})
        with django_assert_num_queries(4) as asked:
            answer = api.get(url(made, "revisions?per_page=10&page=2")).json()
        assert not [each for each in asked.captured_queries if "snapshot" in each["sql"]]
        assert [each["number"] for each in answer["revisions"]] == list(range(21, 11, -1))
        assert answer["meta"] == {"page": 2, "per_page": 10, "total": 31, "total_pages": 4}

    def test_of_others_there_is_none(self, made, stranger, workspace):
        before = everything()
        theirs = client_of(stranger)
        for path in ("revisions", "revisions/1"):
            assert theirs.get(url(made, path)).status_code == 404
            nobody = client_of(workspace, ["media.read"])
            assert nobody.get(url(made, path)).status_code == 403
        assert restore(theirs, made, 1).status_code == 404
        reader = client_of(workspace, ["scenarios.read"])
        assert restore(reader, made, 1).status_code == 403
        assert everything() == before


class TestRestore:
    def test_it_is_again_what_it_was(self, api, made, changed):
        answer = restore(api, made, 1)
        assert answer.status_code == 200, answer.content
        back = answer.json()
        kept = back["triggers"][0]["id"], back["triggers"][1]["id"]
        assert kept[0] == made["triggers"][0]["id"]
        assert kept[1] not in [each["id"] for each in made["triggers"]]
        made["triggers"][1]["id"] = kept[1]
        assert back == made | {"updated_at": back["updated_at"]}
        got = api.get(url(made))
        assert (got.json(), got["ETag"]) == (back, answer["ETag"])

    def test_it_is_a_change_of_its_own(self, api, made, changed):
        restore(api, made, 1)
        newest = listed(api, made)[0]
        assert (newest["number"], newest["restored_from"]) == (3, 1)
        undone = {"added": "removed", "removed": "added"}
        there = {(each["change"], each["path"]) for each in listed(api, made)[1]["changes"]}
        back = {(undone.get(each["change"], "changed"), each["path"]) for each in newest["changes"]}
        assert back == there
        assert restore(api, made, 2).json()["title"] == "Other"
        assert Definition.objects.get().revision == 4

    def test_the_present_is_no_change(self, api, made, changed):
        before = everything()
        assert restore(api, made, 2).json() == changed
        assert everything() == before

    @pytest.mark.parametrize("now", [True, False])
    def test_active_stays_as_it_is(self, api, made, now):
        api.patch(url(made), {"active": not now, "title": "x"})
        api.patch(url(made), {"active": now})
        for number in (1, 2):
            assert restore(api, made, number).json()["active"] is now

    def test_keys_that_are_there_keep_their_ids(self, api, made):
        a, b = (each["id"] for each in made["actions"])
        api.patch(
            url(made), {"actions": [{"id": b, "parent_key": None}, {"id": a, "parent_key": "b"}]}
        )
        back = restore(api, made, 1).json()
        assert [(each["id"], each["action_key"]) for each in back["actions"]] == [
            (a, "a"),
            (b, "b"),
        ]
        assert back["actions"] == made["actions"]

    def test_what_names_a_file_that_is_gone_is_refused_whole(self, api, made, workspace):
        file = media_file(workspace)
        a = made["actions"][0]
        image = {"action_type": "image", "media_file": {"id": file.pk}}
        assert api.patch(url(made), {"actions": [{"id": a["id"], **image}]}).status_code == 200
        text = {"id": a["id"], "action_type": "message", "media_file": None, "content": "A"}
        assert api.patch(url(made), {"actions": [text], "title": "New"}).status_code == 200
        MediaFile.objects.all().delete()
        before = everything()
        error = restore(api, made, 2).json()["error"]
        assert (error["code"], error["details"]) == (
            "validation_failed",
            {"actions.0.media_file.id": [f"No media file has the id {file.pk}."]},
        )
        assert everything() == before

    def test_all_faults_at_once(self, api, made, workspace, channel):
        file = media_file(workspace)
        body = {
            "active": False,
            "triggers": [{"trigger_type": "message", "options": {"channel_ids": [channel.pk]}}],
            "actions": [{"action_type": "image", "media_file": {"id": file.pk}}],
        }
        api.patch(url(made), body)
        api.patch(url(made), {"triggers": [], "actions": []})
        MediaFile.objects.all().delete()
        channel.delete()
        before = everything()
        error = restore(api, made, 2).json()["error"]
        assert set(error["details"]) == {
            "triggers.0.options.channel_ids.0",
            "actions.0.media_file.id",
        }
        assert everything() == before

    def test_an_active_one_is_not_emptied(self, api):
        empty = api.post("/api/v1/scenarios", {"triggers": []}).json()
        full = {name: BODY[name] for name in ("active", "triggers", "actions")}
        assert api.patch(url(empty), full).json()["active"] is True
        before = everything()
        assert set(restore(api, empty, 1).json()["error"]["details"]) == {"triggers", "actions"}
        assert everything() == before

    def test_a_failed_file_is_not_sent_again(self, api, made, workspace):
        file = media_file(workspace)
        image = {"action_type": "image", "media_file": {"id": file.pk}, "parent_key": "b"}
        api.patch(url(made), {"actions": [*made["actions"], image]})
        api.patch(url(made), {"actions": made["actions"]})
        MediaFile.objects.update(status=MediaStatus.FAILED, blob=None)
        before = everything()
        details = restore(api, made, 2).json()["error"]["details"]
        assert set(details) == {"actions.2.media_file"}
        assert everything() == before

    @pytest.mark.parametrize("number", [0, 2, 99, 10**8])
    def test_no_such_revision(self, api, made, number):
        before = everything()
        assert restore(api, made, number).status_code == 404
        assert api.get(url(made, "revisions", number)).status_code == 404
        assert everything() == before

    def test_stale(self, api, made, changed):
        before = everything()
        answer = restore(api, made, 1, **{"If-Match": '"1-2"'})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_edit")
        assert everything() == before
        tag = api.get(url(made))["ETag"]
        assert restore(api, made, 1, **{"If-Match": tag}).status_code == 200

    def test_sent_twice_under_one_key_it_is_done_once(self, api, made, changed):
        first = restore(api, made, 1, **{"Idempotency-Key": "k"})
        api.patch(url(made), {"title": "Later"})
        again = restore(api, made, 1, **{"Idempotency-Key": "k"})
        assert (again.content, again.headers["Idempotent-Replay"]) == (first.content, "true")
        assert api.get(url(made)).json()["title"] == "Later"
        assert numbers(api, made) == [4, 3, 2, 1]


class TestAtOnce:
    @pytest.fixture
    def scenario(self, transactional_db: None, workspace: Any) -> Scenario:
        return stored(workspace, message("a", content="A"))

    def test_numbers_are_given_in_line(self, scenario):
        titles = iter("1234")
        many(lambda: change_scenario(scenario, {"title": next(titles)}))
        found = Revision.objects.order_by("number")
        assert list(found.values_list("number", flat=True)) == [1, 2, 3, 4, 5]
        told = [each.changes[0] for each in found[1:]]
        befores = [each["before"] for each in told]
        assert befores == ["Test", *(each["after"] for each in told[:-1])]

    def test_restoring_while_it_is_changed(self, scenario):
        change_scenario(scenario, {"actions": [message("b", content="B")]})
        texts: Iterator[Any] = iter([None, "x", None, "y"])

        def work() -> None:
            text = next(texts)
            if text is None:
                restore_revision(scenario, 1)
                return
            change_scenario(scenario, {"actions": [message(text)]})

        many(work)
        found = list(Revision.objects.order_by("number"))
        assert [each.number for each in found] == list(range(1, len(found) + 1))
        now = list(scenario.definition.actions.values_list("action_key", flat=True))
        assert [each["action_key"] for each in found[-1].snapshot["actions"]] == now
        for before, after in pairwise(found):
            assert after.changes == differences(before.snapshot, after.snapshot) != []


class TestAdmin:
    @pytest.fixture
    def browser(self, workspace: Any) -> Client:
        user = User.objects.create_user("olga", is_staff=True)
        Membership.objects.create(user=user, workspace=workspace)
        client = Client(enforce_csrf_checks=True)
        client.force_login(user)
        return client

    def page(self, made: Any) -> str:
        return reverse("admin:automations_scenario_change", args=[made["id"]])

    def restoring(self, made: Any, number: int) -> str:
        return reverse("admin:automations_revision_restore", args=[made["id"], number])

    def press(self, browser: Any, made: Any, number: int) -> Any:
        address = self.restoring(made, number)
        token = browser.get(address).context["csrf_token"]
        return browser.post(address, {"csrfmiddlewaretoken": token}, follow=True)

    def test_page_tells_the_changes(self, browser, made, changed):
        shown = browser.get(self.page(made)).text
        assert "<code>actions.b.content</code>: <del>B</del> → <ins>New</ins>" in shown
        assert shown.count(self.restoring(made, 1)) == 1
        assert self.restoring(made, 2) not in shown

    def test_pressing_restore(self, browser, api, made, changed):
        asked = browser.get(self.restoring(made, 1))
        assert "<del>New</del> → <ins>B</ins>" in asked.text
        assert api.get(url(made)).json() == changed
        assert "Restored change 1." in self.press(browser, made, 1).text
        assert api.get(url(made)).json()["title"] == "Flow"
        newest = listed(api, made)[0]
        assert (newest["actor"], newest["restored_from"]) == ("olga", 1)

    def test_without_the_token_nothing_happens(self, browser, api, made, changed):
        before = everything()
        assert browser.post(self.restoring(made, 1)).status_code == 403
        assert everything() == before

    def test_faults_are_told(self, browser, api, made, workspace):
        file = media_file(workspace)
        image = {"action_type": "image", "media_file": {"id": file.pk}}
        api.patch(url(made), {"actions": [image]})
        api.patch(url(made), {"actions": [message("a")]})
        MediaFile.objects.all().delete()
        before = everything()
        shown = self.press(browser, made, 2).text
        assert f"actions.0.media_file.id: No media file has the id {file.pk}." in shown
        assert everything() == before

    def test_of_others_there_is_none(self, browser, stranger):
        theirs = {"id": stored(stranger, message("a")).pk}
        client_of(stranger).patch(url(theirs), {"title": "x"})
        assert browser.get(self.restoring(theirs, 1)).status_code == 404

    def test_what_is_changed_here_is_a_revision_too(self, browser, api, made):
        token = browser.get(self.page(made)).context["csrf_token"]
        management = {"triggers-TOTAL_FORMS": "0", "triggers-INITIAL_FORMS": "0"}
        form = {"title": "By hand", "csrfmiddlewaretoken": token, **management}
        assert browser.post(self.page(made), form).status_code == 302
        newest = listed(api, made)[0]
        assert (newest["number"], newest["actor"]) == (2, "olga")
        assert [(each["path"], each["after"]) for each in newest["changes"]] == [
            ("title", "By hand")
        ]
        switch = reverse("admin:automations_scenario_switch", args=[made["id"]])
        pressed = {"active": "false", "csrfmiddlewaretoken": token}
        assert browser.post(switch, pressed).status_code == 302
        newest = listed(api, made)[0]
        assert (newest["number"], newest["actor"]) == (3, "olga")
        assert [(each["path"], each["after"]) for each in newest["changes"]] == [("active", False)]

    def test_somebody_else_was_faster_than_the_form(self, browser, api, made, monkeypatch):
        def refuse(*args: Any, **more: Any) -> None:
            raise Refused("validation_failed", "An active scenario needs an action.")

        monkeypatch.setattr("automations.revision_admin.change_scenario", refuse)
        token = browser.get(self.page(made)).context["csrf_token"]
        management = {"triggers-TOTAL_FORMS": "0", "triggers-INITIAL_FORMS": "0"}
        form = {"title": "By hand", "csrfmiddlewaretoken": token, **management}
        before = everything()
        shown = browser.post(self.page(made), form, follow=True).text
        assert "An active scenario needs an action." in shown
        assert "was changed successfully" not in shown
        assert everything() == before


words = st.sampled_from(["a", "b", "c"])
values = st.recursive(
    st.none() | st.booleans() | words, lambda inner: st.dictionaries(words, inner), max_leaves=4
)
triggers: Any = st.fixed_dictionaries(
    {"trigger_type": words, "options": st.dictionaries(words, values)}
)
actions: Any = st.fixed_dictionaries(
    {"action_key": words, "options": st.dictionaries(words, values)}
)
snapshots = st.fixed_dictionaries(
    {
        "title": words,
        "triggers": st.lists(triggers, max_size=3),
        "actions": st.lists(actions, max_size=3, unique_by=lambda each: each["action_key"]),
    }
)


@given(snapshots, snapshots)
def test_there_is_a_difference_exactly_where_two_differ(before, after):
    assert differences(before, before) == []
    found = differences(before, after)
    assert bool(found) == (before != after)
    for each in found:
        there = {"added": {"after"}, "removed": {"before"}}.get(each["change"], {"before", "after"})
        assert set(each) == {"change", "path"} | there


def test_database_takes_a_number_once(api, made):
    first = Revision.objects.get()
    first.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        first.save()
    assert Revision.objects.count() == 1
