from automations.models.definitions import Action, Definition
from automations.models.executions import ENDED, LIVE, Execution, ExecutionStatus, Step, StepStatus
from automations.models.revisions import Revision
from automations.models.scenarios import Scenario, Trigger

__all__ = [
    "ENDED",
    "LIVE",
    "Action",
    "Definition",
    "Execution",
    "ExecutionStatus",
    "Revision",
    "Scenario",
    "Step",
    "StepStatus",
    "Trigger",
]
