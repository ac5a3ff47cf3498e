"""Every fault by its path, several at once, and nothing that JSON can hold raises."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.actions import ACTION_TYPES
from automations.actions.base import ActionType
from automations.definition.shapes import ActionShape
from automations.engine.outcomes import Proceed
from automations.triggers.message import MessageOptions
from tests.automations.support import faults_of, judged, message, unhurried

KNOWN_ACTIONS = ", ".join(ACTION_TYPES.keys())
HELLO = {"trigger_type": "message", "options": {"keywords": ["hello"]}}
ROOT = message("q1")


class Fork(ActionType):
    """A type with branches of its own."""

    action_type = "fork"
    label = "Fork"
    example = {"action_type": "fork"}

    def branches(self, options):
        return ["option_0", "option_1"]

    def run(self, action, step):
        return Proceed("option_0")


class Dead(Fork):
    """A type that nothing can follow."""

    action_type = "dead"

    def branches(self, options):
        return []


@pytest.fixture
def more_types(monkeypatch):
    for kind in (Fork(), Dead()):
        monkeypatch.setitem(ACTION_TYPES._items, kind.action_type, kind)


def fork(key, parent=None, **more):
    return {"action_key": key, "action_type": "fork", "parent_key": parent, **more}


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        # shape
        ({"a": 1}, {"actions": ["Expected a list."]}),
        ([ROOT, 5], {"actions.1": ["Expected an object."]}),
        ([{**ROOT, "contnet": "x"}], {"actions.0.contnet": ["Unknown field."]}),
        ([{"content": "x"}], {"actions.0.action_type": ["This field is required."]}),
        (
            [{"action_key": "q1", "action_type": "mesage", "content": "x"}],
            {
                "actions.0.action_type": [
                    f"There is no action_type 'mesage'. Known are: {KNOWN_ACTIONS}."
                ]
            },
        ),
        ([{**ROOT, "content": ["x"]}], {"actions.0.content": ["Not a valid string."]}),
        ([{**ROOT, "options": []}], {"actions.0.options": ["Expected an object."]}),
        (
            [{**ROOT, "options": {"button": []}}],
            {"actions.0.options.button": ["Unknown field."]},
        ),
        (
            [{**ROOT, "options": {"message_variants": ["a", {}]}}],
            {"actions.0.options.message_variants.1": ["Not a valid string."]},
        ),
        (
            [{**ROOT, "action_key": "k" * 101}],
            {"actions.0.action_key": ["Ensure this field has no more than 100 characters."]},
        ),
        # keys
        (
            [ROOT, message("q1", "q1")],
            {"actions.1.action_key": ["actions.0 has the key 'q1' already."]},
        ),
        # roots
        (
            [ROOT, message("q2"), message("q3")],
            {
                "actions.1.parent_key": [
                    "Only one action can be the first, and 'q1' has no parent either."
                ],
                "actions.2.parent_key": [
                    "Only one action can be the first, and 'q1' has no parent either."
                ],
            },
        ),
        (
            [{**ROOT, "parent_branch": "next"}],
            {"actions.0.parent_branch": ["Has no parent to stand under a branch of."]},
        ),
        # parents
        ([ROOT, message("b", "q9")], {"actions.1.parent_key": ["No action has the key 'q9'."]}),
        (
            [message("b", "q9")],
            {
                "actions": ["No action is the first: one must have no parent_key."],
                "actions.0.parent_key": ["No action has the key 'q9'."],
            },
        ),
        (
            [ROOT, message("b", parent_id=7)],
            {"actions.1.parent_id": ["No action has the id 7."]},
        ),
        (
            [message("a", id=1), message("b", "a", id=2), message("c", "a", parent_id=2)],
            {
                "actions.2.parent_id": ["Is the id of 'b', but parent_key names 'a'."],
                "actions.2.parent_branch": ["'b' stands under 'next' of 'a' already."],
            },
        ),
        (
            [message("a", id=1), message("b", "a", parent_id=99999)],
            {"actions.1.parent_id": ["No action has the id 99999."]},
        ),
        (
            [message("a", id=5), message("b", "a", id=5)],
            {"actions.1.id": ["actions.0 has the id 5 already."]},
        ),
        # cycles
        (
            [ROOT, message("a", "a")],
            {"actions.1.parent_key": ["Would stand under itself: a → a."]},
        ),
        (
            [ROOT, message("a", "c"), message("b", "a"), message("c", "b")],
            {"actions.1.parent_key": ["Would stand under itself: a → c → b → a."]},
        ),
        (
            [message("a", "b"), message("b", "a")],
            {
                "actions": ["No action is the first: one must have no parent_key."],
                "actions.0.parent_key": ["Would stand under itself: a → b → a."],
            },
        ),
        # branches
        (
            [ROOT, message("b", "q1", parent_branch="option_0")],
            {"actions.1.parent_branch": ["'q1' has no branch 'option_0'; it has: next."]},
        ),
        (
            [ROOT, message("b", "q1"), message("c", "q1", parent_branch="next")],
            {"actions.2.parent_branch": ["'b' stands under 'next' of 'q1' already."]},
        ),
        # content
        (
            [{**ROOT, "content": "  "}],
            {"actions.0.content": ["The action message needs one."]},
        ),
        (
            [{**ROOT, "media_file": {"id": 1}, "survey": {"id": 2}}],
            {
                "actions.0.media_file": ["The action message takes no media_file."],
                "actions.0.survey": ["The action message takes no survey."],
            },
        ),
        (
            [{"action_type": "image"}],
            {"actions.0.media_file": ["The action image needs one."]},
        ),
    ],
)
def test_fault_stands_at_its_path(actions, expected):
    assert faults_of(actions) == expected


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (
            [fork("f"), message("a", "f")],
            {"actions.1.parent_branch": ["Say which branch of 'f': option_0, option_1."]},
        ),
        (
            [fork("f"), message("a", "f", parent_branch="option_2")],
            {
                "actions.1.parent_branch": [
                    "'f' has no branch 'option_2'; it has: option_0, option_1."
                ]
            },
        ),
        (
            [{"action_key": "d", "action_type": "dead"}, message("a", "d")],
            {"actions.1.parent_branch": ["Nothing can follow 'd'."]},
        ),
        (
            [fork("f", content="x")],
            {"actions.0.content": ["The action fork takes none."]},
        ),
    ],
)
@pytest.mark.usefixtures("more_types")
def test_fault_with_other_branches(actions, expected):
    assert faults_of(actions) == expected


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        (None, {"triggers.0": ["Expected an object."]}),
        ({}, {"triggers.0.trigger_type": ["This field is required."]}),
        (
            {"trigger_type": "tweet"},
            {
                "triggers.0.trigger_type": [
                    "There is no trigger_type 'tweet'. Known are: contact_create, message."
                ]
            },
        ),
        (
            {"trigger_type": "contact_create", "options": {"keywords": ["x"]}},
            {"triggers.0.options.keywords": ["Unknown field."]},
        ),
        (
            {"trigger_type": "message", "options": {"message_options": {"kewords": ["x"]}}},
            {"triggers.0.options.message_options.kewords": ["Unknown field."]},
        ),
        (
            {"trigger_type": "message", "options": {"message_options": {}, "strict": True}},
            {"triggers.0.options.strict": ["Put it into message_options, or all options here."]},
        ),
        (
            {"trigger_type": "message", "options": {"message_type": "ai_intent"}},
            {
                "triggers.0.options.message_type": [
                    "ai_intent needs an AI provider, and none is set up."
                ]
            },
        ),
        (
            {"trigger_type": "message", "options": {"channel_ids": [1, 9]}},
            {"triggers.0.options.channel_ids.1": ["There is no channel 9 in this workspace."]},
        ),
        (
            {"trigger_type": "message", "options": {"cooldown": -1}},
            {"triggers.0.options.cooldown": ["Ensure this value is greater than or equal to 0."]},
        ),
    ],
)
def test_trigger_fault_stands_at_its_path(trigger, expected):
    assert faults_of(None, [trigger]) == expected


def test_no_fault_hides_another():
    actions = [
        {"action_key": "a", "action_type": "message", "colour": 1, "content": "x" * 1001},
        {"action_key": "a", "action_type": "nothing", "parent_key": "q9"},
        message("c", "a", parent_branch="left", content=""),
        7,
        message("d", "d", options={"message_variants": "no"}),
        message("e"),
    ]
    triggers = [
        {
            "trigger_type": "message",
            "options": {"channel_ids": [5, "x"], "message_type": "ai_intent", "cooldown": []},
        },
        {"trigger_type": "contact_create", "options": {"channel_ids": [3]}},
    ]
    assert set(faults_of(actions, triggers, "instagram")) == {
        "triggers.0.options.channel_ids.1",
        "triggers.0.options.cooldown",
        "triggers.0.options.message_type",
        "triggers.1.options.channel_ids.0",
        "actions.0.colour",
        "actions.0.content",
        "actions.1.action_key",
        "actions.1.action_type",
        "actions.2.parent_branch",
        "actions.2.content",
        "actions.3",
        "actions.4.parent_key",
        "actions.4.options.message_variants",
        "actions.5.parent_key",
    }


def test_options_nested_once_are_unwrapped():
    checked, faults = judged(
        [], [{"trigger_type": "message", "options": {"message_options": HELLO["options"]}}]
    )
    assert faults == {}
    assert checked.triggers[0].options == {"keywords": ["hello"]}


def test_keys_are_made_up_and_stay_apart():
    actions = [
        {"action_type": "message", "content": "a", "id": 5, "parent_key": "message_3"},
        message("message_3"),
        {"action_type": "message", "content": "c", "parent_id": 5},
    ]
    checked, faults = judged(actions)
    assert faults == {}
    assert [draft.key for draft in checked.actions] == ["message_1", "message_3", "message_3_2"]


def test_parent_may_be_named_by_key_and_by_id():
    actions = [
        message("a", id=10),
        message("b", "a", id=11, parent_id=10),
        message("c", id=12, parent_id=11),
    ]
    checked, faults = judged(actions)
    assert faults == {}
    assert [draft.parent and draft.parent.key for draft in checked.actions] == [None, "a", "b"]


def test_a_made_up_key_names_nobody():
    actions = [{"action_type": "message", "content": "a"}, message("b", "message_1")]
    assert faults_of(actions) == {"actions.1.parent_key": ["No action has the key 'message_1'."]}


@pytest.mark.parametrize(
    ("unreadable", "path"),
    [
        ("x", "actions.0"),
        ({"action_key": ["a"], "action_type": "message", "content": "Hi"}, "actions.0.action_key"),
    ],
)
def test_what_depends_on_something_unreadable_is_not_judged(unreadable, path):
    assert set(faults_of([unreadable, message("b", "a")])) == {path}


def test_an_unreadable_id_may_be_the_one_that_is_named():
    actions = [message("a", id="x"), message("b", "a", parent_id=9), message("c", parent_id=8)]
    assert set(faults_of(actions)) == {"actions.0.id"}


def test_keywords_of_all_triggers_are_bounded():
    def triggers(*counts):
        return [
            {"trigger_type": "message", "options": {"keywords": [f"w{i}" for i in range(count)]}}
            for count in counts
        ]

    assert faults_of(None, triggers(*[200] * 5)) == {}
    assert faults_of(None, triggers(*[200] * 5, 3, 4)) == {
        "triggers.5.options.keywords": [
            "A scenario takes at most 1,000 keywords; these make it 1,003."
        ]
    }


def long_answers(size: int, content: str = "Which?", reminder: str = "") -> dict:
    options: dict = {"answers": ["a" * size, "b" * size, {"label": "c" * size}]}
    if reminder:
        options["reminder"] = {"content": reminder, "after": 60}
    return {
        "action_key": "q",
        "action_type": "ask_question",
        "content": content,
        "options": options,
    }


def test_answers_that_are_no_buttons_count_as_text():
    said = "Has 1,001 bytes with its answers, too long for buttons, as a list; "
    said += "Instagram takes at most 1,000."
    # Three lines: a break, "1. " and 200 letters each.
    assert faults_of([long_answers(200, "x" * 388)], None, "instagram") == {}
    assert faults_of([long_answers(200, "x" * 389)], None, "instagram") == {
        "actions.0.content": [said]
    }
    assert faults_of([long_answers(200, reminder="x" * 389)], None, "instagram") == {
        "actions.0.options.reminder.content": [said]
    }
    # Buttons take no room.
    assert faults_of([long_answers(20, "x" * 1000)], None, "instagram") == {}
    assert faults_of([long_answers(200, "x" * 4096)], None, "sandbox") == {}


def test_answers_have_a_length():
    fault = ["Ensure this field has no more than 200 characters."]
    assert faults_of([long_answers(201)]) == {
        "actions.0.options.answers.0": fault,
        "actions.0.options.answers.1": fault,
        "actions.0.options.answers.2.label": fault,
    }


@pytest.mark.parametrize(
    ("content", "channels", "expected"),
    [
        ("x" * 1000, ("instagram",), None),
        ("x" * 1001, ("instagram",), "Has 1,001 bytes; Instagram takes at most 1,000."),
        ("é" * 501, ("instagram",), "Has 1,002 bytes; Instagram takes at most 1,000."),
        ("é" * 501, ("sandbox",), None),
        ("x" * 4097, ("sandbox",), "Has 4,097 characters; Sandbox takes at most 4,096."),
        ("x" * 4097, ("sandbox", "instagram"), "Has 4,097 bytes; Instagram takes at most 1,000."),
        ("x" * 100_000, (), None),
        ("{" + "|".join(["x" * 900] * 5) + "}", ("instagram",), None),
        ("x" * 1000 + '{{contact.name|default:"there"}}', ("instagram",), None),
    ],
    ids=range(9),
)
def test_text_fits_the_narrowest_connected_channel(content, channels, expected):
    faults = faults_of([message("a", content=content)], None, *channels)
    assert faults == ({"actions.0.content": [expected]} if expected else {})


def test_every_variant_is_measured():
    action = message("a", options={"message_variants": ["ok", "x" * 1001]})
    assert set(faults_of([action], None, "instagram")) == {"actions.0.options.message_variants.1"}


def chain(length: int) -> list[dict]:
    return [message(f"a{i}", f"a{i - 1}" if i else None) for i in range(length)]


def test_a_hundred_deep_and_no_deeper():
    assert faults_of(chain(100)) == {}
    assert faults_of(chain(103)) == {"actions.100.parent_key": ["Is deeper than 100 actions."]}
    assert faults_of(chain(103)[::-1]) == {"actions.2.parent_key": ["Is deeper than 100 actions."]}


def test_at_most_500_actions(more_types):
    actions = [fork("0")]
    actions += [
        fork(f"{i}", f"{(i - 1) // 2}", parent_branch=f"option_{(i - 1) % 2}")
        for i in range(1, 501)
    ]
    assert faults_of(actions[:500]) == {}
    assert faults_of(actions) == {"actions": ["At most 500 actions; there are 501."]}
    assert faults_of([None] * 100_000) == {"actions": ["At most 500 actions; there are 100000."]}


def test_at_most_50_triggers():
    assert faults_of([], [HELLO] * 51) == {"triggers": ["At most 50 triggers; there are 51."]}


def test_lists_parents_first_and_siblings_by_branch(more_types):
    actions = [
        message("d", "c"),
        message("c", "f", parent_branch="option_1"),
        fork("f", "root"),
        message("b", "f", parent_branch="option_0"),
        message("root"),
        message("e", "b"),
    ]
    checked, faults = judged(actions)
    assert faults == {}
    assert [draft.key for draft in checked.ordered_actions()] == ["root", "f", "b", "e", "c", "d"]


@st.composite
def trees(draw: Any) -> list[dict]:
    """Valid lists of forks, in any order."""
    count = draw(st.integers(1, 30))
    free = [("0", "option_0"), ("0", "option_1")]
    actions = [fork("0")]
    for number in range(1, count):
        parent, branch = free.pop(draw(st.integers(0, len(free) - 1)))
        actions.append(fork(str(number), parent, parent_branch=branch))
        free += [(str(number), "option_0"), (str(number), "option_1")]
    shuffled: list[dict] = draw(st.permutations(actions))
    return shuffled


@unhurried
@given(trees())
def test_flat_to_tree_to_flat(actions):
    ACTION_TYPES._items["fork"] = Fork()
    try:
        checked, faults = judged(actions)
        assert faults == {}
        ordered = checked.ordered_actions()
    finally:
        del ACTION_TYPES._items["fork"]
    flat = [(each.key, each.parent and each.parent.key, each.branch) for each in ordered]
    said = [(each["action_key"], each["parent_key"], each.get("parent_branch")) for each in actions]
    assert sorted(flat, key=str) == sorted(said, key=str)
    places = {each: place for place, each in enumerate(ordered)}
    assert all(not each.parent or places[each.parent] < places[each] for each in ordered)


NAMES = st.sampled_from(
    [*ActionShape().fields, "trigger_type", "message_options", *MessageOptions().fields]
)
WORDS = st.sampled_from(
    ["message", "image", "contact_create", "a", "b", "next", "", "\ud800", "\0"]
)
JSON: st.SearchStrategy = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(NAMES | WORDS | st.text(max_size=3) | st.integers(), inner, max_size=6)
    ),
    max_leaves=25,
)


@unhurried
@given(JSON, JSON)
def test_any_json_is_judged(actions, triggers):
    _, faults = judged(actions, triggers, ("instagram", "sandbox"))
    for path, messages in faults.items():
        assert all(path.encode() and each.encode() for each in messages)


@unhurried
@given(st.lists(st.dictionaries(NAMES, JSON, max_size=8), max_size=4))
def test_anything_that_looks_like_actions_is_judged(actions):
    checked, faults = judged(actions, actions, ("instagram",))
    if not faults:
        assert len(checked.ordered_actions()) == len(actions)


@pytest.mark.parametrize("field", ["action_key", "parent_key", "content", "action_type", "x"])
def test_huge_values_are_judged(field):
    huge = "{" * 10_000_000
    faults = faults_of([{**ROOT, field: huge}, {**ROOT, huge: 1}], None, "instagram")
    assert sum(len(path) + len(str(found)) for path, found in faults.items()) < 10_000


def test_deep_nesting_is_judged():
    deep: Any = []
    for _ in range(10_000):
        deep = [deep]
    places = ("options", "media_file", "content", "id", "survey")
    for place in places:
        assert faults_of([{**ROOT, place: deep}])
