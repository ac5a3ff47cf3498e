from automations.actions.base import ActionType
from automations.engine.outcomes import Finish, Outcome
from automations.engine.state import Node
from automations.engine.step import Step


class Stop(ActionType):
    """Ends here. A branch without a next action ends as well; this says that it is meant."""

    action_type = "stop"
    label = "Stop"
    example = {"action_key": "end", "action_type": "stop"}

    def branches(self, options: object) -> list[str]:
        return []

    def run(self, action: Node, step: Step) -> Outcome:
        return Finish()
