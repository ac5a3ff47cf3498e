"""The engine alone: stories of two steps on one core, no database."""

import os
import time
from datetime import UTC, datetime
from random import Random

from bench.measuring import table

STORIES, ROUNDS = 5_000, 5
FLOOR = 3_559  # goflow, two-step sessions a second on one core of such a machine


def run() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inro.settings")
    django.setup()
    from automations.actions import ACTION_TYPES
    from automations.engine.core import advance
    from automations.engine.events import GO
    from automations.engine.state import Node, State, Tree

    message = ACTION_TYPES["message"]
    options = message.complete({})
    first = Node(
        "hello", "message", message, "{Hi|Hello} {{contact.name|default:\"there\"}}!", options,
        children={"next": "offer"},
    )  # fmt: skip
    second = Node("offer", "message", message, "You wrote: {{trigger.message}}", options)
    tree = Tree("hello", {"hello": first, "offer": second})
    variables = {"contact": {"name": "Jane"}, "trigger": {"message": "hello"}}
    now = datetime.now(UTC)

    best = 0.0
    for _ in range(ROUNDS):
        begin = time.process_time()
        for number in range(STORIES):
            _, effects = advance(State("hello", variables), tree, GO, now, Random(number))
            if len(effects) != 4:
                raise RuntimeError("a story of two messages has four effects")
        best = max(best, STORIES / (time.process_time() - begin))
    rows = [("inro", best, best / FLOOR), ("goflow, as measured before", float(FLOOR), 1.0)]
    table("Two-step stories, one core", ("", "per second of CPU", "× goflow"), rows)
