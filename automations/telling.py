"""What messaging's pages show of executions: which of them made a message, which a contact has."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db.models import F
from django.urls import reverse

from automations.models import Execution
from automations.states import status_badge
from messaging.conversation import Origin, Storyteller
from messaging.models import Contact
from messaging.panels import Panel

LATEST = 10


def origins_of(stories: Collection[UUID]) -> Mapping[UUID, Origin]:
    rows = Execution.objects.filter(story__in=stories)
    found = rows.values_list("story", "pk", "definition__scenario__title")
    return {
        story: Origin(
            title or f"Execution {pk}", reverse("admin:automations_execution_change", args=[pk])
        )
        for story, pk, title in found
    }


def executions_of(contact: Contact) -> Mapping[str, Any]:
    rows = contact.executions.select_related("definition__scenario", "channel")
    named = rows.annotate(title=F("definition__scenario__title"))
    found = list(named.order_by("-pk")[: LATEST + 1])
    shown = [(each, status_badge(each.status)) for each in found[:LATEST]]
    return {"executions": shown, "more": len(found) > LATEST}


STORYTELLER = Storyteller("automations", origins_of)
PANEL = Panel("executions", "admin/parts/executions_of_contact.html", executions_of)
