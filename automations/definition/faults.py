"""Everything that is wrong with a request, gathered by path before it is refused as a whole."""

from collections.abc import Mapping, Sequence

from inro.common.errors import Details, Refused, invalid

# More of them help nobody: a body of a million unknown fields gets an answer of sane size.
_MOST = 2_000


class Faults:
    """Faults by dotted path, in the order in which they were found."""

    def __init__(self) -> None:
        self.by_path: Details = {}
        self._codes: set[str] = set()

    def add(self, path: str, message: str, code: str = "validation_failed") -> None:
        path = _sayable(path)
        self._codes.add(code)
        if path in self.by_path or len(self.by_path) < _MOST:
            self.by_path.setdefault(path, []).append(_sayable(message))

    def include(self, path: str, found: Mapping[str, Sequence[str]]) -> None:
        """Faults of something that stands at `path`; `body` in them is that thing itself."""
        for inner, messages in found.items():
            place = path if inner == "body" else f"{path}.{inner}".lstrip(".")
            for message in messages:
                self.add(place, message)

    def include_refusals(self, found: Mapping[str, Refused]) -> None:
        """Faults of a code of their own, which the refusal has where there is nothing else."""
        for path, refused in found.items():
            self.add(path, refused.message, refused.code)

    def raise_if_any(self) -> None:
        if not self.by_path:
            return
        if len(self._codes) > 1 or "validation_failed" in self._codes:
            raise invalid(self.by_path)
        first = next(iter(self.by_path.values()))[0]
        message = first if len(self.by_path) == 1 else f"{len(self.by_path)} files were deleted."
        raise Refused(next(iter(self._codes)), message, self.by_path)


def _sayable(text: str) -> str:
    """Names that a caller made up may be endless, or no text at all (lone surrogates)."""
    shown = text if len(text) <= 300 else f"{text[:300]}…"
    return shown.encode("utf-8", "replace").decode()
