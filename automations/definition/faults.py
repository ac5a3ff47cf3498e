"""Everything that is wrong with a request, gathered by path before it is refused as a whole."""

from collections.abc import Mapping, Sequence

from inro.common.errors import Details, invalid

# More of them help nobody: a body of a million unknown fields gets an answer of sane size.
_MOST = 2_000


class Faults:
    """Faults by dotted path, in the order in which they were found."""

    def __init__(self) -> None:
        self.by_path: Details = {}

    def add(self, path: str, message: str) -> None:
        path = _sayable(path)
        if path in self.by_path or len(self.by_path) < _MOST:
            self.by_path.setdefault(path, []).append(_sayable(message))

    def include(self, path: str, found: Mapping[str, Sequence[str]]) -> None:
        """Faults of something that stands at `path`; `body` in them is that thing itself."""
        for inner, messages in found.items():
            place = path if inner == "body" else f"{path}.{inner}".lstrip(".")
            for message in messages:
                self.add(place, message)

    def raise_if_any(self) -> None:
        if self.by_path:
            raise invalid(self.by_path)


def _sayable(text: str) -> str:
    """Names that a caller made up may be endless, or no text at all (lone surrogates)."""
    shown = text if len(text) <= 300 else f"{text[:300]}…"
    return shown.encode("utf-8", "replace").decode()
