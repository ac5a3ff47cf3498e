from collections.abc import Mapping
from typing import Any

from automations.triggers.base import Match, Occasion, TriggerType
from messaging.channels.base import EventKind


class ContactCreate(TriggerType):
    """Starts when somebody writes to you for the first time.

    Every scenario with this trigger starts. Reading, reacting or commenting does not count, nor
    does a contact whom you wrote to first.
    """

    trigger_type = "contact_create"
    label = "New contact"
    category = "Contacts"
    example = {"trigger_type": "contact_create", "options": {}}

    def fits(self, options: Mapping[str, Any], occasion: Occasion) -> Match | None:
        if occasion.is_new_contact and occasion.kind != EventKind.ECHO:
            return Match()
        return None
