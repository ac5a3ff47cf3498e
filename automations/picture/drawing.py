"""The tree as inline SVG. Colours are classes of `inro/tree.css`, so both themes follow."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from automations.picture.fonts import shorten, width_of, wrap
from automations.picture.layout import Node, places

WIDTH, HEIGHT = 216, 100
GAP_ACROSS, GAP_DOWN = 28, 62
EDGE = 16  # around the whole
_INSET = 16
_TITLE, _TEXT, _SMALL = 13, 12.5, 11
_LINES = 2
# What XML cannot say.
_UNSAYABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WARNING = "M0 13 7.5 0 15 13ZM6.7 4.4h1.6v4.4H6.7ZM6.7 9.8h1.6v1.6H6.7Z"
_MEDIA = "M0 0h16v13H0ZM1.6 1.6v9.8h12.8V1.6ZM3 10.2 6.4 5.6l2.3 3 1.6-1.9 2.7 3.5ZM11 4.4h2v2h-2Z"


class Box(NamedTuple):
    """The upper left corner of a node."""

    x: float
    y: float


class Plan(NamedTuple):
    """Where everything stands; `width` and `height` are those of the whole picture."""

    boxes: dict[str, Box]
    width: float
    height: float


def plan(nodes: Iterable[Node]) -> Plan:
    found = places(nodes)
    across, down = WIDTH + GAP_ACROSS, HEIGHT + GAP_DOWN
    boxes = {
        key: Box(EDGE + place.column * across, EDGE + place.row * down)
        for key, place in found.items()
    }
    right = max((box.x for box in boxes.values()), default=EDGE) + WIDTH + EDGE
    bottom = max((box.y for box in boxes.values()), default=EDGE) + HEIGHT + EDGE
    return Plan(boxes, right, bottom)


def draw(nodes: Sequence[Node], layer: Callable[[Plan], str] = lambda plan: "") -> str:
    """The tree; `layer` may lay something over it, such as `runs`."""
    laid = plan(nodes)
    shown = [node for node in nodes if node.key in laid.boxes]
    count = f"{len(shown)} action{'' if len(shown) == 1 else 's'}"
    edges = "".join(_edge(node, laid) for node in shown if node.parent in laid.boxes)
    boxes = "".join(_box(node, laid.boxes[node.key]) for node in shown)
    clip = f'<rect width="{WIDTH - 8}" height="{HEIGHT}"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tree" role="group" '
        f'aria-label="Tree of {count}" width="{_n(laid.width)}" height="{_n(laid.height)}" '
        f'viewBox="0 0 {_n(laid.width)} {_n(laid.height)}">'
        f'<defs><clipPath id="tree-clip">{clip}</clipPath></defs>'
        f"{edges}{boxes}{layer(laid)}</svg>"
    )


def runs(counts: Mapping[str, int], laid: Plan, *, swap: bool = False) -> str:
    """How often each action ran, as a layer of its own that can be exchanged (`swap`)."""
    out_of_band = ' hx-swap-oob="true"' if swap else ""
    texts = "".join(
        f'<text x="{_n(box.x + WIDTH - 12)}" y="{_n(box.y + HEIGHT - 11)}" text-anchor="end" '
        f'font-size="{_SMALL}">{counts[key]:,} run{"" if counts[key] == 1 else "s"}</text>'
        for key, box in laid.boxes.items()
        if counts.get(key)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="tree-runs" class="tree-runs"{out_of_band} '
        f'width="{_n(laid.width)}" height="{_n(laid.height)}">{texts}</svg>'
    )


def _edge(node: Node, laid: Plan) -> str:
    above, below = laid.boxes[node.parent or ""], laid.boxes[node.key]
    x1, y1 = above.x + WIDTH / 2, above.y + HEIGHT
    x2, y2 = below.x + WIDTH / 2, below.y
    middle = (y1 + y2) / 2
    bend = f"C{_n(x1)},{_n(middle)} {_n(x2)},{_n(middle)} {_n(x2)},{_n(y2)}"
    line = (
        f'<path class="tree-edge" data-from="{_said(node.parent or "")}" '
        f'data-to="{_said(node.key)}" d="M{_n(x1)},{_n(y1)}{bend}"/>'
    )
    return line + (_label(node.branch, x2, y2 - 17) if node.branch else "")


def _label(branch: str, x: float, y: float) -> str:
    """In words, on the line, above the node that it leads to."""
    room = WIDTH + GAP_ACROSS - 24
    text = shorten(branch, room, _SMALL)
    width = min(width_of(text, _SMALL), room) + 14
    return (
        f'<g class="tree-branch"><title>{_said(branch)}</title>'
        f'<rect x="{_n(x - width / 2)}" y="{_n(y - 10)}" width="{_n(width)}" height="20" rx="10"/>'
        f'<text x="{_n(x)}" y="{_n(y + 4)}" text-anchor="middle" font-size="{_SMALL}">'
        f"{_said(text)}</text></g>"
    )


def _box(node: Node, box: Box) -> str:
    opened, closed = (f'<a href="{_said(node.href)}">', "</a>") if node.href else ("", "")
    return (
        f'<g class="tree-node {_said(node.tone)}" data-key="{_said(node.key)}" '
        f'transform="translate({_n(box.x)},{_n(box.y)})">{opened}'
        f"<title>{_said(_tooltip(node))}</title>"
        f'<rect class="tree-card" width="{WIDTH}" height="{HEIGHT}" rx="9"/>'
        f'<path class="tree-stripe" d="M9 0A9 9 0 0 0 0 9V{HEIGHT - 9}A9 9 0 0 0 9 {HEIGHT}Z"/>'
        f'<g clip-path="url(#tree-clip)">{"".join(_inside(node))}</g>'
        f"{closed}</g>"
    )


def _inside(node: Node) -> Iterable[str]:
    icons = [("tree-media", _MEDIA)] if node.media else []
    if node.warnings:
        icons.append(("tree-warning", _WARNING))
    for index, (name, path) in enumerate(icons, 1):
        x = WIDTH - 10 - 21 * index
        yield f'<path class="{name}" transform="translate({x},12)" fill-rule="evenodd" d="{path}"/>'
    room = WIDTH - 2 * _INSET - 21 * len(icons)
    kind = shorten(node.kind, room, _TITLE, bold=True)
    yield _text(kind, 23, _TITLE, "tree-kind")
    for index, line in enumerate(wrap(node.text, WIDTH - 2 * _INSET, _TEXT, _LINES)):
        yield _text(line, 45 + 17 * index, _TEXT, "tree-text")
    yield _text(shorten(node.key, WIDTH / 2, _SMALL), HEIGHT - 11, _SMALL, "tree-key")


def _text(text: str, y: float, size: float, name: str) -> str:
    return f'<text class="{name}" x="{_INSET}" y="{_n(y)}" font-size="{size}">{_said(text)}</text>'


def _tooltip(node: Node) -> str:
    parts = [f"{node.kind} · {node.key}", node.text, node.media, *node.warnings]
    return "\n".join(part for part in parts if part)


def _said(text: str) -> str:
    """As text or attribute of XML, whatever it is."""
    return escape(_UNSAYABLE.sub("\N{REPLACEMENT CHARACTER}", text))


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
