"""What automations did, person by person."""

from inro.mcp.tools.base import Tool


class ListExecutions(Tool):
    """List executions

    Pages through the runs of scenarios, newest first: for whom, how far, and why one ended. Call it
    to see whether a scenario works, who waits at a question, or what failed.
    """

    name = "list_executions"
    path = "executions"
    example = {"scenario_id": 7, "status": "failed"}


class GetExecution(Tool):
    """Get an execution

    One run of a scenario for one person, step by step: each action as it was when it ran, the
    branch that was taken, what the person answered, and errors.
    """

    name = "get_execution"
    path = "executions/{id}"
    example = {"id": 910}


class CancelExecution(Tool):
    """Cancel an execution

    Ends one run that goes on or waits. Its messages that wait to be sent are withdrawn; what may
    have gone out stays.
    """

    name = "cancel_execution"
    method = "POST"
    path = "executions/{id}/cancel"
    destructive = True
    example = {"id": 910}
