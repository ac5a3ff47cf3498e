"""Triggers and actions as they were read from a request, on their way to being rows."""

from dataclasses import dataclass, field
from typing import Any

from automations.actions.base import ActionType
from automations.triggers.base import TriggerType


@dataclass(eq=False)
class TriggerDraft:
    path: str
    type: TriggerType | None
    options: dict[str, Any]
    options_path: str  # where they stand in the request, nested or not


@dataclass(eq=False)
class ActionDraft:
    """`type` is None while unknown; fields that could not be read are missing from `given`."""

    path: str
    key: str
    type: ActionType | None
    given: dict[str, Any]
    unreadable: set[str]
    options: dict[str, Any] = field(default_factory=dict)
    parent: "ActionDraft | None" = None
    branch: str | None = None
    children: "dict[str, ActionDraft]" = field(default_factory=dict)

    @property
    def id(self) -> int | None:
        return self.given.get("id")

    @property
    def given_key(self) -> str | None:
        """The key that the request names it by; a made-up one is nobody's to refer to."""
        return self.given.get("action_key")

    @property
    def parent_key(self) -> str | None:
        return self.given.get("parent_key")

    @property
    def parent_id(self) -> int | None:
        return self.given.get("parent_id")

    @property
    def placeable(self) -> bool:
        """Whether it can be read what its parent is meant to be."""
        return not {"parent_key", "parent_id"} & self.unreadable

    @property
    def content(self) -> str:
        return self.given.get("content") or ""

    @property
    def is_root(self) -> bool:
        """Whether it names no parent."""
        return self.placeable and self.parent_key is None and self.parent_id is None

    @property
    def branches(self) -> list[str]:
        """The labels that children may stand under."""
        return self.type.branches(self.type.complete(self.options)) if self.type else []

    def inline(self, name: str) -> Any:
        return self.given.get(name)
