from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from automations.actions.base import ActionType
from automations.actions.buttons import ButtonsField, made
from automations.engine.outcomes import Outcome, Proceed
from automations.engine.state import Node
from automations.engine.step import Step
from inro.api.serializers import StrictSerializer
from messaging.models import MessageType


class Message(ActionType):
    """Sends a text. With `message_variants`, one of the texts is picked by chance each time.

    `buttons` stand under it: up to 13 that answer with their title, or up to 3 where one of them
    opens an address. It does not wait for a tap; to act on one, ask a question.
    """

    action_type = "message"
    label = "Send a message"
    content_meaning = "The text; may be left out when there are `message_variants`."
    content_required = True
    sends = MessageType.TEXT
    example = {"action_key": "hello", "action_type": "message", "content": "Hey, thanks!"}

    class Options(StrictSerializer):
        message_variants = serializers.ListField(
            child=serializers.CharField(),
            max_length=20,
            default=[],
            help_text="Other wordings; one of them or `content` is sent.",
        )
        buttons = ButtonsField(help_text="What can be tapped under it.")

    def needs_content(self, options: Mapping[str, Any]) -> bool:
        return not options["message_variants"]

    def texts(self, content: str, options: Mapping[str, Any]) -> dict[str, str]:
        variants = enumerate(options["message_variants"])
        return {
            "content": content,
            **{f"options.message_variants.{index}": text for index, text in variants},
        }

    def run(self, action: Node, step: Step) -> Outcome:
        texts = (action.content, *action.options["message_variants"])
        wordings = [text for text in texts if text.strip()]
        text = step.render(step.rng.choice(wordings))
        step.send(MessageType.TEXT, text, buttons=made(action.options["buttons"], step))
        return Proceed()
