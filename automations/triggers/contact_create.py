from collections.abc import Mapping
from typing import Any

from automations.triggers.base import Match, Occasion, TriggerType
from messaging.channels.base import EventKind


class ContactCreate(TriggerType):
    """Starts when a contact appears for the first time, by whatever they did.

    Every scenario with this trigger starts. A contact whom you write to first does not count.
    """

    trigger_type = "contact_create"
    label = "New contact"
    category = "Contacts"
    example = {"trigger_type": "contact_create", "options": {}}

    def fits(self, options: Mapping[str, Any], occasion: Occasion) -> Match | None:
        if occasion.is_new_contact and occasion.kind != EventKind.ECHO:
            return Match()
        return None
