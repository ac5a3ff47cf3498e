"""What is allowed and yet probably not meant. Warnings show everywhere and block nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from automations.actions import ACTION_TYPES
from automations.engine.templating import variables_in
from automations.engine.variables import KNOWN
from automations.models import Action
from media_library.models import MediaStatus

Entry = dict[str, str]


def warnings_of(actions: Iterable[Action]) -> list[Entry]:
    """The warnings of a definition; paths are those of the actions as they are listed."""
    actions = list(actions)
    used: dict[int, set[str]] = defaultdict(set)
    for action in actions:
        if action.parent_id is not None:
            used[action.parent_id].add(action.parent_branch)
    found: list[Entry] = []
    for index, action in enumerate(actions):
        found += _of_media(action, f"actions.{index}.media_file")
        found += _of_type(action, f"actions.{index}", used[action.pk])
        found += _of_texts(action, f"actions.{index}")
    return found


def _of_media(action: Action, path: str) -> Iterator[Entry]:
    media_file = action.media_file
    if media_file is None:
        return
    if media_file.status == MediaStatus.PENDING:
        message = (
            "The file is still being downloaded; the scenario can be activated when it is here."
        )
        yield _warning("media_pending", path, message)
    elif media_file.status == MediaStatus.FAILED:
        reason = media_file.error_message or media_file.error_code
        yield _warning("media_failed", path, f"The file could not be downloaded: {reason}")
    elif media_file.status == MediaStatus.DELETED:
        yield _warning("media_deleted", path, "The file was deleted; what sends it fails.")


def _of_type(action: Action, path: str, used: Collection[str]) -> Iterator[Entry]:
    kind = ACTION_TYPES.get(action.action_type)
    if kind is not None:
        for code, place, message in kind.doubts(kind.complete(action.options), used):
            yield _warning(code, f"{path}.{place}", message)


def _of_texts(action: Action, path: str) -> Iterator[Entry]:
    kind = ACTION_TYPES.get(action.action_type)
    if kind is None:
        return
    for place, text in kind.texts(action.content, kind.complete(action.options)).items():
        unknown = {each.source: None for each in variables_in(text) if each.path not in KNOWN}
        for source in unknown:
            message = f"{source} is no variable that we know; it prints as nothing."
            yield _warning("unknown_variable", f"{path}.{place}", message)


def _warning(code: str, path: str, message: str) -> Entry:
    return {"code": code, "path": path, "message": message}
