"""What the storey above shows on a contact's page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from inro.common.registry import Registry
from messaging.models import Contact


@dataclass(frozen=True)
class Panel:
    """`read` gives what the template needs, in a number of queries that does not grow."""

    name: str
    template: str
    read: Callable[[Contact], Mapping[str, Any]]


CONTACT_PANELS: Registry[Panel] = Registry("contact panels", key=lambda panel: panel.name)
