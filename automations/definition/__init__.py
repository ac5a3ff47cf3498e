"""A definition as JSON: checking it, storing it, warning about it.

Actions come as a flat list and stand in a tree; `check` says everything that is wrong with the
list, by the path of the JSON, before anything is written.
"""

from automations.definition.checking import Checked, Surroundings, check
from automations.definition.drafts import ActionDraft, TriggerDraft
from automations.definition.faults import Faults

__all__ = ["ActionDraft", "Checked", "Faults", "Surroundings", "TriggerDraft", "check"]
