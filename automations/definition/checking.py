"""Every fault of a scenario's triggers and actions, in one go."""

from dataclasses import dataclass
from typing import Any

from automations.definition.amounts import check_amounts
from automations.definition.contents import TextLimit, check_contents, limits_of
from automations.definition.drafts import ActionDraft, TriggerDraft
from automations.definition.faults import Faults
from automations.definition.reading import read_actions, read_triggers
from automations.definition.references import Existing, check_references, existing_in
from automations.definition.structure import in_order, relate
from inro.accounts.models import Workspace
from messaging.channels import CHANNELS
from messaging.models import Channel, ChannelStatus


@dataclass(frozen=True)
class Surroundings:
    """What a definition is judged against."""

    text_limits: list[TextLimit]
    existing: Existing

    @classmethod
    def of(cls, workspace: Workspace) -> "Surroundings":
        channels = Channel.objects.for_workspace(workspace).filter(status=ChannelStatus.CONNECTED)
        kinds = channels.order_by("kind").values_list("kind", flat=True).distinct()
        types = [CHANNELS[kind] for kind in kinds]
        return cls(limits_of(types), existing_in(workspace))


@dataclass(frozen=True)
class Checked:
    """What a request says; as far as `faults` were found it is not fit to be stored."""

    triggers: list[TriggerDraft]
    actions: list[ActionDraft]

    def ordered_actions(self) -> list[ActionDraft]:
        """As they are stored and listed; only of a definition without faults."""
        return in_order(self.actions)


def check(triggers: Any, actions: Any, around: Surroundings, faults: Faults) -> Checked:
    """Judge any JSON; every fault goes into `faults`, and none hides another that can be told."""
    read = Checked(read_triggers(triggers, faults), read_actions(actions, faults))
    relate(read.actions, faults)
    check_references(read.triggers, around.existing, faults)
    check_contents(read.actions, around.text_limits, faults)
    check_amounts(read.triggers, faults)
    return read
