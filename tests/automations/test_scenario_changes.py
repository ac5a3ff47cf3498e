"""PATCH of a scenario: each row of the table of complete lists, and everything that is refused."""

from typing import Any

import pytest

from automations.engine.compiling import trees_of
from automations.models import Action, Definition, Revision, Scenario, Trigger
from media_library.models import MediaFile, MediaStatus
from tests.automations.support import message, stored
from tests.automations.test_scenario_api import media_file
from tests.conftest import client_of

TRIGGERS = [
    {"trigger_type": "message", "options": {"keywords": ["hi"]}},
    {"trigger_type": "contact_create"},
]


def url(pk: int) -> str:
    return f"/api/v1/scenarios/{pk}"


@pytest.fixture
def made(api: Any) -> Any:
    """Three messages, one after the other."""
    body = {
        "title": "Flow",
        "active": True,
        "triggers": TRIGGERS,
        "actions": [
            message("a", content="A"),
            message("b", "a", content="B"),
            message("c", "b", content="C"),
        ],
    }
    return api.post("/api/v1/scenarios", body).json()


def everything() -> Any:
    models = (Scenario, Definition, Action, Trigger, MediaFile, Revision)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def patched(api: Any, pk: int, body: Any) -> Any:
    answer = api.patch(url(pk), body)
    assert answer.status_code == 200, answer.content
    assert api.get(url(pk)).json() == answer.json()
    return answer.json()


def refused(
    api: Any, pk: int, body: Any, status: int = 400, code: str = "validation_failed", **headers: Any
) -> Any:
    before = everything()
    answer = api.patch(url(pk), body, headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert everything() == before
    return error.get("details", {})


def shape(answer: Any) -> list[tuple]:
    names = ("id", "action_key", "parent_key", "parent_branch", "content")
    return [tuple(each[name] for name in names) for each in answer["actions"]]


def ids(answer: Any, name: str = "actions") -> list[int]:
    return [each["id"] for each in answer[name]]


def revision() -> int:
    return Definition.objects.get().revision


class TestTable:
    def test_nothing_said_changes_nothing(self, api, made):
        before = everything()
        for body in ({}, {"title": None, "active": None, "triggers": None, "actions": None}):
            assert patched(api, made["id"], body) == made
        assert everything() == before

    def test_our_own_answer_sent_back_changes_nothing(self, api, made):
        before = everything()
        assert patched(api, made["id"], made) == made
        assert everything() == before

    def test_only_what_is_given_changes(self, api, made):
        after = patched(api, made["id"], {"title": "Other", "active": False})
        changed = {"title": "Other", "active": False, "updated_at": after["updated_at"]}
        assert after == made | changed
        assert after["updated_at"] > made["updated_at"]
        assert revision() == 1

    def test_id_alone_keeps(self, api, made):
        body = {name: [{"id": pk} for pk in ids(made, name)] for name in ("triggers", "actions")}
        assert patched(api, made["id"], body) == made
        assert revision() == 1

    def test_id_with_fields_changes_those(self, api, made):
        a, b, c = ids(made)
        body = {"actions": [{"id": a}, {"id": b, "content": "New"}, {"id": c}]}
        after = patched(api, made["id"], body)
        made["actions"][1]["content"] = "New"
        assert after == made | {"updated_at": after["updated_at"]}
        assert revision() == 2

    def test_without_id_creates(self, api, made):
        body = {
            "actions": [
                *made["actions"],
                {"action_type": "message", "content": "D", "parent_key": "c"},
            ]
        }
        after = patched(api, made["id"], body)
        assert after["actions"][:3] == made["actions"]
        new = after["actions"][3]
        assert new["id"] not in ids(made)
        assert shape(after)[3][1:] == ("message_4", "c", "next", "D")

    def test_not_in_the_list_is_removed(self, api, made):
        a, b, _ = ids(made)
        after = patched(api, made["id"], {"actions": [{"id": a}, {"id": b}]})
        assert after["actions"] == made["actions"][:2]
        assert after["triggers"] == made["triggers"]
        assert Action.objects.count() == 2

    def test_triggers_by_the_same_rules(self, api, made):
        first, second = ids(made, "triggers")
        body = {
            "triggers": [
                {"id": second, "options": {"channel_ids": []}},
                {"trigger_type": "message", "options": {"message_options": {"keywords": ["yo"]}}},
            ]
        }
        after = patched(api, made["id"], body)
        new = after["triggers"][1]["id"]
        assert new not in (first, second)
        assert after["triggers"] == [
            {"id": second, "trigger_type": "contact_create", "options": {"channel_ids": []}},
            {"id": new, "trigger_type": "message", "options": {"keywords": ["yo"]}},
        ]
        assert after["actions"] == made["actions"]
        assert revision() == 1

    def test_all_may_go_from_an_inactive_one(self, api, made):
        body = {"active": False, "triggers": [], "actions": []}
        after = patched(api, made["id"], body)
        assert (after["triggers"], after["actions"]) == ([], [])


class TestSentAsItIsShown:
    """GET, then PATCH with what it answered, is no change: not of a row, not of a byte."""

    @pytest.fixture
    def full(self, api: Any, workspace: Any, channel: Any) -> Any:
        """Something of everything that a scenario can hold."""
        ready, pending = media_file(workspace), media_file(workspace, MediaStatus.PENDING)
        limited = {"keywords": ["Café ", "x y"], "channel_ids": [channel.pk], "cooldown": 60}
        variants = {"message_variants": ["{a|b}", " x "]}
        body = {
            "title": "Flow – ü 🎉",
            "scenario_type": "comment_to_dm",
            "triggers": [
                {"trigger_type": "message", "options": {"message_options": limited}},
                {"trigger_type": "contact_create", "options": None},
                {"trigger_type": "contact_create", "options": {"cooldown": 0}},
            ],
            "actions": [
                message("c", "b", content=" {{contact.name}} {{nobody}}\n", options=variants),
                {"action_type": "image", "action_key": "b", "parent_key": "a"}
                | {"media_file": {"id": ready.pk}, "content": None},
                {"action_type": "image", "action_key": "a", "media_file": {"id": pending.pk}},
            ],
        }
        answer = api.post("/api/v1/scenarios", body)
        assert answer.status_code == 201, answer.content
        return answer.json()

    def test_byte_for_byte(self, api, full):
        got = api.get(url(full["id"]))
        before = everything()
        assert {each["code"] for each in full["warnings"]} == {"media_pending", "unknown_variable"}
        for headers in ({}, {"If-Match": got["ETag"]}):
            sent = api.generic(
                "PATCH", url(full["id"]), got.content, "application/json", headers=headers
            )
            assert (sent.status_code, sent.content, sent["ETag"]) == (200, got.content, got["ETag"])
        assert api.get(url(full["id"])).content == got.content
        assert everything() == before

    def test_each_part_of_it(self, api, full):
        before = everything()
        for name, value in full.items():
            assert patched(api, full["id"], {name: value}) == full, name
        assert everything() == before

    def test_an_active_one(self, api, made):
        got = api.get(url(made["id"]))
        before = everything()
        sent = api.generic("PATCH", url(made["id"]), got.content, "application/json")
        assert (sent.status_code, sent.content) == (200, got.content)
        assert everything() == before

    def test_read_only_fields_may_say_anything(self, api, made):
        """They are ignored, whatever they hold: they are no way to set anything."""
        before = everything()
        theirs = {
            "id": 10**9,
            "webhook_url": "x",
            "generation_data": {"a": 1},
            "metrics": 5,
            "warnings": "x",
            "created_at": "never",
        }
        assert patched(api, made["id"], theirs) == made
        assert everything() == before


class TestParents:
    """`parent_key` and `parent_id` may both be sent when they name the same parent."""

    def test_both_that_agree(self, api, made):
        a, b, c = ids(made)
        moved = {"id": c, "parent_key": "a", "parent_id": a}
        body = {"actions": [{"id": a}, moved, {"id": b, "parent_key": "c", "parent_id": c}]}
        assert [each[1:4] for each in shape(patched(api, made["id"], body))] == [
            ("a", None, None),
            ("c", "a", "next"),
            ("b", "c", "next"),
        ]

    def test_by_id_alone_and_by_key_alone(self, api, made):
        a, b, c = ids(made)
        for place in ({"parent_id": a}, {"parent_key": "a"}):
            body = {"actions": [{"id": a}, {"id": c, **place}, {"id": b, "parent_id": c}]}
            assert [each[1] for each in shape(patched(api, made["id"], body))] == ["a", "c", "b"]

    def test_a_new_one_by_the_id_of_a_kept_one(self, api, made):
        new = {"action_type": "message", "content": "D", "parent_id": ids(made)[2]}
        after = patched(api, made["id"], {"actions": [*made["actions"], new]})
        assert after["actions"][3]["parent_key"] == "c"

    def test_a_parent_under_its_new_name(self, api, made):
        a, b, c = ids(made)
        renamed = {"id": a, "action_key": "z"}
        body = {"actions": [renamed, {"id": b, "parent_key": "z", "parent_id": a}, {"id": c}]}
        assert [each[1:3] for each in shape(patched(api, made["id"], body))] == [
            ("z", None),
            ("b", "z"),
            ("c", "b"),
        ]
        old = {"actions": [{"id": a}, {"id": b, "parent_key": "a"}, {"id": c}]}
        assert set(refused(api, made["id"], old)) == {"actions.1.parent_key"}


class TestPlaces:
    def test_keys_are_swapped(self, api, made):
        a, b, c = ids(made)
        body = {"actions": [{"id": a, "action_key": "b"}, {"id": b, "action_key": "a"}, {"id": c}]}
        assert shape(patched(api, made["id"], body)) == [
            (a, "b", None, None, "A"),
            (b, "a", "b", "next", "B"),
            (c, "c", "a", "next", "C"),
        ]

    def test_the_tree_is_turned_over(self, api, made):
        a, b, c = ids(made)
        body = {
            "actions": [
                {"id": a, "parent_key": "b"},
                {"id": b, "parent_id": c},
                {"id": c, "parent_key": None},
            ]
        }
        assert shape(patched(api, made["id"], {**body, "actions": body["actions"]})) == [
            (c, "c", None, None, "C"),
            (b, "b", "c", "next", "B"),
            (a, "a", "b", "next", "A"),
        ]

    def test_new_first_action_and_removed_middle(self, api, made):
        a, _, c = ids(made)
        body = {
            "actions": [
                {"action_type": "message", "action_key": "b", "content": "New"},
                {"id": a, "parent_key": "b", "parent_branch": "next"},
                {"id": c, "parent_key": "a"},
            ]
        }
        after = patched(api, made["id"], body)
        new = ids(after)[0]
        assert new not in ids(made)
        assert shape(after) == [
            (new, "b", None, None, "New"),
            (a, "a", "b", "next", "A"),
            (c, "c", "a", "next", "C"),
        ]

    def test_what_runs_is_the_new_tree(self, api, made):
        [pk] = Definition.objects.values_list("pk", flat=True)
        assert trees_of([pk])[pk].nodes["b"].content == "B"
        a, b, c = ids(made)
        patched(api, made["id"], {"actions": [{"id": a}, {"id": b, "content": "New"}, {"id": c}]})
        assert trees_of([pk])[pk].nodes["b"].content == "New"


class TestRefusals:
    def test_parents_must_agree(self, api, made):
        a, b, c = ids(made)
        for place in ({"parent_id": b}, {"parent_id": 10**12}, {"parent_id": None}):
            moved = {"id": c, "parent_key": "a", **place}
            body = {"actions": [{"id": a}, moved, {"id": b, "parent_id": c}]}
            assert set(refused(api, made["id"], body)) == {"actions.1.parent_id"}

    def test_child_of_a_removed_action(self, api, made):
        a, b, c = ids(made)
        details = refused(api, made["id"], {"actions": [{"id": a}, {"id": c}]})
        assert details == {"actions.1.parent_id": [f"No action has the id {b}."]}

    def test_id_that_belongs_elsewhere(self, api, made, workspace, stranger):
        a, b, c = ids(made)
        for owner in (workspace, stranger):
            other = stored(owner, message("a"))
            action = Action.objects.get(definition=other.definition)
            trigger = other.triggers.get()
            body = {
                "triggers": [{"id": trigger.pk}],
                "actions": [{"id": action.pk}, {"id": a}, {"id": b}, {"id": c}],
            }
            assert refused(api, made["id"], body) == {
                "triggers.0.id": [f"No trigger of this scenario has the id {trigger.pk}."],
                "actions.0.id": [f"No action of this scenario has the id {action.pk}."],
            }

    def test_id_twice(self, api, made):
        a, b, c = ids(made)
        body = {"actions": [{"id": a}, {"id": b}, {"id": c}, {"id": b}]}
        details = refused(api, made["id"], body)
        assert details["actions.3.id"] == [f"The id {b} stands in this list twice."]

    @pytest.mark.parametrize("pk", ["x", 1.5, [], {}, True, "9" * 2000])
    def test_id_that_is_none(self, api, made, pk):
        details = refused(api, made["id"], {"actions": [{"id": pk}]})
        assert set(details) == {"actions.0.id"}

    def test_new_action_needs_its_type(self, api, made):
        body = {"actions": [*made["actions"], {"content": "D", "parent_key": "c"}]}
        assert set(refused(api, made["id"], body)) == {"actions.3.action_type"}

    def test_all_faults_at_once(self, api, made):
        a, b, c = ids(made)
        body = {
            "title": "",
            "colour": 1,
            "prompt": "x",
            "updated_at": "yesterday",
            "triggers": [{"id": ids(made, "triggers")[0], "options": {"channel_ids": [99]}}, 5],
            "actions": [
                {"id": a, "content": ""},
                {"id": b, "parent_branch": "option_9"},
                {"id": c, "colour": 1, "media_file": {"id": 99}},
                {"id": 10**12, "parent_key": "q9"},
            ],
        }
        assert set(refused(api, made["id"], body)) == {
            "title",
            "colour",
            "prompt",
            "updated_at",
            "triggers.0.options.channel_ids.0",
            "triggers.1",
            "actions.0.content",
            "actions.1.parent_branch",
            "actions.2.colour",
            "actions.2.media_file",
            "actions.3.id",
            "actions.3.parent_key",
        }

    @pytest.mark.parametrize("body", [[], "x", 5, {"actions": {}}, {"triggers": "x"}])
    def test_other_shapes(self, api, made, body):
        assert refused(api, made["id"], body)

    def test_one_fault_in_a_trigger_keeps_good_actions_from_being_written(self, api, made):
        a, b, _ = ids(made)
        body = {
            "title": "New",
            "triggers": [{"trigger_type": "fly"}],
            "actions": [{"id": a, "content": "New"}, {"id": b}],
        }
        assert set(refused(api, made["id"], body)) == {"triggers.0.trigger_type"}

    def test_ids_of_the_other_list(self, api, made):
        """Rows of both lists may have the same number; an element is one of its own list."""
        action = next(pk for pk in ids(made) if pk not in ids(made, "triggers"))
        body = {"triggers": [{"id": action}]}
        assert refused(api, made["id"], body) == {
            "triggers.0.id": [f"No trigger of this scenario has the id {action}."]
        }

    def test_a_tree_that_would_not_stand(self, api, made):
        a, b, c = ids(made)
        kept = [{"id": a}, {"id": b}, {"id": c}]
        for actions, path in (
            ([{"id": a, "parent_key": "c"}, *kept[1:]], "actions.0.parent_key"),
            ([{"id": a}, {"id": b, "parent_key": None}, {"id": c}], "actions.1.parent_key"),
            ([*kept, message("d", "b")], "actions.3.parent_branch"),
            ([*kept, message("a", "c")], "actions.3.action_key"),
            ([*kept, {"id": c, "parent_branch": "no"}], "actions.3.id"),
        ):
            assert path in refused(api, made["id"], {"actions": actions}), path

    def test_of_another_workspace_it_is_missing(self, made, stranger, workspace):
        refused(client_of(stranger), made["id"], {"title": "Mine"}, 404, "not_found")
        reader = client_of(workspace, ["scenarios.read"])
        refused(reader, made["id"], {"title": "Mine"}, 403, "missing_ability")


class TestActive:
    def test_it_needs_something_to_start_and_to_do(self, api):
        empty = api.post("/api/v1/scenarios", {"triggers": []}).json()
        assert set(refused(api, empty["id"], {"active": True})) == {"triggers", "actions"}

    def test_an_active_one_cannot_be_emptied(self, api, made):
        assert set(refused(api, made["id"], {"actions": []})) == {"actions"}
        assert set(refused(api, made["id"], {"triggers": []})) == {"triggers"}

    def test_everything_at_once(self, api):
        empty = api.post("/api/v1/scenarios", {"triggers": []}).json()
        body = {"active": True, "triggers": TRIGGERS, "actions": [message("a")]}
        assert patched(api, empty["id"], body)["active"] is True

    def test_failed_file(self, api, workspace):
        file = media_file(workspace, MediaStatus.FAILED)
        image = {"action_type": "image", "media_file": {"id": file.pk}}
        body = {"triggers": TRIGGERS, "actions": [image]}
        made = api.post("/api/v1/scenarios", body).json()
        assert set(refused(api, made["id"], {"active": True})) == {"actions.0.media_file"}

    def test_pending_file_leaves_it_inactive(self, api, workspace):
        file = media_file(workspace, MediaStatus.PENDING)
        image = {"action_type": "image", "media_file": {"id": file.pk}}
        body = {"triggers": TRIGGERS, "actions": [image]}
        made = api.post("/api/v1/scenarios", body).json()
        after = patched(api, made["id"], {"active": True})
        assert after == made
        assert [each["code"] for each in after["warnings"]] == ["media_pending"]

    def test_pending_file_switches_an_active_one_off(self, api, workspace, made):
        file = media_file(workspace, MediaStatus.PENDING)
        image = {"action_type": "image", "media_file": {"id": file.pk}, "parent_key": "c"}
        after = patched(api, made["id"], {"actions": [*made["actions"], image]})
        assert after["active"] is False


class TestFiles:
    def test_file_is_kept_changed_and_taken_away(self, api, workspace):
        one, two = media_file(workspace), media_file(workspace)
        image = {"action_type": "image", "media_file": {"id": one.pk}}
        made = api.post("/api/v1/scenarios", {"actions": [image]}).json()
        before = everything()
        assert patched(api, made["id"], made) == made
        assert everything() == before
        [pk] = ids(made)
        after = patched(api, made["id"], {"actions": [{"id": pk, "content": "Look"}]})
        assert after["actions"][0]["media_file"]["id"] == one.pk
        after = patched(api, made["id"], {"actions": [{"id": pk, "media_file": {"id": two.pk}}]})
        assert after["actions"][0]["media_file"]["id"] == two.pk
        text = {"id": pk, "action_type": "message", "media_file": None}
        after = patched(api, made["id"], {"actions": [text]})
        assert (after["actions"][0]["media_file"], ids(after)) == (None, [pk])


class TestStaleEdits:
    def test_tag_of_each_answer_is_current(self, api, made):
        got = api.get(url(made["id"]))
        tag = got["ETag"]
        assert tag.startswith('"')
        changed = api.patch(url(made["id"]), {"title": "x"}, headers={"If-Match": tag})
        assert (changed.status_code, changed["ETag"] == tag) == (200, False)
        assert api.get(url(made["id"]))["ETag"] == changed["ETag"]

    @pytest.mark.parametrize("tag", ['"1-20200101T000000000000"', "nonsense", ""])
    def test_another_tag_is_stale(self, api, made, tag):
        refused(api, made["id"], {"title": "x"}, 409, "stale_edit", **{"If-Match": tag})

    def test_a_list_of_tags_a_weak_one_and_any(self, api, made):
        tag = api.get(url(made["id"]))["ETag"]
        for header in (f'"x", {tag}', f"W/{tag}", "*"):
            answer = api.patch(url(made["id"]), {}, headers={"If-Match": header})
            assert answer.status_code == 200

    def test_time_in_the_body(self, api, made):
        current = {"updated_at": made["updated_at"], "title": "x"}
        patched(api, made["id"], current)
        refused(api, made["id"], {**current, "title": "y"}, 409, "stale_edit")
