"""The action types, in the order in which the catalogue lists them."""

from automations.actions.base import ActionType
from automations.actions.image import Image
from automations.actions.message import Message
from inro.common.registry import Registry

ACTION_TYPES: Registry[ActionType] = Registry(
    "action types", lambda item: item.action_type, [Message(), Image()]
)
