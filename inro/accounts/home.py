"""The first page of the admin: what needs a person, today's numbers, first steps.

Apps fill `HOME_PARTS` in `AppConfig.ready()`. Whatever a part reads has to cost the same with a
million rows: an index, a bounded window, a capped count. The page asks again every few seconds.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from django.http import HttpRequest
from django.utils import timezone

from inro.accounts.workspace_admin import workspace_ids
from inro.common.badges import SIGNS, Tone
from inro.common.counting import Capped
from inro.common.registry import Registry

# Counts stop here and show a plus.
CAP = 1_000
RECENT = timedelta(days=7)
# Of one sort; what follows is in the lists.
MANY = 10
# A superuser may have more than one statement should name.
WORKSPACES_AT_MOST = 200
_ORDER = (Tone.BAD, Tone.WARN, Tone.BUSY, Tone.QUIET, Tone.GOOD)


@dataclass(frozen=True)
class Scope:
    """Whose rows are looked at, and when."""

    workspace_ids: Sequence[int]
    now: datetime = field(default_factory=timezone.now)

    @property
    def midnight(self) -> datetime:
        """The beginning of the day where the reader is."""
        return timezone.localtime(self.now).replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def recently(self) -> datetime:
        return self.now - RECENT


@dataclass(frozen=True)
class Concern:
    """Something that needs a person: what it is, why, how to mend it, where to go."""

    key: str
    tone: Tone
    title: str
    detail: str = ""
    remedy: str = ""
    url: str = ""
    link: str = "Show"
    # Whether others may follow from it.
    is_cause: bool = False

    @property
    def sign(self) -> str:
        return SIGNS[self.tone]


@dataclass(frozen=True)
class Figure:
    """A number of today, or of the queue."""

    group: str
    label: str
    value: Capped | str
    url: str = ""


@dataclass(frozen=True)
class FirstStep:
    """Something for a newcomer to try. `done` is None for what is only pointed out."""

    title: str
    text: str
    url: str
    link: str
    done: bool | None = None


@dataclass(frozen=True)
class HomePart:
    """What one app has to say; lower ranks say it first."""

    name: str
    rank: int
    concerns: Callable[[Scope], Iterable[Concern]] = lambda scope: ()
    figures: Callable[[Scope], Iterable[Figure]] = lambda scope: ()
    first_steps: Callable[[Scope], Iterable[FirstStep]] = lambda scope: ()


HOME_PARTS: Registry[HomePart] = Registry("home parts", key=lambda part: part.name)


@dataclass(frozen=True)
class Home:
    concerns: list[Concern]
    figures: dict[str, list[Figure]]
    first_steps: list[FirstStep]

    @property
    def summary(self) -> str:
        urgent = sum(each.tone in {Tone.BAD, Tone.WARN} for each in self.concerns)
        if not urgent:
            return "Nothing needs you right now."
        return "One thing needs a person." if urgent == 1 else f"{urgent} things need a person."


def read_home(request: HttpRequest) -> Home:
    scope = Scope(workspace_ids(request)[:WORKSPACES_AT_MOST])
    parts = sorted(HOME_PARTS, key=lambda part: part.rank)
    concerns = list(chain.from_iterable(part.concerns(scope) for part in parts))
    figures: dict[str, list[Figure]] = {}
    for figure in chain.from_iterable(part.figures(scope) for part in parts):
        figures.setdefault(figure.group, []).append(figure)
    steps = list(chain.from_iterable(part.first_steps(scope) for part in parts))
    unfinished = any(step.done is False for step in steps)
    return Home(
        sorted(concerns, key=lambda each: (not each.is_cause, _ORDER.index(each.tone))),
        figures,
        steps if unfinished else [],
    )
