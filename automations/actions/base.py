"""The contract of an action type. Its docstring is its public description."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from inspect import getdoc
from typing import Any, ClassVar

from automations import options
from automations.engine.events import End
from automations.engine.outcomes import NEXT, Outcome
from automations.engine.state import Node
from automations.engine.step import Step
from automations.options import NoOptions, OptionsClass
from messaging.buttons import Button
from messaging.models import MessageType


class ActionType(ABC):
    """What a step of a tree does: one subclass, one file, one line in `ACTION_TYPES`."""

    action_type: ClassVar[str]
    label: ClassVar[str]
    # What `content` is to this type; empty for types that take none.
    content_meaning: ClassVar[str] = ""
    content_required: ClassVar[bool] = False
    Options: ClassVar[OptionsClass] = NoOptions
    # The objects that may stand in the action itself: names of `definition.shapes.INLINE`.
    inline: ClassVar[frozenset[str]] = frozenset()
    media_required: ClassVar[bool] = False
    media_kinds: ClassVar[frozenset[str]] = frozenset()
    # The type of message that it sends: channels differ in what they carry of it.
    sends: ClassVar[MessageType | None] = None
    example: ClassVar[Mapping[str, Any]]

    @property
    def description(self) -> str:
        return getdoc(type(self)) or ""

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Stored options with the defaults of what was left out."""
        return options.complete(self.Options, given)

    def branches(self, options: Mapping[str, Any]) -> list[str]:
        """The labels that children may stand under, in their order; `options` are complete."""
        return [NEXT]

    def needs_content(self, options: Mapping[str, Any]) -> bool:
        return self.content_required

    def texts(self, content: str, options: Mapping[str, Any]) -> dict[str, str]:
        """Every text with variables that a person gets to read, by its path within the action."""
        return {"content": content}

    def buttons(self, options: Mapping[str, Any]) -> tuple[Button, ...]:
        """What stands under each of its texts; channels that cannot show it write it out."""
        return ()

    def doubts(
        self, options: Mapping[str, Any], used: Collection[str]
    ) -> Iterator[tuple[str, str, str]]:
        """What is probably not meant, as code, path within the action and message.

        `used` are the branches that have a child.
        """
        yield from ()

    @abstractmethod
    def run(self, action: Node, step: Step) -> Outcome:
        """Do it, through `step` alone, and say what happens next."""

    def resume(self, action: Node, step: Step, event: End) -> Outcome:
        """What happens when what it waits for has come: a reply, or the time that it named."""
        raise NotImplementedError(f"{self.action_type} never waits.")
