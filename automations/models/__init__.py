from automations.models.definitions import Action, Definition
from automations.models.executions import LIVE, Execution, ExecutionStatus, Step
from automations.models.scenarios import Scenario, Trigger

__all__ = [
    "LIVE",
    "Action",
    "Definition",
    "Execution",
    "ExecutionStatus",
    "Scenario",
    "Step",
    "Trigger",
]
