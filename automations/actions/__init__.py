"""The action types, in the order in which the catalogue lists them."""

from automations.actions.ask_question import AskQuestion
from automations.actions.base import ActionType
from automations.actions.delay import Delay
from automations.actions.image import Image
from automations.actions.message import Message
from automations.actions.stop import Stop
from inro.common.registry import Registry

ACTION_TYPES: Registry[ActionType] = Registry(
    "action types",
    lambda item: item.action_type,
    [Message(), Image(), AskQuestion(), Delay(), Stop()],
)
