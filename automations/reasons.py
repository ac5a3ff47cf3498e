"""Why an execution ended as it did, in words for people."""

from collections.abc import Mapping

from messaging.reasons import Reason, reason_of

REASONS: Mapping[str, Reason] = {
    "action_removed": Reason(
        "The action it stood at was removed from the scenario",
        "Nothing: it cannot go on. Who writes again starts the scenario as it is now.",
    ),
    "action_type_unknown": Reason(
        "This version of the program does not know the action",
        "Update the program, or take the action out of the scenario.",
    ),
    "step_limit": Reason(
        "It took 1,000 steps without an end", "Look for a circle in the scenario."
    ),
    "internal_error": Reason(
        "A fault of the program", "Report it with the number of the execution."
    ),
}


def reason_of_end(code: str) -> Reason | None:
    """None for an execution that needs no explanation."""
    return REASONS.get(code) or reason_of(code)
