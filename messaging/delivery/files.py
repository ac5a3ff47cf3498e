"""In which form a file goes out on a channel: as it is, or as what was made of it for the channel.

Everything that is asked here stands on rows that are loaded.
"""

from typing import NamedTuple

from inro.common.waking import wake
from media_library import delivering
from media_library.channel_rules import CHANNEL_RULES, ChannelRules
from media_library.models import Blob, MediaFile, MediaStatus
from media_library.orders import source_of
from media_library.recipes import Recipe
from media_library.serving import address_of, url_of
from media_library.tasks import order_renditions
from messaging.delivery.news import News
from messaging.delivery.obstacles import Obstacle


class Carried(NamedTuple):
    """What is handed to the provider."""

    url: str
    mime_type: str
    size: int


def carried(channel_kind: str, file: MediaFile | None) -> Carried:
    """Raises Obstacle. A channel without rules takes every file as it is."""
    file, blob = _ready(file)
    rules = CHANNEL_RULES.get(channel_kind)
    recipe = _recipe(file, blob, rules) if rules else None
    if recipe is None:
        mime_type = file.file_type.mime_type if file.file_type else blob.mime_type
        return Carried(url_of(file), mime_type, blob.size)
    url = address_of(file.pk, file.name, recipe.file_type, recipe.name)
    return Carried(url, recipe.mime_type, int(blob.made[recipe.name]["size"]))


def _ready(file: MediaFile | None) -> tuple[MediaFile, Blob]:
    if file is None or file.status == MediaStatus.DELETED:
        raise Obstacle("media_deleted", "The file of this message was deleted.")
    if file.status == MediaStatus.PENDING:
        raise Obstacle("media_pending", "The file is still being fetched.", news=News.MEDIA_PENDING)
    if file.status == MediaStatus.FAILED or file.blob is None:
        raise Obstacle("media_failed", file.error_message or "The file could not be fetched.")
    return file, file.blob


def _recipe(file: MediaFile, blob: Blob, rules: ChannelRules) -> Recipe | None:
    """What the channel is given instead of the file; None for the file itself."""
    recipe, objection = delivering.route(source_of(blob, file.media_type), rules)
    if objection is None:
        return None
    if recipe is None:
        raise Obstacle(objection.code, objection.words)
    entry = blob.made.get(recipe.name, {})
    if entry.get("status") == "ready":
        return recipe
    words = delivering.unmade(recipe, objection, entry)
    if entry.get("status") == "failed":
        raise Obstacle(objection.code, words)
    if not entry:
        # It may never have been ordered: the file may be older than its channel's rules.
        wake(order_renditions, file.pk)
    raise Obstacle("media_pending", words, news=News.MEDIA_PENDING)
