"""Variables and spintax: `{{contact.name|default:"there"}}` and `{Hi|Hello}`.

A template is read once; values are put in afterwards and never read as templates, so what a person
writes can neither name a variable nor offer a choice. What is not well formed stays as it is.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any
from urllib.parse import quote

# What nobody means is plain text, so that reading takes no longer than it is worth: choices deeper
# than this, and texts of more signs.
_MAX_NESTING = 10
_MAX_SIGNS = 1_000
_CACHED_UP_TO = 10_000

_TOKEN = re.compile(r"\{\{([^{}]{0,300})\}\}|[{|}]")
_VARIABLE = re.compile(
    r"""\s*(?P<path>[\w-]+(?:\.[\w-]+)*)\s*
    (?:\|\s*default\s*:\s*["'“”](?P<default>.*?)["'“”]\s*)?""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Variable:
    """`path` is empty for what stands in double braces and is no variable at all."""

    path: str
    default: str
    source: str


@dataclass(frozen=True, slots=True)
class Choice:
    alternatives: "tuple[Template, ...]"


Template = tuple["str | Variable | Choice", ...]
_Parts = list["str | Variable | Choice"]


def render(text: str, variables: Mapping[str, Any], rng: Random) -> str:
    """`text` for one person. An unknown or empty variable prints its default, or nothing."""
    return "".join(_rendered(parse(text), variables, rng, str))


def render_url(text: str, variables: Mapping[str, Any], rng: Random) -> str:
    """The same, with what is filled in percent-encoded, slashes and all."""
    return "".join(_rendered(parse(text), variables, rng, lambda value: quote(value, safe="")))


def _rendered(
    template: Template, variables: Mapping[str, Any], rng: Random, fit: Callable[[str], str]
) -> Iterator[str]:
    for part in template:
        match part:
            case str():
                yield part
            case Variable():
                yield fit(_printed(_look_up(part.path, variables)) or part.default)
            case Choice():
                yield from _rendered(rng.choice(part.alternatives), variables, rng, fit)


def _look_up(path: str, variables: Mapping[str, Any]) -> Any:
    value: Any = variables
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _printed(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case str() | int() | float():
            return str(value)
        case _:
            return ""


def longest(text: str, size: Callable[[str], int]) -> int:
    """The size of the longest text that `text` can become, its variables counted as nothing."""
    return _longest(parse(text), size)


def _longest(template: Template, size: Callable[[str], int]) -> int:
    total = 0
    for part in template:
        if isinstance(part, str):
            total += size(part)
        elif isinstance(part, Choice):
            total += max(_longest(each, size) for each in part.alternatives)
    return total


def variables_in(text: str) -> Iterator[Variable]:
    """Every variable of `text`, those in its choices too."""
    yield from _variables_in(parse(text))


def _variables_in(template: Template) -> Iterator[Variable]:
    for part in template:
        if isinstance(part, Variable):
            yield part
        elif isinstance(part, Choice):
            for each in part.alternatives:
                yield from _variables_in(each)


def parse(text: str) -> Template:
    if sum(map(text.count, "{|}")) > _MAX_SIGNS:
        return (text,)
    return _parse_cached(text) if len(text) <= _CACHED_UP_TO else _parse(text)


def _parse(text: str) -> Template:
    # Frames are braces that are open: each holds the alternatives read so far.
    frames: list[list[_Parts]] = [[[]]]
    end = 0
    for token in _TOKEN.finditer(text):
        _add(frames[-1][-1], text[end : token.start()])
        end = token.end()
        match token.group():
            case "{" if len(frames) <= _MAX_NESTING:
                frames.append([[]])
            case "|" if len(frames) > 1:
                frames[-1].append([])
            case "}" if len(frames) > 1:
                _close(frames)
            case "{" | "|" | "}" as sign:
                _add(frames[-1][-1], sign)
            case source:
                frames[-1][-1].append(_variable(token.group(1), source))
    _add(frames[-1][-1], text[end:])
    while len(frames) > 1:
        _spill(frames, closing="")
    return tuple(frames[0][0])


_parse_cached = lru_cache(maxsize=1024)(_parse)


def _variable(inside: str, source: str) -> Variable:
    found = _VARIABLE.fullmatch(inside)
    if found is None:
        return Variable("", "", source)
    return Variable(found["path"], found["default"] or "", source)


def _close(frames: list[list[_Parts]]) -> None:
    if len(frames[-1]) == 1:  # {one thing} is no choice
        _spill(frames, closing="}")
        return
    alternatives = frames.pop()
    frames[-1][-1].append(Choice(tuple(tuple(each) for each in alternatives)))


def _spill(frames: list[list[_Parts]], closing: str) -> None:
    """Put the innermost brace back as the text that it was."""
    alternatives = frames.pop()
    into = frames[-1][-1]
    for index, parts in enumerate(alternatives):
        _add(into, "|" if index else "{")
        for part in parts:
            _add(into, part) if isinstance(part, str) else into.append(part)
    _add(into, closing)


def _add(parts: _Parts, text: str) -> None:
    if text:
        parts.append(text)
