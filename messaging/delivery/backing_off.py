"""What a temporary refusal holds up, and for how long; without a database."""

from dataclasses import dataclass
from datetime import timedelta

from messaging.channels.base import Busy, Verdict

# A message, and a channel, wait 2, 4, 8, … seconds, and never longer than this by our own choice.
LONGEST_WAIT = timedelta(minutes=5)
# A provider that asks for more is asked again after this.
LONGEST_ASKED = timedelta(hours=1)


@dataclass(frozen=True)
class BackOff:
    """`delays`: the attempt counts, and the message and what waits behind it come later.

    Without it the message goes back as if it had not been called, first in line. `pauses`: nothing
    goes out on the channel for a while, and then one message until a call gets through.
    """

    delays: bool
    pauses: bool


BACK_OFFS = {
    Busy.MESSAGE: BackOff(delays=True, pauses=False),
    Busy.UNREACHED: BackOff(delays=True, pauses=True),
    Busy.ACCOUNT: BackOff(delays=False, pauses=True),
}
# An error of the channel stops it until a person acts: nothing is left to be timed.
_STOPPED = BackOff(delays=False, pauses=False)


def back_off_of(verdict: Verdict) -> BackOff:
    return _STOPPED if verdict.channel_error else BACK_OFFS[verdict.busy]


def wait(times: int, asked: timedelta | None = None) -> timedelta:
    """How long to wait the first, second, third time; as long as was asked for at least."""
    ours = min(LONGEST_WAIT, timedelta(seconds=2 ** max(1, min(times, 16))))
    return max(ours, min(asked or timedelta(), LONGEST_ASKED))
