"""From rows to what the picture shows of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from automations.definition.warnings import Entry
from automations.models import Action
from automations.picture.layout import Node
from automations.picture.words import branch_words, kind_words, text_words, tone
from media_library.models import MediaFile, MediaStatus


def nodes_of(actions: Sequence[Action], warnings: Iterable[Entry] = ()) -> list[Node]:
    """`actions` with their files, in the order of listing, to which the paths of warnings refer."""
    by_id = {action.pk: action for action in actions}
    warned = by_place(warnings)
    return [
        _node(action, by_id.get(action.parent_id or 0), warned.get(index, []))
        for index, action in enumerate(actions)
    ]


def by_place(warnings: Iterable[Entry]) -> Mapping[int, list[str]]:
    """The messages about each action, by its place in the list."""
    found: dict[int, list[str]] = defaultdict(list)
    for warning in warnings:
        head, _, rest = warning["path"].partition(".")
        place = rest.partition(".")[0]
        if head == "actions" and place.isdecimal():
            found[int(place)].append(warning["message"])
    return found


def _node(action: Action, parent: Action | None, warnings: list[str]) -> Node:
    return Node(
        key=action.action_key,
        parent=parent.action_key if parent else None,
        branch=branch_words(action.parent_branch, parent.options) if parent else "",
        kind=kind_words(action.action_type),
        text=text_words(action),
        tone=tone(action),
        href=f"#action-{action.pk}",
        media=_media(action.media_file),
        warnings=tuple(warnings),
    )


def _media(media_file: MediaFile | None) -> str:
    if media_file is None:
        return ""
    if media_file.status != MediaStatus.READY:
        return f"File: {media_file} ({media_file.status})"
    return f"File: {media_file}"
