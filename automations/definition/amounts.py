"""Sixth pass: what the triggers of a scenario may ask for together."""

from automations.definition.drafts import TriggerDraft
from automations.definition.faults import Faults
from automations.triggers.keywords import MOST_KEYWORDS


def check_amounts(drafts: list[TriggerDraft], faults: Faults) -> None:
    """Every message is searched for all of them, while its contact waits."""
    count = 0
    for draft in drafts:
        keywords = draft.options.get("keywords") or []
        before, count = count, count + len(keywords)
        if before <= MOST_KEYWORDS < count:
            faults.add(
                f"{draft.options_path}.keywords",
                f"A scenario takes at most {MOST_KEYWORDS:,} keywords; these make it {count:,}.",
            )
