"""What the home page says of the server itself, and where a newcomer finds the API."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.urls import reverse

from inro.accounts.home import Concern, FirstStep, HomePart, Scope
from inro.common.badges import Tone
from inro.common.models import Heartbeat

# Many ticks: a busy worker may be late with some.
STANDS_STILL_AFTER = timedelta(seconds=max(30, 10 * settings.TICK_SECONDS))


def _concerns(scope: Scope) -> Iterator[Concern]:
    last = Heartbeat.objects.filter(name="tick").values_list("at", flat=True).first()
    if last and last > scope.now - STANDS_STILL_AFTER:
        return
    yield Concern(
        "clock",
        Tone.BAD,
        "The background work stands still",
        detail=f"Last sign of life: {last:%Y-%m-%d %H:%M} UTC." if last else "It has never run.",
        remedy=(
            "Messages and scenarios may wait until it runs again. Start it with “make run”, or the "
            "worker and beat processes, and see /health/ready."
        ),
        is_cause=True,
    )


def _first_steps(scope: Scope) -> Iterator[FirstStep]:
    yield FirstStep(
        "Make a token",
        "Programs and AI agents come in with one. It is shown once.",
        reverse("admin:accounts_apitoken_add"),
        "Add an API token",
    )
    yield FirstStep(
        "Read the API",
        "Every call with an example; it can be tried right on the page.",
        reverse("docs"),
        "Open the API documents",
    )


SERVER = HomePart("server", 4, concerns=_concerns, first_steps=_first_steps)
