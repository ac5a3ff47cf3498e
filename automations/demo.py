"""Scenarios for the demo workspace, and the conversations in which they run."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Max, Min

from automations.models import Execution, Scenario, Step
from automations.scenarios import create_scenario
from inro.accounts.models import Workspace
from media_library.models import MediaFile
from messaging.demo.conversations import hold_conversations
from messaging.models import Message


def scenarios(pictures: Mapping[str, int]) -> list[dict[str, Any]]:
    """As the API takes them; `pictures` are the ids of media files by name."""

    def image(name: str, parent: str, content: str = "") -> dict[str, Any]:
        file = {"id": pictures[name]}
        return {
            "action_key": "picture",
            "parent_key": parent,
            "action_type": "image",
            "content": content,
            "media_file": file,
        }

    def text(content: str, key: str = "text", parent: str | None = None) -> dict[str, Any]:
        return {
            "action_key": key,
            "parent_key": parent,
            "action_type": "message",
            "content": content,
        }

    def keywords(*words: str) -> list[dict[str, Any]]:
        return [{"trigger_type": "message", "options": {"keywords": list(words)}}]

    return [
        {
            "title": "Welcome",
            "active": True,
            "triggers": [{"trigger_type": "contact_create", "options": {}}],
            "actions": [
                text('Hello {{contact.name|default:"there"}}, thank you for writing!'),
                image("welcome.jpg", "text"),
                text("We answer within an hour. Ask for prices or opening hours any time.",
                     "next", "picture"),
            ],
        },
        {
            "title": "Price list",
            "active": True,
            "triggers": keywords("prices", "price list", "how much"),
            "actions": [
                text("Here you are:"),
                image("prices.png", "text", "All prices with retouching."),
            ],
        },
        {
            "title": "Opening hours",
            "active": True,
            "triggers": keywords("opening hours", "open"),
            "actions": [
                text("We are open from Tuesday to Saturday."),
                image("opening-hours.png", "text"),
            ],
        },
        {
            "title": "Summer sale (a draft)",
            "active": False,
            "triggers": keywords("summer sale"),
            "actions": [
                text("20 % off everything until the end of August!"),
                image("summer-sale.jpg", "text"),
            ],
        },
    ]  # fmt: skip


def fill(workspace: Workspace) -> Mapping[str, int]:
    mine = Scenario.objects.for_workspace(workspace)
    there = set(mine.values_list("title", flat=True))
    files = MediaFile.objects.for_workspace(workspace).order_by("-pk")
    for body in scenarios(dict(files.values_list("name", "pk"))):
        if body["title"] not in there:
            create_scenario(workspace, body)
    counts = hold_conversations(workspace)
    _date(workspace)
    runs = Execution.objects.for_workspace(workspace).count()
    return {"scenarios": mine.count(), **counts, "executions": runs}


def _date(workspace: Workspace) -> None:
    """Give executions and their steps the moments of the messages that they sent."""
    for execution in Execution.objects.for_workspace(workspace).order_by("pk"):
        told = Message.objects.filter(story=execution.story)
        times = told.aggregate(first=Min("created_at"), last=Max("created_at"))
        if times["first"] is None or times["first"] >= execution.created_at:
            continue
        finished = times["last"] if execution.finished_at else None
        Execution.objects.filter(pk=execution.pk).update(
            created_at=times["first"], finished_at=finished
        )
        Step.objects.filter(execution=execution).update(at=times["first"])
