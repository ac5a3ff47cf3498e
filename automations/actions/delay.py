import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from automations.actions.base import ActionType
from automations.engine.events import End
from automations.engine.outcomes import Outcome, Proceed, Wait
from automations.engine.state import Node
from automations.engine.step import Step
from inro.api.serializers import ChoiceField, StrictSerializer

WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
LONGEST = 365 * 86_400
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _known_time(text: str) -> None:
    if not _TIME.fullmatch(text):
        raise ValidationError("Must be a time of day like 09:00.")


def _known_timezone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError("Must be the name of a time zone, like Europe/Rome.")


class Until(StrictSerializer):
    time = serializers.CharField(
        validators=[_known_time], help_text="A time of day, 00:00 to 23:59."
    )
    weekdays = serializers.ListField(
        child=ChoiceField(choices=WEEKDAYS),
        min_length=1,
        max_length=7,
        required=False,
        help_text="On the next of these; on any day when left out.",
    )
    timezone = serializers.CharField(
        validators=[_known_timezone], help_text="Where it is that time, like Europe/Rome."
    )


class Delay(ActionType):
    """Waits for a while, or until the next time that a clock somewhere shows what you say."""

    action_type = "delay"
    label = "Wait"
    example = {"action_key": "later", "action_type": "delay", "options": {"seconds": 3600}}

    class Options(StrictSerializer):
        seconds = serializers.IntegerField(
            min_value=1, max_value=LONGEST, required=False, help_text="How long; or give `until`."
        )
        until = Until(required=False, help_text="The next such time; or give `seconds`.")

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            given = self.context.get("given", attrs)
            if ("seconds" in given) == ("until" in given):
                said = "Give exactly one of seconds and until."
                raise ValidationError({"seconds": said, "until": said})
            return attrs

    def run(self, action: Node, step: Step) -> Outcome:
        until = action.options.get("until")
        if until is None:
            return Wait(step.now + timedelta(seconds=action.options["seconds"]))
        return Wait(next_time(step.now, until))

    def resume(self, action: Node, step: Step, event: End) -> Outcome:
        return Proceed()


def next_time(now: datetime, until: Mapping[str, Any]) -> datetime:
    """The first moment after `now` at which it is that time there, in UTC.

    A time that the clocks skip that day comes as much later as they go forward; of one that they
    show twice, the first counts.
    """
    zone = ZoneInfo(until["timezone"])
    hour, minute = map(int, until["time"].split(":"))
    weekdays = {WEEKDAYS.index(name) for name in until.get("weekdays") or WEEKDAYS}
    day = now.astimezone(zone).date()
    while True:
        if day.weekday() in weekdays:
            moment = datetime.combine(day, time(hour, minute), zone).astimezone(now.tzinfo)
            if moment > now:
                return moment
        day += timedelta(days=1)
