"""How far a command is."""

from django.core.management.base import OutputWrapper

_WIDTH = 60


class ProgressLine:
    """One line of a terminal, written over and over; to anything else nothing is written."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out

    def show(self, text: str) -> None:
        if self._out.isatty():
            self._out.write(f"\r{text:<{_WIDTH}}", ending="")
            self._out.flush()

    def end(self) -> None:
        if self._out.isatty():
            self._out.write("")
