"""The answers that a person was shown as buttons: what there is for them to tap."""

from django.db.models import Q

from messaging.buttons import Button, ButtonType, from_rows
from messaging.delivery.consequences import DELIVERY_UNKNOWN
from messaging.models import Channel, Direction, Identity, Message, MessageStatus

# Buttons stay under a message for ever; further back nobody scrolls.
LOOK_BACK = 200
_WENT_OUT = Q(
    status__in=(
        MessageStatus.SENDING,
        MessageStatus.UNCONFIRMED,
        MessageStatus.SENT,
        MessageStatus.DELIVERED,
        MessageStatus.READ,
    )
) | Q(status=MessageStatus.FAILED, error_code=DELIVERY_UNKNOWN)


def answers_shown(channel_id: int, contact_id: int) -> list[Button]:
    """The reply buttons under the last messages to this person, the newest message first.

    Each has a payload: the title stands in for one that has none, as on its way out.
    """
    sent = Message.objects.filter(
        _WENT_OUT, contact=contact_id, channel=channel_id, direction=Direction.OUTBOUND
    )
    rows = sent.order_by("-pk").values_list("buttons", flat=True)[:LOOK_BACK]
    return [
        Button.reply(each.title, each.payload or each.title)
        for buttons in rows
        for each in from_rows(buttons)
        if each.type == ButtonType.REPLY
    ]


def answers_shown_to(channel: Channel, external_id: str) -> list[Button]:
    """The same for a person whom the channel names so; nothing was shown to one not known."""
    contact = Identity.objects.filter(channel=channel, external_id=external_id)
    known = contact.values_list("contact_id", flat=True).first()
    return answers_shown(channel.pk, known) if known else []


def is_ours(channel_id: int, contact_id: int, payload: str) -> bool:
    """Whether a tap with `payload` was on one of them: not on a menu or an ice breaker."""
    return any(each.payload == payload for each in answers_shown(channel_id, contact_id))
