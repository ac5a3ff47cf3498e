"""The contract of a trigger type. Its docstring is its public description."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import getdoc
from typing import Any, ClassVar

from rest_framework import serializers

from automations import options
from inro.api.serializers import StrictSerializer


@dataclass(frozen=True)
class Occasion:
    """Something that happened to a contact, as triggers see it."""

    kind: str  # a value of `messaging.channels.base.EventKind`
    channel_id: int
    text: str = ""
    is_new_contact: bool = False


@dataclass(frozen=True, order=True)
class Match:
    """How well a trigger fits; of an exclusive type the greatest one wins."""

    rank: int = 0
    words: int = 0


class TriggerOptions(StrictSerializer):
    """What every trigger takes."""

    channel_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1),
        max_length=100,
        required=False,
        help_text="Only on these channels; on all when left out.",
    )
    cooldown = serializers.IntegerField(
        min_value=0,
        max_value=10 * 365 * 86_400,
        default=0,
        help_text="Seconds in which a contact does not start the scenario again.",
    )


class TriggerType(ABC):
    """One way for scenarios to start: one subclass, one file, one line in `TRIGGER_TYPES`."""

    trigger_type: ClassVar[str]
    label: ClassVar[str]
    category: ClassVar[str]
    Options: ClassVar[type[TriggerOptions]] = TriggerOptions
    # Whether one occasion starts a single scenario of this type, the one that fits best.
    exclusive: ClassVar[bool] = False
    # Which options name rows of the workspace, and of what kind (see `definition.references`).
    references: ClassVar[Mapping[str, str]] = {"channel_ids": "channel"}
    example: ClassVar[Mapping[str, Any]]

    @property
    def description(self) -> str:
        return getdoc(type(self)) or ""

    def match(self, given: Mapping[str, Any], occasion: Occasion) -> Match | None:
        """How well stored options fit `occasion`, if they do."""
        complete = options.complete(self.Options, given)
        channel_ids = complete.get("channel_ids")
        if channel_ids and occasion.channel_id not in channel_ids:
            return None
        return self.fits(complete, occasion)

    @abstractmethod
    def fits(self, options: Mapping[str, Any], occasion: Occasion) -> Match | None:
        """The same for complete options, on a channel that they name."""
