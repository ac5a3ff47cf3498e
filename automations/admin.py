"""The pages of this app, one module each; the admin finds them here."""

from automations.execution_admin import ExecutionAdmin
from automations.scenario_admin import ActionAdmin, ScenarioAdmin

__all__ = ["ActionAdmin", "ExecutionAdmin", "ScenarioAdmin"]
