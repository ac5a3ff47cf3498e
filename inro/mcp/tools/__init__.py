"""The one list of tools, in the order in which agents see them."""

from inro.common.registry import Registry
from inro.mcp.tools import contacts, executions, media, scenarios
from inro.mcp.tools.base import Tool

TOOLS: Registry[Tool] = Registry(
    "tools",
    key=lambda tool: tool.name,
    items=[
        scenarios.GetTriggerTypes(),
        scenarios.GetActionTypes(),
        scenarios.ListScenarios(),
        scenarios.GetScenario(),
        scenarios.CreateScenario(),
        scenarios.UpdateScenario(),
        scenarios.ValidateScenario(),
        scenarios.ExportScenario(),
        scenarios.DeleteScenario(),
        executions.ListExecutions(),
        executions.GetExecution(),
        executions.CancelExecution(),
        media.ListMediaFiles(),
        media.GetMediaFile(),
        media.UploadMediaFile(),
        media.UpdateMediaFile(),
        media.ReplaceMediaFile(),
        media.ListMediaFileUsages(),
        media.DeleteMediaFile(),
        media.ListMediaFolders(),
        media.CreateMediaFolder(),
        media.UpdateMediaFolder(),
        media.DeleteMediaFolder(),
        contacts.ListContacts(),
        contacts.GetContact(),
        contacts.UpdateContact(),
    ],
)
