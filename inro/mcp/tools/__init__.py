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
        executions.ListExecutions(),
        executions.GetExecution(),
        media.ListMediaFiles(),
        media.GetMediaFile(),
        media.UploadMediaFile(),
        media.UpdateMediaFile(),
        media.DeleteMediaFile(),
        media.ListMediaFolders(),
        media.CreateMediaFolder(),
        contacts.ListContacts(),
        contacts.GetContact(),
        contacts.UpdateContact(),
    ],
)
