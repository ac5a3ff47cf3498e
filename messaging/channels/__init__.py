"""Every channel type there is. A new one is a file of its own and a line here."""

from inro.common.registry import Registry
from messaging.channels.base import ChannelType
from messaging.channels.instagram import Instagram
from messaging.channels.sandbox import Sandbox

CHANNELS: Registry[ChannelType] = Registry(
    "channel types", key=lambda channel_type: channel_type.kind, items=[Instagram(), Sandbox()]
)
