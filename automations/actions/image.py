from automations.actions.base import ActionType
from automations.engine.outcomes import Outcome, Proceed
from automations.engine.state import Node
from automations.engine.step import Step
from media_library.kinds import MediaKind
from messaging.models import MessageType


class Image(ActionType):
    """Sends an image, with an optional caption.

    On channels that carry no caption with an image, the caption follows as a message of its own.
    """

    action_type = "image"
    label = "Send an image"
    content_meaning = "The caption."
    inline = frozenset({"media_file"})
    media_required = True
    media_kinds = frozenset({MediaKind.IMAGE.value})
    sends = MessageType.IMAGE
    example = {
        "action_key": "welcome",
        "action_type": "image",
        "content": "Welcome!",
        "media_file": {"file_url": "https://mybrand.com/welcome.jpg"},
    }

    def run(self, action: Node, step: Step) -> Outcome:
        caption = step.render(action.content) if action.content.strip() else ""
        step.send(MessageType.IMAGE, caption, action.media_file_id)
        return Proceed()
