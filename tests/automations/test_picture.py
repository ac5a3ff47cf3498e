"""The picture of a tree: everything is there, in its place, and says what it is."""

import xml.etree.ElementTree as ET
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.actions import ACTION_TYPES
from automations.models import Action, Trigger
from automations.picture.drawing import HEIGHT, WIDTH, draw, plan, runs
from automations.picture.fonts import shorten, width_of, wrap
from automations.picture.layout import Node
from automations.picture.nodes import nodes_of
from automations.picture.words import (
    TONES,
    branch_words,
    span_words,
    text_words,
    tone,
    trigger_words,
)

SVG = "{http://www.w3.org/2000/svg}"
# Whatever a database can hold, and what it cannot.
odd = [
    "<script>alert(1)</script>",
    '"><img src=x>',
    "a\x00\x0b\ufffe\ud800b",
    "W" * 300,
    "你好",
    "]]>",
]
anything = st.text(max_size=60) | st.sampled_from(odd)


@st.composite
def trees(draw, most=40):
    """Nodes of a tree in some order in which parents come first."""
    count = draw(st.integers(1, most))
    nodes = []
    for index in range(count):
        parent = draw(st.integers(0, index - 1)) if index else None
        nodes.append(
            Node(
                key=f"n{index}",
                parent=None if parent is None else f"n{parent}",
                branch=draw(anything),
                kind=draw(anything),
                text=draw(anything),
                tone=draw(st.sampled_from(sorted(TONES))),
                href=draw(st.sampled_from(["", "#action-1", 'javascript:"x"'])),
                media=draw(anything),
                warnings=tuple(draw(st.lists(anything, max_size=2))),
            )
        )
    return nodes


def boxes_of(root):
    """By key, the corner of each node that was drawn."""
    found = {}
    for group in root.iter(f"{SVG}g"):
        if "data-key" in group.attrib:
            x, y = group.attrib["transform"].removeprefix("translate(").rstrip(")").split(",")
            found[group.attrib["data-key"]] = (float(x), float(y))
    return found


@given(trees())
def test_every_node_is_drawn_inside_and_apart_from_the_others(nodes):
    root = ET.fromstring(draw(nodes))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    boxes = boxes_of(root)
    assert set(boxes) == {node.key for node in nodes}
    for x, y in boxes.values():
        assert x >= 0
        assert x + WIDTH <= width
        assert y >= 0
        assert y + HEIGHT <= height
    for one, other in combinations(boxes.values(), 2):
        assert abs(one[0] - other[0]) >= WIDTH or abs(one[1] - other[1]) >= HEIGHT


@given(trees())
def test_every_edge_leads_from_a_parent_down_to_its_child(nodes):
    root = ET.fromstring(draw(nodes))
    boxes = boxes_of(root)
    edges = [path for path in root.iter(f"{SVG}path") if path.get("class") == "tree-edge"]
    drawn = {(edge.attrib["data-from"], edge.attrib["data-to"]) for edge in edges}
    assert drawn == {(node.parent, node.key) for node in nodes if node.parent}
    assert len(edges) == len(nodes) - 1
    for edge in edges:
        begin, end = edge.attrib["d"].removeprefix("M").split("C")
        x1, y1 = map(float, begin.split(","))
        x2, y2 = map(float, end.split(" ")[-1].split(","))
        (left, top), (below_left, below_top) = (
            boxes[edge.attrib["data-from"]],
            boxes[edge.attrib["data-to"]],
        )
        assert x1 == pytest.approx(left + WIDTH / 2, abs=0.2)
        assert x2 == pytest.approx(below_left + WIDTH / 2, abs=0.2)
        assert (y1, y2) == (top + HEIGHT, below_top)
        assert y1 < y2


@given(trees(most=8))
def test_words_of_people_stay_words(nodes):
    root = ET.fromstring(draw(nodes))
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "defs", "clipPath", "rect", "path", "g", "a", "title", "text"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not {name for name in attributes if name.startswith("on")}


def test_what_a_node_shows():
    node = Node(
        key="q1",
        kind="Ask a question",
        text="Are you interested in our spring sale, which ends tomorrow?",
        tone="asks",
        href="#action-7",
        media="File: sale.jpg",
        warnings=("{{x}} is no variable.",),
    )
    root = ET.fromstring(draw([node]))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts == [
        "Ask a question",
        "Are you interested in our",
        "spring sale, which ends t…",
        "q1",
    ]
    assert [a.attrib["href"] for a in root.iter(f"{SVG}a")] == ["#action-7"]
    [title] = [title.text for title in root.iter(f"{SVG}title")]
    assert title == "\n".join(
        ["Ask a question · q1", node.text, "File: sale.jpg", "{{x}} is no variable."]
    )
    marks = [path.get("class") for path in root.iter(f"{SVG}path")]
    assert marks == ["tree-stripe", "tree-media", "tree-warning"]
    assert root.attrib["aria-label"] == "Tree of 1 action"


def test_a_chain_deeper_than_the_stack_and_a_wide_fork():
    chain = [Node("0"), *(Node(str(i), str(i - 1)) for i in range(1, 3_000))]
    assert len(boxes_of(ET.fromstring(draw(chain)))) == 3_000
    fork = [Node("root"), *(Node(str(i), "root") for i in range(499))]
    boxes = boxes_of(ET.fromstring(draw(fork)))
    assert len({x for x, _ in boxes.values()}) == 499
    assert boxes["root"][0] == pytest.approx((boxes["0"][0] + boxes["498"][0]) / 2, abs=0.2)


def test_what_no_root_leads_to_is_left_out():
    nodes = [Node("a"), Node("b", "gone"), Node("c", "d"), Node("d", "c")]
    assert list(boxes_of(ET.fromstring(draw(nodes)))) == ["a"]
    assert draw([]).endswith("</svg>")


def test_runs_lie_over_the_nodes_that_ran():
    laid = plan([Node("a"), Node("b", "a"), Node("c", "a")])
    layer = ET.fromstring(runs({"a": 1_200, "b": 1, "gone": 4}, laid, swap=True))
    assert [text.text for text in layer] == ["1,200 runs", "1 run"]
    assert layer.attrib["id"] == "tree-runs"
    assert layer.attrib["hx-swap-oob"] == "true"
    assert "hx-swap-oob" not in runs({}, laid)


@given(st.text(max_size=200), st.floats(20, 400))
def test_shortened_text_fits(text, room):
    assert width_of(shorten(text, room, 12), 12) <= max(room, width_of("…", 12))
    lines = wrap(text, room, 12, 2)
    assert len(lines) <= 2
    assert all(width_of(line, 12) <= room for line in lines)


def test_shortening():
    assert shorten("Hello", 100, 12) == "Hello"
    assert shorten("Hello\n  you", 100, 12) == "Hello you"
    assert wrap("one two three", width_of("one two", 12), 12, 2) == ["one two", "three"]
    assert wrap("", 100, 12, 2) == []
    assert width_of("WWW", 12) > 2 * width_of("iii", 12)
    assert width_of("你", 12) > width_of("a", 12)
    assert width_of("é", 12) == width_of("e", 12)


@pytest.mark.parametrize(
    ("label", "options", "words"),
    [
        ("next", {}, ""),
        ("option_0", {"answers": ["Yes", "No"]}, "option_0 · Yes"),
        ("option_1", {"answers": ["Yes", {"label": "No", "keywords": []}]}, "option_1 · No"),
        ("option_4", {"answers": ["Yes"]}, "option_4"),
        ("option_0", {}, "option_0"),
        ("option_expired", {}, "no reply in time"),
        ("option_true", {}, "yes"),
        ("option_half_way", {}, "half way"),
    ],
)
def test_branches_in_words(label, options, words):
    assert branch_words(label, options) == words


@pytest.mark.parametrize("kind", ACTION_TYPES, ids=lambda kind: kind.action_type)
def test_every_action_type_has_a_tone_and_can_be_shown(kind):
    action = Action(
        pk=1,
        action_key="a",
        action_type=kind.action_type,
        content=kind.example.get("content", ""),
        options=kind.example.get("options", {}),
    )
    assert tone(action) in TONES.keys() - {"unknown"}
    [node] = nodes_of([action])
    assert (node.kind, node.key, node.href) == (kind.label, "a", "#action-1")


def test_a_type_that_is_gone():
    action = Action(pk=1, action_key="a", action_type="flying", options={"height": 3})
    [node] = nodes_of([action])
    assert (node.kind, node.text, node.tone) == ("flying", "height: 3", "unknown")


def test_options_stand_in_for_words():
    action = Action(
        pk=1, action_key="a", action_type="flying", options={"seconds": 7200, "up": True}
    )
    assert text_words(action) == "2 hours · up: yes"
    action.content = "Hello"
    assert text_words(action) == "Hello"


def test_triggers_in_words():
    options = {
        "message_type": "keywords",
        "keywords": ["hello", "price list"],
        "strict": True,
        "fallback": False,
        "cooldown": 7_200,
        "channel_ids": [3, 4],
    }
    trigger = Trigger(trigger_type="message", options=options)
    label, told = trigger_words(trigger, {("channel", 3): "Shop"})
    assert label == "A contact sends a message"
    assert told == [
        ("message type", "keywords"),
        ("keywords", "hello, price list"),
        ("strict", "yes"),
        ("cooldown", "2 hours"),
        ("channels", "Shop, channel 4"),
    ]
    assert trigger_words(Trigger(trigger_type="gone"), {}) == ("gone", [])


def test_spans():
    spans = {0: "0 seconds", 1: "1 second", 90: "90 seconds", 3_600: "1 hour", 172_800: "2 days"}
    assert {seconds: span_words(seconds) for seconds in spans} == spans
