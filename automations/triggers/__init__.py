"""The trigger types, in the order in which the catalogue lists them."""

from automations.triggers.base import TriggerType
from automations.triggers.contact_create import ContactCreate
from automations.triggers.message import Message
from inro.common.registry import Registry

TRIGGER_TYPES: Registry[TriggerType] = Registry(
    "trigger types", lambda item: item.trigger_type, [ContactCreate(), Message()]
)
