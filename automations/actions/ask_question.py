from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from automations.actions.answers import Answer, choose, label_of, name_of, names_of
from automations.actions.base import ActionType
from automations.actions.buttons import MOST_BUTTONS
from automations.engine.events import End, Reply
from automations.engine.outcomes import Outcome, Proceed, Wait, WaitForReply
from automations.engine.state import Node
from automations.engine.step import Step
from automations.options import DescribedField
from inro.api.serializers import StrictSerializer
from media_library.kinds import MediaKind
from messaging.buttons import Button
from messaging.models import MessageType

MINUTE, DAY = 60, 86_400
# Longer than what channels show as a button: such answers are written out.
LABEL_LENGTH = 200
MOST_KEYWORDS, KEYWORD_LENGTH = 50, 200
_REPLIED, _EXPIRED = "option_replied", "option_expired"
_OPTIONS = tuple(f"option_{index}" for index in range(MOST_BUTTONS))
_MESSAGE_TYPES = {
    MediaKind.IMAGE.value: MessageType.IMAGE,
    MediaKind.VIDEO.value: MessageType.VIDEO,
    MediaKind.AUDIO.value: MessageType.AUDIO,
    MediaKind.DOCUMENT.value: MessageType.FILE,
}


def _shown(text: str) -> None:
    if not name_of(text):
        raise ValidationError("Shows nothing that a reply could be compared with.")


def _written(text: str) -> None:
    if not text.strip():
        raise ValidationError("This field may not be blank.")


class NameField(serializers.CharField):
    """What an answer goes by; kept as it was sent."""

    def __init__(self, max_length: int) -> None:
        super().__init__(max_length=max_length, trim_whitespace=False, validators=[_shown])


class LabelledAnswer(StrictSerializer):
    label = NameField(LABEL_LENGTH)  # type: ignore[assignment]
    keywords = serializers.ListField(
        child=NameField(KEYWORD_LENGTH), max_length=MOST_KEYWORDS, required=False
    )


class AnswerField(DescribedField):
    """A label, or an object of a label and other words for the same; kept as it was sent."""

    schema = {
        "anyOf": [
            {"type": "string", "maxLength": LABEL_LENGTH},
            {
                "type": "object",
                "properties": {
                    "label": {"type": "string", "maxLength": LABEL_LENGTH},
                    "keywords": {
                        "type": "array",
                        "items": {"type": "string", "maxLength": KEYWORD_LENGTH},
                        "maxItems": MOST_KEYWORDS,
                    },
                },
                "required": ["label"],
                "additionalProperties": False,
            },
        ]
    }

    def to_internal_value(self, data: Any) -> Answer:
        if not isinstance(data, Mapping):
            return str(NameField(LABEL_LENGTH).run_validation(data))
        return dict(LabelledAnswer().run_validation(data))

    def to_representation(self, value: Any) -> Any:
        return value


class AnswersField(serializers.ListField):
    """Answers that can be told apart."""

    child = AnswerField()

    def run_child_validation(self, data: Any) -> list[Answer]:
        answers: dict[int, Answer] = {}
        faults: dict[int, Any] = {}
        for index, item in enumerate(data):
            try:
                answers[index] = self.child.run_validation(item)
            except ValidationError as error:
                faults[index] = error.detail
        faults |= _ambiguous(answers)
        if faults:
            raise ValidationError(faults)  # type: ignore[arg-type]
        return list(answers.values())


def _ambiguous(answers: Mapping[int, Answer]) -> dict[int, Any]:
    """The answers with a name that an earlier one has."""
    owners: dict[str, int] = {}
    faults: dict[int, Any] = {}
    for index, answer in answers.items():
        for place, name in names_of(answer):
            owner = owners.setdefault(name, index)
            if owner == index:
                continue
            said = [f"Could not be told from answer {owner + 1}, {label_of(answers[owner])!r}."]
            if isinstance(answer, str):
                faults[index] = said
            elif place is None:
                faults.setdefault(index, {})["label"] = said
            else:
                faults.setdefault(index, {}).setdefault("keywords", {})[place] = said
    return faults


class Reminder(StrictSerializer):
    content = serializers.CharField(
        trim_whitespace=False, validators=[_written], help_text="The text."
    )
    after = serializers.IntegerField(
        min_value=MINUTE, max_value=30 * DAY, help_text="Seconds after the question was sent."
    )


class AskQuestion(ActionType):
    """Asks a question and waits for the reply.

    A reply takes `option_0` when it is the first answer – its label, one of its keywords, its
    number or its button –, `option_1` when it is the second, and so on; case, accents and the
    punctuation around it do not matter. Any other reply takes `option_replied`, no reply in time
    `option_expired`. What was written is `{{answer}}` from then on. Without `answers`, the branches
    that are used say how many there are, and people choose by number.
    """

    action_type = "ask_question"
    label = "Ask a question"
    content_meaning = "The question."
    content_required = True
    inline = frozenset({"media_file"})
    media_kinds = frozenset(_MESSAGE_TYPES)
    sends = MessageType.TEXT
    example = {
        "action_key": "interested",
        "action_type": "ask_question",
        "content": "Are you interested?",
        "options": {"answers": ["Yes", {"label": "No", "keywords": ["nope", "not now"]}]},
    }

    class Options(StrictSerializer):
        answers = AnswersField(
            max_length=MOST_BUTTONS,
            required=False,
            help_text="Labels, or objects of a label and keywords; shown as buttons where the "
            "channel can show them all, else as a numbered list under the text.",
        )
        expires_in = serializers.IntegerField(
            min_value=MINUTE,
            max_value=30 * DAY,
            default=DAY,
            help_text="Seconds to wait for a reply, from when the question was sent.",
        )
        reminder = Reminder(
            required=False, help_text="A text for those who have not replied by then."
        )

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            reminder = attrs.get("reminder")
            if reminder and reminder["after"] >= attrs["expires_in"]:
                said = f"The question expires after {attrs['expires_in']} seconds."
                raise ValidationError({"reminder": {"after": [said]}})
            return attrs

    def branches(self, options: Mapping[str, Any]) -> list[str]:
        answers = options.get("answers")
        return [*_OPTIONS[: len(answers) if answers else None], _REPLIED, _EXPIRED]

    def texts(self, content: str, options: Mapping[str, Any]) -> dict[str, str]:
        reminder = options.get("reminder")
        said = {"options.reminder.content": reminder["content"]} if reminder else {}
        return {"content": content, **said}

    def buttons(self, options: Mapping[str, Any]) -> tuple[Button, ...]:
        return self._buttons(options, lambda branch: branch)

    def doubts(
        self, options: Mapping[str, Any], used: Collection[str]
    ) -> Iterator[tuple[str, str, str]]:
        count = _count((), used)
        if count and not options.get("answers"):
            message = f"No answers are given, but {count} branches: people choose by number."
            yield "answers_missing", "options.answers", message

    def run(self, action: Node, step: Step) -> Outcome:
        question, buttons = step.render(action.content), self._buttons(action.options, step.payload)
        kind = MessageType.TEXT
        if action.media_file_id:
            kind = _MESSAGE_TYPES.get(action.media_type, MessageType.IMAGE)
        step.send(kind, question, action.media_file_id, buttons)
        reminder = action.options.get("reminder")
        return WaitForReply(reminder["after"] if reminder else action.options["expires_in"])

    def resume(self, action: Node, step: Step, event: End) -> Outcome:
        if isinstance(event, Reply):
            return self._answered(action, step, event)
        reminder = action.options.get("reminder")
        if reminder and step.attempt == 2:
            text = step.render(reminder["content"])
            step.send(MessageType.TEXT, text, buttons=self._buttons(action.options, step.payload))
            return Wait(
                event.at + timedelta(seconds=action.options["expires_in"] - reminder["after"])
            )
        return Proceed(_EXPIRED, childless="expired")

    def _answered(self, action: Node, step: Step, reply: Reply) -> Outcome:
        answers: Sequence[Answer] = action.options.get("answers") or ()
        count = _count(answers, action.children)
        if reply.branch in _OPTIONS[:count]:
            index: int | None = _OPTIONS.index(reply.branch)
        else:
            index = choose(reply.text, answers, count)
        if index is None:
            step.learn("answer", reply.text)
            return Proceed(_REPLIED)
        # Not every channel sends the title of a button along.
        label = label_of(answers[index]) if index < len(answers) else ""
        step.learn("answer", reply.text or label)
        return Proceed(_OPTIONS[index])

    @staticmethod
    def _buttons(options: Mapping[str, Any], payload: Callable[[str], str]) -> tuple[Button, ...]:
        answers = options.get("answers") or ()
        return tuple(
            Button.reply(label_of(answer).strip(), payload(branch))
            for branch, answer in zip(_OPTIONS, answers, strict=False)
        )


def _count(answers: Sequence[Answer], used: Collection[str]) -> int:
    """How many answers there are; as many as branches are used where none are given."""
    if answers:
        return len(answers)
    return max((place for place, name in enumerate(_OPTIONS, 1) if name in used), default=0)
